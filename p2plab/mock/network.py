"""``lab.network``: the links and what goes wrong on them, by the names of the nodes.

Each verb takes no lab time and is written down as a command. What a fault does to connections is what TCP and libp2p
would do: a cut is silence, and after ``connection_timeout`` both ends give the connection up; a frame that was dropped
leaves a hole, so a byte stream is reset, while a pubsub RPC is simply lost; a corrupted frame fails its cipher's check,
which ends the connection (noise/README.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p2plab.errors import UnknownNodeError, ValidationError
from p2plab.mock.connection import End
from p2plab.mock.runtime import to_ticks
from p2plab.mock.stream import MockStream
from p2plab.network import Frame, Link, Partition, Rule

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost
    from p2plab.mock.world import MockWorld

__all__ = ["Cut", "FrameInfo", "SimulatedNetwork"]

MOST_RATE = 1e15  # bytes a second; more is no limit at all


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """A frame as the predicates of ``drop``, ``delay`` and ``corrupt`` see it. ``kind`` is ``rpc`` (``what`` is the
    pubsub RPC), ``data`` (bytes of a stream) or ``control`` (everything else); ``size`` is in bytes on the wire."""

    source: str
    target: str
    kind: str
    size: int
    what: Any


class Cut:
    """A partition that can be healed by itself."""

    def __init__(self, network: SimulatedNetwork, partition: Partition, groups: list[list[str]]) -> None:
        self._network = network
        self.partition = partition
        self.groups = groups

    def heal(self) -> None:
        """Undo this one."""
        self._network.heal(self)

    def __repr__(self) -> str:
        return (
            "<Cut " + " | ".join(", ".join(group[:6]) + ("…" if len(group) > 6 else "") for group in self.groups) + ">"
        )


class SimulatedNetwork:
    """The simulated network of a mock lab."""

    ref = "network"

    def __init__(self, world: MockWorld) -> None:
        self._world = world
        self._links = world.links
        self._links.on_damage = self._damage

    # -- links and lines

    def set_link(self, between: Sequence[Any] | None = None, one_way: bool = False, **settings: Any) -> None:
        """Change the default link, or the one ``between=(a, b)`` (``one_way``: only from a to b).

        ``settings`` are the fields of ``p2plab.network.Link``: ``latency`` (seconds, one way), ``jitter``,
        ``distribution``, ``loss``, ``duplicate``, ``reorder``, ``reorder_delay``. Fields not given stay as they are.
        """
        pair = None if between is None else self._pair(between)
        self._world.do(self._set_link, pair, one_way, settings)

    def _set_link(self, between: tuple[str, str] | None, one_way: bool, settings: dict[str, Any]) -> None:
        if between is None:
            if one_way:
                raise ValidationError("one_way goes with between=(a, b); the default link is every direction's")
            self._links.set_default(self._links.default.changed(**settings))
            return
        a, b = (self._index(name) for name in between)
        changed = [(x, y, self._links.between(x, y).changed(**settings)) for x, y in ((a, b), (b, a))]
        for x, y, link in changed[: 1 if one_way else 2]:
            self._links.set_between(x, y, link)

    def link(self, a: Any, b: Any) -> Link:
        """The link from a to b."""
        return self._links.between(self._index(self._name(a)), self._index(self._name(b)))

    def set_node(self, node: Any, up: float | None = None, down: float | None = None) -> None:
        """A node's bandwidth in bytes a second, up and down; None: no limit. What does not fit waits its turn."""
        for name, rate in (("up", up), ("down", down)):
            number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
            if rate is not None and not (number and 0 < rate <= MOST_RATE):
                raise ValidationError(f"{name} must be a number of bytes a second above 0, or None, not {rate!r}")
        self._world.do(self._set_node, self._name(node), up, down)

    def _set_node(self, node: str, up: float | None, down: float | None) -> None:
        self._links.set_rates(self._index(node), up, down)

    # -- cuts

    def partition(self, *groups: Sequence[Any], one_way: bool = False) -> Cut:
        """Cut the network between groups of nodes, ``partition([a, b], [c, d])``; nodes in no group are not touched.

        ``one_way``: only what the first group sends to the others is lost. ValidationError for a node in two groups.
        """
        names = [[self._name(node) for node in group] for group in groups]
        flat = [name for group in names for name in group]
        twice = sorted({name for name in flat if flat.count(name) > 1}) if len(set(flat)) < len(flat) else []
        if twice:
            raise ValidationError(f"a partition names {twice[0]} twice; each node is in one group at most")
        if len(names) < 2 or not all(names):
            raise ValidationError("a partition needs at least two groups of at least one node: partition([a], [b, c])")
        return self._world.do(self._partition, names, one_way)

    def _partition(self, groups: list[list[str]], one_way: bool) -> Cut:
        indices = [[self._index(name) for name in group] for group in groups]
        partition = self._links.cut(indices, one_way)
        self._record("network.partition", {"groups": groups, "one_way": one_way})
        self.watch_cuts()
        return Cut(self, partition, groups)

    def heal(self, cut: Cut | None = None) -> None:
        """Undo one partition, or all of them. Connections that have not timed out go on where they were."""
        self._world.do(self._heal, cut)

    def _heal(self, cut: Cut | None) -> None:
        self._links.mend(None if cut is None else cut.partition)
        self._record("network.heal", {} if cut is None else {"groups": cut.groups})
        self.watch_cuts()

    def watch_cuts(self) -> None:
        """Start or stop the clock of every connection whose link was cut or mended."""
        now, timeout = self._world.clock.now, self._world.connection_timeout
        for end in self._ends():
            a, b = end.host.index, end.peer
            if not (self._links.is_cut(a, b) or self._links.is_cut(b, a)):
                end.cut_since = -1
            elif end.cut_since < 0:
                end.cut_since = now
                self._world.clock.after(timeout, self._give_up, end, now)

    def _give_up(self, end: End, since: int) -> None:
        if end.cut_since == since:
            end.closed("timeout")

    def _ends(self) -> Iterator[End]:
        for host in self._world.all_hosts():
            for ends in list(host.ends.values()):
                yield from list(ends)

    # -- holds

    def hold(self, a: Any, b: Any, one_way: bool = False) -> None:
        """Keep what a and b send each other (``one_way``: what a sends to b) until ``release``."""
        self._world.do(self._hold, self._name(a), self._name(b), one_way)

    def _hold(self, a: str, b: str, one_way: bool) -> None:
        for x, y in self._directions(a, b, one_way):
            self._links.hold(x, y)
        self._record("network.hold", {"between": [a, b], "one_way": one_way})

    def release(self, a: Any = None, b: Any = None) -> int:
        """Let go what was held between a and b, or everywhere; returns how many frames there were."""
        return self._world.do(self._release, *(None if node is None else self._name(node) for node in (a, b)))

    def _release(self, a: str | None, b: str | None) -> int:
        if a is None or b is None:
            pairs = self._links.held()
        else:
            pairs = self._directions(a, b, one_way=False)
        count = sum(self._links.release(x, y) for x, y in pairs)
        self._record("network.release", {"frames": count})
        return count

    def _directions(self, a: str, b: str, one_way: bool) -> list[tuple[int, int]]:
        x, y = self._index(a), self._index(b)
        return [(x, y)] if one_way else [(x, y), (y, x)]

    # -- frames

    def drop(self, which: int | Callable[[FrameInfo], object], between: Sequence[Any] | None = None) -> None:
        """Lose frames for good: the next ``which`` of them, or those for which ``which(frame)`` is true."""
        self._add_rule("drop", which, between, 0.0)

    def corrupt(self, which: int | Callable[[FrameInfo], object], between: Sequence[Any] | None = None) -> None:
        """Change frames on their way, so that the receiving end's cipher refuses them and closes the connection."""
        self._add_rule("corrupt", which, between, 0.0)

    def delay(
        self, seconds: float, which: int | Callable[[FrameInfo], object], between: Sequence[Any] | None = None
    ) -> None:
        """Send frames later by so many seconds; those behind them on the same connection wait too."""
        self._add_rule("delay", which, between, seconds)

    def clear(self) -> None:
        """Forget every ``drop``, ``corrupt`` and ``delay`` that was asked for."""
        self._world.do(self._clear)

    def _clear(self) -> None:
        for rule in list(self._links.rules):
            self._links.remove_rule(rule)

    def _add_rule(self, action: str, which: Any, between: Sequence[Any] | None, seconds: float) -> None:
        if not callable(which) and (isinstance(which, bool) or not isinstance(which, int) or which < 1):
            raise ValidationError(f"{action} takes how many frames, from 1 up, or a function of a frame, not {which!r}")
        pair = None if between is None else self._pair(between)
        self._world.do(self._rule, action, which, pair, to_ticks(seconds, "delay"))

    def _rule(self, action: str, which: Any, pair: tuple[str, str] | None, ticks: int) -> None:
        wanted = None if pair is None else {self._index(name) for name in pair}

        def matches(frame: Frame) -> object:
            if wanted is not None and {frame.pipe.source, frame.pipe.target} != wanted:
                return False
            return which(self._info(frame)) if callable(which) else True

        self._links.add_rule(Rule(action, matches, None if callable(which) else which, ticks))

    def _info(self, frame: Frame) -> FrameInfo:
        source, target = (self._world.host_at(index).name for index in (frame.pipe.source, frame.pipe.target))
        owner = getattr(frame.receive, "__self__", None)
        kind = "control"
        if isinstance(owner, End) and frame.receive.__name__ == "receive_rpc":
            kind = "rpc"
        elif isinstance(owner, MockStream) and isinstance(frame.what, bytes):
            kind = "data"
        return FrameInfo(source, target, kind, frame.size, frame.what)

    def _damage(self, frame: Frame, action: str) -> None:
        """What a dropped or corrupted frame does to its connection."""
        owner = getattr(frame.receive, "__self__", None)
        end = owner.home if isinstance(owner, MockStream) else owner
        if action == "corrupt" and isinstance(end, End):
            self._world.clock.soon(lambda _, __: end.close("corrupted"))
        elif isinstance(owner, MockStream):
            self._world.runtime.spawn(owner.reset, "a stream that lost a frame")

    # -- names

    def _record(self, kind: str, data: dict[str, Any]) -> None:
        self._world.events.record(kind, reason="requested", data=data)

    def _name(self, node: Any) -> str:
        name = node if isinstance(node, str) else getattr(node, "name", None)
        world = getattr(node, "world", self._world)
        if not isinstance(name, str) or world is not self._world:
            raise ValidationError(f"{node!r} is no node of this lab; give a Node or its name")
        self._host(name)
        return name

    def _pair(self, between: Sequence[Any]) -> tuple[str, str]:
        names = [self._name(node) for node in between]
        if len(names) != 2 or names[0] == names[1]:
            raise ValidationError(f"between=(a, b) names two different nodes, not {names}")
        return names[0], names[1]

    def _index(self, name: str) -> int:
        return self._host(name).index

    def _host(self, name: str) -> MockHost:
        host = self._world.find(name)
        if host is None:
            raise UnknownNodeError(f"this lab has no node {name!r}")
        return host

    def __repr__(self) -> str:
        link = self._links.default
        return f"<SimulatedNetwork: {link.latency * 1000:g} ms, {len(list(self._ends())) // 2} connections>"
