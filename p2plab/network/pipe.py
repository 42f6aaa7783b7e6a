"""Pipes: one direction of one connection. What is sent arrives once, in order, while the connection lives.

The way of a frame: the faults that were asked for (drop, corrupt, delay), the congestion window of its transport, the
sender's line, the link (latency, jitter, packets lost and sent again), the receiver's line. Most labs have none of
these but latency; their frames take the short way at the top of ``send``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.network.link import LinkTicks
from p2plab.network.window import RTO_MAX, SEGMENT, TRIES, CongestionWindow, retransmission_timeout

if TYPE_CHECKING:
    from p2plab.network.links import Links

TRANSPORTS = ("ideal", "tcp", "quic")


class Frame:
    """Something on its way that takes the long way. ``flow`` is the stream it belongs to, ``weight`` its share of a
    busy line, ``kind`` what it is to those who sent it, ``delay`` the ticks that faults add to its way."""

    __slots__ = ("_then", "cause", "delay", "flow", "kind", "pipe", "receive", "sent", "size", "weight", "what")

    def __init__(
        self,
        pipe: Pipe,
        size: int,
        receive: Callable[[Any], object],
        what: Any,
        cause: int,
        flow: int,
        weight: int,
        kind: str,
    ) -> None:
        self.pipe = pipe
        self.size = size
        self.receive = receive
        self.what = what
        self.cause = cause
        self.sent = cause  # the link.sent event, where one was recorded
        self.delay = 0
        self.flow = flow
        self.weight = weight
        self.kind = kind
        self._then: Callable[[Frame, int], None] = pipe.travel

    def through(self, then: Callable[[Frame, int], None]) -> Frame:
        """The same frame, with what is to happen when it has passed the line it is given to."""
        self._then = then
        return self

    def passed(self, tick: int) -> None:
        """For a line: the last byte passed in this tick."""
        self._then(self, tick)


class Queues:
    """What a pipe keeps only where frames take the long way: most labs have a pipe for each of many connections, and
    none of these."""

    __slots__ = ("last_of_flow", "parked", "window")

    def __init__(self) -> None:
        self.parked: list[tuple[Frame, int]] = []  # frames that wait for a cut link, and since when
        self.last_of_flow: dict[int, int] = {}  # with QUIC: the tick of each stream's last arrival
        self.window = CongestionWindow()


class Pipe:
    """The direction from node ``source`` to node ``target`` (small ints) of one connection."""

    __slots__ = (
        "_last",
        "_links",
        "_made_queues",
        "_plain",
        "_ticks",
        "_traced",
        "_version",
        "is_open",
        "source",
        "target",
        "transport",
    )

    def __init__(self, links: Links, source: int, target: int, transport: str = "ideal") -> None:
        self.source = source
        self.target = target
        self.transport = transport
        self.is_open = True
        self._links = links
        self._version = -1  # of the links' settings that the next three were made from
        self._plain = False
        self._traced = False
        self._ticks: LinkTicks = links.default_ticks
        self._last = 0  # the tick of the last arrival
        self._made_queues: Queues | None = None

    def send(
        self,
        size: int,
        receive: Callable[[Any], object],
        what: Any,
        cause: int,
        flow: int = 0,
        weight: int = 1,
        kind: str = "",
    ) -> None:
        """Have ``receive(what)`` called when ``size`` bytes sent now have arrived; never, if the pipe closes first."""
        links = self._links
        if self._version != links.version:
            self._refresh()
        if not self._plain:
            links.faulty(Frame(self, size, receive, what, cause, flow, weight, kind))
            return
        clock, ticks = links.clock, self._ticks
        arrival = clock.now + ticks.latency
        if ticks.jitter:
            arrival += ticks.jitter[links.byte(8)]
        if arrival < self._last:
            arrival = self._last
        else:
            self._last = arrival
        if self._traced:
            sent = links.log.record("link.sent", self.source, self.target, size=size, cause=cause)
            clock.at(arrival, self._arrive_traced, (receive, size, sent), what, cause)
        else:
            clock.at(arrival, self._arrive, receive, what, cause)

    def _refresh(self) -> None:
        links = self._links
        self._version = links.version
        self._ticks = links.ticks(self.source, self.target)
        self._traced = links.log.wants("link.sent")
        self._plain = self.transport == "ideal" and not self._ticks.trouble and links.is_plain(self.source, self.target)

    def _arrive(self, receive: Callable[[Any], object], what: Any) -> None:
        if self.is_open:
            receive(what)

    def _arrive_traced(self, sent: tuple[Callable[[Any], object], int, int], what: Any) -> None:
        if self.is_open:
            receive, size, cause = sent
            self._links.log.record("link.arrived", self.target, self.source, size=size, cause=cause)
            receive(what)

    def close(self) -> None:
        """Lose whatever is on its way, and whatever is sent from now on."""
        self.is_open = False

    # -- the long way

    @property
    def _queues(self) -> Queues:
        """Made when first asked for."""
        if self._made_queues is None:
            self._made_queues = Queues()
        return self._made_queues

    def leave(self, frame: Frame) -> None:
        """Send a frame that no fault has taken."""
        now = self._links.clock.now
        if self.transport != "ideal":
            now = self._queues.window.departure(now, frame.size, self._links.round_trip(self.source, self.target))
        if now > self._links.clock.now:
            self._links.clock.at(now, self._enter, frame, None, frame.cause)
        else:
            self._enter(frame, None)

    def _enter(self, frame: Frame, _: object) -> None:
        line = self._links.uplink(self.source)
        if line is None:
            self.travel(frame, self._links.clock.now)
        else:
            line.put(frame.through(self.travel))

    def travel(self, frame: Frame, tick: int) -> None:
        """The frame's last byte left in this tick."""
        links, ticks = self._links, self._ticks
        if links.is_cut(self.source, self.target):
            self.park(frame, tick)
            return
        arrival = tick + ticks.latency + frame.delay
        if ticks.jitter:
            arrival += ticks.jitter[links.byte(8)]
        if ticks.trouble:
            arrival += self._trouble(frame, ticks)
        arrival = self._in_order(frame.flow, max(arrival, links.clock.now))
        line = links.downlink(self.target)
        if line is None:
            links.clock.at(arrival, self._deliver, frame, None, frame.cause)
        else:
            frame.through(self._after_downlink)
            links.clock.at(arrival, self._reach, frame, None, frame.cause)

    def _in_order(self, flow: int, arrival: int) -> int:
        """No earlier than what was sent before it: on the connection, or with QUIC on the same stream."""
        if self.transport != "quic":
            self._last = max(self._last, arrival)
            return self._last
        last = self._queues.last_of_flow
        last[flow] = arrival = max(last.get(flow, 0), arrival)
        return arrival

    def _trouble(self, frame: Frame, ticks: LinkTicks) -> int:
        """Ticks that lost and overtaken packets of the frame cost. A packet lost several times waits for doubled
        timeouts (RFC 6298 section 5.5); packets of one frame are sent again side by side, so the slowest counts."""
        links, worst = self._links, 0
        timeout = retransmission_timeout(links.round_trip(self.source, self.target))
        for _ in range(-(-frame.size // SEGMENT) or 1):
            cost, wait, tries = 0, timeout, 0
            while ticks.loss and tries < TRIES and links.chance(32) < ticks.loss:
                links.lost(frame, wait)
                cost, wait, tries = cost + wait, max(timeout, min(2 * wait, RTO_MAX)), tries + 1
            if ticks.reorder and links.chance(32) < ticks.reorder:
                cost += ticks.reorder_delay
            if ticks.duplicate and links.chance(32) < ticks.duplicate:
                links.duplicated(frame)
            worst = max(worst, cost)
        return worst

    def _reach(self, frame: Frame, _: object) -> None:
        line = self._links.downlink(self.target)
        if line is None:
            self._deliver(frame, None)
        else:
            line.put(frame)

    def _after_downlink(self, frame: Frame, tick: int) -> None:
        clock = self._links.clock
        clock.at(max(tick, clock.now), self._deliver, frame, None, frame.cause)

    def _deliver(self, frame: Frame, _: object) -> None:
        if self.is_open:
            self._links.arrived(frame)
            frame.receive(frame.what)

    # -- cut links

    def park(self, frame: Frame, tick: int) -> None:
        """Keep a frame that was sent into a cut link: its transport will go on trying."""
        self._links.parked[self] = None
        self._queues.parked.append((frame, tick))

    def retry(self) -> None:
        """The link is whole again: each frame goes at the next try of its transport, whose timeout doubles."""
        parked, self._queues.parked = self._queues.parked, []
        now = self._links.clock.now
        for frame, since in parked:
            wait = retransmission_timeout(self._links.round_trip(self.source, self.target))
            tried = since
            while tried < now:
                tried += wait
                wait *= 2
            self._links.clock.at(tried, self._try_again, frame, None, frame.cause)

    def _try_again(self, frame: Frame, _: object) -> None:
        self.travel(frame, self._links.clock.now)
