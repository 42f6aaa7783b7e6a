"""A mock node's DHT: the Kademlia core on the simulated network.

A request to a connected peer travels on that connection. To any other peer the node dials, asks and hangs up, as the
lookups of a crawler do; the handshake is then one delay of ``HANDSHAKE`` round trips, not played step by step, so that
a lookup among ten thousand nodes stays cheap. Messages are objects of their real wire size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import DialError
from p2plab.kademlia import DhtParams, KademliaNode, KeySpace
from p2plab.kademlia.dht import NodeDht
from p2plab.kademlia.fill import fill_tables
from p2plab.kademlia.messages import Message, message_size
from p2plab.kademlia.network import KademliaNetworkInterface
from p2plab.kademlia.survey import CrawlResult, Holders, holders
from p2plab.network import Pipe
from p2plab.varint import encode_varint

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost
    from p2plab.mock.world import MockWorld

HANDSHAKE = 4  # round trips of TCP, multistream, Noise and the muxer, then one for the stream's own negotiation
OVERHEAD = 30  # bytes of a Yamux header and a Noise message around each request
REFUSAL = 40  # bytes of a TCP reset
EPOCH = 1_767_225_600  # unix seconds at lab time 0 (2026-01-01): IPNS records carry dates


class MockDht:
    """The DHT of one mock node; made when first used, by the node or by a request that reaches it."""

    def __init__(self, host: MockHost, upkeep: bool = True) -> None:
        self._host = host
        world = host.world
        params: DhtParams = host.settings.get("dht") or world.dht.params
        node = KademliaNode(
            host.index,
            world.dht.space,
            params,
            random=world.draws.stream(f"dht/{host.name}"),
            epoch=EPOCH,
        )
        self.interface = KademliaNetworkInterface(world.runtime, world.events, node, self._request)
        self.verbs = NodeDht(self.interface, host.name, self._find)
        for peer in host.ends:
            self.interface.peer_connected(peer, world.dht.is_server(peer))
        if upkeep:
            self.interface.start()

    @property
    def core(self) -> KademliaNode:
        """The node's Kademlia core."""
        return self.interface.node

    def _find(self, peer: str) -> int:
        host = self._host.world.find(peer)
        return self._host.world.dht.space.find(peer) if host is None else host.index

    async def _request(self, peer: int, message: Message, size: int, timeout: float, cause: int) -> Message | None:
        world = self._host.world
        there, back, setup = self._way(peer)
        exchange = _Exchange(self._host, world.host_at(peer), back, message)

        async def converse() -> None:
            if setup:
                await world.runtime.sleep(setup / TICKS_PER_SECOND)
            there.send(size + len(encode_varint(size)) + OVERHEAD, exchange.arrived, None, cause)
            await exchange.done.wait()

        await world.runtime.within(timeout, converse)
        if exchange.refused:
            raise DialError(f"{world.host_at(peer).name} refused the connection: nobody listens there")
        return exchange.reply

    def _way(self, peer: int) -> tuple[Pipe, Pipe, int]:
        """The pipes there and back, and the ticks until the first is ready."""
        host = self._host
        for end in host.ends.get(peer, ()):
            return end.out, end.remote.out, 0
        links = host.world.links
        there, back = Pipe(links, host.index, peer), Pipe(links, peer, host.index)
        return there, back, HANDSHAKE * links.round_trip(host.index, peer)


class _Exchange:
    """One request and its answer."""

    def __init__(self, asker: MockHost, asked: MockHost, back: Pipe, message: Message) -> None:
        self._asker = asker
        self._asked = asked
        self._back = back
        self._message = message
        self.done = asker.world.runtime.waiter()
        self.reply: Message | None = None
        self.refused = False

    def arrived(self, _: object) -> None:
        """The request reached the other node."""
        asked, world = self._asked, self._asked.world
        if not asked.running:
            if not asked.silent:
                self.refused = True
                self._back.send(REFUSAL, self._answered, None, world.events.cause)
            return
        asker = self._asker.index
        if asker not in asked.ends:  # identify runs on a connection made for one request too
            asked.dht.interface.peer_seen(asker, world.dht.is_server(asker))
        reply = asked.dht.interface.receive(asker, self._message)
        size = OVERHEAD if reply is None else message_size(reply, world.dht.space) + OVERHEAD
        self._back.send(size, self._answered, reply, world.events.cause)

    def _answered(self, reply: Message | None) -> None:
        self.reply = reply
        self.done.set()


class WorldDht:
    """What the nodes' DHTs share, and the verbs of ``lab.dht``."""

    ref = "dht of the lab"

    def __init__(self, world: MockWorld, params: DhtParams) -> None:
        self._world = world
        self.params = params
        self.space = KeySpace(
            lambda index: world.host_at(index).peer_id,
            lambda peer_id: self._index_of(peer_id),
            lambda index: world.host_at(index).addresses if world.has_host(index) else (),
        )

    def _index_of(self, peer_id: Any) -> int:
        host = self._world.find(str(peer_id))
        return self._world.events.register(str(peer_id)) if host is None else host.index

    def is_server(self, index: int) -> bool:
        """Whether a node answers DHT requests."""
        host = self._world.host_at(index)
        params: DhtParams = host.settings.get("dht") or self.params
        return (host.has_dht and host.dht.core.mode == "server") or (not host.has_dht and params.mode == "server")

    def cores(self) -> list[KademliaNode]:
        """The cores of all running nodes, made where they were not; upkeep is not begun."""
        return [host.open_dht(upkeep=False).core for host in self._world.all_hosts() if host.running]

    def fill(self) -> int:
        """Give every running node the routing table it would have after hours; returns the number of entries."""
        return fill_tables(self.cores(), self._world.draws.stream("dht.fill"), self._world.clock.now)

    def holders(self, key: str | bytes) -> Holders:
        """Who stores a key, and who should."""
        cores = self.cores()
        host = self._world.host_at(cores[0].me)
        return holders(cores, host.dht.verbs.place(key), self._world.clock.now)

    async def crawl(self, start: str) -> CrawlResult:
        """Ask everybody, as a crawler would, beginning with whom ``start`` knows."""
        host = self._world.host_named(start)
        result: CrawlResult = await host.dht.verbs.crawl()
        return result
