"""The error for a process that has no file descriptor left: real nodes take some, and labs that stay open keep them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakSet

from p2plab.errors import ConfigurationError
from p2plab.text import plural

__all__ = ["OPEN", "none_left", "room", "told_by_labs"]

_NONE_LEFT: Final = (errno.EMFILE, errno.ENFILE)
_A_NODES: Final = 16  # descriptors
OPEN: Final[WeakSet[Any]] = WeakSet()  # the real worlds of this process that are not closed


@contextmanager
def told_by_labs() -> Iterator[None]:
    """Where there is no file descriptor left, raise a ConfigurationError that says how many labs keep some."""
    try:
        yield
    except Exception as error:
        if not _none_left(error):
            raise
        raise none_left() from error


def none_left() -> ConfigurationError:
    """The error."""
    labs = list(OPEN)
    nodes = sum(len(world.hosts()) for world in labs)
    return ConfigurationError(
        f"this process may not open more files: {plural(len(labs), 'real lab')} with {plural(nodes, 'node')} "
        "are open; close those you no longer need (lab.close()), or allow more with ulimit -n"
    )


def room() -> bool:
    """Whether another node's descriptors can be had. The library says of a port that it could not listen, not why."""
    taken: list[int] = []
    try:
        with socket.socket() as one:
            for _ in range(_A_NODES):
                taken.append(os.dup(one.fileno()))
    except OSError as error:
        return error.errno not in _NONE_LEFT
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return True


def _none_left(error: BaseException) -> bool:
    inner = [*getattr(error, "exceptions", ()), error.__cause__, error.__context__]
    here = isinstance(error, OSError) and error.errno in _NONE_LEFT
    return here or any(_none_left(one) for one in inner if one is not None)
