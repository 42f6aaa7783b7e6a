"""How long ``import p2plab`` takes in a fresh process."""

from __future__ import annotations

import subprocess
import sys

CODE = "import time; start = time.perf_counter(); import p2plab; print(time.perf_counter() - start)"
GOAL = 0.3  # seconds


def test_import_p2plab() -> None:
    commands = [[sys.executable, "-c", CODE]] * 5
    seconds = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for command in commands
    ]
    print(f"\nimport p2plab: {min(seconds):.3f} s, the best of {len(seconds)} (goal: {GOAL} s)")
    assert all(second > 0 for second in seconds)
