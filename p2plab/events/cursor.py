"""The moment that the views of one log look at, and what is selected in them.

There is one for each log, so all views of a lab move together. It reads the log and never the lab: looking back leaves
what runs alone.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from p2plab.errors import ValidationError
from p2plab.errors.checked import whole
from p2plab.events.event import Event
from p2plab.events.marks import Mark, Marks
from p2plab.events.rows import FieldColumn, Rows
from p2plab.events.state import NetworkState
from p2plab.text import RAISABLE

if TYPE_CHECKING:
    from p2plab.events.reading import LogReader

__all__ = ["SELECTABLE", "Change", "Cursor", "checked_moment", "checked_selection"]

SELECTABLE: Final = ("node", "edge", "event", "message", "lookup", "stream")
BEAT: Final = 0.05  # seconds between two moves while it plays
Change = str  # "time", "selection", "playing" or "speed": what a listener is told has changed


class Cursor:
    """A moment (``time``, seconds of lab time; None follows the end) and a selection, shared by views.

    ``selection`` is ``{"kind": "node" | "edge" | "event" | "message" | "lookup" | "stream", "id": ...}`` or None. Any
    thread may use it. ``observe(listener)`` has ``listener(change)`` called, in the thread that made the change.
    """

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._lock = threading.RLock()
        self._marks = Marks(log.resolution)
        self._time: float | None = None
        self._selection: dict[str, Any] | None = None
        self._speed = 1.0
        self._playing = False
        self._turn = 0  # of the player that is to go on; an older one ends
        self._listeners: list[Callable[[Change], None]] = []

    # -- what it says

    @property
    def time(self) -> float | None:
        """Seconds of lab time; None follows the end."""
        return self._time

    @time.setter
    def time(self, moment: float | None) -> None:
        self._set(time=None if moment is None else checked_moment(moment))

    @property
    def selection(self) -> dict[str, Any] | None:
        """What is selected: ``{"kind": ..., "id": ...}``, or None."""
        return self._selection

    @selection.setter
    def selection(self, selection: Mapping[str, Any] | None) -> None:
        self._set(selection=None if selection is None else checked_selection(selection))

    @property
    def speed(self) -> float:
        """Lab seconds a second, while it plays."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not 0 < speed <= 1e6:
            raise ValidationError(f"speed must be a number above 0 (1.0 is the wall clock's), not {speed!r}")
        self._set(speed=float(speed))

    @property
    def playing(self) -> bool:
        """Whether it moves by itself."""
        return self._playing

    @property
    def live(self) -> bool:
        """Whether it follows the end."""
        return self._time is None

    @property
    def end(self) -> float:
        """The lab's time, or that of the last event of a log from a file."""
        return self._log.now

    @property
    def start(self) -> float:
        """The time of the first event that the log still has."""
        rows, _ = self._log.rows()
        return rows.field("t")[0] / self._log.resolution if rows else 0.0

    @property
    def moment(self) -> float:
        """The time it stands at, as a number."""
        return self.end if self._time is None else self._time

    def state(self) -> NetworkState:
        """What the network was at the cursor."""
        return self._log.state(at=self._time)

    def here(self, limit: int = 50) -> list[Event]:
        """What happened here: the events of the cursor's tick or, where that has none, of the last one before it; at
        most ``limit``, the last ones."""
        whole(limit, "limit", "how many events to give at most", 0)
        rows, _ = self._log.rows()
        end = self._place(len(rows), rows)
        if not end:
            return []
        ticks = rows.field("t")
        start = bisect_left(ticks, ticks[end - 1], 0, end)
        return [self._log.event(row) for row in rows[max(start, end - limit) : end]]

    def marks(self) -> list[Mark]:
        """The faults, publications and errors of the log; those close together are one."""
        return self._marks.all(*self._log.rows())

    # -- moving it

    def at(self, moment: float) -> None:
        """Look at a moment, in seconds of lab time."""
        self.time = moment

    def to_live(self) -> None:
        """Follow the end again."""
        self._set(time=None, playing=False)

    def step(self, count: int = 1) -> float:
        """Go to the next moment at which something happened, ``count`` times; back, where it is negative. Stops at the
        first and at the last. Returns the moment."""
        whole(count, "count", "how many moments to go")
        rows, _ = self._log.rows()
        size = len(rows)
        if not size:
            return self.moment
        place, ticks = self._place(size, rows), rows.field("t")
        for _ in range(abs(count)):
            if count > 0:
                if place >= size:
                    break
                place = _behind(ticks, place, size)
            else:
                place = bisect_left(ticks, ticks[max(place, 1) - 1], 0, place)
                if not place:
                    break
        moment: float = ticks[max(place, 1) - 1] / self._log.resolution
        self._set(time=moment, playing=False)
        return moment

    def back(self, count: int = 1) -> float:
        """Go back to the moment before at which something happened, ``count`` times. Returns the moment."""
        return self.step(-whole(count, "count", "how many moments to go back"))

    def home(self) -> None:
        """Go to the first event."""
        self._set(time=self.start, playing=False)

    def play(self, speed: float | None = None) -> None:
        """Move on by itself, ``speed`` lab seconds a second, until the end; from the first event where it is live."""
        if speed is not None:
            self.speed = speed
        with self._lock:
            if self._playing:
                return
            self._turn += 1
            turn = self._turn
            moment = self.start if self._time is None or self._time >= self.end else self._time
        self._set(time=moment, playing=True)
        try:
            threading.Thread(target=self._run, args=(turn,), name="p2plab cursor", daemon=True).start()
        except RuntimeError:  # no threads here, as in a kernel in the browser
            import asyncio

            self._task = asyncio.get_running_loop().create_task(self._run_in_loop(turn))

    def pause(self) -> None:
        """Stand still."""
        self._set(playing=False)

    def _run(self, turn: int) -> None:
        before = time.monotonic()
        while self._moves(turn):
            time.sleep(BEAT)
            now = time.monotonic()
            self._move(turn, now - before)
            before = now

    async def _run_in_loop(self, turn: int) -> None:
        import asyncio

        before = time.monotonic()
        while self._moves(turn):
            await asyncio.sleep(BEAT)
            now = time.monotonic()
            self._move(turn, now - before)
            before = now

    def _moves(self, turn: int) -> bool:
        return self._playing and turn == self._turn

    def _move(self, turn: int, seconds: float) -> None:
        with self._lock:
            if not self._moves(turn) or self._time is None:
                return
            moment, end = self._time + seconds * self._speed, self.end
        if moment < end:
            self._set(time=moment)
        else:
            self._set(time=None, playing=False)

    def _place(self, size: int, rows: Rows) -> int:
        """How many rows there are up to the cursor."""
        if self._time is None:
            return size
        ticks, resolution = rows.field("t"), self._log.resolution
        if not size or ticks[size - 1] / resolution <= self._time:
            return size
        tick = int(self._time * resolution) + 1
        while tick / resolution > self._time:  # the last tick whose time is not later
            tick -= 1
        return bisect_right(ticks, tick, 0, size)

    # -- who watches

    def observe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have the listener called with what has changed; returns what ends that."""
        if not callable(listener):
            raise ValidationError(f"a listener is called with what has changed; {listener!r} cannot be called")
        with self._lock:
            self._listeners.append(listener)
        return lambda: self.unobserve(listener)

    def unobserve(self, listener: Callable[[Change], None]) -> None:
        """Call it no more."""
        with self._lock:
            self._listeners = [other for other in self._listeners if other != listener]

    def _set(self, **changes: Any) -> None:
        with self._lock:
            changed = [name for name, value in changes.items() if getattr(self, f"_{name}") != value]
            for name in changed:
                setattr(self, f"_{name}", changes[name])
            listeners = list(self._listeners)
        failed: BaseException | None = None
        for name in changed:
            for listener in listeners:
                try:
                    listener(name)
                except RAISABLE as error:  # the other views hear of it all the same
                    failed = failed or error
        if failed is not None:
            raise failed

    def __repr__(self) -> str:
        where = f"live, {self.end:.4f} s" if self._time is None else f"{self._time:.4f} s of {self.end:.4f} s"
        moves = f", playing at {self._speed:g}" if self._playing else ""
        chosen = "" if self._selection is None else f", {self._selection['kind']} {self._selection['id']!r}"
        return f"<Cursor: {where}{moves}{chosen}>"


def checked_moment(moment: object) -> float:
    """A moment in seconds. ValidationError for what is none."""
    if isinstance(moment, bool) or not isinstance(moment, (int, float)) or not 0 <= moment < math.inf:
        raise ValidationError(
            f"a moment is a number of seconds of lab time from 0 up, or None for live, not {moment!r}"
        )
    return float(moment)


def checked_selection(selection: object) -> dict[str, Any]:
    """A selection as a dict of kind and id. ValidationError for what is none."""
    kind = selection.get("kind") if isinstance(selection, Mapping) else None
    if not isinstance(selection, Mapping) or kind not in SELECTABLE or "id" not in selection:
        raise ValidationError(
            f"a selection is {{'kind': one of {', '.join(SELECTABLE)}, 'id': ...}}, or None, not {selection!r}"
        )
    return {"kind": kind, "id": selection["id"]}


def _behind(ticks: FieldColumn, place: int, size: int) -> int:
    """The first place behind ``place`` with a later tick: near, as a rule, so it is looked for near first."""
    tick, near = ticks[place], 1
    while place + near < size and ticks[place + near] == tick:
        near *= 2
    return bisect_right(ticks, tick, place + near // 2, min(place + near, size))
