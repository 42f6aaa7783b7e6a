"""Run on every other supported Python what can differ there, and on the oldest with the oldest dependencies.

The newest Python, and the oldest with the lowest versions that pyproject.toml allows, run every unit test of the mock
world and enough of the real one; those between run what can differ on them alone: the golden digests, pickles and
snapshots, annotations and signatures, the files of the log. Each gets an environment under ``.venvs``, made again only
when pyproject.toml has changed; the next one is made while the tests run in the one before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = ROOT / "pyproject.toml"
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
SPREAD = ("-q", "-n", "auto", "--maxprocesses=4", "--dist=loadscope")
# What is about JavaScript alone needs Node, which comes with the main environment.
EVERY_ROOM = ("tests/unit", "--ignore=tests/unit/widgets/test_modules.py")
WHAT_DIFFERS = (
    *(f"tests/unit/{room}" for room in ("mock", "events")),
    *(f"tests/unit/runs/test_{name}.py" for name in ("saved", "snapshot", "replay")),
    *(f"tests/unit/test_{name}.py" for name in ("public_surface", "public_names", "kinds_table", "identity")),
)
# `make unit` runs the real world's tests in full; on the others, enough of them to know that it works there.
REAL = tuple(f"tests/unit/interface/test_{name}.py" for name in ("nodes", "connections", "pubsub"))


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
    """Constraints that hold every direct dependency at the lowest version that pyproject.toml allows; where an extra
    asks for a later one, at that."""
    lowest: dict[str, Version] = {}
    for requirement in map(Requirement, requires("p2plab") or []):
        for bound in requirement.specifier:
            if bound.operator == ">=":
                lowest[requirement.name] = max(lowest.get(requirement.name, Version("0")), Version(bound.version))
    return "".join(f"{name}=={version}\n" for name, version in sorted(lowest.items()))


def environment(name: str, python: str, constraints: str = "") -> str:
    """The Python of an environment with what the unit tests import."""
    folder = ROOT / ".venvs" / name
    inside, stamp, listed = folder / "bin" / "python", folder / "installed", folder / "constraints.txt"
    if not stamp.exists() or stamp.stat().st_mtime < PYPROJECT.stat().st_mtime:
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        listed.write_text(constraints)
        install = [
            str(inside),
            "-m",
            "pip",
            "install",
            "-q",
            "--no-compile",
            "-c",
            str(listed),
            "-e",
            ".[real,lab,test]",
        ]
        subprocess.run(install, cwd=ROOT, check=True)
        stamp.touch()
    return str(inside)


def main() -> int:
    found = interpreters()
    own = version_of(sys.executable)
    others = [version for version in found if version != own]
    runs = [(version, found[version], "", EVERY_ROOM if version == others[-1] else WHAT_DIFFERS) for version in others]
    if found:
        oldest = next(iter(found))
        runs.append((f"{oldest}-lowest", found[oldest], lower_bounds(), EVERY_ROOM))
    failed = []
    with ThreadPoolExecutor(1) as installer:
        ready = [installer.submit(environment, name, python, bounds) for name, python, bounds, _ in runs]
        for (name, _, _, tests), inside in zip(runs, ready, strict=True):
            print(f"== the unit tests in .venvs/{name}", flush=True)
            whole = ("real and not slow", REAL) if tests is EVERY_ROOM else None
            for marks, suite in filter(None, (("not (slow or real)", tests), whole)):
                command = [inside.result(), "-m", "pytest", *SPREAD, "-m", marks, *suite]
                if subprocess.run(command, cwd=ROOT, check=False).returncode:
                    failed.append(name)
    print(f"the unit tests beside {own}: {', '.join(name for name, *_ in runs) or 'no other Python found'}", end="; ")
    print(f"failed: {', '.join(dict.fromkeys(failed)) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
