"""Whom one real node is connected to and what it knows of them: dialling, introductions, and the end of connections.

Every connection has a task that waits for its end, so that nothing is listed that is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PERMANENT_ADDR_TTL, PeerStore
from multiaddr import Multiaddr

from p2plab.constants import IDENTIFY_ID
from p2plab.errors import AddressError, ClosedError, DialError, LabError, UnknownNodeError
from p2plab.identity.address import parse_address, well_formed
from p2plab.identity.keys import parse_peer_id
from p2plab.protocols.identify import Identify, identify
from p2plab.real.connections.connections import Link, describe
from p2plab.real.connections.dial import Account, Target, dial
from p2plab.real.pylibp2p.stack import CLOSING, Stack
from p2plab.real.transports.muxed import see
from p2plab.stream import StreamError
from p2plab.stream.flow.gate import FairGate
from p2plab.typing import PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.real.host import RealHost

TIMEOUT = 10.0  # seconds a verb waits for another node, unless told otherwise
INTRODUCTION = 5.0  # seconds that ``connect`` waits for identify and pubsub; the connection is good without them
SHORTEST_PEER_ID = 32  # characters; what is shorter was meant as a name


class Peers:
    """The peers of one host. ``links`` are its open connections, in the order in which they came."""

    def __init__(self, host: RealHost) -> None:
        self._host = host
        self._world = host.world
        self.links: list[Link] = []
        self.peerstore = PeerStore()
        self.dialled: list[str] = []  # whom it had dialled when it went down
        self._said: dict[str, Identify] = {}  # by peer id: what it told us with identify
        self._dials: dict[str, trio.Event] = {}
        if host.world.home is not None:
            for peer_id, addresses in host.world.home.book(host.name).items():
                self._add_to_book(peer_id, addresses)

    # -- dialling

    async def reach(self, named: str, timeout: float | None = None) -> Link:
        """The open connection to a peer, dialled if there is none; introduced, if that does not take too long."""
        await self._host.settled()
        target = self.target(named)
        if target.peer_id == self._host.peer_id:
            raise DialError(f"{self._host.name} cannot dial itself")
        while True:
            links = self.links_to(target.peer_id)
            under_way = self._dials.get(target.peer_id)
            if not links and under_way is not None:
                await under_way.wait()
                continue
            refused = self._host.entrance.refused_by(target.peer_id)
            link = links[0] if links else await self._dial(target, TIMEOUT if timeout is None else timeout)
            with trio.move_on_after(INTRODUCTION):
                await link.introduced.wait()
            if link.usable:
                return link
            why = self._host.entrance.refused_by(target.peer_id)
            if not links and (why != refused or not link.doomed):  # who ends a new connection at once would do it again
                raise self._closed_at_once(link, target, why if why != refused else -1)

    async def _dial(self, target: Target, timeout: float) -> Link:
        done = self._dials[target.peer_id] = trio.Event()
        try:
            other = self._world.find(target.peer_id)
            if other is not None:
                await other.settled()
            return await self._dial_now(target, timeout)
        finally:
            del self._dials[target.peer_id]
            done.set()

    async def _dial_now(self, target: Target, timeout: float) -> Link:
        host, log, directory = self._host, self._world.events, self._world.directory
        stack = host.stack
        index = directory.index(directory.named(target.peer_id))
        data = {"addresses": list(target.addresses)}
        seq = log.record("connection.dialled", host.index, index, data=data)
        directory.leave(("dial", host.peer_id, target.peer_id), seq)
        account = Account()
        library: Any = None
        if self._world.network.severs(host.name, directory.named(target.peer_id).name):
            account.reason = "no route"
            account.attempts += [
                (address, 0.0, "no route: a partition is between the two") for address in target.addresses
            ]
        else:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_at_the_end, stack, nursery.cancel_scope)
                library = await dial(stack.swarm, target, timeout, account)
                nursery.cancel_scope.cancel()
        if stack.over.is_set():
            raise ClosedError(f"{host.name} went down while it dialled {target.named}")
        for link in self.links:
            if library is not None and link.library is library:
                return link
        if library is not None:
            account.reason = "closed by peer"
            account.attempts.append((*account.answered, "closed by peer: the peer closed the connection at once"))
        tried = "; ".join(f"{address} ({seconds:.3f} s): {why}" for address, seconds, why in account.attempts)
        error = DialError(
            f"{host.name} could not reach {target.named}: {tried or 'no address of it is known'}", account.attempts
        )
        failed = {"target": target.named, "tried": [list(attempt) for attempt in account.attempts]}
        cause = max(seq, account.cause, host.entrance.refused_by(target.peer_id))
        error.event = log.record(
            "connection.failed", host.index, index, reason=account.reason, data=failed, cause=cause
        )
        raise error

    def _closed_at_once(self, link: Link, target: Target, why: int) -> DialError:
        text = f"{self._host.name} could not stay connected to {target.named}: the connection was closed at once"
        error = DialError(text, [(link.info.remote_address, self._world.now - link.info.opened_at, "closed at once")])
        log, data = self._world.events, {"target": target.named, "text": text}
        cause = link.cause_of_end(self._world.directory) if why < 0 else why
        reason = link.why if link.closing_here else "closed by peer"
        error.event = log.record(
            "connection.failed", self._host.index, link.index, reason=reason, data=data, cause=cause
        )
        return error

    def target(self, named: str) -> Target:
        """What a name, a peer id or a multiaddr stands for. UnknownNodeError, PeerIdError or AddressError."""
        known = self._world.find(named)
        if known is not None:
            return Target(known.name, known.peer_id, tuple(known.addresses))
        outside = self._world.outside.find(named)
        if outside is not None:
            return outside.target
        if named.startswith("/"):
            address = parse_address(named)
            peer_id = address.peer_id or self._world.listener_at(address.base)
            if peer_id is None:
                raise AddressError(
                    f"{named} does not say whom to expect there: end it in /p2p/<peer id>, as in the node's addresses"
                )
            return Target(named, peer_id, (str(address),))
        if len(named) < SHORTEST_PEER_ID or not named.isalnum():
            raise UnknownNodeError(f"no node of this lab is {named!r}; lab.nodes lists them")
        peer_id = parse_peer_id(named)
        return Target(named, peer_id, tuple(self.book(peer_id)))

    # -- connections

    def usable(self) -> list[Link]:
        """The connections, without those that are about to end."""
        return [link for link in self.links if link.usable]

    def links_to(self, peer_id: str) -> list[Link]:
        """Those of them to a peer."""
        return [link for link in self.links if link.info.peer == peer_id and link.usable]

    def opened(self, library: Any, stack: Stack) -> None:
        """The library has a new connection."""
        if stack.over.is_set():  # it was under way when the node went
            return
        host, world = self._host, self._world
        info = describe(library, world.directory, host.peer_id, world.now)
        link = Link(info, library, world.directory.index(info.peer), stack, FairGate(world.runtime))
        self.links.append(link)
        if world.network.severs(host.name, info.peer.name):  # it was under way when the two were cut apart
            stack.start(see(library.muxed_conn).hang_up, "cutting a connection")
        ends = (host.peer_id, info.peer) if info.direction == "outbound" else (info.peer, host.peer_id)
        cause = world.directory.follow(("dial", *ends))
        if info.muxer == "quic":  # which does in one step what others do in four
            step = {"step": "quic", "connection": info.id}
            world.events.record("connection.step", host.index, link.index, data=step, cause=cause)
        data = {"direction": info.direction, "connection": info.id}
        seq = world.events.record("connection.opened", host.index, link.index, data=data, cause=cause)
        host.entrance.opened(library.muxed_conn, info)
        stack.start(partial(self._watch, link), "watching a connection")
        stack.start(partial(self._introduce, link, seq), "getting to know a peer")

    async def _watch(self, link: Link) -> None:
        await link.gone.wait()
        other = self._world.find(link.info.peer)
        reason = "crashed" if other is not None and other.crashed else "closed by peer"
        self._closed(link, link.why if link.closing_here else reason)
        self._host.pubsub.connection_closed(link)

    def _closed(self, link: Link, reason: str | None) -> None:
        if link not in self.links:
            return
        self.links.remove(link)
        self._host.entrance.closed(link.info)
        link.closed.set()
        link.introduced.set()
        if not self.links_to(link.info.peer):
            self._said.pop(link.info.peer, None)
            self._host.peer_gone(link.index)
        if reason is None:
            return
        directory, data = self._world.directory, {"connection": link.info.id}
        seq = self._world.events.record(
            "connection.closed",
            self._host.index,
            link.index,
            reason=reason,
            data=data,
            cause=link.cause_of_end(directory),
        )
        directory.leave(("closed", link.info.id), seq)

    def all_gone(self, quietly: bool) -> None:
        """The stack under the connections is gone. ``quietly``: with nobody left here to take note."""
        self.dialled = [link.info.peer for link in self.links if link.info.direction == "outbound"]
        for link in list(self.links):
            other = self._world.find(link.info.peer)
            if other is not None:
                other.peers_of_node.doom(link.info.id)
            self._closed(link, None if quietly else "closed here")

    def doom(self, connection: int) -> None:
        """The other end of a connection is gone: it must not be used again, though its end is yet to be noticed."""
        for link in self.links:
            link.doomed = link.doomed or link.info.id == connection

    def leaving(self) -> None:
        """This end is about to close them all, for the running task's cause."""
        for link in self.links:
            link.close_here(self._world.events.cause)

    async def disconnect(self, peer: str) -> bool:
        """Close every connection to a peer; whether there was one."""
        links = self.links_to(self.target(peer).peer_id)
        for link in links:
            link.close_here(self._world.events.cause)
            link.stack.start(link.library.close, "closing a connection")
        with trio.move_on_after(CLOSING):
            for link in links:
                await link.closed.wait()
                other = self._world.find(link.info.peer)
                if other is not None:
                    await other.peers_of_node.end_of(link.info.id)
        return bool(links)

    async def end_of(self, connection: int) -> None:
        """Wait until this end, too, has noticed the end of a connection."""
        for link in self.links:
            if link.info.id == connection:
                await link.closed.wait()

    # -- getting to know each other

    async def _introduce(self, link: Link, cause: int) -> None:
        """Ask the peer who it is, and have pubsub ready to it if it speaks that."""
        self._world.events.cause = cause
        try:
            said = await self.ask(link)
            await self._host.pubsub.meet(link, said.protocols)
        except (LabError, trio.TooSlowError) as error:
            if link in self.links:  # otherwise the connection's end says why
                reason = error.kind if isinstance(error, StreamError) else "timeout"
                data = {"text": str(error)}
                self._world.events.record("identify.failed", self._host.index, link.index, reason=reason, data=data)
                self._doubt(link)
        finally:
            link.introduced.set()

    def _doubt(self, link: Link) -> None:
        """Doom a connection without another end: the peer's node went down just before it was opened there."""
        other = self._world.find(link.info.peer)
        if other is not None and not other.peers_of_node.has(link.info.id):
            link.doomed = True
            link.stack.start(link.library.close, "closing a connection")

    def has(self, connection: int) -> bool:
        """Whether this end of a connection is open."""
        return any(link.info.id == connection for link in self.links)

    async def ask(self, link: Link) -> Identify:
        """Identify."""
        return self.learnt(link, await identify(await self._host.switch.open(link, [IDENTIFY_ID])))

    def learnt(self, link: Link, said: Identify) -> Identify:
        """The peer said who it is, or what has changed about it; returns all it has said."""
        peer = link.info.peer
        before = self._said.get(peer)
        said = self._said[peer] = said if before is None else before.merged(said)
        library_id = link.library.muxed_conn.peer_id
        self.peerstore.set_protocols(library_id, list(said.protocols))
        self._add_to_book(peer, said.addresses)
        outside = self._world.outside.find(peer)
        if outside is not None:
            outside.said = said
        data = {"protocols": len(said.protocols)}
        self._world.events.record("identify.received", self._host.index, link.index, data=data)
        self._host.peer_known(link.index, said.protocols)
        return said

    def said(self, peer: str) -> Identify | None:
        """What a connected peer told with identify."""
        return self._said.get(peer)

    def info(self, peer: PeerId) -> PeerInfo:
        """What is known of a peer: what it said itself, or else its addresses in the lab or the address book."""
        said = self._said.get(peer)
        if said is None:
            known = self._world.find(peer) or self._world.outside.find(peer)
            addresses = known.addresses if known is not None else [f"{text}/p2p/{peer}" for text in self.book(peer)]
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

    def connected(self) -> list[PeerInfo]:
        """The peers there are connections to."""
        return [self.info(peer) for peer in dict.fromkeys(link.info.peer for link in self.usable())]

    # -- the address book

    def book(self, peer_id: str) -> list[str]:
        """The addresses known of a peer, without ``/p2p/...``."""
        library_id = ID.from_string(peer_id)
        if not self.peerstore.has_peer(library_id):
            return []
        return well_formed(self.peerstore.addrs(library_id))

    def known(self) -> list[PeerInfo]:
        """Everybody an address is known of."""
        peers = [self._world.directory.peer(peer.to_bytes()) for peer in self.peerstore.peers_with_addrs()]
        return [self.info(peer) for peer in peers if peer != self._host.peer_id]

    def register(self, peer_id: str, addresses: Sequence[str]) -> None:
        """Add addresses of a peer to the book. PeerIdError or AddressError."""
        self._add_to_book(parse_peer_id(peer_id), [parse_address(address).base for address in addresses])

    def _add_to_book(self, peer_id: str, addresses: Iterable[str]) -> None:
        """Addresses without ``/p2p/...``."""
        self.peerstore.add_addrs(ID.from_string(peer_id), [Multiaddr(one) for one in addresses], PERMANENT_ADDR_TTL)
        if self._world.home is not None:
            self._world.home.keep(self._host.name, peer_id, self.book(peer_id))


async def _cancel_at_the_end(stack: Stack, scope: trio.CancelScope) -> None:
    """What is done with a stack must not outlive it: the library would wait for what no longer runs."""
    await stack.over.wait()
    scope.cancel()
