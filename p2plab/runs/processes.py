"""Processes for a sweep. Apart, because a browser kernel cannot even import what they are made of."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

__all__ = ["Processes"]


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

    def Process(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # a class there, a function here
        process = _WithoutMain(*args, **kwargs)
        self.started.append(process)
        return process


class _WithoutMain(SpawnProcess):
    """A process that does not run the user's script again, as spawned ones do: what a scenario needs of ``__main__``
    comes with it, by value."""

    def start(self) -> None:
        main = sys.modules["__main__"]
        kept: dict[str, Any] = {name: vars(main).pop(name) for name in ("__file__", "__spec__") if name in vars(main)}
        vars(main)["__spec__"] = None
        try:
            super().start()
        finally:
            del vars(main)["__spec__"]
            vars(main).update(kept)
