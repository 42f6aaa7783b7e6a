"""As much of a stream, and of a host, of py-libp2p's as its AutoNAT and its relay use, over those of p2plab's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from libp2p.peer.id import ID
from multiaddr import Multiaddr

from p2plab.identity.address import parse_address
from p2plab.identity.keys import parse_peer_id
from p2plab.real.pylibp2p.streams import LibraryStream
from p2plab.stream import NetStream

if TYPE_CHECKING:
    from p2plab.real.host import RealHost

__all__ = ["LibraryHost", "LibraryNatStream"]


class LibraryNatStream(LibraryStream):
    """One of p2plab's, as the library knows streams."""

    def __init__(self, stream: NetStream) -> None:
        super().__init__(stream)
        self.stream = stream
        where = [Multiaddr(stream.connection.remote_address)]
        self.muxed_conn.get_transport_addresses = lambda: where

    def get_remote_address(self) -> tuple[str, int] | None:
        address = parse_address(self.stream.connection.remote_address)
        return None if address.ip is None else (address.ip, address.port or 0)

    def is_open(self) -> bool:
        return self.stream.state == "open"


class LibraryHost:
    """The node's host of the library, whose streams are p2plab's."""

    def __init__(self, host: RealHost) -> None:
        self._host = host
        self._library = host.stack.host

    def get_id(self) -> ID:
        return self._library.get_id()

    def get_private_key(self) -> Any:
        return self._library.get_private_key()

    def get_peerstore(self) -> Any:
        return self._library.get_peerstore()

    def get_network(self) -> Any:
        return self._library.get_network()

    def get_addrs(self) -> list[Multiaddr]:
        return self._library.get_addrs()

    async def new_stream(self, peer: ID, protocols: Any) -> Any:
        host = self._host
        direct = [
            one for one in host.connections_to(host.world.index_of(parse_peer_id(str(peer)))) if not one.info.relayed
        ]
        if not direct:
            raise ConnectionError(f"{peer} is not connected")
        return LibraryNatStream(await host.switch.open(direct[0], [str(one) for one in protocols]))
