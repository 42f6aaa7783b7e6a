"""The text of a file that a user brings along."""

from __future__ import annotations

from pathlib import Path

from p2plab.errors import ValidationError

__all__ = ["read_text"]


def read_text(path: Path) -> str:
    """The file's text. ValidationError where it is not UTF-8, with row and column of the first byte that is not."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValidationError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        row, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise ValidationError(
            f"{path}, row {row}, column {column}: byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from error
