"""Addresses of one peer that are dialled at the same time, each at its moment: the first that connects wins.

As go-libp2p's dial worker does (p2p/net/swarm/dial_worker.go): an address waits for its delay, but where no dial is
under way any more the next one begins at once. Dials that have not connected when one has are given up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

from p2plab.nat.dial_order import Ranked
from p2plab.typing import Runtime, Timer

__all__ = ["Race"]


class RacedConnection(Protocol):
    """What a dial comes to."""

    def close(self, reason: str) -> None: ...


C = TypeVar("C", bound=RacedConnection)
Beside = Callable[[Callable[[], Awaitable[object]], str], Callable[[], None]]


class Race(Generic[C]):
    """``attempt(address)`` gives a connection, or None where that came to nothing; ``beside(action, what)`` runs a
    coroutine beside the caller's, and gives what ends it."""

    def __init__(
        self, runtime: Runtime, ranked: Sequence[Ranked], attempt: Callable[[str], Awaitable[C | None]], beside: Beside
    ) -> None:
        self._runtime = runtime
        self._began = runtime.now()
        self._waiting = list(ranked)
        self._attempt = attempt
        self._beside = beside
        self._under_way: dict[str, Callable[[], None] | None] = {}
        self._timer: Timer | None = None
        self._over = runtime.waiter()
        self._won: C | None = None
        self._broken: BaseException | None = None
        self._ended = False

    async def run(self) -> C | None:
        """The first connection; None where every address came to nothing."""
        try:
            self._next()
            await self._over.wait()
        finally:
            self._ended = True
            self._waiting.clear()
            self._stop_waiting()
            for end in list(self._under_way.values()):
                if end is not None:
                    end()
        if self._broken is not None:
            raise self._broken
        return self._won

    def _next(self) -> None:
        """Dial what is due, and wait for what is not."""
        self._stop_waiting()
        while self._waiting and self._won is None:
            left = self._began + self._waiting[0].delay - self._runtime.now()
            if left > 0 and self._under_way:
                self._timer = self._runtime.timer(left, self._next)
                return
            self._dial(self._waiting.pop(0).address)
        if not self._under_way:
            self._over.set()

    def _dial(self, address: str) -> None:
        self._under_way[address] = None
        end = self._beside(partial(self._try, address), f"dialling {address}")
        if address in self._under_way:  # it may have come to nothing at once
            self._under_way[address] = end

    async def _try(self, address: str) -> None:
        try:
            connection = await self._attempt(address)
        except BaseException as error:
            if not self._ended:
                self._broken = error
                self._over.set()
            raise
        finally:
            self._under_way.pop(address, None)
        if connection is None:
            self._next()
        elif self._won is None and not self._ended:
            self._won = connection
            self._over.set()
        else:
            connection.close("closed here")  # another has connected at the same moment

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
