"""Do what Binder does: install by binder/ into a fresh environment, and run every notebook there with 2 GB of memory.

usage: python tests/binder.py [FOLDER]      (kept; left out, a temporary one)
       python tests/binder.py --pin         writes binder/constraints.txt anew, with today's versions

Binder's image has Debian's packages of binder/apt.txt and the Python of binder/runtime.txt; this takes the machine's,
and another Python where that one is missing. What builds p2plab's wheel (hatchling) comes in its own environment, which
constraints do not reach.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MEMORY = 2 << 30  # bytes, which mybinder.org gives a user for all that runs
CELL = 120  # seconds
PINS = ROOT / "binder" / "constraints.txt"
PLATFORM = "x86_64-unknown-linux-gnu"
EXTRAS = ("real", "lab")
BEGINNING = """\
# Every version that Binder installs, for Python {python} on Linux; `make binder-pins` writes this file anew.
"""
BARE = {"p2plab", "pip", "setuptools"}  # what an environment has before, and what is installed from the repository
RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=int(sys.argv[2])).execute()
"""


def limited() -> None:
    """Bound what a process may write to; its children have the same bound."""
    import resource  # not on Windows, where unit tests read the pins

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def wanted_python() -> str:
    """The version that binder/runtime.txt names."""
    return (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")


def base() -> str:
    """A Python of that version, on the PATH or of pyenv's; this one where there is none."""
    version = wanted_python()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = sorted(pyenv.glob(f"{version}.*/bin/python"))
    return str(installed[-1]) if installed else shutil.which(f"python{version}") or sys.executable


def pinned() -> dict[str, str]:
    """The version of every distribution in binder/constraints.txt, by its name."""
    lines = [line for line in PINS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def pin() -> None:
    """Have uv find versions that fit pyproject.toml and each other, and write them down."""
    python = wanted_python()
    asked = [part for extra in EXTRAS for part in ("--extra", extra)]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        uv = Path(folder) / "bin" / "uv"
        subprocess.run([str(uv.with_name("python")), "-m", "pip", "install", "-q", "uv"], check=True)
        command = [str(uv), "pip", "compile", "-q", "--no-header", "--no-annotate", "pyproject.toml", *asked]
        where = ["--python-version", python, "--python-platform", PLATFORM]
        done = subprocess.run([*command, *where], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    PINS.write_text(BEGINNING.format(python=python) + done.stdout, encoding="utf-8")


def strangers(python: Path) -> list[str]:
    """What is installed otherwise than it is pinned."""
    done = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=json"], check=True, stdout=subprocess.PIPE, text=True
    )
    pins = pinned()
    found = {one["name"].lower().replace("_", "-").replace(".", "-"): one["version"] for one in json.loads(done.stdout)}
    return [
        f"{name} {version} is installed, and {pins.get(name, 'no version')} is pinned"
        for name, version in found.items()
        if name not in BARE and pins.get(name) != version
    ]


def install(home: Path) -> Path:
    """A fresh environment with what binder/ asks for; returns its Python."""
    checkout = home / "checkout"
    shutil.copytree(
        ROOT, checkout, ignore=shutil.ignore_patterns(".git", ".venv*", "build", "node_modules", "own_node")
    )
    subprocess.run([base(), "-m", "venv", str(home / "venv")], check=True)
    python = home / "venv" / "bin" / "python"
    wanted = checkout / "binder" / "requirements.txt"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(wanted)], cwd=checkout, check=True)
    return python


def main(home: Path) -> int:
    """Install and run; how many notebooks failed, and how many packages are not as they are pinned."""
    import resource

    python = install(home)
    unpinned = strangers(python)
    print("\n".join(unpinned) or f"{len(pinned())} versions are as they are pinned", flush=True)
    failed = len(unpinned)
    folder = home / "checkout" / "notebooks"
    environment = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", "P2PLAB_NO_MULTICAST": "1"}
    environment.pop("PYTHONPATH", None)
    for notebook in sorted(folder.glob("*.ipynb")):
        began = time.monotonic()
        command = [str(python), "-c", RUN, notebook.name, str(CELL)]
        done = subprocess.run(
            command, cwd=folder, env=environment, preexec_fn=limited, capture_output=True, text=True, check=False
        )
        failed += bool(done.returncode)
        print(
            f"{'failed' if done.returncode else 'ran   '} {time.monotonic() - began:4.0f} s  {notebook.name}",
            flush=True,
        )
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(f"the largest process had {most} MB")
    return failed


if __name__ == "__main__":
    if sys.argv[1:] == ["--pin"]:
        pin()
    elif len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1]).resolve()))
    else:
        with tempfile.TemporaryDirectory() as folder:
            sys.exit(main(Path(folder)))
