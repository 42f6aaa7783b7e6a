"""What the command line prints: results on the standard output, troubles on the standard error."""

from __future__ import annotations

import json
import sys
from typing import Any


def say(text: str) -> None:
    """A line, or several, on the standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_json(value: Any) -> None:
    """A value as JSON on the standard output."""
    say(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def fail(text: str, code: int = 1) -> int:
    """A line on the standard error; gives the exit code back."""
    sys.stderr.write(f"p2plab: {text}\n")
    return code
