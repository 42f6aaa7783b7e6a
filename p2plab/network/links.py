"""Links between nodes: how long a frame takes from one to another.

What is modelled: one-way latency per direction, jitter drawn uniformly around it, and loss, which a reliable transport
turns into delay (each lost copy costs one retransmission timeout). Frames of one pipe arrive in the order sent.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ValidationError
from p2plab.events import EventLog
from p2plab.network.clock import Clock
from p2plab.network.draws import Draws


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of a link. ``latency`` and ``jitter`` in seconds (the delay is uniform in latency ± jitter)."""

    latency: float = 0.020
    jitter: float = 0.0

    def __post_init__(self) -> None:
        for name in ("latency", "jitter"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 3600:
                raise ValidationError(f"{name} must be a number of seconds from 0 up to an hour, not {value!r}")
        if self.jitter > self.latency:
            raise ValidationError(f"jitter ({self.jitter} s) is larger than the latency ({self.latency} s) it varies")


class Links:
    """The link of every ordered pair of nodes (small ints): the default one unless set otherwise."""

    def __init__(self, clock: Clock, log: EventLog, draws: Draws, default: Link) -> None:
        self.clock = clock
        self.log = log
        self.random: random.Random = draws.stream("link.jitter")
        self._default = default
        self._between: dict[tuple[int, int], Link] = {}
        self._ticks: dict[Link, tuple[int, int]] = {}

    def ticks(self, source: int, target: int) -> tuple[int, int]:
        """Latency and jitter of the direction from source to target, in ticks."""
        link = self._between.get((source, target), self._default)
        found = self._ticks.get(link)
        if found is None:
            latency, jitter = round(link.latency * TICKS_PER_SECOND), round(link.jitter * TICKS_PER_SECOND)
            found = self._ticks[link] = (latency, jitter)
        return found


class Pipe:
    """One direction of one connection: what is sent arrives in order, while the pipe is open."""

    __slots__ = ("_last", "_links", "is_open", "source", "target")

    def __init__(self, links: Links, source: int, target: int) -> None:
        self._links = links
        self._last = 0
        self.is_open = True
        self.source = source
        self.target = target

    def send(self, size: int, receive: Callable[[Any], object], what: Any, cause: int) -> None:
        """Have ``receive(what)`` called when ``size`` bytes sent now have arrived; never, if the pipe closes first."""
        links = self._links
        clock = links.clock
        latency, jitter = links.ticks(self.source, self.target)
        arrival = clock.now + latency
        if jitter:
            arrival += links.random.randrange(-jitter, jitter + 1)
        if arrival < self._last:
            arrival = self._last
        self._last = arrival
        clock.at(arrival, self._arrive, receive, what, cause)

    def _arrive(self, receive: Callable[[Any], object], what: Any) -> None:
        if self.is_open:
            receive(what)

    def close(self) -> None:
        """Lose whatever is on its way, and whatever is sent from now on."""
        self.is_open = False
