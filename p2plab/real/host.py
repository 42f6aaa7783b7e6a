"""One real node: what outlives its py-libp2p stack, and the verbs over it.

Rules it lives by:
- Verbs may be cancelled at any point. What must not be cut short runs in a task of the stack's nursery.
- Every connection has a task that waits for its end, so that nothing is listed that is gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.network.stream.net_stream import NetStream as LibraryStream
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PERMANENT_ADDR_TTL, PeerStore
from libp2p.stream_muxer.exceptions import MuxedConnError
from multiaddr import Multiaddr

from p2plab.address import parse_address
from p2plab.constants import IDENTIFY_ID, PING_ID
from p2plab.errors import (
    AddressError,
    ClosedError,
    ConfigurationError,
    DialError,
    LabError,
    NotInThisWorldError,
    UnknownNodeError,
    ValidationError,
)
from p2plab.identity import Identity, parse_peer_id
from p2plab.protocols.capabilities import Capability
from p2plab.protocols.identify import Identify, identify
from p2plab.protocols.ping import ping
from p2plab.pubsub import Message, TopicQueue
from p2plab.real.connections import Link, Tap, describe
from p2plab.real.dial import Account, Target, dial, explain
from p2plab.real.stack import CLOSING, Stack
from p2plab.real.streams import RealStream
from p2plab.real.topics import NodeTopics
from p2plab.stream import NetStream, Priority, StreamError, StreamHandler, check_handler, serve
from p2plab.stream.negotiate import Negotiated, select
from p2plab.typing import Connection, PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.real.world import RealWorld

TIMEOUT = 10.0  # seconds a verb waits for another node, unless told otherwise
FOR_EVER = PERMANENT_ADDR_TTL
INTRODUCTION = 5.0  # seconds that ``connect`` waits for identify and pubsub; the connection is good without them


class RealHost:
    """Implements ``p2plab.typing.Host``. ``index`` stands for it in the event log."""

    def __init__(self, world: RealWorld, name: str, settings: dict[str, Any], listen: Sequence[str]) -> None:
        self.world = world
        self.name = name
        self.settings = settings
        self.ref = f"node {name}"
        self.index = world.events.register(name)
        self.identity = Identity.derive(world.seed, name)
        self.peer_id = self.identity.peer_id
        self.listen = list(listen)
        self.links: list[Link] = []
        self.topics_of_node = NodeTopics(world.runtime, world.log, world.directory, self.peer_id, name, self.index)
        self.crashed = False
        self._stack: Stack | None = None
        self._coming_up: trio.Event | None = None
        self._peerstore = PeerStore()
        self._dialled: list[str] = []  # whom it had dialled when it went, to be dialled again when it is back
        self._addresses: list[str] = []
        self._handlers: dict[str, Callable[[NetStream], Awaitable[Any]]] = {}
        self._said: dict[str, Identify] = {}  # by peer id: what it told us with identify
        self._dials: dict[str, trio.Event] = {}
        self._streams: list[NetStream] = []
        self._randomness = world.runtime.random(f"ping/{name}")

    # -- its life, for the supervisor

    @property
    def running(self) -> bool:
        return self._stack is not None or self._coming_up is not None

    @property
    def stack(self) -> Stack:
        """The py-libp2p objects. ClosedError where the node does not run."""
        if self._stack is None:
            raise ClosedError(f"{self.name} is not running{' yet' if self._coming_up else ''}")
        return self._stack

    async def _up(self) -> Stack:
        """The same, once a restart under way is done."""
        if self._coming_up is not None:
            await self._coming_up.wait()
        return self.stack

    def new_stack(self) -> Stack:
        """A stack for this node, with the protocols that it answers."""
        stack = Stack(
            self.identity,
            self.world.new_router,
            self.topics_of_node,
            partial(self._failed, "library"),
            self._refused,
            self._peerstore,
        )
        stack.swarm.register_notifee(Tap(self._connection_opened))
        for protocol in self._handlers:
            stack.host.set_stream_handler(TProtocol(protocol), self._answer)
        return stack

    def came_up(self, stack: Stack) -> None:
        """The stack is ready: from now on the node is."""
        self._stack, self.crashed = stack, False
        self._now_up()
        self._addresses = [str(address) for address in stack.host.get_addrs()]
        # A node that comes back listens where it did before.
        self.listen = [str(address) for address in stack.host.get_transport_addrs()]
        self.topics_of_node.attach(stack)

    def _now_up(self) -> None:
        """Whoever waits for a restart goes on, whether or not it succeeded."""
        coming_up, self._coming_up = self._coming_up, None
        if coming_up is not None:
            coming_up.set()

    def went_down(self, crashed: bool) -> None:
        """The stack is gone, and what was on it. Of a crash, only the peers take note."""
        self._stack, self.crashed = None, crashed
        self._now_up()
        self._dialled = [link.info.peer for link in self.links if link.info.direction == "outbound"]
        self.topics_of_node.attach(None)
        for link in list(self.links):
            self._connection_closed(link, None if crashed else "closed here")
        for stream in list(self._streams):
            stream.torn_down("connection closed")

    def leaving(self) -> None:
        """The node is about to be stopped, for the running task's cause."""
        for link in self.links:
            link.close_here(self.world.events.cause)

    def _failed(self, reason: str, what: str, error: Exception) -> None:
        self.world.runtime.report(error, what, self.index, reason)

    def _refused(self, address: str, error: Exception) -> None:
        reason, text = explain(error)
        data = {"address": address, "text": text}
        self.world.events.record("connection.failed", self.index, reason=reason, data=data)

    @property
    def addresses(self) -> list[str]:
        return list(self._addresses)

    # -- connections

    async def connect(self, target: str, timeout: float | None = None) -> Connection:
        return (await self._reach(target, timeout)).info

    async def _reach(self, named: str, timeout: float | None = None) -> Link:
        """The open connection to a peer, dialled if there is none; introduced, if that does not take too long."""
        await self._up()
        target = self._target(named)
        if target.peer_id == self.peer_id:
            raise DialError(f"{self.name} cannot dial itself")
        while True:
            links = self._links_to(target.peer_id)
            if links:
                link = links[0]
                break
            under_way = self._dials.get(target.peer_id)
            if under_way is None:
                link = await self._dial(target, TIMEOUT if timeout is None else timeout)
                break
            await under_way.wait()
        with trio.move_on_after(INTRODUCTION):
            await link.introduced.wait()
        return link

    async def _dial(self, target: Target, timeout: float) -> Link:
        stack, log = self.stack, self.world.events
        peer = self.world.directory.named(target.peer_id)
        index = self.world.directory.index(peer)
        done = self._dials[target.peer_id] = trio.Event()
        data = {"addresses": list(target.addresses)}
        seq = log.record("connection.dialled", self.index, index, data=data)
        self.world.directory.leave(("dial", self.peer_id, target.peer_id), seq)
        account = Account()
        try:
            library = await dial(stack.swarm, target, timeout, account)
        finally:
            del self._dials[target.peer_id]
            done.set()
        for link in self.links:
            if library is not None and link.library is library:
                return link
        tried = "; ".join(f"{address} ({seconds:.3f} s): {why}" for address, seconds, why in account.attempts)
        if library is not None:
            tried = f"{target.addresses[-1]}: the peer closed the connection at once"
        error = DialError(f"{self.name} could not reach {target.named}: {tried or 'no address of it is known'}")
        error.attempts = account.attempts
        failed = {"target": target.named, "tried": [list(attempt) for attempt in account.attempts]}
        error.event = log.record("connection.failed", self.index, index, reason=account.reason, data=failed, cause=seq)
        raise error

    def _target(self, named: str) -> Target:
        """What a name, a peer id or a multiaddr stands for. UnknownNodeError, PeerIdError or AddressError."""
        known = self.world.find(named)
        if known is not None:
            return Target(known.name, known.peer_id, tuple(known.addresses))
        if named.startswith("/"):
            address = parse_address(named)
            peer_id = address.peer_id or self.world.listener_at(address.base)
            if peer_id is None:
                raise AddressError(
                    f"{named} does not say whom to expect there: end it in /p2p/<peer id>, as in the node's addresses"
                )
            return Target(named, peer_id, (str(address),))
        if len(named) < 32 or not named.isalnum():
            raise UnknownNodeError(f"no node of this lab is {named!r}; lab.nodes lists them")
        peer_id = parse_peer_id(named)
        return Target(named, peer_id, tuple(self._book(peer_id)))

    def _book(self, peer_id: str) -> list[str]:
        """The addresses in the peerstore."""
        peerstore, library_id = self._peerstore, ID.from_string(peer_id)
        return [str(address) for address in peerstore.addrs(library_id)] if peerstore.has_peer(library_id) else []

    def _links_to(self, peer_id: str) -> list[Link]:
        return [link for link in self.links if link.info.peer == peer_id and not link.closing_here]

    def _connection_opened(self, library: Any) -> None:
        world = self.world
        info = describe(library, world.directory, self.peer_id, world.now)
        link = Link(info, library, world.directory.index(info.peer))
        self.links.append(link)
        ends = (self.peer_id, info.peer) if info.direction == "outbound" else (info.peer, self.peer_id)
        data = {"direction": info.direction, "connection": info.id}
        cause = world.directory.follow(("dial", *ends))
        seq = world.events.record("connection.opened", self.index, link.index, data=data, cause=cause)
        nursery = self._nursery_of(library)
        nursery.start_soon(self._watch, link)
        nursery.start_soon(self._introduce, link, seq)

    def _nursery_of(self, library: Any) -> trio.Nursery:
        # The first connection may come in before ``came_up``; the stack's nursery is there by then.
        return self._stack.nursery if self._stack is not None else self.world.portal.nursery

    async def _watch(self, link: Link) -> None:
        await link.gone.wait()
        other = self.world.find(link.info.peer)
        reason = "crashed" if other is not None and other.crashed else "closed by peer"
        self._connection_closed(link, "closed here" if link.closing_here else reason)
        if self._stack is not None:
            self._stack.pubsub.forget(link.library.muxed_conn.peer_id)

    def _connection_closed(self, link: Link, reason: str | None) -> None:
        if link not in self.links:
            return
        self.links.remove(link)
        link.closed.set()
        link.introduced.set()
        if not self._links_to(link.info.peer):
            self._said.pop(link.info.peer, None)
        if reason is None:
            return
        directory, data = self.world.directory, {"connection": link.info.id}
        seq = self.world.events.record(
            "connection.closed", self.index, link.index, None, None, None, reason, data, link.cause_of_end(directory)
        )
        directory.leave(("closed", link.info.id), seq)

    async def disconnect(self, peer: str) -> bool:
        links = self._links_to(self._target(peer).peer_id)
        for link in links:
            link.close_here(self.world.events.cause)
            self.stack.nursery.start_soon(link.library.close)
        with trio.move_on_after(CLOSING):
            for link in links:
                await link.closed.wait()
        return bool(links)

    # -- identify

    async def _introduce(self, link: Link, cause: int) -> None:
        """Ask the peer who it is, and wait for the pubsub stream that the library opens to those that speak it."""
        self.world.events.cause = cause
        try:
            said = await self._ask(link)
            if self._stack is not None and any(protocol in said.protocols for protocol in self.stack.pubsub.protocols):
                await self.stack.pubsub.wait_for_peer(link.library.muxed_conn.peer_id, INTRODUCTION)
        except (LabError, trio.TooSlowError) as error:
            if link in self.links:  # otherwise the connection's end says why
                self._failed("library", "getting to know a peer", error)
        finally:
            link.introduced.set()

    async def identify(self, peer: str, timeout: float | None = None) -> PeerInfo:
        link = await self._reach(peer, timeout)
        await self.world.runtime.within(TIMEOUT if timeout is None else timeout, lambda: self._ask(link))
        return self._info(link.info.peer)

    async def _ask(self, link: Link) -> Identify:
        said = await identify(await self._open(link, [IDENTIFY_ID]))
        peer = link.info.peer
        before = self._said.get(peer)
        self._said[peer] = said if before is None else before.merged(said)
        peerstore, library_id = self._peerstore, link.library.muxed_conn.peer_id
        peerstore.set_protocols(library_id, list(said.protocols))
        peerstore.add_addrs(library_id, [Multiaddr(address) for address in said.addresses], FOR_EVER)
        self.world.events.record("identify.received", self.index, link.index, data={"protocols": len(said.protocols)})
        return said

    def _info(self, peer: PeerId) -> PeerInfo:
        """What this node knows of a peer: what it said itself, or else its addresses in the lab or the address book."""
        said = self._said.get(peer)
        if said is None:
            known = self.world.find(peer)
            addresses = known.addresses if known is not None else [f"{text}/p2p/{peer}" for text in self._book(peer)]
            return PeerInfo(peer.name or peer.short, peer, addresses)
        return PeerInfo(
            name=peer.name or peer.short,
            peer_id=peer,
            addresses=[f"{address}/p2p/{peer}" for address in said.addresses],
            protocols=sorted(said.protocols),
            agent_version=said.agent_version or "",
            protocol_version=said.protocol_version or "",
            observed_address=said.observed,
        )

    # -- peers

    def connections(self, peer: str | None = None) -> list[Connection]:
        links = self.links if peer is None else self._links_to(self._target(peer).peer_id)
        return [link.info for link in links]

    def peers(self) -> list[PeerInfo]:
        return [self._info(peer) for peer in dict.fromkeys(link.info.peer for link in self.links)]

    def known_peers(self) -> list[PeerInfo]:
        directory, own = self.world.directory, self.peer_id
        known = [directory.peer(peer.to_bytes()) for peer in self._peerstore.peers_with_addrs()]
        return [self._info(peer) for peer in known if peer != own]

    def register_peer(self, peer_id: str, addresses: Sequence[str]) -> None:
        parsed = [parse_address(address) for address in addresses]
        library_id = ID.from_string(parse_peer_id(peer_id))
        self._peerstore.add_addrs(library_id, [Multiaddr(address.base) for address in parsed], FOR_EVER)

    # -- streams

    async def open_stream(
        self, peer: str, protocols: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream:
        return await self._open(await self._reach(peer), protocols, lazy)

    async def _open(self, link: Link, protocols: Sequence[str], lazy: bool = False) -> NetStream:
        """A stream on this connection with its protocol agreed."""
        raw = await self._new_stream(link)
        try:
            negotiated = await select(raw, protocols, self.world.runtime, lazy)
        except BaseException as error:
            await raw.reset()
            if isinstance(error, StreamError) and error.kind == "protocol not supported":
                data = {"protocols": list(protocols)}
                error.event = self.world.events.record(
                    "stream.refused", self.index, link.index, reason="protocol not supported", data=data
                )
            raise
        return self._net(raw, negotiated, link)

    async def _new_stream(self, link: Link) -> RealStream:
        """Remedy "uncut I/O": opened in a task of the stack's; if the caller is cancelled meanwhile, it is reset."""
        opened: list[RealStream] = []
        failures: list[StreamError] = []
        done = trio.Event()
        abandoned = False
        stack = self.stack

        async def open_it() -> None:
            try:
                library = await link.library.new_stream()
            except (MuxedConnError, OSError) as error:
                failures.append(StreamError("reset", f"no stream could be opened to {link.info.peer!r}: {error}"))
            else:
                raw = RealStream(library, link.info, "outbound", self._spawn)
                self.world.directory.leave(("stream", link.info.id, raw.id), self.world.events.cause)
                opened.append(raw)
                if abandoned:
                    await raw.reset()
            finally:
                done.set()

        stack.nursery.start_soon(open_it)
        try:
            await done.wait()
        except trio.Cancelled:
            abandoned = True
            if opened:
                await opened[0].reset()
            raise
        if not opened:
            raise failures[0] if failures else ClosedError(f"{self.name} was stopped")
        return opened[0]

    def _spawn(self, action: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.stack.nursery.start_soon(action)

    def _net(self, raw: RealStream, agreed: RealStream | Negotiated, link: Link) -> NetStream:
        world = self.world
        stream = NetStream(
            agreed, world.runtime, world.face(self), world.events, self.index, link.index, self._stream_ended
        )
        raw.when_gone = stream.torn_down
        self._streams.append(stream)
        return stream

    def _stream_ended(self, stream: NetStream) -> None:
        self._streams.remove(stream)

    def streams(self) -> list[NetStream]:
        return list(self._streams)

    async def _answer(self, library: INetStream) -> None:
        """A peer opened a stream of one of this node's protocols."""
        assert isinstance(library, LibraryStream)
        link = next((link for link in self.links if link.library is library.swarm_conn), None)
        handler = self._handlers.get(str(library.get_protocol()))
        if link is None or handler is None:
            await library.reset()
            return
        raw = RealStream(library, link.info, "inbound", self._spawn)
        self.world.events.cause = self.world.directory.follow(("stream", link.info.id, raw.id))
        stream = self._net(raw, raw, link)
        try:
            await serve(handler, stream, self.world.events, self.index, link.index)
        except (SystemExit, KeyboardInterrupt) as error:  # user code's: it must not end the thread
            self.world.runtime.report(error, f"handler of {stream.protocol}", self.index, "handler")
            await stream.reset()

    # -- protocols

    async def capabilities(self, peer: str, timeout: float | None = None) -> list[Capability]:
        raise NotInThisWorldError("real nodes do not tell their capabilities yet; take a mock lab")

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None:
        self._handlers[protocol] = check_handler(handler)
        if self._stack is not None:
            self._stack.host.set_stream_handler(TProtocol(protocol), self._answer)

    def remove_handler(self, protocol: str) -> bool:
        if self._handlers.pop(protocol, None) is None:
            return False
        if self._stack is not None:
            self._stack.host.remove_stream_handler(TProtocol(protocol))
        return True

    def protocols(self) -> list[str]:
        return sorted(str(protocol) for protocol in self.stack.host.get_mux().get_protocols() if protocol)

    async def ping(self, peer: str, timeout: float | None = None) -> float:
        link = await self._reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        seconds = await self.world.runtime.within(limit, lambda: self._ping(link))
        self.world.events.record("ping.reply", self.index, link.index, data={"rtt": seconds})
        return seconds

    async def _ping(self, link: Link) -> float:
        async with await self._open(link, [PING_ID]) as stream:
            return await ping(stream, self.world.runtime, self._randomness)

    # -- publish-subscribe

    def subscribe(self, topic: str) -> TopicQueue:
        return self.topics_of_node.subscribe(topic)

    def unsubscribe(self, queue: TopicQueue) -> None:
        self.topics_of_node.unsubscribe(queue)

    def publish(self, topic: str, data: bytes) -> Message:
        return self.topics_of_node.publish(topic, data)

    def topics(self) -> list[str]:
        return sorted(self.topics_of_node.topics())

    def topic_peers(self, topic: str) -> list[PeerInfo]:
        directory = self.world.directory
        known = self.stack.pubsub.peer_topics.get(topic, ())
        peers = {directory.peer(peer.to_bytes()) for peer in known}
        return [self._info(link.info.peer) for link in self.links if link.info.peer in peers]

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> None:
        self.topics_of_node.add_validator(topic, validator)

    # -- the end

    async def stop(self) -> None:
        await self.world.stop_host(self)

    def crash(self, silent: bool = False) -> None:
        if silent:
            raise NotInThisWorldError(
                "a real node cannot crash silently: its system resets what it leaves behind; crash(), or a mock lab"
            )
        self.stack  # noqa: B018  # ClosedError where it does not run
        self.world.crash_host(self)

    def restart(self, state: str = "kept", reconnect: bool = True) -> None:
        if self.running:
            raise ConfigurationError(f"{self.name} is running; crash or stop it first")
        if state not in ("kept", "lost"):
            raise ValidationError(f"state={state!r}: a node comes back with its state 'kept' or 'lost'")
        if state == "lost":
            self._peerstore = PeerStore()
            self.topics_of_node.close()
        self._coming_up = trio.Event()
        again = self._dialled if reconnect else []

        def born() -> None:
            self.world.events.record("node.restarted", self.index, reason="requested", data={"state": state})
            for peer in again:
                self.stack.nursery.start_soon(self._redial, peer)

        self.world.start_again(self, born)

    async def _redial(self, peer: str) -> None:
        try:
            await self._reach(peer)
        except DialError:
            return  # recorded as connection.failed; nobody waits for it
