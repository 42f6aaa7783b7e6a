"""Everything between the nodes of a lab: the link of each pair, the nodes' lines, cuts, holds and other faults.

Nodes are small ints here. ``version`` counts changes, so that pipes know when to look anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from p2plab.events import EventLog
from p2plab.network.access import Discipline, Line
from p2plab.network.clock import Clock
from p2plab.network.draws import Draws
from p2plab.network.frames import Frame, Piece
from p2plab.network.link import Link, LinkTicks
from p2plab.network.matrix import LatencyMatrix
from p2plab.network.pipe import Pipe


class FirstInFirstOut:
    """The plainest discipline of a line."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()

    def push(self, piece: Piece) -> None:
        self._pieces.append(piece)

    def pop(self) -> Piece:
        return self._pieces.popleft()

    def __len__(self) -> int:
        return len(self._pieces)


class FrameFault:
    """A fault that picks frames: ``matches(frame)`` says which, ``apply`` what happens; it ends after ``count``."""

    def __init__(self, action: str, matches: Callable[[Frame], object], count: int | None, ticks: int = 0) -> None:
        self.action = action
        self.matches = matches
        self.left = count
        self.ticks = ticks


class Partition:
    """A cut between groups of nodes: nothing passes from one group to another. ``one_way``: only from the first to the
    others. Nodes in no group are not touched."""

    def __init__(self, groups: Sequence[Collection[int]], one_way: bool) -> None:
        self.group_of: Mapping[int, int] = {node: at for at, group in enumerate(groups) for node in group}
        self.one_way = one_way

    def cuts(self, source: int, target: int) -> bool:
        """Whether it stops what goes from source to target."""
        a, b = self.group_of.get(source), self.group_of.get(target)
        return a is not None and b is not None and a != b and (not self.one_way or a == 0)


def _harmless(frame: Frame, action: str) -> None:
    """What damage does unless the world says otherwise."""


class Links:
    """The network between the nodes."""

    had_rates = False  # whether some node's bandwidth is limited, or ever was

    def __init__(self, clock: Clock, log: EventLog, draws: Draws, default: Link) -> None:
        self.clock = clock
        self.log = log
        self.version = 0
        self.default = default
        self.default_ticks = LinkTicks(default)
        self.draws = draws
        self.on_damage: Callable[[Frame, str], None] = (
            _harmless  # what a dropped or corrupted frame does to its connection
        )
        self.discipline: Callable[[], Discipline] = FirstInFirstOut
        self.parked: dict[Pipe, None] = {}
        self.rules: list[FrameFault] = []
        self._between: dict[tuple[int, int], Link] = {}
        self._matrix: LatencyMatrix | None = None
        self._site_of: dict[int, int] = {}  # by node: its row in the matrix
        self._compiled: dict[Link, LinkTicks] = {}
        self._up: dict[int, Line] = {}
        self._down: dict[int, Line] = {}
        self._partitions: list[Partition] = []
        self._silent: dict[int, None] = {}
        self._held: dict[tuple[int, int], list[Frame]] = {}
        log.on_level(self._changed)

    def _changed(self) -> None:
        self.version += 1

    # -- links

    def set_default(self, link: Link) -> None:
        """The link of every pair that has none of its own."""
        self.default, self.default_ticks = link, LinkTicks(link)
        self._changed()

    def set_between(self, source: int, target: int, link: Link) -> None:
        """The link of one direction of one pair."""
        self._between[source, target] = link
        self._changed()

    def between(self, source: int, target: int) -> Link:
        """The link of a direction: its own, or the default one with latency and loss of the two nodes' sites."""
        link = self._between.get((source, target))
        if link is not None:
            return link
        matrix, a, b = self._matrix, self._site_of.get(source), self._site_of.get(target)
        if matrix is None or a is None or b is None:
            return self.default
        latency = matrix.seconds[a][b]
        jitter = min(self.default.jitter, latency) if self.default.distribution == "uniform" else self.default.jitter
        loss = self.default.loss if matrix.loss is None else matrix.loss[a][b]
        return self.default.changed(latency=latency, jitter=jitter, loss=loss)

    def set_matrix(self, matrix: LatencyMatrix | None, site_of: dict[int, int]) -> None:
        """Latencies by site; ``site_of`` gives the row of each node that has one."""
        self._matrix, self._site_of = matrix, site_of
        self._changed()

    def ticks(self, source: int, target: int) -> LinkTicks:
        """The link from one node to another, with its times in ticks."""
        if self._matrix is None and (source, target) not in self._between:
            return self.default_ticks
        link = self.between(source, target)
        found = self._compiled.get(link)
        if found is None:
            found = self._compiled[link] = LinkTicks(link)
        return found

    def round_trip(self, source: int, target: int) -> int:
        """Ticks there and back, without jitter."""
        return self.ticks(source, target).latency + self.ticks(target, source).latency

    # -- lines

    def set_rates(self, node: int, up: float | None, down: float | None) -> None:
        """A node's bandwidth in bytes a second; None: without limit."""
        if up is not None or down is not None:
            self.had_rates = True
        for lines, wanted in ((self._up, up), (self._down, down)):
            rate = None if wanted is None else max(1, round(wanted))  # whole numbers, so that every machine agrees
            if rate is None:
                if node in lines and not len(lines[node]):
                    del lines[node]
                elif node in lines:
                    lines[node].rate = 0  # what waits on it still has to pass
            elif node in lines:
                lines[node].rate = rate
            else:
                # What reaches a node was put in order by those who sent it: only a sender can prefer one to another.
                lines[node] = Line(self.clock, rate, self.discipline() if lines is self._up else FirstInFirstOut())
        self._changed()

    def uplink(self, node: int) -> Line | None:
        """The line that what the node sends has to pass; None: there is no limit."""
        return self._up.get(node)

    def downlink(self, node: int) -> Line | None:
        """The line that what is sent to the node has to pass."""
        return self._down.get(node)

    @property
    def loses(self) -> bool:
        """Whether some link loses packets."""
        matrix = self._matrix
        return (
            bool(self.default.loss)
            or any(link.loss for link in self._between.values())
            or (matrix is not None and matrix.loss is not None and any(map(any, matrix.loss)))
        )

    def is_plain(self, source: int, target: int) -> bool:
        """Whether nothing but latency and jitter happens from source to target."""
        return not (
            self.rules
            or source in self._up
            or target in self._down
            or (source, target) in self._held
            or self.is_cut(source, target)
        )

    # -- cuts

    def cut(self, groups: Sequence[Collection[int]], one_way: bool = False) -> Partition:
        """Cut the links between these groups."""
        partition = Partition(groups, one_way)
        self._partitions.append(partition)
        self._changed()
        return partition

    def mend(self, partition: Partition | None = None) -> None:
        """Undo one cut, or all of them."""
        self._partitions = [] if partition is None else [p for p in self._partitions if p is not partition]
        self._mended()

    def silence(self, node: int) -> None:
        """The node neither sends nor receives, without a word (a power cut)."""
        self._silent[node] = None
        self._changed()

    def unsilence(self, node: int) -> None:
        """Undo ``silence``."""
        self._silent.pop(node, None)
        self._mended()

    def _mended(self) -> None:
        self._changed()
        waiting, self.parked = list(self.parked), {}
        for pipe in waiting:
            if self.is_cut(pipe.source, pipe.target):
                self.parked[pipe] = None
            else:
                pipe.retry()

    def is_cut(self, source: int, target: int) -> bool:
        """Whether nothing gets from source to target at present."""
        if source in self._silent or target in self._silent:
            return True
        return any(partition.cuts(source, target) for partition in self._partitions)

    # -- holds

    def hold(self, source: int, target: int) -> None:
        """Keep what is sent from source to target until ``release``."""
        self._held.setdefault((source, target), [])
        self._changed()

    def release(self, source: int, target: int) -> int:
        """Let it go, in the order it was sent; returns how many frames there were."""
        frames = self._held.pop((source, target), [])
        self._changed()
        for frame in frames:
            frame.pipe.leave(frame)
        return len(frames)

    def held(self) -> list[tuple[int, int]]:
        """The directions that are held."""
        return list(self._held)

    # -- what happens to a frame on the long way

    def faulty(self, frame: Frame) -> None:
        """Apply the faults that were asked for to a frame that is being sent, and send what is left of it."""
        pipe = frame.pipe
        if self.log.wants("link.sent"):
            frame.sent = self.log.record("link.sent", pipe.source, pipe.target, size=frame.size, cause=frame.cause)
        for rule in [rule for rule in self.rules if rule.matches(frame)]:
            self._count(rule)
            if rule.action != "delay":
                reason = "dropped on request" if rule.action == "drop" else "corrupted on request"
                self.log.record(
                    "link.dropped", pipe.source, pipe.target, size=frame.size, reason=reason, cause=frame.cause
                )
                self.on_damage(frame, rule.action)
                return
            frame.delay += rule.ticks
        held = self._held.get((pipe.source, pipe.target))
        if held is not None:
            held.append(frame)
        else:
            pipe.leave(frame)

    def _count(self, rule: FrameFault) -> None:
        if rule.left is not None:
            rule.left -= 1
            if not rule.left:
                self.remove_rule(rule)

    def add_rule(self, rule: FrameFault) -> None:
        """Apply a fault to the frames it picks, after those there are."""
        self.rules.append(rule)
        self._changed()

    def remove_rule(self, rule: FrameFault) -> None:
        """Undo ``add_rule``."""
        self.rules.remove(rule)
        self._changed()

    def arrived(self, frame: Frame) -> None:
        """A frame came to its end."""
        if self.log.wants("link.arrived"):
            pipe = frame.pipe
            self.log.record("link.arrived", pipe.target, pipe.source, size=frame.size, cause=frame.sent)

    def lost(self, frame: Frame, wait: int) -> None:
        """One packet of a frame was lost, and is sent again after so many ticks."""
        pipe = frame.pipe
        data = {"retransmission": wait / self.log.resolution}
        self.log.record("link.retransmitted", pipe.source, pipe.target, size=frame.size, data=data, cause=frame.cause)

    def duplicated(self, frame: Frame) -> None:
        """One packet of a frame arrived twice, of which the transport keeps one."""
        pipe = frame.pipe
        self.log.record("link.duplicated", pipe.source, pipe.target, size=frame.size, cause=frame.cause)
