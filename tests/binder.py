"""Do what Binder does: install by binder/ into a fresh environment, and run every notebook there with 2 GB of memory.

usage: python tests/binder.py [FOLDER]      (kept; left out, a temporary one)

Binder's image has Debian's packages of binder/apt.txt; this takes those of the machine.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MEMORY = 2 << 30  # bytes, which mybinder.org gives a user for all that runs
CELL = 120  # seconds
RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=int(sys.argv[2])).execute()
"""


def limited() -> None:
    """Bound what a process may write to; its children have the same bound."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def install(home: Path) -> Path:
    """A fresh environment with what binder/ asks for; returns its Python."""
    checkout = home / "checkout"
    shutil.copytree(
        ROOT, checkout, ignore=shutil.ignore_patterns(".git", ".venv*", "build", "node_modules", "own_node")
    )
    subprocess.run([sys.executable, "-m", "venv", str(home / "venv")], check=True)
    python = home / "venv" / "bin" / "python"
    wanted = checkout / "binder" / "requirements.txt"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(wanted)], cwd=checkout, check=True)
    return python


def main(home: Path) -> int:
    """Install and run; how many notebooks failed."""
    python, failed = install(home), 0
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
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1]).resolve()))
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(Path(folder)))
