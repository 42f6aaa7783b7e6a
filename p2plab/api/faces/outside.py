"""A real lab's nodes that run elsewhere: attached ones, and hosts of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from p2plab.api.arguments import check_name
from p2plab.api.faces.attached import AttachedNode
from p2plab.api.faces.basis import LabBasis, N
from p2plab.commanded import commanded
from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.worlds import OpenWorld

__all__ = ["LabOutside"]


class LabOutside(LabBasis[N]):
    """The verbs about nodes outside that both faces of a lab have."""

    @property
    @commanded("outside", "attached", worlds="real")
    def attached(self) -> dict[str, AttachedNode]:
        """List the nodes outside that were attached to the lab."""
        if self.backend != "real":
            return {}
        hosts = self._world.look(cast("OpenWorld", self._world).attached)
        return {name: AttachedNode(self._world, host) for name, host in hosts.items()}

    def detach(self, node: Any) -> None:
        """Watch an attached node no longer; connections to it stay as they are.

        Args:
            node: the node, or its name here

        Raises:
            UnknownNodeError: it is not attached.
        """
        world = self._open("lab.detach")
        self._world.do(world.detach, str(node))

    def _to_attach(self, address: str | Sequence[str], name: str | None) -> tuple[OpenWorld, list[str]]:
        """The world, and the addresses of a node outside it."""
        world = self._open("lab.attach")
        if name is not None:
            check_name(name)
        wanted = [address] if isinstance(address, str) else address
        if not isinstance(wanted, (list, tuple)) or not all(isinstance(one, str) for one in wanted):
            raise ValidationError(f"attach takes a multiaddr (str) or a list of them, not {address!r}")
        return world, list(wanted)

    def _open(self, verb: str) -> OpenWorld:
        """The world, where it is on a real network. NotInThisWorldError where not."""
        if self.backend != "real":
            raise NotInThisWorldError(
                f"{verb} needs a real network: nobody outside can reach a mock lab's nodes; take Lab('real')"
            )
        return cast("OpenWorld", self._world)

    def _adoption(self, host: Any) -> dict[str, Any]:
        """The settings of a node that is a host of the user's own. NotInThisWorldError, ValidationError."""
        if self.backend != "real":
            raise NotInThisWorldError("only a real lab can adopt a host of py-libp2p's; mock nodes take router=")
        world: Any = self._world
        return {"host_factory": world.adoption(host)}
