"""What is measured of the process during a soak, and what of py-libp2p's has grown."""

from __future__ import annotations

import gc
import os
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import trio


def tasks() -> Counter[str]:
    """The tasks of the running trio thread, by name."""
    waiting, names = [trio.lowlevel.current_root_task()], Counter[str]()
    while waiting:
        task = waiting.pop()
        if task is not None:
            names[task.name] += 1
            waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return names


@dataclass(frozen=True)
class Sample:
    """``memory`` in MB."""

    at: float
    memory: float
    tasks: int
    threads: int
    files: int

    def __str__(self) -> str:
        return (
            f"{self.at:6.0f} s  {self.memory:7.1f} MB  {self.tasks:5} tasks  {self.threads:3} threads  "
            f"{self.files:4} files"
        )


def sample(at: float) -> Sample:
    """The process as it is; inside the lab."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return Sample(at, memory, tasks().total(), threading.active_count(), len(os.listdir("/dev/fd")))


def library_objects() -> Counter[str]:
    """How many objects there are of each of py-libp2p's classes."""
    gc.collect()
    found = Counter[str]()
    for thing in gc.get_objects():
        kind = type(thing)
        if str(getattr(kind, "__module__", "")).startswith("libp2p."):
            found[f"{kind.__module__}.{kind.__qualname__}"] += 1
    return found


def grown(before: Counter[str], after: Counter[str], least: int) -> list[tuple[str, int, int]]:
    """What there is more of by at least so many: name, before, after; the most grown first."""
    more = [(name, before[name], count) for name, count in after.items() if count - before[name] >= least]
    return sorted(more, key=lambda row: row[1] - row[2])
