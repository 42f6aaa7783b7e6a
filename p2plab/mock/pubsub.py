"""A mock node's publish-subscribe: the router and its shell on the simulated network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ProtocolViolation
from p2plab.host.pubsub import RouterPubsub, new_manager
from p2plab.identity.keys import peer_id_from_bytes
from p2plab.mock.connections.connection import OVERHEAD, MockConnection
from p2plab.mock.connections.line import MESSAGES, URGENT
from p2plab.mock.connections.line import RPC as RPC_FRAME
from p2plab.mock.idontwant import withdraw
from p2plab.mock.runtime import NodePulse
from p2plab.network.plain import send_to_each
from p2plab.pubsub import PubSubManager
from p2plab.pubsub.choice import check_params, check_router, new_router, with_exchange
from p2plab.pubsub.rpc import RPC, RpcLimits, decode_rpc
from p2plab.stream import NetStream, StreamError
from p2plab.stream.priorities import WEIGHTS

if TYPE_CHECKING:
    from p2plab.mock.basis import MockBasis


class MockPubsub(RouterPubsub):
    """What the node's verbs ask of it; made for each of them, and its manager when first used."""

    _host: MockBasis

    @property
    def manager(self) -> PubSubManager:
        return self._host.pubsub


class Wires:
    """What a node's publish-subscribe has of its world, in one object: a network has ten thousand nodes."""

    __slots__ = ("_ends", "_host", "_links", "_taps")

    def __init__(self, host: MockBasis) -> None:
        self._host = host
        self._ends = host.connected.by_peer
        self._taps = host.world.taps
        self._links = host.world.links

    def send_many(self, peers: Sequence[int], rpc: RPC, size: int, cause: int) -> None:
        ends, plain = map(self._ends.get, peers), not self._taps.sinks
        send_to_each(self._links, ends, size, OVERHEAD, MockConnection.arrive, rpc, cause, self._send, plain)

    def _send(self, end: MockConnection, rpc: RPC, size: int, cause: int) -> None:
        """The same for one end, whatever may happen on its way."""
        control, flow, weight = rpc.control, MESSAGES, WEIGHTS["interactive"]
        if control is not None and control.idontwant and not rpc.publish:
            flow, weight = URGENT, WEIGHTS["control"]
        end.rpcs_sent += size
        if self._taps.sinks:
            self._taps.rpc(end, rpc)
        end.out.send(size + OVERHEAD, end.remote.arrive, rpc, cause, flow, weight, RPC_FRAME)

    def index_of(self, peer_id: bytes) -> int:
        known = self._host.world.find(str(peer_id_from_bytes(peer_id)))
        return -1 if known is None else known.index

    def withdraw(self, peer: int, message_ids: Sequence[bytes]) -> None:
        withdraw(self._host, peer, message_ids)

    def record_of(self, index: int) -> bytes:
        return self._host.world.host_at(index).peer_record

    def handshake_rtt(self, index: int) -> float:
        host = self._host
        return host.world.links.round_trip(host.index, index) / TICKS_PER_SECOND


def new_pubsub(host: MockBasis) -> PubSubManager:
    """A node's publish-subscribe, on its connections. Its heartbeat begins with its first peer, and not with whoever is
    the first to look at it: looking must not change a run."""
    world, wires = host.world, Wires(host)
    router = new_router(
        check_router(host.settings.get("router", world.router)),
        with_exchange(
            check_params(host.settings.get("gossipsub", world.gossipsub)), host.discovery_settings.has("peer-exchange")
        ),
    )
    return new_manager(
        host,
        router,
        wires.send_many,
        index_of=wires.index_of,
        withdraw=wires.withdraw,
        record_of=wires.record_of,
        handshake_rtt=wires.handshake_rtt,
        pulse=NodePulse(world.clock, host.index),
        clock=world.clock,
        first_seqno=host.next_seqno,
        policy=host.settings.get("signing", world.signing),
        message_id=host.settings.get("message_id", world.message_id),
        max_message_size=host.settings.get("max_message_size", world.max_message_size),
    )


async def read_rpcs(host: MockBasis, stream: NetStream) -> None:
    """Answers a pubsub stream that a peer opened by hand and writes bytes to: they are read by the wire format
    (pubsub/README.md, "The RPC"), and what they say is taken as any RPC of that peer's. What is no RPC is a violation,
    and ends the stream, as at a real node."""
    peer = host.world.index_of(stream.peer)
    limits = RpcLimits(size=host.pubsub.max_message_size)
    try:
        while (frame := await stream.read_message(limits.size)) is not None:
            rpc = decode_rpc(frame, limits)
            rpc.size = len(frame)
            for connection in host.connections_to(peer)[:1]:
                connection.receive_rpc(rpc)
    except ProtocolViolation as error:
        host.record("pubsub.violation", peer, "malformed", {"text": str(error)[:500]})
        await stream.reset()
    except StreamError as error:
        if error.kind == "limit":
            host.record("pubsub.violation", peer, "too large", {"text": str(error)[:500]})
            await stream.reset()


def boot(host: MockBasis) -> None:
    """Begin the heartbeat of a node with peering agreements, which has peers to dial (gossipsub-v1.1.md, "Explicit
    Peering Agreements"); that of others begins with their first peer."""
    if host.settings.get("gossipsub", host.world.gossipsub).explicit_peers:
        host.pubsub.start()
