"""py-libp2p's AutoNAT (0.8.1), which serves version 1 of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from libp2p.host.autonat.autonat import AutoNATService
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from p2plab.errors import DialError
from p2plab.identity.address import parse_address
from p2plab.identity.keys import parse_peer_id
from p2plab.nat.autonat_v1 import AUTONAT_V1_ID, DialBackStatus
from p2plab.real.pylibp2p_nat.streams import LibraryNatStream
from p2plab.stream import NetStream

if TYPE_CHECKING:
    from p2plab.real.host import RealHost

__all__ = ["LabAutoNat"]


class LabAutoNat(AutoNATService):
    """One node's server."""

    def __init__(self, host: RealHost) -> None:
        super().__init__(host.stack.host, serve=False)
        self._node = host

    async def answer(self, stream: NetStream) -> None:
        """The protocol's handler."""
        adapter: Any = LibraryNatStream(stream)
        await self.handle_stream(adapter)

    async def _handle_dial(self, message: Any, observed_ip: str | None, is_relayed: bool) -> Any:
        response = await super()._handle_dial(message, observed_ip, is_relayed)
        said, peer = response.dialResponse, parse_peer_id(str(ID(message.dial.peer.id)))
        status = DialBackStatus(said.status).name
        data: dict[str, Any] = {"protocol": AUTONAT_V1_ID, "status": status}
        if said.statusText:
            data["text"] = said.statusText
        if said.HasField("addr"):
            data["address"] = str(Multiaddr(said.addr))
        self._node.record("autonat.served", self._node.world.index_of(peer), status, data)
        return response

    async def _try_dial(self, peer_id: ID, addrs: list[bytes]) -> bytes | None:
        # The library asks its host to connect, which returns at once: whoever asks is connected.
        if not self._node.remedies.on("AutoNAT by a new connection"):
            return await super()._try_dial(peer_id, addrs)
        for binary in addrs:
            try:
                await self._node.dial_back(parse_peer_id(str(peer_id)), parse_address(str(Multiaddr(binary))))
            except DialError:
                continue
            return bytes(binary)
        return None
