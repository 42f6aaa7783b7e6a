"""The secrets of TLS and QUIC connections, written down where ``key_log`` asks for it (the NSS key log format).

Whoever has the file can read those connections. It is its owner's alone, and nothing is written unasked.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from p2plab.errors import ValidationError
from p2plab.errors.checked import path_of

__all__ = ["KeyLog", "check_key_log", "log_quic_keys", "log_tls_keys"]


class KeyLog:
    """The file, opened for each line alone, so that none is left open. It stands for a text file to aioquic."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, line: str) -> int:
        with self.path.open("a", encoding="ascii") as file:
            return file.write(line)

    def flush(self) -> None:
        """Nothing is kept back."""


def check_key_log(path: object) -> Path | None:
    """The file, made where there is none, with nobody but its owner to read it. Raises ValidationError."""
    if path is None:
        return None
    file = path_of(path, "key_log").absolute()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise ValidationError(f"key_log={str(path)!r} cannot be written: {error.strerror}") from error
    try:
        if os.name == "posix":
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    return file


def log_tls_keys(path: Path | None) -> str | None:
    """What the library's TLS transport is given to log: its ``IdentityConfig.key_log_writer``."""
    return None if path is None else str(path)


def log_quic_keys(transport: Any, path: Path | None) -> None:
    """Have the library's QUIC transport log; it has no setting for it."""
    if path is not None:
        for config in transport._quic_configs.values():
            config.secrets_log_file = KeyLog(path)
