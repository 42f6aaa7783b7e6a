"""A mock lab where nothing compiled can be imported, as in a browser's kernel: the same digests, the same answers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/unit/mock/test_golden.py",
    *(f"tests/unit/interface/test_{name}.py" for name in ("nodes", "connections", "pubsub", "dht", "streams")),
)


@pytest.mark.dear
def test_the_mock_half_works_without_multiaddr_cryptography_and_py_cid() -> None:
    options = ("-q", "-p", "tests.unit.without_compiled", "-p", "no:cacheprovider", "-m", "not (real or slow)")
    command = [sys.executable, "-m", "pytest", *options, *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b[1-9]\d\d passed", done.stdout), done.stdout
