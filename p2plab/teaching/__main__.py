"""One submission, graded in this process, which has limits: ``python -m p2plab.teaching FILE``. Prints JSON."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path

from p2plab.teaching.grading import grade_one, load_checks, read_key


def main() -> None:
    """Grade the file that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m p2plab.teaching")
    parser.add_argument("file", type=Path, nargs="?", help="left out: the key is checked")
    parser.add_argument("--key", default=None)
    parser.add_argument("--run-code", action="store_true")
    parser.add_argument("--megabytes", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=60.0, help="of processor time")
    given = parser.parse_args()
    if sys.platform != "win32":
        import resource

        size = given.megabytes << 20
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        # SIGXCPU at the first limit tells why it ended; at the second one the kernel kills what has caught it.
        whole = math.ceil(given.seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if given.file is None:
        load_checks(read_key(given.key))
        return
    said = asdict(grade_one(given.file, read_key(given.key), given.run_code))
    sys.stdout.write(f"\n{json.dumps(said)}\n")


if __name__ == "__main__":
    main()
