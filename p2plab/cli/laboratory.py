"""``p2plab lab``: JupyterLab on the loopback, with the tour if it is here."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from p2plab.errors import MissingExtraError, ValidationError

TOUR = Path("notebooks") / "00_tour.ipynb"


def open_laboratory(notebook: str, port: int | None, no_browser: bool) -> int:
    """Start JupyterLab and wait for its end; returns its exit code. MissingExtraError without it."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise MissingExtraError("the laboratory needs JupyterLab: pip install 'p2plab[lab]'")
    return subprocess.call(jupyter(notebook, port, no_browser))


def jupyter(notebook: str, port: int | None, no_browser: bool) -> list[str]:
    """The command that starts JupyterLab. ValidationError for a path that is not there, or a port that is none."""
    target = Path(notebook) if notebook else (TOUR if TOUR.is_file() else Path())
    if not target.exists():
        raise ValidationError(f"there is no notebook or folder {notebook!r} here")
    if port is not None and not 0 < port < 65536:
        raise ValidationError(f"--port {port}: a port is a number from 1 to 65535")
    root = target if target.is_dir() else Path()
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    command.append("--LabApp.news_url=None")  # nothing outside is asked, and nobody is asked about it
    command.append(f"--ServerApp.root_dir={root.resolve()}")
    if target.is_file():
        inside = os.path.relpath(target.resolve(), root.resolve())
        if inside.startswith(".."):
            root, inside = target.resolve().parent, target.name
            command[-1] = f"--ServerApp.root_dir={root}"
        command.append(f"--LabApp.default_url=/lab/tree/{Path(inside).as_posix()}")
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command
