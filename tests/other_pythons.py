"""Run the unit tests on every other supported Python found here, and on the oldest with the oldest dependencies.

Each gets an environment under ``.venvs``, made again only when pyproject.toml has changed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYPROJECT = ROOT / "pyproject.toml"
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
UNIT = ("-m", "not (browser or notebooks or interop or bench or slow or soak or real)")
# `make test` runs the real world's tests in full; on the others, enough of them to know that it works there.
REAL = (
    "-m",
    "real and not (slow or interop or soak)",
    *(f"tests/unit/interface/test_{name}.py" for name in ("nodes", "connections", "pubsub")),
)


def version_of(python: str) -> str | None:
    """Its version as ``3.x``, or None where it does not run (a pyenv shim of a version that is not selected)."""
    command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def interpreters() -> dict[str, str]:
    """The first Python that runs, by version: on the PATH, or among those that pyenv installed."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for version in VERSIONS:
        installed = sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))
        for python in [*filter(None, [shutil.which(f"python{version}")]), *installed]:
            if version_of(python) == version:
                found[version] = python
                break
    return found


def lower_bounds() -> str:
    """Constraints that hold every direct dependency at the lowest version that pyproject.toml allows."""
    bounds = (re.match(r"([\w.-]+)>=([\w.]+)", line) for line in sorted(set(requires("p2plab") or [])))
    return "".join(f"{bound[1]}=={bound[2]}\n" for bound in bounds if bound)


def environment(name: str, python: str, constraints: str = "") -> str:
    """The Python of an environment with everything installed."""
    folder = ROOT / ".venvs" / name
    inside, stamp, listed = folder / "bin" / "python", folder / "installed", folder / "constraints.txt"
    if not stamp.exists() or stamp.stat().st_mtime < PYPROJECT.stat().st_mtime:
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        listed.write_text(constraints)
        install = [str(inside), "-m", "pip", "install", "-q", "-c", str(listed), "-e", ".[all]"]
        subprocess.run(install, cwd=ROOT, check=True)
        stamp.touch()
    return str(inside)


def main() -> int:
    found = interpreters()
    own = version_of(sys.executable)
    runs = [(version, python, "") for version, python in found.items() if version != own]
    if found:
        oldest = next(iter(found))
        runs.append((f"{oldest}-lowest", found[oldest], lower_bounds()))
    failed = []
    for name, python, constraints in runs:
        print(f"== the unit tests in .venvs/{name}", flush=True)
        inside = environment(name, python, constraints)
        for suite in (UNIT, REAL):
            if subprocess.run([inside, "-m", "pytest", *suite], cwd=ROOT, check=False).returncode:
                failed.append(name)
    print(f"the unit tests beside {own}: {', '.join(name for name, *_ in runs) or 'no other Python found'}", end="; ")
    print(f"failed: {', '.join(dict.fromkeys(failed)) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
