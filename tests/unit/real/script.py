"""Running a script in a process of its own, where what a lab leaves behind can be seen."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[3]
LONG = 120.0  # seconds; a process that takes longer hangs


def run_script(text: str) -> str:
    """What the script prints. It must end by itself, well, and without a word on stderr."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(text)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout
