"""The one publisher of this kernel: it asks every live widget, ten times a second, to send what has changed.

It is a thread, because ``widget.send()`` straight from a thread keeps pictures moving while a cell runs. Where no
thread can be started (a kernel in the browser), it is a task of the running loop. It ends when nobody is left.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Protocol

INTERVAL = 0.1  # seconds between two frames

_logger = logging.getLogger("p2plab.widgets")


class Source(Protocol):
    """Somebody with changes to send."""

    def publish(self) -> bool:
        """Send what has changed, without waiting; False when there will never be anything more."""

    def failed(self, error: Exception) -> None:
        """``publish`` raised; it will not be called again."""


class Publisher:
    """Calls ``publish`` of its sources in turn, from a single thread or task."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._lock = threading.Lock()
        self._sources: list[Source] = []
        self._runs = False
        self._wake = threading.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._runs

    def add(self, source: Source) -> None:
        """Begin with this source; RuntimeError where there are neither threads nor a running loop."""
        with self._lock:
            self._sources.append(source)
            if self._runs:
                return
            self._wake.clear()
            try:
                threading.Thread(target=self._run, name="p2plab widgets", daemon=True).start()
            except RuntimeError:
                try:
                    self._task = asyncio.get_running_loop().create_task(self._run_in_loop())
                except RuntimeError:
                    self._sources.remove(source)
                    raise
            self._runs = True

    def remove(self, source: Source) -> None:
        """Stop with this source; the last one to go ends the thread at once."""
        with self._lock:
            self._sources = [other for other in self._sources if other is not source]
            if not self._sources:
                self._wake.set()

    def _run(self) -> None:
        while self._turn():
            self._wake.wait(self._interval)

    async def _run_in_loop(self) -> None:
        while self._turn():
            await asyncio.sleep(self._interval)

    def _turn(self) -> bool:
        for source in list(self._sources):
            try:
                goes_on = source.publish()
            except Exception as error:
                _logger.exception("a widget of p2plab failed and stands still")
                source.failed(error)
                goes_on = False
            if not goes_on:
                self.remove(source)
        with self._lock:
            self._runs = bool(self._sources)
            if self._runs:
                self._wake.clear()
            return self._runs


publisher = Publisher()
