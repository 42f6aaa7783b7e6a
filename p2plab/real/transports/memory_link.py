"""One way between two peers in memory, and what is under way on it: how long it takes, what is lost, and cuts.

Rules the links live by:
- A connection is a stream, as over TCP: bytes arrive in order and none is missing. What is lost is sent again after
  ``retry`` seconds, and what comes after it waits for it.
- While a link is cut nothing arrives over it, the end of a connection included; when it heals, everything that was
  under way does. Connections last as long as their ends wish. A dial over a link that is cut, either way, fails.
- What was sent keeps the delay that it was sent with; a cut holds back what is under way too.
- Time is trio's, so that a mock clock moves it; chances come from ``MemoryNetwork.random``, which is seeded.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import trio

from p2plab.errors import ValidationError
from p2plab.typing import Chance

__all__ = ["MAX_LATENCY", "MAX_LOSS", "MemoryLink", "MemoryPipe"]

MAX_LATENCY: Final = 1e6  # seconds that a link may take
MAX_LOSS: Final = 0.999  # chance of a loss: with more, nothing would arrive in a lab's life
RETRY: Final = 0.2  # seconds after which what was lost is sent again, as TCP's shortest timeout
ROOM: Final = 1024 * 1024  # bytes under way on one connection in one direction, before its writer has to wait


class MemoryLink:
    """One way between two peers. ``changed`` is set, and replaced, whenever something of it is."""

    def __init__(self, default: MemoryLink | None = None) -> None:
        self._default = default
        self._own: dict[str, float] = {}
        if default is None:
            self._own.update(delay=0.0, loss=0.0, retry=RETRY, cut=False)
        self._changed = trio.Event()

    @property
    def delay(self) -> float:
        """Seconds that everything takes."""
        return self._get("delay")

    @property
    def loss(self) -> float:
        """The chance that something is lost, and sent again."""
        return self._get("loss")

    @property
    def retry(self) -> float:
        """Seconds until what was lost is sent again."""
        return self._get("retry")

    @property
    def cut(self) -> bool:
        """Whether nothing arrives."""
        return bool(self._get("cut"))

    def set(
        self,
        *,
        delay: float | None = None,
        loss: float | None = None,
        retry: float | None = None,
        cut: bool | None = None,
    ) -> None:
        """Change some of it. ValidationError, which changes nothing."""
        for name, value, most in (
            ("delay", delay, MAX_LATENCY),
            ("retry", retry, MAX_LATENCY),
            ("loss", loss, MAX_LOSS),
        ):
            if value is not None and not (isinstance(value, (int, float)) and 0 <= value <= most):
                raise ValidationError(f"{name}={value!r}: a memory link's is a number from 0 to {most:g}")
        wanted = {"delay": delay, "loss": loss, "retry": retry, "cut": cut}
        self._own.update({name: value for name, value in wanted.items() if value is not None})
        self._stir()

    def reset(self) -> None:
        """As the network's default again."""
        if self._default is not None:
            self._own.clear()
            self._stir()

    def took(self, chances: Chance) -> float:
        """Seconds that the next thing sent will take."""
        lost = 0
        while self.loss and chances.random() < self.loss:
            lost += 1
        return self.delay + lost * self.retry

    async def change(self) -> None:
        """Wait until it, or the default that it follows, is another."""
        async with trio.open_nursery() as nursery:
            for link in (self, self._default):
                if link is not None:
                    nursery.start_soon(_first, link._changed, nursery.cancel_scope)

    def _get(self, name: str) -> float:
        if name in self._own or self._default is None:
            return self._own[name]
        return self._default._get(name)

    def _stir(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


async def _first(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


@dataclass
class MemoryPipe:
    """One direction of one connection. ``waiting`` are (when it arrives, bytes); ``b""`` is the end."""

    link: MemoryLink
    chances: Chance
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    size: int = 0
    last: float = -math.inf
    ended: bool = False  # nothing more is sent
    dropped: bool = False  # nothing more is read
    changed: trio.Event = field(default_factory=trio.Event)

    def send(self, data: bytes) -> None:
        """Put it under way."""
        self.last = max(self.last, trio.current_time() + self.link.took(self.chances))
        self.waiting.append((self.last, data))
        self.size += len(data)
        self.stir()

    def stir(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    async def room(self) -> None:
        """Wait until something can be sent."""
        while self.size >= ROOM and not self.dropped and not self.ended:
            await self.changed.wait()

    async def receive(self, limit: int | None) -> bytes:
        """What has arrived; ``b""`` at the end."""
        while not self.dropped:
            if self.waiting and self.link.cut:
                await self._either(math.inf)
            elif self.waiting and self.waiting[0][0] > trio.current_time():
                await self._either(self.waiting[0][0])
            elif self.waiting:
                return self._take(limit)
            else:
                await self.changed.wait()
        return b""

    async def _either(self, deadline: float) -> None:
        """Wait for a moment, a change here, or a change of the link."""
        with trio.CancelScope(deadline=deadline) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_first, self.changed, scope)
                await self.link.change()
                scope.cancel()

    def _take(self, limit: int | None) -> bytes:
        due, data = self.waiting[0]
        if not data:
            return b""  # it stays at the end
        taken, rest = (data, b"") if limit is None else (data[:limit], data[limit:])
        if rest:
            self.waiting[0] = (due, rest)
        else:
            self.waiting.popleft()
        self.size -= len(taken)
        self.stir()
        return taken
