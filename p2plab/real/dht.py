"""A real node's DHT: p2plab's Kademlia node on real streams."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from p2plab.errors import UnknownNodeError
from p2plab.identity import parse_peer_id
from p2plab.kademlia import DhtParams, KademliaNode, KeySpace
from p2plab.kademlia.dht import NodeDht
from p2plab.kademlia.network import KademliaNetworkInterface
from p2plab.kademlia.streams import stream_handler, stream_request
from p2plab.stream import NetStream
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.real.host import RealHost
    from p2plab.real.world import RealWorld


class WorldDht:
    """What the DHTs of a lab's nodes share: who is who."""

    def __init__(self, world: RealWorld) -> None:
        self._world = world
        self.epoch = time.time() - world.now  # unix seconds at lab time 0: IPNS records carry dates
        self.heard: dict[int, list[str]] = {}  # addresses of peers outside the lab, from answers
        self.space = KeySpace(
            world.directory.peer_of, lambda peer_id: self._index_of(peer_id), lambda index: self._addresses_of(index)
        )

    def _index_of(self, peer_id: PeerId) -> int:
        return self._world.directory.index(self._world.directory.named(peer_id))

    def _addresses_of(self, index: int) -> Sequence[str]:
        known = self._world.find(self._world.directory.peer_of(index))
        return known.addresses if known is not None else self.heard.get(index, [])


class RealDht:
    """The DHT of one host; made when first used, by the node or by a peer."""

    def __init__(self, host: RealHost, params: DhtParams) -> None:
        self._host = host
        self._world = world = host.world
        node = KademliaNode(
            host.index,
            world.dht.space,
            params,
            random=world.runtime.random(f"dht/{host.name}"),
            epoch=world.dht.epoch,
        )
        self.interface = KademliaNetworkInterface(
            world.runtime, world.events, node, stream_request(world.runtime, node, self._open), learn=self._learn
        )
        self.verbs = NodeDht(self.interface, host.name, self._find)
        self.answer = stream_handler(self.interface, self._sender)
        for link in host.peers_of_node.links:
            said = host.peers_of_node.said(link.info.peer)
            if said is not None:
                self.interface.peer_connected(link.index, params.protocol in said.protocols)
        self.interface.start()

    def _find(self, peer: str) -> int:
        known, directory = self._world.find(peer), self._world.directory
        if known is None and len(peer) < 32:
            raise UnknownNodeError(f"no node of this lab is {peer!r}; lab.nodes lists them")
        return directory.index(directory.named(parse_peer_id(peer))) if known is None else known.index

    async def _open(self, peer: int, protocols: list[str]) -> NetStream:
        peer_id = self._world.directory.peer_of(peer)
        heard = self._world.dht.heard.get(peer)
        if heard:
            self._host.peers_of_node.register(peer_id, heard)
        return await self._host.switch.open(await self._host.peers_of_node.reach(peer_id), protocols)

    def _learn(self, peer: int, addresses: Sequence[str]) -> None:
        self._world.dht.heard[peer] = list(addresses)

    def _sender(self, stream: Any) -> int:
        return self._world.directory.index(stream.peer)
