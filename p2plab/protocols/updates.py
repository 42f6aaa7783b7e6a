"""What a node and its peers tell each other about their protocols after the first identify: pushes and capabilities.

The same in every world; a ``Neighbours`` is what it needs of a node. A peer is any key that the world has for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from p2plab.constants import IDENTIFY_PUSH_ID
from p2plab.protocols.capabilities import CAPABILITIES_ID, Capability, ask_capabilities, capabilities_of
from p2plab.protocols.identify import Identify, push_identify
from p2plab.stream import NetStream, StreamError

__all__ = ["Neighbours", "ProtocolUpdates"]

Peer = TypeVar("Peer", bound=Hashable)


class Neighbours(Protocol[Peer]):
    """A node among the peers it is connected to."""

    def offered(self) -> list[str]:
        """The protocols it answers."""

    def moved(self) -> Sequence[str]:
        """The addresses it can be reached at, where these may change; else none."""

    def said_by(self, peer: Peer) -> Sequence[str]:
        """The protocols that a peer named in identify."""

    def acquainted(self) -> list[Peer]:
        """The connected peers that have asked what the node speaks, and take updates of it."""

    def unheard(self) -> list[Peer]:
        """The connected peers that have not said yet what they speak: whether they take updates is to be seen."""

    async def open_to(self, peer: Peer, protocols: Sequence[str]) -> NetStream:
        """A stream to a connected peer. Raises StreamError."""

    def spawn(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        """Run a coroutine that ends with the node."""

    def note(self, kind: str, peer: Peer, reason: str | None, data: dict[str, Any]) -> None:
        """Record an event."""


class ProtocolUpdates(Generic[Peer]):
    """Tells a node's peers what it speaks from now on, and hears the same from them."""

    __slots__ = ("_capabilities", "_due", "_missed", "_node")

    def __init__(self, node: Neighbours[Peer]) -> None:
        self._node = node
        self._due = False
        self._missed: set[Peer] = set()  # peers that may have asked before the last change, and were unheard at it
        self._capabilities: dict[Peer, list[Capability]] = {}

    def tell(self) -> None:
        """The node's protocols, or addresses, have changed: push them (identify/README.md, "identify/push"), once for
        all changes that are made at the same time. A peer that has not said yet what it speaks is told when it has."""
        self._missed.update(self._node.unheard())
        if not self._due and self._node.acquainted():
            self._due = True
            self._node.spawn(self._push, "telling the peers which protocols there are now")

    def heard(self, peer: Peer) -> None:
        """A peer has said for the first time what it speaks."""
        if peer in self._missed:
            self._missed.discard(peer)
            if peer in self._node.acquainted():
                self._start_push(peer)

    async def _push(self) -> None:
        self._due = False
        for peer in self._node.acquainted():
            self._start_push(peer)

    def _start_push(self, peer: Peer) -> None:
        said = Identify(protocols=tuple(self._node.offered()), addresses=tuple(self._node.moved()))
        self._node.spawn(partial(self._push_to, peer, said), "telling a peer which protocols there are now")

    async def _push_to(self, peer: Peer, said: Identify) -> None:
        try:
            await push_identify(await self._node.open_to(peer, [IDENTIFY_PUSH_ID]), said)
        except StreamError as error:
            self._node.note("identify.failed", peer, error.kind, {"text": str(error), "push": True})

    def forget(self, peer: Peer) -> None:
        """The peer has pushed an update of itself, or is gone: what it can do has to be asked anew."""
        self._capabilities.pop(peer, None)

    def gone(self, peer: Peer) -> None:
        """The last connection to a peer is gone."""
        self.forget(peer)
        self._missed.discard(peer)

    async def ask_capabilities(self, peer: Peer) -> list[Capability]:
        """What the peer's protocols can do, asked once. A peer that does not speak capabilities is not bothered again:
        what identify said gives names and versions. Raises StreamError, ProtocolViolation."""
        known = self._capabilities.get(peer)
        if known is not None:
            return known
        try:
            said = await ask_capabilities(await self._node.open_to(peer, [CAPABILITIES_ID]))
        except StreamError as error:
            if error.kind != "protocol not supported":
                raise
            said = capabilities_of(self._node.said_by(peer))
        self._capabilities[peer] = said
        self._node.note("capabilities.received", peer, None, {"capabilities": len(said)})
        return said
