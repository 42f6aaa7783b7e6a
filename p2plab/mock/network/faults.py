"""``lab.network``: cuts, holds, and frames that are dropped, delayed or corrupted."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p2plab.commanded import commanded
from p2plab.errors import ValidationError
from p2plab.errors.checked import check_released, flag
from p2plab.mock.connections.connection import MockConnection
from p2plab.mock.connections.line import DATA, RPC
from p2plab.mock.connections.stream import MockStream
from p2plab.mock.nat.pipes import RelayedPipe
from p2plab.mock.network.names import Names
from p2plab.mock.runtime import to_ticks
from p2plab.network import Frame, FrameFault, Partition
from p2plab.text import RAISABLE

if TYPE_CHECKING:
    from p2plab.mock.world import MockWorld


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

    def __init__(self, network: FaultVerbs, partition: Partition, groups: list[list[str]]) -> None:
        self._network = network
        self.made_by = -1  # the command
        self.partition = partition
        self.groups = groups

    def heal(self) -> None:
        """Undo this one."""
        self._network.heal(self)

    def __repr__(self) -> str:
        return (
            "<Cut " + " | ".join(", ".join(group[:6]) + ("…" if len(group) > 6 else "") for group in self.groups) + ">"
        )


class FaultVerbs(Names):
    """What goes wrong, on request."""

    def __init__(self, world: MockWorld) -> None:
        super().__init__(world)
        self._links.on_damage = self._damage

    # -- cuts

    @commanded("network", "network_partition alice|bob,carol", echo=("groups", "one_way"), gives=False)
    def partition(self, *groups: Sequence[Any], one_way: bool = False) -> Cut:
        """Cut the network between groups of nodes; nodes in no group are not touched.

        Args:
            groups: two or more groups of nodes: ``partition([a, b], [c, d])``
            one_way: only what the first group sends to the others is lost

        Returns:
            The Cut; its ``heal()`` undoes it.

        Raises:
            ValidationError: a node in two groups, or a group without nodes.

        Example:
            >>> cut = lab.network.partition([alice], [bob, carol])
            >>> lab.events.state().partitions
            [[['alice'], ['bob', 'carol']]]
            >>> cut.heal()
        """
        names = [self._names(group, "a group of nodes") for group in groups]
        flat = [name for group in names for name in group]
        twice = sorted({name for name in flat if flat.count(name) > 1}) if len(set(flat)) < len(flat) else []
        if twice:
            raise ValidationError(f"a partition names {twice[0]} twice; each node is in one group at most")
        if len(names) < 2 or not all(names):
            raise ValidationError("a partition needs at least two groups of at least one node: partition([a], [b, c])")
        return self._world.call(self._partition, names, flag(one_way, "one_way"))

    def _partition(self, groups: list[list[str]], one_way: bool) -> Cut:
        indices = [[self._index(name) for name in group] for group in groups]
        partition = self._links.cut(indices, one_way)
        self._record("network.partition", {"groups": groups, "one_way": one_way})
        self.watch_cuts()
        return Cut(self, partition, groups)

    @commanded("network", "network_partition alice|bob; network_heal", without=("cut",))
    def heal(self, cut: Cut | None = None) -> None:
        """Undo every partition. Connections that have not timed out go on where they were.

        Args:
            cut: what ``partition`` gave, to undo only that one

        Raises:
            ValidationError: it is no Cut.

        Example:
            >>> cut = lab.network.partition([alice], [bob, carol])
            >>> lab.network.heal()
            >>> lab.events.state().partitions
            []
        """
        if cut is not None and not isinstance(cut, Cut):
            raise ValidationError(f"heal takes what partition gave, or nothing to undo every cut, not {cut!r}")
        self._world.call(self._heal, cut)

    def _heal(self, cut: Cut | None) -> None:
        self._links.mend(None if cut is None else cut.partition)
        self._record("network.heal", {} if cut is None else {"groups": cut.groups})
        self.watch_cuts()

    def watch_cuts(self) -> None:
        """Start or stop the clock of every connection whose link was cut or mended."""
        now, timeout = self._world.clock.now, self._world.connection_timeout
        for end in self._ends():
            if isinstance(end.out, RelayedPipe):
                continue  # what cuts the two apart does not cut either from the relay
            a, b = end.host.index, end.peer
            if not (self._links.is_cut(a, b) or self._links.is_cut(b, a)):
                end.cut_since = -1
            elif end.cut_since < 0:
                end.cut_since = now
                self._world.clock.after(timeout, self._give_up, end, now)

    def _give_up(self, end: MockConnection, since: int) -> None:
        if end.cut_since == since:
            end.closed("timeout")

    # -- holds

    @commanded("network", "network_hold alice bob", worlds="mock")
    def hold(self, a: Any, b: Any, one_way: bool = False) -> None:
        """Keep back what two nodes send each other, until it is released.

        Args:
            a: a node or its name
            b: another one
            one_way: only what a sends to b
        """
        self._world.call(self._hold, self._name(a), self._name(b), flag(one_way, "one_way"))

    def _hold(self, a: str, b: str, one_way: bool) -> None:
        for x, y in self._directions(a, b, one_way):
            self._links.hold(x, y)
        self._record("network.hold", {"between": [a, b], "one_way": one_way})

    @commanded("network", "network_hold alice bob; network_release", worlds="mock", result="frames")
    def release(self, a: Any = None, b: Any = None) -> int:
        """Let go what was kept back.

        Args:
            a: a node or its name: only what is between it and ``b``; left out, everything
            b: the other one

        Returns:
            How many frames there were.

        Raises:
            ValidationError: one of them alone.
        """
        check_released(a, b)
        return self._world.call(self._release, *(None if node is None else self._name(node) for node in (a, b)))

    def _release(self, a: str | None, b: str | None) -> int:
        if a is None or b is None:
            pairs, between = self._links.held(), {}
        else:
            pairs, between = self._directions(a, b, one_way=False), {"between": [a, b]}
        count = sum(self._links.release(x, y) for x, y in pairs)
        self._record("network.release", {"frames": count, **between})
        return count

    def _directions(self, a: str, b: str, one_way: bool) -> list[tuple[int, int]]:
        x, y = self._index(a), self._index(b)
        return [(x, y)] if one_way else [(x, y), (y, x)]

    # -- frames

    @commanded("network", "network_drop 1 between=alice,bob", worlds="mock")
    def drop(self, which: int | Callable[[FrameInfo], object], between: Sequence[Any] | None = None) -> None:
        """Lose the next frames for good.

        Args:
            which: how many, or a function of a frame that says whether it is one of them
            between: only those between these two nodes; left out, of every link
        """
        self._add_rule("drop", which, between, 0.0)

    @commanded("network", "network_corrupt 1 between=alice,bob", worlds="mock")
    def corrupt(self, which: int | Callable[[FrameInfo], object], between: Sequence[Any] | None = None) -> None:
        """Change the next frames on their way; the receiver's cipher refuses them and closes the connection.

        Args:
            which: how many, or a function of a frame that says whether it is one of them
            between: only those between these two nodes; left out, of every link
        """
        self._add_rule("corrupt", which, between, 0.0)

    @commanded("network", "network_delay 200ms 2 between=alice,bob", worlds="mock")
    def delay(
        self, seconds: float, which: int | Callable[[FrameInfo], object], between: Sequence[Any] | None = None
    ) -> None:
        """Send the next frames later; those behind them on the same connection wait too.

        Args:
            seconds: by how much lab time
            which: how many, or a function of a frame that says whether it is one of them
            between: only those between these two nodes; left out, of every link
        """
        self._add_rule("delay", which, between, seconds)

    @commanded("network", "network_drop 5; network_clear", worlds="mock")
    def clear(self) -> None:
        """Forget every drop, corrupt and delay that was asked for."""
        self._world.call(self._clear)

    def _clear(self) -> None:
        for rule in list(self._links.rules):
            self._links.remove_rule(rule)

    def _add_rule(self, action: str, which: Any, between: Sequence[Any] | None, seconds: float) -> None:
        if not callable(which) and (isinstance(which, bool) or not isinstance(which, int) or which < 1):
            raise ValidationError(f"{action} takes how many frames, from 1 up, or a function of a frame, not {which!r}")
        pair = None if between is None else self._pair(between)
        self._world.call(self._rule, action, which, pair, to_ticks(seconds, "delay"))

    def _rule(self, action: str, which: Any, pair: tuple[str, str] | None, ticks: int) -> None:
        wanted = None if pair is None else {self._index(name) for name in pair}

        def matches(frame: Frame) -> object:
            if wanted is not None and {frame.pipe.source, frame.pipe.target} != wanted:
                return False
            return self._is_one(action, which, frame) if callable(which) else True

        self._links.add_rule(FrameFault(action, matches, None if callable(which) else which, ticks))

    def _is_one(self, action: str, which: Callable[[FrameInfo], object], frame: Frame) -> bool:
        """What a function of the user's says of a frame; no, where it raises: that harms nothing else."""
        try:
            answer = which(self._info(frame))
            if inspect.iscoroutine(answer):
                answer.close()
                raise TypeError("it answers at once, whether the frame is one of them, and this one gave a coroutine")
            return bool(answer)
        except RAISABLE as error:
            what = f"the function of a frame given to {action}"
            self._world.runtime.report(error, what, frame.pipe.source, "frame function")
            return False

    def _info(self, frame: Frame) -> FrameInfo:
        source, target = (self._world.host_at(index).name for index in (frame.pipe.source, frame.pipe.target))
        kind = frame.kind if frame.kind in (DATA, RPC) else "control"
        return FrameInfo(source, target, kind, frame.size, frame.what)

    def _damage(self, frame: Frame, action: str) -> None:
        """What a dropped or corrupted frame does to its connection."""
        owner = getattr(frame.receive, "__self__", None)
        end = owner.home if isinstance(owner, MockStream) else owner
        if action == "corrupt" and isinstance(end, MockConnection):
            self._world.clock.soon(lambda _, __: end.close("corrupted"))
        elif isinstance(owner, MockStream):
            self._world.runtime.spawn(owner.reset, "a stream that lost a frame")
