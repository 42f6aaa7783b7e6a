"""What a user holds for a node outside the lab: ``lab.attach`` gives it, and every verb that takes a peer takes it."""

from __future__ import annotations

from typing import Any, NoReturn

from p2plab.api.blocking.node import Node
from p2plab.api.faces.node import NamedNode
from p2plab.errors import NotOursError
from p2plab.typing import Outsider, PeerInfo

__all__ = ["AttachedNode"]


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
