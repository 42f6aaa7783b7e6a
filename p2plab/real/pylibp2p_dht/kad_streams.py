"""What py-libp2p's KadDHT is given for a host, and for the streams of one.

Remedy "a protocol id of one's own": the library's DHT asks and answers on a constant, ``/ipfs/kad/1.0.0``; here that
constant stands for whatever protocol the node was told to speak. Remedy "DHT over streams of ours": they may be
cancelled at any point, dial where there is no connection, and are seen message by message.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import trio
from libp2p.kad_dht.common import PROTOCOL_ID, QUERY_TIMEOUT
from libp2p.kad_dht.pb.kademlia_pb2 import Message as LibraryMessage
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from p2plab.errors import PeerIdError
from p2plab.identity.keys import peer_id_from_bytes
from p2plab.identity.varint import decode_varint, encode_varint
from p2plab.kademlia import DhtParams
from p2plab.kademlia.messages import ADD_PROVIDER, MAX_ADDRESSES, MAX_CLOSER_PEERS, DhtMessage, decode_message
from p2plab.kademlia.shell.failures import failure_of
from p2plab.kademlia.shell.streams import MOMENT
from p2plab.real.pylibp2p.streams import LibraryStream
from p2plab.real.pylibp2p_dht.kad_watch import WatchedQuery, current_watch
from p2plab.real.taps.dht import note_message
from p2plab.stream import NetStream, StreamError
from p2plab.stream.framing.frames import Way

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis

T = TypeVar("T")
Seen = Callable[[Way, bytes], None]

LIMITS: Final = DhtParams()


def bounded(data: bytes) -> bytes:
    """Remedy "bounded answers": an answer with no more peers, providers and addresses than p2plab takes itself. Raises
    what the library would for what is no message."""
    message = LibraryMessage.FromString(data)
    lists = ((message.closerPeers, MAX_CLOSER_PEERS), (message.providerPeers, LIMITS.max_providers_per_key))
    for peers, most in lists:
        del peers[most:]
        for peer in [peer for peer in peers if not is_peer(peer.id)]:
            peers.remove(peer)
        for peer in peers:
            del peer.addrs[MAX_ADDRESSES:]
    return message.SerializeToString()


def is_peer(binary: bytes) -> bool:
    """Whether these bytes are a peer id."""
    try:
        peer_id_from_bytes(binary)
    except PeerIdError:
        return False
    return True


class KadHost:
    """As much of a host of py-libp2p's as its KadDHT uses."""

    def __init__(self, host: RealBasis, protocol: str) -> None:
        self._host = host
        self._protocol = protocol
        self._id = ID.from_string(host.peer_id)

    def get_id(self) -> ID:
        return self._id

    @property
    def running(self) -> bool:
        """Whether the node runs."""
        return self._host.running_stack is not None

    def get_peerstore(self) -> Any:
        return self._host.book.peerstore

    def get_addrs(self) -> list[Multiaddr]:
        return self._host.stack.host.get_addrs()

    def get_private_key(self) -> Any:
        return self._host.stack.host.get_private_key()

    def get_connected_peers(self) -> list[ID]:
        peers = dict.fromkeys(connection.info.peer for connection in self._host.each_connection())
        return [ID.from_string(peer) for peer in peers if self.serves(ID.from_string(peer))]

    def set_stream_handler(self, protocol: str, handler: object) -> None:
        """The node offers the protocol itself (``OnDemandDht``)."""

    remove_stream_handler = set_stream_handler

    def serves(self, peer: ID) -> bool:
        """Whether a peer is a DHT server, as far as is known: whoever was only named may be one."""
        store = self.get_peerstore()
        said = store.get_protocols(peer) if store.has_peer(peer) else []
        return not said or self._protocol in said

    async def new_stream(self, peer: ID, protocols: Sequence[str]) -> Any:
        """A stream to a peer, dialled if there is no connection."""
        if PROTOCOL_ID not in protocols:
            return LibraryKadStream(await self._open(peer, protocols), peer)
        watch = current_watch()
        if watch is not None and watch.exhausted:
            watch.reason = "query limit"
            raise StreamError("limit", "the lookup has sent as many queries as one may")
        space = self._host.world.dht.space
        query = None if watch is None else watch.asked(space.index(peer.to_bytes()))
        try:
            if query is not None:
                self._host.world.events.continue_from(query.seq)  # of the running task alone, which asks this one peer
            stream = await self._open(peer, [self._protocol])
            seen = partial(note_message, self._host.world.events, self._host.index, space.index(peer.to_bytes()))
            return QueryStream(stream, peer, seen, query, self._learnt)
        except Exception as error:
            if query is not None:
                query.failed(*failure_of(error))
            raise

    async def _open(self, peer: ID, protocols: Sequence[str]) -> NetStream:
        host = self._host
        return await host.switch.open(await host.reach(str(peer)), [str(name) for name in protocols])

    def _learnt(self, data: bytes) -> DhtMessage:
        """What an answer says. ProtocolViolation."""
        dht = self._host.world.dht
        reply = decode_message(data, dht.space, LIMITS)
        for peer, addresses in (reply.addresses or {}).items():
            if addresses:
                dht.learn(peer, addresses)
        return reply


class LibraryKadStream(LibraryStream):
    """As much of a stream of py-libp2p's as its DHT and its ping use, over one of p2plab's."""

    metric_send_channel = None

    def __init__(self, stream: NetStream, peer: ID) -> None:
        super().__init__(stream, peer, LIMITS.max_message_size)


class _Framed(LibraryKadStream):
    """One that the library reads and writes in pieces, and that carries whole messages, each shown to ``seen``."""

    def __init__(self, stream: NetStream, peer: ID, seen: Seen) -> None:
        super().__init__(stream, peer)
        self._seen = seen
        self._in = b""
        self._out = b""

    async def read(self, n: int | None = None) -> bytes:
        if not self._in:
            data = await self._next()
            if data is None:
                return b""
            self._in = encode_varint(len(data)) + data
        wanted = len(self._in) if n is None else n
        taken, self._in = self._in[:wanted], self._in[wanted:]
        return taken

    async def _next(self) -> bytes | None:
        data = await self._stream.read_message(LIMITS.max_message_size)
        if data is not None:
            self._seen("received", data)
        return data

    async def write(self, data: bytes) -> None:
        self._out += data
        prefix = decode_varint(self._out)
        if prefix is None:
            return
        length, start = prefix
        if len(self._out) >= start + length:
            message, self._out = self._out[start : start + length], self._out[start + length :]
            await self._send(message)

    async def _send(self, message: bytes) -> None:
        self._seen("sent", message)
        await self._stream.write_message(message)


class QueryStream(_Framed):
    """A query to a peer. ``learnt`` makes an answer of bytes."""

    def __init__(
        self, stream: NetStream, peer: ID, seen: Seen, query: WatchedQuery | None, learnt: Callable[[bytes], DhtMessage]
    ) -> None:
        super().__init__(stream, peer, seen)
        self._query = query
        self._learnt = learnt
        self._begun = time.monotonic()

    async def _next(self) -> bytes | None:
        return await self._watching(self._hear)

    async def _hear(self) -> bytes | None:
        data = await super()._next()
        if data is not None:
            reply = self._learnt(data)
            if self._query is not None:
                self._query.answered(reply)
            data = bounded(data)
        return data

    async def _send(self, message: bytes) -> None:
        await self._watching(partial(super()._send, message))

    async def close(self) -> None:
        query = self._query
        if query is not None and not query.over:
            if query.type == ADD_PROVIDER:
                await self._watching(self._hear_nothing_more)
                query.answered(DhtMessage(ADD_PROVIDER))
            else:
                query.failed("no answer given")
        await self._stream.close()

    async def _hear_nothing_more(self) -> None:
        """Remedy "announcements that have arrived": a server closes when it has read it, or says something, or resets
        the stream (js-libp2p); it has all been sent by then."""
        with trio.move_on_after(MOMENT), suppress(StreamError):
            await self._stream.close_write()
            await self._stream.read(1)

    async def _watching(self, action: Callable[[], Awaitable[T]]) -> T:
        try:
            return await action()
        except BaseException as error:
            if self._query is not None:
                late = time.monotonic() - self._begun >= QUERY_TIMEOUT - 0.5
                why = failure_of(error) if isinstance(error, Exception) else ("timeout" if late else "stopped", "")
                self._query.failed(*why)
            await self._stream.reset()
            raise


class ServerStream(_Framed):
    """A stream of a peer's requests. ``instead(request)`` gives an answer where the library is not to be asked, or an
    empty one to refuse; ``answered(request)`` is called when the library has answered. ``echo``: whether its answer to
    an ADD_PROVIDER is sent."""

    def __init__(
        self,
        stream: NetStream,
        peer: ID,
        seen: Seen,
        within: Callable[[float, Callable[[], Awaitable[Any]]], Awaitable[Any]],
        instead: Callable[[bytes], bytes | None],
        answered: Callable[[bytes], None],
        echo: bool,
    ) -> None:
        super().__init__(stream, peer, seen)
        self._echo = echo
        self._within = within
        self._instead = instead
        self._answered = answered
        self._request = b""

    async def _next(self) -> bytes | None:
        while True:
            try:
                data: bytes | None = await self._within(LIMITS.idle_timeout, super()._next)
            except TimeoutError:
                return None
            answer = None if data is None else self._instead(data)
            if answer is None:
                self._request = data or b""
                return data
            if not answer:
                await self._stream.reset()
                return None
            self._seen("sent", answer)
            await self._stream.write_message(answer)

    async def _send(self, message: bytes) -> None:
        # Remedy "nothing said to an announcement".
        if not self._echo and LibraryMessage.FromString(message).type == ADD_PROVIDER:
            self._answered(self._request)
            return
        await super()._send(message)
        self._answered(self._request)
