"""The one publisher of this kernel: it asks every live widget for what has changed, and lets it send.

It is a thread, because ``widget.send()`` straight from a thread keeps pictures moving while a cell runs. Where no
thread can be started (a kernel in the browser), it is a task of the running loop. It ends when nobody is left.

A widget sends at most ten times a second, but the first change after a pause goes out at once: the publisher looks
more often than it lets send. One whose looks take long is asked more seldom, so that the lab it shows goes on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

LOOK = 0.008  # seconds between two looks for changes; one that finds nothing costs microseconds
REST = 0.1  # seconds that a widget rests after it has sent, at least
SHARE = 4  # and as many times as long as it took

_logger = logging.getLogger("p2plab.widgets")


class SourceOutcome(Enum):
    """What came of asking a source."""

    NOTHING = "nothing to send"
    SENT = "something was sent"
    ENDED = "there will never be anything more"


class DeltaSource(Protocol):
    """Somebody with changes to send."""

    def publish(self) -> SourceOutcome:
        """Send what has changed, without waiting."""

    def failed(self, error: Exception) -> None:
        """``publish`` raised; it will not be called again."""


@dataclass
class _Entry:
    source: DeltaSource
    due: float = 0.0


class Publisher:
    """Calls ``publish`` of its sources in turn, from a single thread or task. ``look`` and ``rest`` are seconds."""

    def __init__(self, look: float = LOOK, rest: float = REST) -> None:
        self._look = look
        self._rest = rest
        self._lock = threading.RLock()  # the garbage collector may end a widget, which calls remove, anywhere
        self._entries: list[_Entry] = []
        self._runs = False
        self._wake = threading.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._runs

    def add(self, source: DeltaSource) -> None:
        """Begin with this source; RuntimeError where there are neither threads nor a running loop."""
        entry = _Entry(source)
        with self._lock:
            self._entries.append(entry)
            if self._runs:
                return
            self._runs = True
            self._wake.clear()
        # Not within the lock: a thread that begins may collect garbage, and so call remove, while it is waited for.
        try:
            threading.Thread(target=self._run, name="p2plab widgets", daemon=True).start()
        except RuntimeError:
            try:
                self._task = asyncio.get_running_loop().create_task(self._run_in_loop())
            except RuntimeError:
                with self._lock:
                    self._entries.remove(entry)
                    self._runs = False
                raise

    def remove(self, source: DeltaSource) -> None:
        """Stop with this source; the last one to go ends the thread at once."""
        with self._lock:
            self._entries = [entry for entry in self._entries if entry.source is not source]
            if not self._entries:
                self._wake.set()

    def _run(self) -> None:
        while self._turn():
            self._wake.wait(self._look)

    async def _run_in_loop(self) -> None:
        while self._turn():
            await asyncio.sleep(self._look)

    def _turn(self) -> bool:
        for entry in list(self._entries):
            now = time.monotonic()
            if now < entry.due:
                continue
            try:
                outcome = entry.source.publish()
            except Exception as error:
                _logger.exception("a widget of p2plab failed and stands still")
                entry.source.failed(error)
                outcome = SourceOutcome.ENDED
            if outcome is SourceOutcome.SENT:
                entry.due = now + max(self._rest, SHARE * (time.monotonic() - now))
            elif outcome is SourceOutcome.ENDED:
                self.remove(entry.source)
        with self._lock:
            self._runs = bool(self._entries)
            if self._runs:
                self._wake.clear()
            return self._runs


publisher = Publisher()
