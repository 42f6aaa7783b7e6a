"""Whom a node knows: its peers, its connections, its address book. It takes no lab time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from p2plab.api.arguments import Peer, check_seconds
from p2plab.commanded import commanded
from p2plab.errors import ValidationError
from p2plab.errors.checked import list_of
from p2plab.errors.frames import Faced
from p2plab.typing import Connection, PeerInfo
from p2plab.worlds import Host, World

if TYPE_CHECKING:
    from p2plab.routing.address_book import AddressTable

__all__ = ["PeersFace"]

HELLO = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"  # the CID of b"hello"
NOBODY = "12D3KooWDtRJs7bmwLHooFDzzC8cQqc1dZMLtVv8XZASdByzTik4"  # for examples
NOWHERE = f"/ip4/127.0.0.1/tcp/4002/p2p/{NOBODY}"


class PeersFace(Faced):
    """The verbs about peers that both faces of a node have; ``NodeFace`` says how a peer is named."""

    _world: World
    _host: Host
    _peer: Callable[[Any], str]

    @commanded("connections", "peers bob")
    def peers(self) -> list[PeerInfo]:
        """List the peers it is connected to, in the order in which they came.

        Example:
            >>> bob.peers()
            [<PeerInfo alice (…...)>, <PeerInfo carol (…...)>]
        """
        return self._world.read(self._host.peers)

    @commanded("connections", "connections alice", "connections alice peer=bob")
    def connections(self, peer: Peer = None) -> list[Connection]:
        """List its open connections.

        Args:
            peer: only those to this peer; left out, all

        Example:
            >>> [connection.peer.name for connection in bob.connections()]
            ['alice', 'carol']
            >>> bob.connections(carol)[0].direction
            'outbound'
        """
        return self._world.read(self._host.connections, None if peer is None else self._peer(peer))

    def known_peers(self) -> list[PeerInfo]:
        """List its address book: every peer it has an address of."""
        return self._world.read(self._host.known_peers)

    @commanded("connections", f"register_node alice {NOBODY} {NOWHERE}; address_book alice")
    def address_book(self, peer: Peer = None) -> AddressTable:
        """List every address that it knows of its peers: by whom it was learnt, when, for how long, whether signed.

        What the peer itself told by identify stays while they are connected, and a day after; what the user registered
        stays; what the DHT, a rendezvous point or another peer told stays for an hour.

        Args:
            peer: only this peer's; left out, all

        Returns:
            A table of ``peer``, ``address``, ``by``, ``told_by``, ``learnt``, ``expires`` (seconds of lab time; None:
            it stays) and ``certified``.

        Raises:
            UnknownNodeError, PeerIdError: no such peer.

        Example:
            >>> connection = alice.connect(carol)
            >>> lab.run(1)
            >>> [(row.by, row.expires, row.certified) for row in alice.address_book(carol)]
            [('identify', None, False)]
        """
        from p2plab.host.names import stranger
        from p2plab.routing.address_book import AddressTable

        wanted = None if peer is None else self._peer(peer)
        names = {str(host.peer_id): name for name, host in self._world.hosts().items()}
        if wanted in names.values():
            wanted = next(peer_id for peer_id, name in names.items() if name == wanted)
        elif wanted is not None:
            wanted = str(stranger(wanted, names.values()))
        rows = self._world.read(self._host.address_book)
        found = [row for row in rows if wanted in (None, row.peer)]
        return AddressTable(found, self._world.now, lambda peer_id: names.get(peer_id, "…" + peer_id[-6:]))

    def register_peer(self, peer_id: str, addresses: Sequence[str], ttl: float | None = None) -> None:
        """Add multiaddrs of a peer to its address book, of which it keeps at most 64 a peer.

        Args:
            peer_id: the peer's id
            addresses: one multiaddr or several
            ttl: seconds of lab time that they are kept; left out, they stay

        Raises:
            PeerIdError, AddressError, ValidationError: they are none.
        """
        wanted = [addresses] if isinstance(addresses, str) else list_of(addresses, "addresses", f"[{NOWHERE!r}]")
        seconds = None if ttl is None else check_seconds(ttl, "ttl")
        texts = [str(address) for address in wanted]
        given = (texts,) if seconds is None else (texts, seconds)
        self._world.call(self._host.register_peer, str(peer_id), *given)

    def register_record(self, record: bytes) -> PeerInfo:
        """Add the addresses of a signed peer record (libp2p RFC 0003) to its address book.

        Args:
            record: the envelope's bytes, as another node's ``signed_addresses`` gives it

        Returns:
            Whose it is, with the addresses that are known now. A record older than the one that is held changes
            nothing.

        Raises:
            ProtocolViolation: no record, or a signature that is not the named peer's own.

        Example:
            >>> alice.register_record(carol.signed_addresses()).name
            'carol'
            >>> [row.certified for row in alice.address_book(carol)]
            [True]
        """
        if not isinstance(record, bytes):
            raise ValidationError(f"a signed record is bytes, not {type(record).__name__}")
        return self._world.call(self._host.register_record, record)

    def signed_addresses(self) -> bytes:
        """Give its own addresses, signed by itself (libp2p RFC 0003), for others to register."""
        return self._world.read(self._host.signed_addresses)

    @commanded("connections", f"register_node alice {NOBODY} {NOWHERE}; forget_peer alice {NOBODY}", result="forgotten")
    def forget_peer(self, peer: Peer) -> bool:
        """Take a peer out of its address book; connections to it stay.

        Args:
            peer: a node, a node's name or a peer id

        Returns:
            Whether anything was known of it.
        """
        return self._world.call(self._host.forget_peer, self._peer(peer))
