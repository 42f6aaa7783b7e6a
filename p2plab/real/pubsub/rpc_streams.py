"""The streams of p2plab's own pubsub at a real node: what the node says to each peer, and what each says to it.

Rules they live by:
- What the node says to a peer goes on one stream, which the node opens in the newest protocol that both speak; what the
  peer says comes on the one that the peer opens. Of several of a peer's, the newest counts (pubsub/README.md).
- A peer is the router's from when there is a stream to it. What it says before that is left unread, in its own windows.
- What waits for a peer is bounded (``rpc_queue``), and so is what is read of it at once: a peer that does not read, or
  never stops writing, holds up nobody else. What is no RPC ends the stream it came on.
- A stream that cannot be opened, or fails while its connection lives, is tried again a few times, with growing pauses;
  the router starts afresh with the peer, and is told again what the peer subscribes to. Who opens a stream to this
  node speaks pubsub, whatever identify has come to.
- Everything a peer can do to the router is the core's to judge, and so are signatures; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from p2plab.errors import ClosedError, ProtocolViolation
from p2plab.identity.address import parse_address
from p2plab.pubsub import PubSubManager
from p2plab.pubsub.rpc import RPC, RpcLimits, decode_rpc
from p2plab.real.connections.trail import ConnectionClosed
from p2plab.real.pubsub.rpc_queue import Parcel, RpcQueue
from p2plab.real.pubsub.rpc_trail import RpcTrail
from p2plab.stream import NetStream, StreamError
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis
    from p2plab.real.connections.connections import RealConnection
    from p2plab.real.pylibp2p.stack import Stack

GREETING: Final = 5.0  # seconds that a new peer's pubsub stream is waited for
PIECE: Final = 64 * 1024  # bytes of waiting RPCs that are written at once
AT_ONCE: Final = 16  # messages of an RPC that are dealt with before others have their turn: signatures take time
ATTEMPTS: Final = 4  # to open a stream again; go-libp2p-pubsub, MaxBackoffAttempts
PAUSE: Final = 0.1  # seconds before the first of them, doubled each time; go-libp2p-pubsub, MinBackoffDelay
FORGIVEN: Final = 60.0  # seconds that a stream has to live for the attempts before it not to count


class Outgoing:
    """The stream to a peer, and what waits for it."""

    def __init__(self, stream: NetStream, link: RealConnection) -> None:
        self.stream = stream
        self.link = link
        self.queue = RpcQueue()


class Neighbour:
    """A connected peer. ``incoming`` is the stream on which it talks; ``heard`` what it says it subscribes to;
    ``greeted`` is set while there is a stream to it, and when it has gone."""

    def __init__(self, index: int, peer_id: PeerId) -> None:
        self.index = index
        self.peer_id = peer_id
        self.outgoing: Outgoing | None = None
        self.incoming: NetStream | None = None
        self.heard: dict[str, None] = {}
        self.protocols: list[str] = []
        self.attempts = 0
        self.trying = False
        self.greeted = trio.Event()
        self.gone = trio.Event()
        self.greeting = trio.Lock()


class RpcStreams:
    """One node's. ``manager`` gives the shell around its router, which is told of peers and of what they say."""

    def __init__(self, host: RealBasis, manager: Callable[[], PubSubManager]) -> None:
        self._host = host
        self._log = host.world.events
        self._directory = host.world.directory
        self._manager = manager
        self._stack: Stack | None = None
        self._trail = RpcTrail(self._log, self._directory, host.index)
        self.neighbours: dict[int, Neighbour] = {}

    def came_up(self, stack: Stack) -> None:
        """The node is on this stack from now on."""
        self._stack = stack

    def went_down(self) -> None:
        """Its stack is gone, and with it every stream."""
        self._stack = None
        for neighbour in list(self.neighbours.values()):
            self._farewell(neighbour)

    # -- its peers

    async def meet(self, link: RealConnection, protocols: Sequence[str]) -> None:
        """See ``NodePubsub``."""
        wanted = [protocol for protocol in self._manager().router.protocols if protocol in protocols]
        if wanted and not link.closed.is_set():
            neighbour = self._neighbour(link.peer)
            neighbour.protocols = wanted
            try:
                await self._greet(neighbour, link)
            except (StreamError, trio.TooSlowError):
                self._try_again(neighbour)
                raise

    def _neighbour(self, index: int) -> Neighbour:
        neighbour = self.neighbours.get(index)
        if neighbour is None:
            neighbour = self.neighbours[index] = Neighbour(index, self._directory.peer_of(index))
        return neighbour

    async def _greet(self, neighbour: Neighbour, link: RealConnection) -> None:
        """Open a stream to it, and make it the router's.
        Raises StreamError, ProtocolViolation, ClosedError, TooSlowError."""
        async with neighbour.greeting:
            before = neighbour.outgoing
            if before is not None and before.link.usable:
                return
            began = self._log.now
            with trio.fail_after(GREETING):
                stream = await self._host.switch.open(link, neighbour.protocols)
            rtt = self._log.now - began
            if neighbour.gone.is_set() or self._stack is None:
                await stream.reset()
                return
            if neighbour.outgoing is not None:
                self._lose(neighbour)
            outgoing = neighbour.outgoing = Outgoing(stream, link)
            ip = parse_address(link.info.remote_address).ip if link.info.remote_address else None
            self._manager().add_peer(neighbour.index, stream.protocol, link.info.direction == "outbound", ip or "")
            self._manager().measured(neighbour.index, rtt)
            if neighbour.heard:
                again = RPC(subscriptions=tuple((True, topic) for topic in neighbour.heard))
                self._manager().receive(neighbour.index, again)
            neighbour.greeted.set()
            self._stack.start(partial(self._write, neighbour, outgoing), "writing to a pubsub peer")
            self._stack.start(partial(self._watch, neighbour, outgoing), "watching a pubsub stream")

    def _lose(self, neighbour: Neighbour) -> None:
        """There is no stream to it any more."""
        outgoing, neighbour.outgoing = neighbour.outgoing, None
        if outgoing is not None:
            outgoing.queue.close()
            if not neighbour.gone.is_set():
                neighbour.greeted = trio.Event()
            self._manager().remove_peer(neighbour.index)

    def _farewell(self, neighbour: Neighbour) -> None:
        del self.neighbours[neighbour.index]
        neighbour.gone.set()
        self._lose(neighbour)
        neighbour.greeted.set()

    def connection_closed(self, link: RealConnection) -> None:
        """See ``NodePubsub``."""
        neighbour = self.neighbours.get(link.peer)
        if neighbour is None:
            return
        self._log.continue_from(self._directory.trail.follow(ConnectionClosed(link.info.id)))
        if not self._host.connections_to(neighbour.index):
            self._farewell(neighbour)
        elif neighbour.outgoing is not None and neighbour.outgoing.link is link:
            self._failed(neighbour, neighbour.outgoing)

    def _failed(self, neighbour: Neighbour, outgoing: Outgoing) -> None:
        """A stream to a peer is gone, and the peer perhaps not."""
        if neighbour.outgoing is not outgoing:
            return
        if self._log.now - outgoing.stream.opened_at > FORGIVEN:
            neighbour.attempts = 0
        self._lose(neighbour)
        self._try_again(neighbour)

    def _try_again(self, neighbour: Neighbour) -> None:
        if self._stack is not None and not neighbour.trying:
            neighbour.trying = True
            self._stack.start(partial(self._greet_again, neighbour), "opening a pubsub stream again")

    async def _greet_again(self, neighbour: Neighbour) -> None:
        try:
            await self._attempts(neighbour)
        finally:
            neighbour.trying = False

    async def _attempts(self, neighbour: Neighbour) -> None:
        while neighbour.attempts < ATTEMPTS and neighbour.outgoing is None:
            with trio.move_on_after(PAUSE * 2**neighbour.attempts):
                await neighbour.gone.wait()
                return
            neighbour.attempts += 1
            links = self._host.connections_to(neighbour.index)
            if not links:
                return
            try:
                await self._greet(neighbour, links[0])
            except (StreamError, ProtocolViolation, ClosedError, trio.TooSlowError) as error:
                reason = error.kind if isinstance(error, StreamError) else "timeout"
                data = {"text": str(error), "attempt": neighbour.attempts}
                self._log.record("identify.failed", self._host.index, neighbour.index, reason=reason, data=data)

    # -- what is said to a peer

    def send(self, peers: Sequence[int], rpc: RPC, size: int, cause: int) -> None:
        """Have an RPC wait for these peers; one whose queue is full goes without, which is an event."""
        parcel = Parcel(rpc, size, cause)
        for peer in peers:
            neighbour = self.neighbours.get(peer)
            outgoing = None if neighbour is None else neighbour.outgoing
            if outgoing is not None and not outgoing.queue.put(parcel):
                self._note_dropped(peer, parcel, outgoing.queue)

    def _note_dropped(self, peer: int, parcel: Parcel, queue: RpcQueue) -> None:
        data = {"waiting": len(queue), "bytes": queue.size, "dropped": queue.dropped}
        lost: list[tuple[str | None, str | None, int]] = [
            (each.topic, each.ref, each.size) for each in parcel.rpc.publish
        ] or [(None, None, parcel.size)]
        for topic, ref, size in lost:
            self._log.record(
                "pubsub.drop", self._host.index, peer, topic, ref, size, "outbound queue full", data, parcel.cause
            )

    def withdraw(self, peer: int, message_ids: Sequence[bytes]) -> None:
        """Take messages back that still wait for a peer; each is a ``pubsub.withdrawn``."""
        neighbour = self.neighbours.get(peer)
        if neighbour is None or neighbour.outgoing is None:
            return
        unwanted, name_of = frozenset(message_ids), self._manager().name_of
        for each in neighbour.outgoing.queue.withdraw(lambda publication: name_of(publication)[0] in unwanted):
            ref, size = name_of(each)[1], each.rpc_size
            self._log.record("pubsub.withdrawn", self._host.index, peer, each.topic, ref, size, "peer does not want it")

    async def _write(self, neighbour: Neighbour, outgoing: Outgoing) -> None:
        stream, number = outgoing.stream, 0
        key = (stream.connection.id, stream.id)
        try:
            while parcels := await outgoing.queue.take(PIECE):
                for parcel in parcels:
                    self._trail.sent(neighbour.index, key, number, parcel.rpc, parcel.size, parcel.cause)
                    number += 1
                await stream.write(b"".join(parcel.frame for parcel in parcels))
        except StreamError:  # recorded as the stream's end
            self._failed(neighbour, outgoing)
        else:
            await stream.reset()

    async def _watch(self, neighbour: Neighbour, outgoing: Outgoing) -> None:
        """A peer says nothing on this stream; but that it has reset it is noticed by reading alone."""
        try:
            await outgoing.stream.read(1)
        except StreamError:
            self._failed(neighbour, outgoing)

    # -- what a peer says

    async def listen(self, stream: NetStream) -> None:
        """Answers a pubsub stream that a peer opened."""
        neighbour = self._neighbour(self._directory.index(stream.peer))
        before, neighbour.incoming = neighbour.incoming, stream
        if before is not None:
            await before.reset()
        if neighbour.outgoing is None:
            neighbour.protocols = neighbour.protocols or [stream.protocol]
            neighbour.attempts = 0
            self._try_again(neighbour)
        try:
            await self._read(neighbour, stream)
        except ProtocolViolation as error:
            self._refuse(neighbour, "malformed", error)
            await stream.reset()
        except StreamError as error:
            if error.kind == "limit":
                self._refuse(neighbour, "too large", error)
                await stream.reset()
        finally:
            if neighbour.incoming is stream:
                neighbour.incoming = None

    def _refuse(self, neighbour: Neighbour, reason: str, error: Exception) -> None:
        data = {"text": str(error)[:500]}
        self._log.record("pubsub.violation", self._host.index, neighbour.index, reason=reason, data=data)

    async def _read(self, neighbour: Neighbour, stream: NetStream) -> None:
        key, number = (stream.connection.id, stream.id), 0
        while (frame := await stream.read_message(self._manager().max_message_size)) is not None:
            await neighbour.greeted.wait()
            rpc = decode_rpc(frame, RpcLimits(size=self._manager().max_message_size))
            self._log.continue_from(self._trail.received(neighbour.index, key, number, rpc, len(frame)))
            for part in _parts(rpc) if number else [rpc]:  # the first may have to be read whole: v1.3
                self._receive(neighbour, part)
                await trio.lowlevel.checkpoint()
            number += 1

    def _receive(self, neighbour: Neighbour, rpc: RPC) -> None:
        if neighbour.outgoing is None:  # lost meanwhile
            return
        for on, topic in rpc.subscriptions:
            if not on:
                neighbour.heard.pop(topic, None)
            elif len(neighbour.heard) < RpcLimits().subscriptions:
                neighbour.heard[topic] = None
        self._manager().receive(neighbour.index, rpc)


def _parts(rpc: RPC) -> list[RPC]:
    """An RPC of many messages as several; together they say the same in the same order."""
    if len(rpc.publish) <= AT_ONCE:
        return [rpc]
    heads = [rpc.publish[start : start + AT_ONCE] for start in range(0, len(rpc.publish), AT_ONCE)]
    parts = [RPC(messages) for messages in heads]
    parts[0].subscriptions = rpc.subscriptions
    parts[-1].control, parts[-1].test_extension = rpc.control, rpc.test_extension
    return parts
