"""Where a click's work is done: in a thread of its own, piece after piece, so that the click returns at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Worker:
    """Runs what it is given, in order. Its thread lives only while there is work; where no thread can be started (a
    kernel in the browser), the work is done before ``submit`` returns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work: deque[Callable[[], None]] = deque()
        self._runs = False

    def submit(self, action: Callable[[], None]) -> None:
        """Have ``action`` called; it must not raise."""
        with self._lock:
            self._work.append(action)
            if self._runs:
                return
            self._runs = True
        try:
            threading.Thread(target=self._run, name="p2plab console", daemon=True).start()
        except RuntimeError:
            self._run()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._work:
                    self._runs = False
                    return
                action = self._work.popleft()
            action()
