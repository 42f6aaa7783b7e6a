"""Where the runs of a sweep are made."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext
from typing import Any

from p2plab.errors import ValidationError

__all__ = ["InThisProcess", "Processes", "pool"]


class InThisProcess(Executor):
    """Makes each run at once, here: for a debugger, and where there are no processes."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call it now."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  handed to whoever asks for the result
            future.set_exception(error)
        return future


class Processes(ProcessPoolExecutor):
    """Fresh processes, as a notebook and threads need them (a forked one would inherit half of both). They leave
    interrupts to the process that started them."""

    def __init__(self, count: int) -> None:
        self._spawn = _Spawn()
        ignore = (signal.SIGINT, signal.SIG_IGN)
        super().__init__(count, mp_context=self._spawn, initializer=signal.signal, initargs=ignore)

    def kill(self) -> None:
        """End them in the midst of what they do."""
        for process in self._spawn.started:
            process.terminate()


class _Spawn(SpawnContext):
    """Knows which processes it has started, so that those can be ended and no others."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Any] = []

    def Process(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        process = SpawnContext.Process(*args, **kwargs)
        self.started.append(process)
        return process


@contextmanager
def pool(executor: Executor | None, count: int) -> Iterator[Executor]:
    """The executor given or, without one, processes for ``count`` runs, which are gone afterwards."""
    if executor is not None:
        if not isinstance(executor, Executor):
            raise ValidationError(f"executor is one of concurrent.futures or the like, not {executor!r}")
        yield executor
    elif sys.platform == "emscripten":
        yield InThisProcess()
    else:
        with Processes(min(count, os.cpu_count() or 1)) as processes:
            yield processes
