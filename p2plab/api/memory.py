"""What fits into memory: a network that will not is refused before it is begun."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from p2plab.errors import ValidationError

__all__ = ["check_fits", "free_bytes"]

# Bytes: a mock node connected to twenty others (tests/bench/test_memory.py), a real one to six.
A_NODE: Final = {"mock": 15_000, "real": 1_000_000}
_PROC: Final = Path("/proc")
_GROUP: Final = Path("/sys/fs/cgroup")


def free_bytes() -> int | None:
    """How many bytes this process may still take, by what the system, its control group and its own limit leave; None
    where the system does not say (it is asked through ``/proc``)."""
    try:
        lines = (line.split() for line in (_PROC / "meminfo").read_text().splitlines())
        rooms = [1024 * int(words[1]) for words in lines if words[0] == "MemAvailable:"]
        used = os.sysconf("SC_PAGE_SIZE") * int((_PROC / "self" / "statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    try:
        most = (_GROUP / "memory.max").read_text().strip()
        rooms += [int(most) - int((_GROUP / "memory.current").read_text())] if most != "max" else []
    except (OSError, ValueError):
        pass  # no control group of the second generation bounds this process
    if sys.platform == "linux":
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        rooms += [limit - used] if limit != resource.RLIM_INFINITY else []
    return max(0, min(rooms)) if rooms else None


def check_fits(nodes: int, world: str) -> None:
    """ValidationError where so many more nodes will not fit into memory."""
    free, need = free_bytes(), nodes * A_NODE[world]
    if free is not None and need > free:
        raise ValidationError(
            f"{nodes:,} {world} nodes need about {_size(need)} once they are connected, and {_size(free)} are free; "
            f"{free // A_NODE[world]:,} would fit"
        )


def _size(count: int) -> str:
    for unit, bytes_of in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= bytes_of:
            return f"{count // bytes_of:,} {unit}" if count >= 10 * bytes_of else f"{count / bytes_of:.1f} {unit}"
    return f"{count / 10**6:.1f} MB"
