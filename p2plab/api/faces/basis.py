"""What every part of a lab's face stands on: the world under it, its nodes, its time and its log."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Generic, TypeVar, cast

from p2plab.api.faces.node import NodeFace
from p2plab.commanded import commanded
from p2plab.errors import NotInThisWorldError, UnknownNodeError, ValidationError
from p2plab.events import EventLog
from p2plab.text import plural
from p2plab.views import Viewed
from p2plab.worlds import OpenWorld, SimulatedWorld, World, bare

__all__ = ["LabBasis", "N"]

N = TypeVar("N", bound=NodeFace)


class LabBasis(Viewed, Generic[N]):
    """A lab as its world tells of it; the verbs are in the classes derived from this."""

    _node_type: type[N]

    def __init__(self, world: World) -> None:
        self._world = world
        self._nodes: dict[str, N] = {}

    @property
    def world(self) -> World:
        """The world under this lab."""
        return bare(self._world)

    @property
    def backend(self) -> str:
        """``mock`` or ``real``."""
        return self._world.backend

    @property
    def seed(self) -> int:
        """The number that identities, and in a mock lab everything else, are derived from."""
        return self._world.seed

    @property
    def now(self) -> float:
        """Seconds of lab time since it began."""
        return self._world.now

    @property
    def events(self) -> EventLog:
        """The EventLog: what happened so far, and why."""
        return self._world.events

    @property
    def closed(self) -> bool:
        """Whether ``close`` has been called."""
        return self._world.closed

    @property
    @commanded("nodes", "nodes")
    def nodes(self) -> list[N]:
        """List the lab's nodes, in the order in which they were started."""
        return self._several(list(self._world.read(self._world.hosts)))

    def __getitem__(self, name: str) -> N:
        if not isinstance(name, str):
            meant = getattr(name, "name", None)
            hint = f"lab[{meant!r}]" if isinstance(meant, str) else "lab['alice']"
            raise UnknownNodeError(f"lab[...] takes the name of a node, as in {hint}, not {name!r}"[:300])
        if name not in self._world.read(self._world.hosts):
            if self.backend == "real" and name in self._world.read(cast("OpenWorld", self._world).attached):
                raise UnknownNodeError(f"{name} is outside this lab: lab.attached[{name!r}] has it")
            from p2plab.host.names import unknown

            raise unknown(name, self._world.hosts())
        return self._node(name)

    def __contains__(self, node: object) -> bool:
        if isinstance(node, NodeFace) and node.world is not self.world:
            return False
        return str(node) in self._world.read(self._world.hosts)

    def __bool__(self) -> bool:
        """Always true: ``if lab`` asks whether there is a lab, not whether it has nodes."""
        return True

    def __len__(self) -> int:
        return len(self._world.read(self._world.hosts))

    @commanded("nodes", "edges")
    def edges(self) -> list[tuple[str, str]]:
        """List who is connected to whom: sorted pairs of names.

        Example:
            >>> lab.edges()
            [('alice', 'bob'), ('bob', 'carol')]
        """
        return self._world.read(self._world.edges)

    def _node(self, name: str) -> N:
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = self._node_type(self._world, self._world.hosts()[name])
        return node

    def _several(self, names: Sequence[str]) -> list[N]:
        """The same of many, with one look at who is there."""
        hosts = self._world.hosts()
        for name in names:
            if name not in self._nodes:
                self._nodes[name] = self._node_type(self._world, hosts[name])
        return [self._nodes[name] for name in names]

    def _name_of(self, node: Any) -> str:
        """The name of a node of this lab, given it or the name."""
        if isinstance(node, NodeFace) and node.world is not self.world:
            raise ValidationError(f"{node} is a node of another lab, and a lab wires its own nodes only")
        return self[str(node)].name

    @property
    def _runs(self) -> Any:
        """What is made of whole runs: a room above this one, known by name, with the first verb that needs it."""
        return import_module("p2plab.runs.of_labs")

    def _simulated(self, verb: str, way_round: str) -> SimulatedWorld:
        """The world, where it has virtual time. NotInThisWorldError where not."""
        if self.backend == "real":
            raise NotInThisWorldError(f"{verb} needs virtual time, which only a mock lab has; {way_round}")
        return cast("SimulatedWorld", self._world)

    def __str__(self) -> str:
        return f"{self.backend} lab"

    def __repr__(self) -> str:
        if self.closed:
            return f"<{type(self).__name__} {self.backend}, closed>"
        nodes = plural(len(self), "node")
        return f"<{type(self).__name__} {self.backend}, seed {self.seed}: {nodes}, t={self.now:.3f} s>"
