"""A node's heartbeats: when they come and, where a world lets it, that those which would decide nothing do not.

A router foretells how many heartbeats would decide nothing (``Router.idle_beats``). They are left out, and made up for
(``pass_beats``) before anything else happens to the router or anybody looks at it. So the node decides as if each had
come, at the same ticks; looking does not make them come.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable
from typing import Any, Protocol

from p2plab.constants import TICKS_PER_SECOND
from p2plab.pubsub.router import NEVER, Router
from p2plab.pubsub.shell.delivery import Copies, DeliveryPath
from p2plab.typing import Timer

__all__ = ["Beating", "Pulse"]


class Pulse(Protocol):
    """A world in which one node's heartbeats have a place of their own among what happens in a tick."""

    def at(self, tick: int, action: Callable[[], None]) -> Timer:
        """Have a heartbeat come at this tick."""

    def over(self, tick: int) -> bool:
        """Whether a heartbeat at this tick would have come by now."""

    def left_out(self, whether: bool) -> None:
        """The node's heartbeats do not come from now on, or come again."""


def _told(router: Router, name_of: Callable[[int], str]) -> dict[str, dict[str, Any]]:
    """The scores of all peers by name, as an event has them. Peers with the same score share one dict: most of what a
    log that records everything takes is these."""
    same: dict[tuple[tuple[str, ...], bytes], dict[str, Any]] = {}
    scores = {}
    for peer in list(router.peers):
        parts = router.score_of(peer)
        scores[name_of(peer)] = same.setdefault((tuple(parts), marshal.dumps(tuple(parts.values()), 2)), parts)
    return scores


class Beating(DeliveryPath):
    """The heartbeat of one node. Without a ``Pulse`` it is a timer that never rests."""

    __slots__ = ("_asleep", "_begun", "_heartbeat", "_pulse", "copies")

    _asleep: int  # the tick of the last heartbeat that came or was made up for, while others are left out; -1: none are
    _begun: bool  # whether the heartbeat ever was
    _heartbeat: Timer | None
    _pulse: Pulse | None
    copies: Copies | None  # how others may count copies for it; None: every RPC has to be handed to it

    @property
    def router(self) -> Router:
        """The node's router, as it would be if no heartbeat had been left out."""
        if self._asleep >= 0:
            self._make_up(self._passed())
        return self._router

    def start(self, delay: float | None = None) -> None:
        """Begin the heartbeat; the first comes after ``delay`` seconds, by default when the router says."""
        router = self._router
        if router.heartbeat_interval is None or self._heartbeat is not None or self._asleep >= 0:
            return
        self._begun = True
        self._heartbeat = self._after(router.first_heartbeat() if delay is None else delay)

    def pause(self) -> None:
        """End the heartbeat, until ``start``; the subscriptions stay. For a node that goes and may come back."""
        self.rouse()
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None

    def rouse(self) -> None:
        """Have no heartbeat left out until the next has come: something is about to happen to the router."""
        if self._asleep < 0 or self._pulse is None:
            return
        self._make_up(self._passed())
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._heartbeat = self._pulse.at(self._asleep + self._period, self._beat)
        self._wake(self._pulse)

    def _wake(self, pulse: Pulse) -> None:
        self._asleep = -1
        pulse.left_out(False)
        if self.copies is not None:
            self.copies.hand_on(False)

    @property
    def _period(self) -> int:
        """Ticks between two heartbeats."""
        return round((self._router.heartbeat_interval or 0.0) * TICKS_PER_SECOND)

    def _after(self, delay: float) -> Timer:
        if self._pulse is None:
            return self._runtime.timer(delay, self._beat)
        return self._pulse.at(self._runtime.ticks() + round(delay * TICKS_PER_SECOND), self._beat)

    def _passed(self) -> int:
        """How many heartbeats should have come since the last."""
        assert self._pulse is not None
        now, period = self._runtime.ticks(), self._period
        count, rest = divmod(now - self._asleep, period)
        return count if rest or not count or self._pulse.over(now) else count - 1

    def _make_up(self, count: int) -> None:
        if count:
            self._router.pass_beats(self._asleep, self._period, count)
            self._asleep += count * self._period

    def _beat(self) -> None:
        router, now = self._router, self._runtime.ticks()
        if self._asleep >= 0 and self._pulse is not None:
            self._make_up((now - self._asleep) // self._period - 1)
            self._wake(self._pulse)
        try:
            with self._log.because(-1):  # nothing leads to a heartbeat
                self._run(router.heartbeat(now))
                if self._log.wants("pubsub.scores") and router.peers:
                    scores = _told(router, self._log.name_of)
                    self._log.record("pubsub.scores", self._me, reason="heartbeat", data={"scores": scores})
        finally:
            self._heartbeat = None if router.heartbeat_interval is None else self._next(now)

    def _next(self, now: int) -> Timer | None:
        """The next heartbeat that might decide something; None: none, unless something else happens."""
        if self._pulse is None:
            return self._runtime.timer(self._router.heartbeat_interval or 0.0, self._beat)
        period = self._period
        idle = 0 if self._log.keeps("pubsub.scores") else self._router.idle_beats(now, period)
        if idle:
            self._asleep = now
            self._pulse.left_out(True)
            if self.copies is not None:
                self.copies.hand_on(True)  # since anything that comes rouses it
            if idle >= NEVER:
                return None
        return self._pulse.at(now + (idle + 1) * period, self._beat)
