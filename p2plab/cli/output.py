"""What the command line prints: results on the standard output, troubles on the standard error."""

from __future__ import annotations

import json
import sys
from typing import Any

from p2plab.errors import ConfigurationError


def say(text: str) -> None:
    """A line, or several, on the standard output. ConfigurationError where it cannot be written to; BrokenPipeError
    where whoever read it has gone."""
    if sys.stdout is None:  # the shell has closed it
        raise ConfigurationError("there is no standard output to write to")
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigurationError(f"the output cannot be written: {error.strerror or error}") from error


def say_json(value: Any) -> None:
    """A value as JSON on the standard output."""
    say(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def fail(text: str, code: int = 1) -> int:
    """A line on the standard error; gives the exit code back."""
    if sys.stderr is not None:
        sys.stderr.write(f"p2plab: {text}\n")
    return code
