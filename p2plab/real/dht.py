"""A real node's DHT, seen from the node: one of two implementations, made when it is first used.

``core_dht.py`` is p2plab's Kademlia on real streams, ``library_dht.py`` py-libp2p's own KadDHT. A node that is a client
offers no protocol, in identify and in negotiations; its peers are told when that changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from p2plab.kademlia import DhtParams, LibraryDhtParams
from p2plab.kademlia.shell.dht import DhtVerbs
from p2plab.stream import NetStream

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis


class DhtOnStack(Protocol):
    """What a real node asks of its DHT. Peers are indices."""

    @property
    def verbs(self) -> DhtVerbs: ...

    async def answer(self, stream: NetStream) -> None:
        """Answer the requests on a stream that a peer opened."""

    def peer_known(self, peer: int, server: bool) -> None:
        """Identify said whether a connected peer is a DHT server."""

    def peer_gone(self, peer: int) -> None:
        """The last connection to a peer is gone."""

    def start(self, used: bool) -> None:
        """Begin the upkeep, also of a node that came back; again: nothing, but that a DHT which was only asked things
        so far joins when it is ``used``."""

    def stop(self) -> None:
        """The node goes down: end whatever is under way."""

    def restarted(self, keep: bool) -> None:
        """The node comes back, with or without what it knew."""

    def close(self) -> None:
        """The lab is over."""


class OnDemandDht:
    """The DHT of one host. Until it is used, by the node or by a peer, it is an entry in the table of protocols."""

    def __init__(self, host: RealBasis, params: DhtParams | LibraryDhtParams) -> None:
        self._host = host
        self._params = params
        self._made: DhtOnStack | None = None
        if params.mode == "server":
            host.switch.protocols.handle(params.protocol, self._answer)

    def use(self) -> DhtVerbs:
        """It, from now on part of the network if the node runs."""
        return self._open(True).verbs

    def look(self) -> DhtVerbs:
        """It, made if need be, which alone sends nothing."""
        return self._opened().verbs

    def _open(self, used: bool) -> DhtOnStack:
        made = self._opened()
        if self._host.running_stack is not None:
            made.start(used)
        return made

    def _opened(self) -> DhtOnStack:
        if self._made is None:
            self._made = self._make()
            for peer in self._host.connected:
                said = self._host.said(peer)
                if said is not None:
                    self.peer_known(peer, said.protocols)
        return self._made

    def _make(self) -> DhtOnStack:
        if isinstance(self._params, DhtParams):
            from p2plab.real.core_dht import CoreDht

            return CoreDht(self._host, self._params, self._offer)
        from p2plab.real.pylibp2p_dht.library_dht import LibraryDht

        return LibraryDht(self._host, self._params, self._offer)

    def _offer(self, mode: str) -> None:
        """The node has become a server or a client."""
        if mode == "server":
            self._host.switch.handle(self._params.protocol, self._answer)
        else:
            self._host.switch.remove(self._params.protocol)

    async def _answer(self, stream: NetStream) -> None:
        await self._open(False).answer(stream)

    def __repr__(self) -> str:
        if self._made is not None:
            return repr(self._made.verbs)
        whose = "the KademliaNode" if isinstance(self._params, DhtParams) else "py-libp2p's KadDHT"
        return f"<{whose} of {self._host.name}, not used yet>"

    def peer_known(self, peer: int, protocols: Sequence[str]) -> None:
        """Identify said what a connected peer speaks."""
        if self._made is not None:
            self._made.peer_known(peer, self._params.protocol in protocols)

    def peer_gone(self, peer: int) -> None:
        """The last connection to a peer is gone."""
        if self._made is not None:
            self._made.peer_gone(peer)

    def start(self) -> None:
        """The node is back."""
        if self._made is not None:
            self._made.start(True)

    def stop(self) -> None:
        """The node goes down."""
        if self._made is not None:
            self._made.stop()

    def restarted(self, keep: bool) -> None:
        """The node comes back, with or without what it knew."""
        if self._made is not None:
            self._made.restarted(keep)

    def close(self) -> None:
        """The lab is over."""
        if self._made is not None:
            self._made.close()
