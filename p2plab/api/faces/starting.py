"""Which nodes a lab is to start, and which pairs to connect: the arguments of ``start_nodes`` and ``wire``, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from p2plab.api.arguments import check_name, check_protocol
from p2plab.api.backends import check_here
from p2plab.api.faces.basis import LabBasis, N
from p2plab.api.topology import draw_for, pairs_of
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.errors.checked import list_of
from p2plab.stream import StreamHandler, check_handler

__all__ = ["LabStarting"]

_SURELY_FIT: Final = 10_000  # so many nodes are not held against the memory that is free


class LabStarting(LabBasis[N]):
    """What starting and wiring come down to, in both faces of a lab."""

    def _to_start(self, names: Sequence[str], settings: dict[str, Any]) -> list[str]:
        """The names whose nodes do not run yet. ConfigurationError for one that runs with other settings,
        NotInThisWorldError for a setting of the other world."""
        check_here(self.backend, settings)
        hosts = self._world.hosts()
        for name in names:
            check_name(name)
            host = hosts.get(name)
            if host is not None and host.settings != settings:
                asked = {key: "<another key>" if key == "psk" else value for key, value in settings.items()}
                raise ConfigurationError(
                    f"node {name!r} runs already, with {host.settings or 'no settings of its own'} and not {asked}; "
                    f"take another name, or lab[{name!r}] for the node there is"
                )
        return [name for name in names if name not in hosts]

    def _names(self, count: int, prefix: str) -> list[str]:
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValidationError(f"start_nodes takes how many nodes to start, a whole number from 0 up, not {count!r}")
        if not isinstance(prefix, str):
            raise ValidationError(f"prefix= is what the nodes' names begin with, text such as 'n', not {prefix!r}")
        if count > _SURELY_FIT:
            from p2plab.api.memory import check_fits

            check_fits(count - len(self._world.hosts()), self.backend)
        return [f"{prefix}{number}" for number in range(count)]

    def _pairs(self, shape: Any, degree: int | None, nodes: Sequence[Any] | None) -> list[tuple[str, str]]:
        """The pairs of a shape that are not connected yet."""
        names = (
            list(self._world.hosts())
            if nodes is None
            else [self._name_of(node) for node in list_of(nodes, "nodes=", "[alice, bob]")]
        )
        if isinstance(shape, (list, tuple)):
            shape = [tuple(map(self._name_of, pair)) if isinstance(pair, (list, tuple)) else pair for pair in shape]
        connected = self.edges()
        pairs = pairs_of(shape, names, degree, draw_for(self.seed, len(connected)), connected)
        known = set(connected)
        return [(a, b) for a, b in pairs if ((a, b) if a < b else (b, a)) not in known]

    def extend(self, protocol: Any, handler: StreamHandler | None = None) -> None:
        """Have every node of the lab answer a protocol, those to come too.

        Args:
            protocol: an object (or a class) with a ``protocol`` id such as ``"/chat/1.0.0"`` and
                ``async def handle(self, stream)``; or the id itself
            handler: ``async def handler(stream)``, where ``protocol`` is an id

        Raises:
            ValidationError: it is neither of the two.
        """
        if handler is None:
            name = getattr(protocol, "protocol", None)
            if name is None:
                raise ValidationError(
                    "extend takes an object with a protocol id `protocol` and `async def handle(self, stream)`, "
                    f"or an id and a handler; not {protocol!r}"
                )
            protocol, handler = name, protocol
        protocol = check_protocol(protocol)
        check_handler(handler)
        self._world.call(self._world.extend, protocol, handler)
        self._teach(list(self._world.read(self._world.hosts)))

    def _teach(self, names: Sequence[str]) -> None:
        hosts = self._world.hosts()
        for protocol, handler in self._world.extensions.items():
            for name in names:
                self._world.call(hosts[name].handle, protocol, handler)
