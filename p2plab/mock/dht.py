"""A mock node's DHT: the Kademlia core on the simulated network.

A request to a connected peer travels on that connection. To any other peer the node dials, asks and hangs up, as the
lookups of a crawler do; the handshake is then one delay of ``HANDSHAKE`` round trips, not played step by step, so that
a lookup among ten thousand nodes stays cheap. Messages are objects of their real wire size. A node at which a handler
of a user's answers the DHT's protocol is asked over a stream, in bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.admission.request import RefusedError
from p2plab.chance import Stream
from p2plab.errors import DialError, NotInThisWorldError
from p2plab.host.names import stranger
from p2plab.identity.varint import encode_varint
from p2plab.kademlia import DhtParams, KademliaNode, KeySpace
from p2plab.kademlia.fill import fill_tables
from p2plab.kademlia.lookups.survey import CrawlResult, Holders, KeySpaceView, holders, view_of
from p2plab.kademlia.messages import FIND_NODE, DhtMessage, message_size
from p2plab.kademlia.params import checked_dht
from p2plab.kademlia.shell.dht import NodeDht, place_of
from p2plab.kademlia.shell.interface import KademliaNetworkInterface
from p2plab.kademlia.shell.streams import stream_handler, stream_request
from p2plab.mock.connections.admission import admitted
from p2plab.mock.connections.transports import QUIC, common
from p2plab.network import Pipe
from p2plab.stream import NetStream, StreamError
from p2plab.stream.traffic import Account
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.identity.cid import Cid
    from p2plab.mock.basis import MockBasis
    from p2plab.mock.protocols import NodeWorld

HANDSHAKE = 4  # round trips of TCP, multistream, Noise and the muxer, then one for the stream's own negotiation
QUIC_HANDSHAKE = 2  # one of QUIC (RFC 9000 section 7), one for the stream's negotiation
OVERHEAD = 30  # bytes of a Yamux header and a Noise message around each request
REFUSAL = 40  # bytes of a TCP reset
EPOCH = 1_767_225_600  # unix seconds at lab time 0 (2026-01-01): IPNS records carry dates


def check_dht(given: object) -> DhtParams:
    """The parameters that the setting ``dht`` stands for. Raises ValidationError, NotInThisWorldError."""
    params = checked_dht(given)
    if not isinstance(params, DhtParams):
        raise NotInThisWorldError("py-libp2p's own KadDHT runs on real nodes only: dht='p2plab' here, or Lab('real')")
    if params.store is not None:
        raise NotInThisWorldError(
            "a mock run is its seed, parameters and commands, and no file of an earlier one: DhtParams(store=...) is "
            "for real nodes; lab.snapshot() keeps a mock lab"
        )
    return params


class MockDht:
    """The DHT of one mock node; made when first used, by the node or by a request that reaches it.

    ``is_shown``: for somebody who asks about one that was never used; nothing comes of it."""

    def __init__(self, host: MockBasis, is_shown: bool = False) -> None:
        self._host = host
        world = host.world
        params = world.dht.params_of(host)
        make = KademliaNode if params.node is None else params.node
        node = make(
            host.index,
            world.dht.space,
            params,
            random=Stream(b"") if is_shown else world.draws.stream(f"dht/{host.name}"),
            epoch=EPOCH,
        )
        node.raised = host.reporter("dht")
        self.interface = KademliaNetworkInterface(
            world.runtime, world.events, node, self._request, on_mode=self._mode_changed
        )
        self._by_stream = stream_request(world.runtime, node, self._stream_to)  # where a user's handler answers
        self.verbs = NodeDht(self.interface, host.name, self._find, host.awake)
        self.answer = stream_handler(self.interface, lambda stream: self._find(str(stream.peer)))  # to bytes, by hand
        for peer in host.connected:
            if is_shown:
                node.peer_connected(peer, world.dht.is_server(peer), world.clock.now)
            else:
                self.interface.peer_connected(peer, world.dht.is_server(peer))

    @property
    def core(self) -> KademliaNode:
        """The node's Kademlia core."""
        return self.interface.node

    def _find(self, peer: str) -> int:
        known = self._host.world.find(peer)
        if known is not None:
            return known.index
        return self._host.world.dht.space.find(stranger(peer, self._host.world.hosts()))

    def _mode_changed(self, mode: str) -> None:
        self._host.switch.updates.tell()  # the protocol is offered from now on, or no longer

    async def _request(
        self, peer: int, message: DhtMessage, size: int, timeout: float, cause: int
    ) -> DhtMessage | None:
        world = self._host.world
        if not world.has_host(peer):
            raise DialError(f"no address is known of {world.dht.space.peer_id(peer)}")
        boxes = world.boxes
        if boxes is not None and peer not in self._host.connected and boxes.passes(self._host, world.host_at(peer)):
            await self._host.reach(str(world.peer_id_at(peer)), timeout)  # a box is in the way: no dial is a mere delay
        if self._host.admission_control is None:
            return await self._exchange(peer, message, size, timeout, cause)
        try:
            with admitted(self._host, world.host_at(peer), "outbound", self.core.params.protocol):
                return await self._exchange(peer, message, size, timeout, cause)
        except RefusedError as error:
            raise DialError(str(error)) from error

    async def _stream_to(self, peer: int, protocols: list[str]) -> NetStream:
        return await self._host.open_stream(str(self._host.world.peer_id_at(peer)), protocols)

    async def _exchange(
        self, peer: int, message: DhtMessage, size: int, timeout: float, cause: int
    ) -> DhtMessage | None:
        world = self._host.world
        if world.host_at(peer).answers_otherwise(self.core.params.protocol):
            return await self._by_stream(peer, message, size, timeout, cause)
        there, back, setup = self._way(peer)
        size += len(encode_varint(size)) + OVERHEAD
        exchange = _Exchange(self._host, world.host_at(peer), there, back, message, size, cause)
        limit = world.runtime.timer(timeout, exchange.expire)
        try:
            if setup:
                world.clock.after(setup, exchange.depart)
            else:
                exchange.depart()
            await exchange.done.wait()
        finally:
            exchange.done.set()
            limit.cancel()
        if exchange.late:
            raise TimeoutError(f"{world.host_at(peer).name} did not answer within {timeout:g} s of lab time")
        if exchange.refused:
            raise DialError(f"{world.host_at(peer).name} refused the connection: nobody listens there")
        if exchange.client:
            protocol = self.core.params.protocol
            raise StreamError("protocol not supported", f"{world.host_at(peer).name} does not offer {protocol}")
        return exchange.reply

    def _way(self, peer: int) -> tuple[Pipe, Pipe, int]:
        """The pipes there and back, and the ticks until the first is ready."""
        host = self._host
        for end in host.connected.get(peer):
            return end.out, end.remote.out, 0
        links = host.world.links
        there, back = Pipe(links, host.index, peer), Pipe(links, peer, host.index)
        trips = QUIC_HANDSHAKE if common(host, host.world.host_at(peer)) == QUIC else HANDSHAKE
        return there, back, trips * links.round_trip(host.index, peer)


class _Exchange:
    """One request and its answer. ``late``, ``refused`` and ``client`` say why there is none; None may be an answer
    too: the peer closed the stream."""

    __slots__ = (
        "_asked",
        "_asker",
        "_back",
        "_cause",
        "_connection",
        "_message",
        "_protocol",
        "_size",
        "_there",
        "client",
        "done",
        "late",
        "refused",
        "reply",
    )

    def __init__(
        self, asker: MockBasis, asked: MockBasis, there: Pipe, back: Pipe, message: DhtMessage, size: int, cause: int
    ) -> None:
        self._asker = asker
        self._asked = asked
        self._there = there
        self._back = back
        self._message = message
        self._size = size
        self._cause = cause
        self._protocol = asker.dht.core.params.protocol
        self._connection = 0  # that it is told with, to who looks
        self.done = asker.world.runtime.waiter()
        self.reply: DhtMessage | None = None
        self.client = False
        self.refused = False
        self.late = False

    def depart(self, _: object = None, __: object = None) -> None:
        """Send the request, if its answer is still waited for."""
        if not self.done.is_set:
            self._account(self._asker, self._asked).sent += self._size - OVERHEAD
            taps = self._asker.world.taps
            if taps.sinks:
                self._connection = taps.request(self._asker, self._asked, self._message, self._protocol)
            self._there.send(self._size, self.arrived, None, self._cause)

    def expire(self) -> None:
        """The time for an answer is over."""
        self.late = True
        self.done.set()

    def arrived(self, _: object) -> None:
        """The request reached the other node."""
        asked, world = self._asked, self._asked.world
        if not asked.running:
            if not asked.silent:
                self.refused = True
                self._back.send(REFUSAL, self._answered, None, world.events.cause)
            return
        asker = self._asker.index
        if asker not in asked.connected:  # identify runs on a connection made for one request too
            asked.dht.interface.peer_seen(asker, world.dht.is_server(asker))
        if not world.dht.serves(asked, self._asker) or not self._is_let_in():
            self.client = True
            self._back.send(REFUSAL, self._answered, None, world.events.cause)
            return
        reply = asked.dht.interface.receive(asker, self._message)
        size = 0 if reply is None else message_size(reply, world.dht.space)
        account = self._account(asked, self._asker)
        account.received += self._size - OVERHEAD
        account.sent += size
        if world.taps.sinks and reply is not None:
            world.taps.answer(self._asker, asked, self._connection, reply, self._protocol)
        self._back.send(size + OVERHEAD, self._replied, (reply, size), world.events.cause)

    def _is_let_in(self) -> bool:
        """Whether the other node's admission lets the request in; an event says why not."""
        if self._asked.admission_control is None:
            return True
        try:
            with admitted(self._asked, self._asker, "inbound", self._protocol):
                return True
        except (RefusedError, StreamError):
            return False

    def _account(self, host: MockBasis, peer: MockBasis) -> Account:
        return host.traffic.account(peer.index, self._protocol)

    def _replied(self, reply: tuple[DhtMessage | None, int]) -> None:
        self._account(self._asker, self._asked).received += reply[1]
        self._answered(reply[0])

    def _answered(self, reply: DhtMessage | None) -> None:
        self.reply = reply
        self.done.set()


class WorldDht:
    """What the nodes' DHTs share, and the verbs of ``lab.dht``."""

    ref = "dht of the lab"

    def __init__(self, world: NodeWorld, params: DhtParams) -> None:
        self._world = world
        self.params = params
        self.space = KeySpace(self._peer_id_of, self._index_of, self._addresses_of)
        self._strangers: dict[int, PeerId] = {}  # ids that a user looked for, and no node of this lab has

    def _peer_id_of(self, index: int) -> PeerId:
        return self._world.host_at(index).peer_id if self._world.has_host(index) else self._strangers[index]

    def _index_of(self, peer_id: PeerId) -> int:
        host = self._world.find(str(peer_id))
        if host is not None:
            return host.index
        index = self._world.events.register(str(peer_id))
        self._strangers[index] = peer_id
        return index

    def _addresses_of(self, index: int) -> tuple[str, ...]:
        return (self._world.host_at(index).address,) if self._world.has_host(index) else ()

    def params_of(self, host: MockBasis) -> DhtParams:
        """The parameters of a node's DHT."""
        given = host.settings.get("dht")
        return self.params if given is None else check_dht(given)

    def is_server(self, index: int) -> bool:
        """Whether a node answers DHT requests."""
        host = self._world.host_at(index)
        return (host.open_dht(upkeep=False).core.mode if host.has_dht else self.params_of(host).mode) == "server"

    def serves(self, asked: MockBasis, asker: MockBasis) -> bool:
        """Whether a node offers the protocol that another one speaks."""
        return self.is_server(asked.index) and self.params_of(asked).protocol == self.params_of(asker).protocol

    def cores(self) -> list[KademliaNode]:
        """The cores of all running nodes, made where they were not; upkeep is not begun."""
        return [host.open_dht(upkeep=False).core for host in self._world.all_hosts() if host.running]

    def _shown(self) -> list[KademliaNode]:
        """The cores of all running nodes; in place of one that was never used, one that holds nothing."""
        return [
            host.open_dht(upkeep=False).core if host.has_dht else self._unused(host)
            for host in self._world.all_hosts()
            if host.running
        ]

    def _unused(self, host: MockBasis) -> KademliaNode:
        return KademliaNode(host.index, self.space, self.params_of(host), random=Stream(b""), epoch=EPOCH)

    def _place(self, key: str | bytes | Cid) -> bytes:
        return place_of(key, self.space, lambda peer: self._world.host_named(peer).index)

    def fill(self, upkeep: bool = False) -> int:
        """Give every running node the routing table it would have after hours; returns the number of entries."""
        cores = self.cores()
        entries = fill_tables(cores, self._draws, self._world.clock.now)
        if cores:
            self._measure(cores)
        self._world.events.record("dht.filled", data={"nodes": len(cores), "entries": entries})
        for core in cores if upkeep else ():
            self._world.host_at(core.me).open_dht(upkeep=True)
        return entries

    def _draws(self, core: KademliaNode) -> Stream:
        """What a node's table is filled by: the lab's seed and the node's name."""
        return self._world.draws.once(f"dht.fill/{self._world.host_at(core.me).name}")

    def _measure(self, cores: list[KademliaNode]) -> None:
        """Note how long a peer is in a message. Addresses and peer ids of mock nodes are all as long in binary as each
        other, so that one is measured for all."""
        first, known = cores[0].me, self.space.wire_sizes
        message_size(DhtMessage(FIND_NODE, closer=[first]), self.space)
        for core in cores:
            known.setdefault(core.me, known[first])

    def holders(self, key: str | bytes | Cid) -> Holders:
        """Who stores a key, and who should."""
        return holders(self._shown(), self._place(key), self._world.clock.now)

    def key_space(self, key: str | bytes | Cid | None) -> KeySpaceView:
        """Where the nodes sit in the key space, and how near to a key."""
        place = None if key is None else self._place(key)
        return view_of(self._shown(), place, self._world.clock.now)

    async def crawl(self, start: str) -> CrawlResult:
        """Ask everybody, as a crawler would, beginning with whom ``start`` knows."""
        host = self._world.host_named(start)
        result: CrawlResult = await host.dht.verbs.crawl()
        return result
