"""A real lab's nodes that run elsewhere: attached ones, and hosts of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, cast

from p2plab.api.arguments import check_name
from p2plab.api.blocking.node import Node
from p2plab.api.faces.basis import LabBasis, N
from p2plab.api.faces.node import NamedNode
from p2plab.commanded import commanded
from p2plab.errors import NotInThisWorldError, NotOursError, ValidationError
from p2plab.typing import Outsider, PeerInfo
from p2plab.worlds import OpenWorld

__all__ = ["AttachedNode", "LabOutside"]


class AttachedNode(NamedNode):
    """A node that runs elsewhere. The lab's nodes reach it like any other; what it does itself is not the lab's to say.

    What it tells of itself is its own text: bounded, and to be escaped wherever it is shown.
    """

    _host: Outsider

    @property
    def addresses(self) -> list[str]:
        """The multiaddrs it was attached by; ``info`` has those it tells itself."""
        return list(self._host.addresses)

    @property
    def info(self) -> PeerInfo:
        """What it told the lab by identify: protocols, agent version, addresses."""
        return self._host.info

    def protocols(self) -> list[str]:
        """The protocol ids it answers, as it told last."""
        return list(self.info.protocols)

    @property
    def running(self) -> bool:
        """Whether it answers: ``node.lost`` and ``node.found`` are the events of its going and coming."""
        return self._host.running

    def stop(self) -> NoReturn:
        """Refused: NotOursError."""
        self._refuse("stop it")

    def crash(self, silent: bool = False) -> NoReturn:
        """Refused: NotOursError.

        Args:
            silent: of no use here
        """
        self._refuse("crash it")

    def restart(self, state: str = "kept", reconnect: bool = True) -> NoReturn:
        """Refused: NotOursError.

        Args:
            state: of no use here
            reconnect: of no use here
        """
        self._refuse("restart it")

    def _refuse(self, what: str) -> NoReturn:
        raise NotOursError(f"{self.name} runs outside this lab, which cannot {what}: do that where it was started")

    def __getattr__(self, name: str) -> Any:
        # Only for what is not here: the other verbs of a node.
        if not name.startswith("_") and hasattr(Node, name):
            raise AttributeError(
                f"{self.name} runs outside this lab and takes no orders from it; "
                f"a node of the lab can turn to it, as in alice.ping(lab.attached[{self.name!r}])"
            )
        raise AttributeError(f"an attached node has no {name!r}")

    def __repr__(self) -> str:
        state = "" if self.running else ", lost"
        return f"<AttachedNode {self.peer_id!r}{state}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AttachedNode) and other.world is self.world and other.peer_id == self.peer_id

    def __hash__(self) -> int:
        return hash((id(self.world), str(self.peer_id)))


class LabOutside(LabBasis[N]):
    """The verbs about nodes outside that both faces of a lab have."""

    @property
    @commanded("outside", "attached", worlds="real")
    def attached(self) -> dict[str, AttachedNode]:
        """List the nodes outside that were attached to the lab."""
        if self.backend != "real":
            return {}
        hosts = self._world.read(cast("OpenWorld", self._world).attached)
        return {name: AttachedNode(self._world, host) for name, host in hosts.items()}

    def detach(self, node: Any) -> None:
        """Watch an attached node no longer; connections to it stay as they are.

        Args:
            node: the node, or its name here

        Raises:
            UnknownNodeError: it is not attached.
        """
        world = self._open("lab.detach")
        self._world.call(world.detach, str(node))

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
        """The settings of a node that is a host of the user's own. Raises NotInThisWorldError, ValidationError."""
        if self.backend != "real":
            raise NotInThisWorldError("only a real lab can adopt a host of py-libp2p's; mock nodes take router=")
        world: Any = self._world
        return {"host_factory": world.adoption(host)}
