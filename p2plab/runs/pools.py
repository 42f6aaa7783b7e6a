"""Where the runs of a sweep are made."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from p2plab.errors import ValidationError

__all__ = ["InThisProcess", "pool"]


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


@contextmanager
def pool(executor: Executor | None, count: int) -> Iterator[tuple[Executor, Callable[[], None]]]:
    """The executor given or, without one, processes for ``count`` runs, which are gone afterwards; and what ends the
    runs that it is making, where that is ours to do."""
    of_client = getattr(executor, "get_executor", None)  # of a client of dask.distributed's
    if callable(of_client):
        executor = of_client()
    if executor is not None:
        if not isinstance(executor, Executor):
            raise ValidationError(
                f"executor is one of concurrent.futures or a client of dask.distributed, not {executor!r}"
            )
        yield executor, lambda: None
    elif sys.platform == "emscripten":
        yield InThisProcess(), lambda: None
    else:
        from p2plab.runs.processes import Processes

        with Processes(min(count, os.cpu_count() or 1)) as processes:
            yield processes, processes.kill
