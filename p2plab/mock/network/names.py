"""What every part of ``lab.network`` needs: the nodes by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from p2plab.errors import ValidationError
from p2plab.errors.checked import list_of
from p2plab.errors.frames import Faced
from p2plab.host.names import unknown
from p2plab.mock.connections.connection import MockConnection

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost
    from p2plab.mock.world import MockWorld


class Names(Faced):
    """Nodes given by users, as names, hosts and indices. ValidationError for a node of another lab."""

    ref = "network"

    def __init__(self, world: MockWorld) -> None:
        self._world = world
        self._links = world.links

    def _record(self, kind: str, data: dict[str, Any]) -> None:
        self._world.events.record(kind, reason="requested", data=data)

    def _name(self, node: Any) -> str:
        name = node if isinstance(node, str) else getattr(node, "name", None)
        world = getattr(node, "world", self._world)
        if not isinstance(name, str) or world is not self._world:
            raise ValidationError(f"{node!r} is no node of this lab; give a Node or its name")
        self._host(name)
        return name

    def _names(self, nodes: Any, what: str) -> list[str]:
        return [self._name(node) for node in list_of(nodes, what, "[alice, bob]")]

    def _pair(self, between: Sequence[Any]) -> tuple[str, str]:
        names = self._names(between, "between=")
        if len(names) != 2 or names[0] == names[1]:
            raise ValidationError(f"between=(a, b) names two different nodes, not {names}")
        return names[0], names[1]

    def _index(self, name: str) -> int:
        return self._host(name).index

    def _host(self, name: str) -> MockHost:
        host = self._world.find(name)
        if host is None:
            raise unknown(name, self._world.hosts())
        return host

    def _ends(self) -> Iterator[MockConnection]:
        """Both ends of every connection."""
        for host in self._world.all_hosts():
            for ends in host.connected.values():
                yield from list(ends)
