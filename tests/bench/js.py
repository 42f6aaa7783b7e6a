"""js-libp2p alone, measured in a process of its own where Node is there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.bench.beside import MESSAGES, NODES, ROUNDS, SETTLE, SIZE

LONG = 90  # seconds
BENCH = Path(__file__).parents[1] / "interop" / "js" / "bench.js"


def js_measures() -> tuple[dict[str, float], str]:
    """The numbers, times in seconds; or none, and why not."""
    try:
        from tests.interop.provide import js_node

        node = js_node()[0]
    except (ImportError, AssertionError, OSError, StopIteration, subprocess.CalledProcessError) as error:
        return {}, f"no js-libp2p here ({type(error).__name__}: {error})"
    sizes = {"rounds": ROUNDS, "size": SIZE, "nodes": NODES, "messages": MESSAGES, "settle": SETTLE}
    try:
        done = subprocess.run([node, str(BENCH), json.dumps(sizes)], capture_output=True, text=True, timeout=LONG)
    except subprocess.TimeoutExpired:
        return {}, f"its program had not ended after {LONG} s"
    if done.returncode != 0 or not done.stdout:
        return {}, f"its program failed: {done.stderr[-300:]}"
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found, ""
