"""What a node knows of its peers: what they say of themselves (identify/README.md), and its address book."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from p2plab.constants import AGENT_VERSION, IDENTIFY_ID
from p2plab.errors import LabError, ProtocolViolation, ResolutionError
from p2plab.host.basis import C, HostBasis
from p2plab.host.connections.dialling import TIMEOUT
from p2plab.host.names import peer_id_of
from p2plab.identity.address import parse_address
from p2plab.identity.keys import parse_peer_id
from p2plab.identity.peer_record import read_record, sign_record
from p2plab.protocols.identify import Identify, identify
from p2plab.stream import NetStream, StreamError
from p2plab.typing import PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.routing.address_book import KnownAddress

__all__ = ["PROTOCOL_VERSION", "PeerVerbs"]

PROTOCOL_VERSION = "p2plab/1.0.0"


class PeerVerbs(HostBasis[C]):
    """The verbs about its peers, and what worlds ask of them."""

    async def introduce(self, connection: C) -> None:
        """Ask the peer who it is, and have pubsub ready to it if it speaks that."""
        try:
            said = await self.ask(connection)
            await self.meet(connection, said.protocols)
        except (LabError, TimeoutError) as error:
            self.not_introduced(connection, error)

    def not_introduced(self, connection: C, error: Exception) -> None:
        """An introduction came to nothing: the peer speaks neither, or has gone."""
        kind = "protocol violation" if isinstance(error, ProtocolViolation) else "timeout"
        reason = error.kind if isinstance(error, StreamError) else kind
        data = {"text": str(error), "connection": connection.id}
        self.record("identify.failed", connection.peer, reason, data)

    async def ask(self, connection: C) -> Identify:
        """Identify, on a connection."""
        said = await identify(await self.switch.open(connection, [IDENTIFY_ID]))
        self.learnt(connection.peer, said)
        return said

    def learnt(self, peer: int, said: Identify) -> None:
        """A peer said who it is, or what has changed about it."""
        before = self._said.get(peer)
        whole = self._said[peer] = said if before is None else before.merged(said)
        self.record("identify.received", peer, data={"protocols": len(said.protocols)})
        self._keep_addresses(peer, whole)
        if before is None:
            self.switch.updates.heard(peer)
        for listener in self.listeners:
            listener.peer_identified(peer, whole)

    def _keep_addresses(self, peer: int, said: Identify) -> None:
        """What a peer said of its addresses goes into the address book, with its signature where it signed them."""
        peer_id = self.world.peer_id_at(peer)
        if said.signed_peer_record is not None:
            try:
                self.book.certify_of(peer_id, said.signed_peer_record, "identify", str(peer_id))
            except ProtocolViolation as error:
                self.record("peer.record_refused", peer, "bad peer record", {"text": str(error)[:200]})
        self.book.add(peer_id, said.addresses, "identify", str(peer_id))
        self.book.connected(peer_id)

    def said(self, peer: int) -> Identify | None:
        """What a connected peer said of itself, or would have."""
        said = self._said.get(peer)
        return self.presumed(peer) if said is None else said

    def said_by(self, peer: int) -> Sequence[str]:
        """The protocols of a peer, from identify."""
        said = self.said(peer)
        return () if said is None else said.protocols

    def describe(self, stream: NetStream | None = None) -> Identify:
        """What this node says of itself."""
        return Identify(
            protocol_version=PROTOCOL_VERSION,
            agent_version=AGENT_VERSION,
            public_key=self.identity.public_key,
            addresses=tuple(self.bases),
            observed=None if stream is None else stream.connection.remote_address,
            protocols=tuple(self.protocols()),
        )

    async def identify(self, peer: str, timeout: float | None = None) -> PeerInfo:
        connection = await self.reach(peer, timeout)
        await self.in_time("identify", peer, TIMEOUT if timeout is None else timeout, lambda: self.ask(connection))
        return self.info(connection.peer)

    def peers(self) -> list[PeerInfo]:
        return [self.info(peer) for peer in list(self.connected) if self.connections_to(peer)]

    def info(self, peer: int) -> PeerInfo:
        """What this node knows of a peer."""
        return self.info_of(self.world.peer_id_at(peer), self.said(peer))

    def infos(self, peers: Sequence[int]) -> list[PeerInfo]:
        """What it knows of some connected peers."""
        return [self.info(peer) for peer in peers]

    def info_of(self, peer: PeerId, said: Identify | None = None) -> PeerInfo:
        """What this node knows of a peer: what it said of itself, or else its addresses in the lab or the book."""
        name = peer.name or peer.short
        if said is None:
            known = self.world.find(peer) or self.world.outsider(peer)
            addresses = [f"{address}/p2p/{peer}" for address in self.book.addresses(peer)]
            whole = addresses if known is None else list(known.addresses)
            return PeerInfo(name, peer, whole, found_by=self.found_by(peer))
        return PeerInfo(
            name=name,
            peer_id=peer,
            addresses=[f"{address}/p2p/{peer}" for address in said.addresses],
            protocols=sorted(said.protocols),
            agent_version=said.agent_version or "",
            protocol_version=said.protocol_version or "",
            observed_address=said.observed,
            found_by=self.found_by(peer),
        )

    def found_by(self, peer: str) -> tuple[str, ...]:
        """The ways by which it has found a peer."""
        return ()

    def known_peers(self) -> list[PeerInfo]:
        known = {str(info.peer_id): info for info in self.peers()}
        for peer in self.book:
            if peer not in known and peer != self.peer_id:
                known[peer] = self.info_of(peer_id_of(self, peer))
        return list(known.values())

    def register_peer(self, peer_id: str, addresses: Sequence[str], ttl: float | None = None) -> None:
        bases = [parse_address(address).base for address in addresses]
        self.book.add(parse_peer_id(peer_id), bases, ttl=ttl)

    def register_record(self, envelope: bytes) -> PeerInfo:
        peer_id = peer_id_of(self, self.book.certify(envelope, "user") or read_record(envelope).peer_id)
        return PeerInfo(peer_id.name or peer_id.short, peer_id, self._known_addresses(peer_id))

    def _known_addresses(self, peer_id: PeerId) -> list[str]:
        return [f"{address}/p2p/{peer_id}" for address in self.book.addresses(peer_id)]

    def forget_peer(self, peer: str) -> bool:
        return self.book.forget(peer_id_of(self, peer))

    def address_book(self) -> list[KnownAddress]:
        """Every address that it knows, from whom, and for how long."""
        return self.book.rows()

    def signed_addresses(self) -> bytes:
        """Its addresses, signed by itself (libp2p RFC 0003)."""
        return sign_record(self.identity, self.bases, seq=self.world.wire_time())

    async def resolve(self, address: str) -> list[str]:
        """What an address that begins with a name stands for; the address itself where it begins with none.
        Raises ResolutionError."""
        from p2plab.discovery.names.resolve import begins_with_name, resolve

        if not begins_with_name(address):
            return [address]
        try:
            found = await resolve(address, self.world.names)
        except ResolutionError as error:
            reason = str(error).partition(":")[0]
            error.event = self.record("name.failed", reason=reason, data={"address": address, "text": str(error)[:500]})
            raise
        data = {"address": address, "addresses": len(found.addresses), "queries": found.queries}
        self.record("name.resolved", data={**data, "left_out": found.left_out} if found.left_out else data)
        return found.addresses
