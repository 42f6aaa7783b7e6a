"""``lab.network`` of a real lab: the faults that real nodes can be given, in the words of a mock one.

Links between nodes that listen in memory (``transports=["memory"]``) can be slow, lose, be held and be cut, one way
too. Over the loopback nothing can be delayed or lost honestly: there a partition closes the connections between its
groups at once and lets nobody dial across, and everything else is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any, Final, NoReturn

from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.errors.checked import check_released, flag, list_of
from p2plab.host.names import unknown
from p2plab.real.nat.boxes import RealNatVerbs
from p2plab.real.transports.memory import MemoryNetwork
from p2plab.real.transports.memory_link import MAX_LATENCY, MAX_LOSS, MemoryLink
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.real.host import RealHost
    from p2plab.real.world import RealWorld

__all__ = ["RealCut", "RealNetwork"]

SIMULATED: Final = (
    "set_node",
    "drop",
    "corrupt",
    "delay",
    "clear",
    "preset",
    "churn",
    "segment",
)  # of a mock lab's network
MEMORY: Final = 'start nodes with transports=["memory"], or take a mock lab'


class RealCut:
    """A partition that can be healed by itself."""

    def __init__(self, network: RealNetwork, groups: list[list[str]], one_way: bool) -> None:
        self._network = network
        self.groups = groups
        self.one_way = one_way

    def ways(self) -> Iterator[tuple[str, str]]:
        """Who cannot send to whom."""
        pairs = [(self.groups[0], other) for other in self.groups[1:]] if self.one_way else permutations(self.groups, 2)
        return ((a, b) for one, other in pairs for a in one for b in other)

    def heal(self) -> None:
        """Undo this one."""
        self._network.heal(self)

    def __repr__(self) -> str:
        return "<RealCut " + " | ".join(", ".join(group[:6]) for group in self.groups) + ">"


class RealNetwork(RealNatVerbs):
    """The faults of one lab's network."""

    ref = "network"
    _world: RealWorld

    def __init__(self, world: RealWorld) -> None:
        self._world = world
        self._cuts: list[RealCut] = []
        self._held: set[tuple[str, str]] = set()

    @property
    def zone(self) -> NoReturn:
        """NotInThisWorldError: a real node's names are the system's."""
        raise NotInThisWorldError(
            "lab.network.zone is of a mock lab; real nodes take names as the system resolves them: /etc/hosts and its "
            "name servers"
        )

    # -- cuts

    def partition(self, *groups: Sequence[Any], one_way: bool = False) -> RealCut:
        """Cut the network between groups of nodes. In memory the links fall silent, and go on when healed; over the
        loopback the connections between the groups are closed, and dials fail as having no route.

        ``one_way`` (in memory only): what the first group sends to the others is lost. Raises ValidationError.
        """
        names = [[self._name(node) for node in list_of(group, "a group of nodes", "[alice, bob]")] for group in groups]
        flat = [name for group in names for name in group]
        if len(names) < 2 or not all(names) or len(set(flat)) < len(flat):
            raise ValidationError(
                f"a partition needs two groups or more, each node in one of them: partition([a], [b, c]), not {names}"
            )
        one_way = flag(one_way, "one_way")
        if one_way and any(not self._in_memory(a, b) for a, b in combinations(flat, 2)):
            raise NotInThisWorldError(f"a connection on the loopback cannot be cut one way; {MEMORY}")
        return self._world.call(self._partition, names, one_way)

    def _partition(self, groups: list[list[str]], one_way: bool) -> RealCut:
        cut = RealCut(self, groups, one_way)
        self._cuts.append(cut)
        self._record("network.partition", {"groups": groups, "one_way": one_way})
        self._set_links()
        for a, b in cut.ways():
            self._hang_up(self._node(a), self._node(b))
        return cut

    def heal(self, cut: RealCut | None = None) -> None:
        """Undo one partition, or all of them."""
        if cut is not None and not isinstance(cut, RealCut):
            raise ValidationError(f"heal takes what partition gave, or nothing to undo every cut, not {cut!r}")
        self._world.call(self._heal, cut)

    def _heal(self, cut: RealCut | None) -> None:
        self._cuts = [other for other in self._cuts if cut is not None and other is not cut]
        self._record("network.heal", {} if cut is None else {"groups": cut.groups})
        self._set_links()

    def severs(self, a: str, b: str | None) -> bool:
        """Whether a partition keeps two nodes of the lab, that are not both in memory, from dialling each other."""
        if b is None or not self._cuts or self._world.find(b) is None or self._in_memory(a, b):
            return False
        return any((a, b) in cut.ways() or (b, a) in cut.ways() for cut in self._cuts)

    def _hang_up(self, a: RealHost, b: RealHost) -> None:
        for connection in a.connections_to(b.index):
            if connection.info.transport != "memory":
                connection.doomed = True  # who dials from now on must not be given what is about to end
                connection.stack.start(connection.muxed.hang_up, "cutting a connection")

    # -- links in memory

    def set_link(
        self,
        between: Sequence[Any] | None = None,
        one_way: bool = False,
        *,
        latency: float | None = None,
        loss: float | None = None,
        **other: Any,
    ) -> None:
        """How slow links in memory are (``latency``, seconds one way), and how much they lose (``loss``, a chance;
        what is lost is sent again, as by TCP): all of them, or those ``between=(a, b)``. NotInThisWorldError,
        ValidationError."""
        if other:
            raise NotInThisWorldError(f"a real lab's links have no {next(iter(other))}; only a mock lab's have")
        for name, value, most in (("latency", latency, MAX_LATENCY), ("loss", loss, MAX_LOSS)):
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most
            ):
                raise ValidationError(f"{name} must be a number from 0 to {most:g}, not {value!r}")
        pairs = None if between is None else self._pair(between, one_way)
        if pairs is None and not any(self._listens_in_memory(host) for host in self._world.real_hosts()):
            self._refuse("a link on the loopback cannot be slow or lossy")
        for a, b in pairs or ():
            if not self._in_memory(a, b):
                self._refuse(f"the link between {a} and {b} is on the loopback, and cannot be slow or lossy")
        self._world.call(self._set_link, pairs, latency, loss)

    def _set_link(self, pairs: list[tuple[str, str]] | None, latency: float | None, loss: float | None) -> None:
        network = MemoryNetwork.current()
        for link in [network.default] if pairs is None else [self._link(a, b) for a, b in pairs]:
            link.set(delay=latency, loss=loss)

    def hold(self, a: Any, b: Any, one_way: bool = False) -> None:
        """Keep what two nodes in memory send each other (``one_way``: what a sends to b) until ``release``."""
        pairs = self._pair((a, b), one_way)
        if not self._in_memory(*pairs[0]):
            self._refuse("what is on its way over the loopback cannot be held")
        self._world.call(self._hold, pairs, one_way)

    def _hold(self, pairs: list[tuple[str, str]], one_way: bool) -> None:
        self._held |= set(pairs)
        self._record("network.hold", {"between": list(pairs[0]), "one_way": one_way})
        self._set_links()

    def release(self, a: Any = None, b: Any = None) -> None:
        """Let go what was held between a and b, or everywhere. ValidationError for one of them alone."""
        check_released(a, b)
        self._world.call(self._release, None if a is None else self._pair((a, b), False))

    def _release(self, pairs: list[tuple[str, str]] | None) -> None:
        self._held -= self._held.copy() if pairs is None else set(pairs)
        self._record("network.release", {} if pairs is None else {"between": list(pairs[0])})
        self._set_links()

    # -- the rest

    def _set_links(self) -> None:
        """Have the links in memory be cut or not, as partitions and holds say."""
        closed = set(self._held).union(*(cut.ways() for cut in self._cuts))
        for a, b in permutations([host.name for host in self._world.real_hosts()], 2):
            if self._in_memory(a, b) and self._link(a, b).cut != ((a, b) in closed):
                self._link(a, b).set(cut=(a, b) in closed)

    def _link(self, a: str, b: str) -> MemoryLink:
        node = self._node
        return MemoryNetwork.current().link(str(node(a).peer_id), str(node(b).peer_id))

    def _in_memory(self, a: str, b: str) -> bool:
        return all(self._listens_in_memory(self._node(name)) for name in (a, b))

    def _listens_in_memory(self, host: RealHost) -> bool:
        return all(address.startswith("/memory/") for address in host.listen)

    def _pair(self, between: Sequence[Any], one_way: bool) -> list[tuple[str, str]]:
        names = [self._name(node) for node in list_of(between, "between=", "[alice, bob]")]
        if len(names) != 2 or names[0] == names[1]:
            raise ValidationError(f"between=(a, b) names two different nodes, not {names}")
        a, b = names
        return [(a, b)] if one_way else [(a, b), (b, a)]

    def _host(self, node: Any) -> RealHost:
        name = node if isinstance(node, str) else getattr(node, "name", None)
        if not isinstance(name, str) or getattr(node, "world", self._world) is not self._world:
            raise ValidationError(f"{node!r} is no node of this lab; give a Node or its name")
        return self._node(name)

    def _name(self, node: Any) -> str:
        return self._host(node).name

    def _node(self, name: str) -> RealHost:
        host = self._world.find(name)
        if host is None:
            raise unknown(name, self._world.hosts())
        return host

    def _record(self, kind: str, data: dict[str, Any]) -> None:
        self._world.events.record(kind, reason="requested", data=data)

    def _refuse(self, why: str) -> NoReturn:
        raise NotInThisWorldError(f"{why}; {MEMORY}")

    def __getattr__(self, name: str) -> Any:
        if name in SIMULATED:

            def refuse(*args: Any, **kwargs: Any) -> NoReturn:
                raise NotInThisWorldError(f"lab.network.{name} needs a simulated network: take a mock lab")

            return refuse
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"<RealNetwork: {plural(len(self._cuts), 'partition')}, {plural(len(self._held), 'link')} held>"
