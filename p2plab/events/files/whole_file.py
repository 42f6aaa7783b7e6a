"""Files that are there whole or not at all: written beside what they replace, and then renamed over it.

A disk that fills, a process that is killed or an error half-way leaves the earlier file as it was.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from p2plab.errors import ConfigurationError

__all__ = ["earlier_stays", "replacing", "written"]

_NEW: Final = 0o666  # the permissions of a file that was not there, before the umask


@contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[IO[bytes]]:
    """A binary file to write to. It takes the place of ``path`` when the block ends without an error.

    ``mode``: its permissions; unless given, those of the file it replaces, or the usual ones of a new file. Symbolic
    links are followed. A device or a pipe is written to as it is. Raises OSError, leaving ``path`` as it was.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a path has no null character in it")
    path = Path(os.path.realpath(path))
    try:
        found = path.stat()
    except FileNotFoundError:
        found = None
    if found is not None and not stat.S_ISREG(found.st_mode):
        with path.open("wb") as file:
            yield file
        return
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode or _NEW)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a crash of the machine may leave the name with nothing behind it
        if mode is None and found is not None:
            beside.chmod(stat.S_IMODE(found.st_mode))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def written(path: Path, otherwise: str = "") -> Iterator[None]:
    """What is written to ``path`` within; ConfigurationError, which says ``otherwise`` and why, where it cannot be."""
    try:
        yield
    except OSError as error:
        what = otherwise or f"{path} cannot be written"
        raise ConfigurationError(f"{what}: {error.strerror or error}{earlier_stays(path)}") from error


def earlier_stays(path: Path) -> str:
    """The end of a message about a file that could not be written: that the one there was before is still there."""
    return "; the earlier file is as it was" if path.is_file() else ""
