"""Pipes: one direction of one connection. What is sent arrives once, in order, while the connection lives.

The way of a frame: the faults that were asked for (drop, corrupt, delay), then in pieces the congestion window of its
transport, the sender's line, the link (latency, jitter, packets lost and sent again), the receiver's line; it has come
when its last piece has. Most labs have none of these but latency; their frames take the short way at the top of
``send``, which ``plain.py`` has written out for many peers at once.

What waits, waits here, by stream: of each stream one piece at a time is given to the line, which serves all streams of
all connections by their weights. So a line is shared while messages are under way, and what has not begun to leave can
be taken back (``refit``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.network.frames import PIECE, Frame, Piece, Queues
from p2plab.network.link import LinkTicks
from p2plab.network.window import RTO_MAX, SEGMENT, TRIES, CongestionWindow, retransmission_timeout

if TYPE_CHECKING:
    from p2plab.chance import Stream
    from p2plab.network.links import Links

TRANSPORTS = ("ideal", "tcp", "quic")
_NO_VERSION = 1 << 62  # that links never come to
_NONE_LEFT: list[int] = []  # shared, and always empty


class Pipe:
    """The direction from node ``source`` to node ``target`` (small ints) of one connection."""

    __slots__ = (
        "_links",
        "_made_queues",
        "is_open",
        "last",
        "left",
        "plain_at",
        "source",
        "target",
        "ticks",
        "transport",
    )

    def __init__(self, links: Links, source: int, target: int, transport: str = "ideal") -> None:
        self.source = source
        self.target = target
        self.transport = transport
        self.is_open = True
        self._links = links
        # The version of the links' settings that ``ticks`` is of, if nothing but latency and jitter happens, or its
        # complement ``~version``, if more may: ten thousand nodes have many pipes.
        self.plain_at = _NO_VERSION
        self.ticks: LinkTicks = links.default_ticks
        self.last = 0  # the tick of the last arrival
        self._made_queues: Queues | None = None
        self.left: list[int] = _NONE_LEFT  # of jitter, where there is any: what was drawn and nobody had yet

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
        version = links.version
        if self.plain_at != version:
            if self.plain_at != ~version:
                self._refresh()
            if self.plain_at != version:
                links.faulty(Frame(self, size, receive, what, cause, flow, weight, kind))
                return
        clock, ticks = links.clock, self.ticks
        arrival = clock.now + ticks.latency
        if ticks.jitter:
            arrival += ticks.jitter[self.byte()]
        if arrival < self.last:
            arrival = self.last
        else:
            self.last = arrival
        if "link.sent" not in links.log.unwanted:
            sent = links.log.record("link.sent", self.source, self.target, size=size, cause=cause)
            clock.at(arrival, self._arrive_traced, (receive, size, sent), what, cause)
        else:
            clock.at(arrival, self._arrive, receive, what, cause)

    def byte(self) -> int:
        """Draw the number that chooses a frame's jitter."""
        left = self.left
        return left.pop() if left else self._chance.byte()

    @property
    def _chance(self) -> Stream:
        """What jitter is drawn from; looked up, since it is asked for once in 64 frames."""
        return self._links.draws.between("link.jitter", self.source, self.target)

    def _refresh(self) -> None:
        links = self._links
        self.ticks = links.ticks(self.source, self.target)
        if self.ticks.jitter:
            self.left = self._chance.left
        plain = self.transport == "ideal" and not self.ticks.trouble and links.is_plain(self.source, self.target)
        self.plain_at = links.version if plain else ~links.version

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
            chance = self._links.draws.between("link.trouble", self.source, self.target)
            self._made_queues = Queues(self.transport, chance)
        return self._made_queues

    def leave(self, frame: Frame) -> None:
        """Send a frame that no fault has taken."""
        frames = self._queues.waiting.get(frame.flow)
        if frames is None:
            self._queues.waiting[frame.flow] = deque((frame,))
        else:
            frames.append(frame)
        self._pump()

    def refit(self, flow: int, size_of: Callable[[Frame], int | None]) -> None:
        """Ask the size anew of what waits of a stream and has not begun to leave; what has none (None) any more does
        not leave."""
        queues = self._made_queues
        if queues is None:
            return
        piece = queues.in_line.get(flow)
        if piece is not None and piece.size + piece.frame.left == piece.frame.size:
            self._refit_first(piece, size_of(piece.frame))
        gone = piece.frame if piece is not None and piece.is_void else None  # asked about already
        kept: deque[Frame] = deque()
        for frame in queues.waiting.get(flow, ()):
            if frame is gone:
                continue
            if frame.left == frame.size:
                size = size_of(frame)
                if size is None:
                    continue
                frame.size = frame.left = size
            if frame.left or not frame.size:
                kept.append(frame)
        if kept:
            queues.waiting[flow] = kept
        else:
            queues.waiting.pop(flow, None)
            self._pump()  # what is to come behind all others may be next

    def _refit_first(self, piece: Piece, size: int | None) -> None:
        """The same for a frame of which the first piece waits for the line."""
        frame, before = piece.frame, piece.size
        if size == frame.size:
            return
        piece.is_void = size is None
        piece.size = min(before, size or 0)
        frame.size, frame.left = size or 0, max(0, (size or 0) - piece.size)
        piece.is_last = not frame.left
        window = self._queues.window
        if window is not None:
            window.sent(self._links.clock.now, piece.size - before)

    def _pump(self) -> None:
        """Let leave what may: one piece of each stream to the line, and as much as the window allows."""
        queues, links = self._queues, self._links
        now, line, window = links.clock.now, links.uplink(self.source), queues.window
        while self.is_open:
            frame = queues.next_frame()
            if frame is None:
                return
            size = frame.left if line is None else min(frame.left, PIECE)
            if window is not None:
                room = window.room(now, links.round_trip(self.source, self.target))
                if room < size and room < min(SEGMENT, size):
                    self._wait_for(window)
                    return
                size = min(size, room) if room > 0 else size
                window.sent(now, size)
            piece = queues.take(frame, size)
            if line is None:
                self.travel(piece, now)
            else:
                queues.in_line[frame.flow] = piece
                line.put(piece.through(self._left))

    def _wait_for(self, window: CongestionWindow) -> None:
        """Look again when the next acknowledgement comes; where nothing has come yet, ``_deliver`` sees to it."""
        tick, queues, clock = window.next_ack, self._queues, self._links.clock
        if tick is not None and queues.wakes < 0:
            queues.wakes = max(tick, clock.now)
            clock.at(queues.wakes, self._look_again, None, None, -1)

    def _look_again(self, _: object, __: object) -> None:
        self._queues.wakes = -1
        self._pump()

    def _left(self, piece: Piece, tick: int) -> None:
        """A piece has passed the sender's line: the next of its stream may wait there."""
        del self._queues.in_line[piece.flow]
        if not piece.is_void:
            self.travel(piece, tick)
        self._pump()

    def travel(self, piece: Piece, tick: int) -> None:
        """The piece's last byte left in this tick."""
        links, ticks, frame = self._links, self.ticks, piece.frame
        if links.is_cut(self.source, self.target):
            self.park(piece, tick)
            return
        arrival = tick + ticks.latency + frame.delay
        if ticks.jitter:
            arrival += ticks.jitter[self.byte()]
        if ticks.trouble:
            arrival += self._trouble(piece, ticks)
        arrival = self._in_order(piece.flow, max(arrival, links.clock.now))
        line = links.downlink(self.target)
        if line is None:
            links.clock.at(arrival, self._deliver, piece, None, frame.cause)
        else:
            piece.through(self._after_downlink)
            links.clock.at(arrival, self._reach, piece, None, frame.cause)

    def _in_order(self, flow: int, arrival: int) -> int:
        """No earlier than what was sent before it: on the connection, or with QUIC on the same stream."""
        if self.transport != "quic":
            self.last = max(self.last, arrival)
            return self.last
        last = self._queues.last_of_flow
        last[flow] = arrival = max(last.get(flow, 0), arrival)
        return arrival

    def _trouble(self, piece: Piece, ticks: LinkTicks) -> int:
        """Ticks that lost and overtaken packets of the piece cost. A packet lost several times waits for doubled
        timeouts (RFC 6298 section 5.5); packets of one piece are sent again side by side, so the slowest counts."""
        links, worst, chance, frame = self._links, 0, self._queues.chance.word, piece.frame
        timeout = retransmission_timeout(links.round_trip(self.source, self.target))
        for _ in range(-(-piece.size // SEGMENT) or 1):
            cost, wait, tries = 0, timeout, 0
            while ticks.loss and tries < TRIES and chance() < ticks.loss:
                links.lost(frame, wait)
                cost, wait, tries = cost + wait, max(timeout, min(2 * wait, RTO_MAX)), tries + 1
            if ticks.reorder and chance() < ticks.reorder:
                cost += ticks.reorder_delay
            if ticks.duplicate and chance() < ticks.duplicate:
                links.duplicated(frame)
            worst = max(worst, cost)
        return worst

    def _reach(self, piece: Piece, _: object) -> None:
        line = self._links.downlink(self.target)
        if line is None:
            self._deliver(piece, None)
        else:
            line.put(piece)

    def _after_downlink(self, piece: Piece, tick: int) -> None:
        clock = self._links.clock
        if tick <= clock.now and not piece.is_last and self._queues.window is None:
            return  # nothing is to be done about it
        clock.at(max(tick, clock.now), self._deliver, piece, None, piece.frame.cause)

    def _deliver(self, piece: Piece, _: object) -> None:
        if not self.is_open:
            return
        window = self._queues.window
        if window is not None:
            back = self._links.ticks(self.target, self.source).latency
            window.came(self._links.clock.now + back, piece.size)
            if self._queues.waiting:
                self._wait_for(window)
        if piece.is_last:
            frame = piece.frame
            self._links.arrived(frame)
            frame.receive(frame.what)

    # -- cut links

    def park(self, piece: Piece, tick: int) -> None:
        """Keep a piece that was sent into a cut link: its transport will go on trying."""
        self._links.parked[self] = None
        self._queues.parked.append((piece, tick))

    def retry(self) -> None:
        """The link is whole again: each piece goes at the next try of its transport, whose timeout doubles."""
        parked, self._queues.parked = self._queues.parked, []
        now = self._links.clock.now
        for piece, since in parked:
            wait = retransmission_timeout(self._links.round_trip(self.source, self.target))
            tried = since
            while tried < now:
                tried += wait
                wait *= 2
            self._links.clock.at(tried, self._try_again, piece, None, piece.frame.cause)

    def _try_again(self, piece: Piece, _: object) -> None:
        self.travel(piece, self._links.clock.now)
