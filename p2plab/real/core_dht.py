"""p2plab's Kademlia node on real streams: the DHT of a real node with ``dht="p2plab"`` or ``dht=DhtParams(...)``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from p2plab.kademlia import DHTDatastore, DhtParams, KademliaNode
from p2plab.kademlia.shell.dht import NodeDht
from p2plab.kademlia.shell.interface import KademliaNetworkInterface
from p2plab.kademlia.shell.streams import stream_handler, stream_request
from p2plab.kademlia.storage.sqlite_store import SqliteDatastore
from p2plab.stream import NetStream

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis


class CoreDht:
    """Implements ``p2plab.real.dht.DhtOnStack``. ``offer`` is told the mode whenever it changes."""

    def __init__(self, host: RealBasis, params: DhtParams, offer: Callable[[str], None]) -> None:
        self._host = host
        self._world = world = host.world
        make = KademliaNode if params.node is None else params.node
        node = make(
            host.index,
            world.dht.space,
            params,
            random=world.runtime.random(f"dht/{host.name}"),
            store=_store(host, params),
            epoch=world.dht.epoch,
        )
        node.raised = host.reporter("dht")
        self._interface = KademliaNetworkInterface(
            world.runtime,
            world.events,
            node,
            stream_request(world.runtime, node, self._stream_to),
            learn=world.dht.learn,
            on_mode=offer,
        )
        self.verbs = NodeDht(self._interface, host.name, world.dht.find, host.awake)
        self._answer = stream_handler(self._interface, lambda stream: world.directory.index(stream.peer))

    async def _stream_to(self, peer: int, protocols: list[str]) -> NetStream:
        peer_id = self._world.directory.peer_of(peer)
        heard = self._world.dht.heard(peer)
        if heard:
            self._host.register_peer(peer_id, heard)
        return await self._host.open_stream(peer_id, protocols)

    async def answer(self, stream: NetStream) -> None:
        await self._answer(stream)

    def peer_known(self, peer: int, server: bool) -> None:
        self._interface.peer_connected(peer, server)

    def peer_gone(self, peer: int) -> None:
        self._interface.peer_disconnected(peer)

    def start(self, used: bool) -> None:
        self._interface.start(join=used)

    def stop(self) -> None:
        self._interface.stop()

    def restarted(self, keep: bool) -> None:
        self._interface.restarted(keep)

    def close(self) -> None:
        self._interface.node.store.close()


def _store(host: RealBasis, params: DhtParams) -> DHTDatastore | None:
    """The node's persistent store, if it is to have one."""
    if params.store is None:
        return None
    folder = Path(params.store)
    folder.mkdir(parents=True, exist_ok=True)
    dht = host.world.dht
    return SqliteDatastore(
        folder / f"{host.peer_id}.sqlite", dht.space, dht.space.keys[host.index], params, epoch=dht.epoch
    )
