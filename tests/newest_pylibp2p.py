"""Run the real world's tests on the newest py-libp2p, where one has come out after the version p2plab is written for.

What fails here says which private names and remedies to look at next; `.ci/run` goes on where it fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from packaging.version import Version

sys.path.insert(0, str(Path(__file__).parents[1]))

from p2plab.real.pylibp2p.private_names import WRITTEN_FOR
from tests.other_pythons import REAL, ROOT, SPREAD, environment

ROOMS = ("tests/unit/real", *REAL)


def main() -> int:
    asked = (sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--no-deps", "--ignore-installed", "--report=-")
    report = json.loads(subprocess.run([*asked, "libp2p"], capture_output=True, text=True, check=True).stdout)
    newest = report["install"][0]["metadata"]["version"]
    if Version(newest) <= Version(WRITTEN_FOR):
        print(f"py-libp2p {WRITTEN_FOR} is still the newest; `make unit` has run on {version('libp2p')}")
        return 0
    inside = environment("newest-pylibp2p", sys.executable)  # made anew, it has the newest of everything
    command = [inside, "-m", "pytest", *SPREAD, "-m", "real and not slow", *ROOMS]
    failed = subprocess.run(command, cwd=ROOT, check=False).returncode
    print(f"py-libp2p {newest} beside {WRITTEN_FOR}: {'tests failed, see above' if failed else 'all passed'}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
