"""Bitswap bound to a host: streams, searches and time for the core, in every world.

A node writes on streams that it opens and reads on those that its peers open (BITSWAP.md, "Protocol"): one stream a
peer, kept while either of the two wants something.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.content.bitswap.effects import Search, SessionChanged
from p2plab.content.bitswap.messages import decode_message, encode_message
from p2plab.content.bitswap.node import Bitswap
from p2plab.content.bitswap.params import BITSWAP_IDS, MAX_MESSAGE, VERSIONS, BitswapParams
from p2plab.content.bitswap.session import Session
from p2plab.content.effects import CutOff, Ready
from p2plab.content.store import BlockStore
from p2plab.content.verbs import PeerLedger
from p2plab.effects import Runner, WakeAt
from p2plab.errors import LabError, ProtocolViolation
from p2plab.host.content.streams import MessageStreams
from p2plab.identity.address import parse_address
from p2plab.identity.cid import Cid
from p2plab.identity.varint import decode_varint
from p2plab.stream import NetStream, StreamError
from p2plab.text import plural
from p2plab.typing import PeerId, Timer, Waiter

if TYPE_CHECKING:
    from p2plab.host.content.reputation import ReputationService
    from p2plab.host.host import Host

__all__ = ["Exchange"]

PIECE: Final = 1 << 16  # bytes that are read at a time
MAX_DIALS: Final = 10  # providers that are connected to after a search
LOST: Final = ("no answer", "silence", "don't have")  # of a block that the peer was asked for, since it said it had it


class Exchange:
    """The shell of one node's Bitswap."""

    def __init__(self, host: Host[Any], store: BlockStore, params: BitswapParams) -> None:
        self.host = host
        self.core = Bitswap(store, params)
        self.core.opinions = self
        self._runner = Runner(host.world.events, host.index, self)
        self._streams = MessageStreams(host, BITSWAP_IDS, "Bitswap")
        self._news: dict[int, Waiter] = {}  # by session
        self._timer: Timer | None = None

    # -- coming and going

    def begin(self) -> None:
        """Answer Bitswap, and take up the peers there are."""
        for protocol in BITSWAP_IDS:
            self.host.handle(protocol, self._read)
        for peer in list(self.host.connected):
            self.look_at(peer)

    def look_at(self, peer: int) -> None:
        """A peer is connected, or has said what it speaks."""
        if not self.host.connections_to(peer):
            return
        spoken = [VERSIONS[protocol] for protocol in self.host.said_by(peer) if protocol in VERSIONS]
        if spoken:
            self._run(self.core.peer_ready(peer, max(spoken), self._now))

    def gone(self, peer: int) -> None:
        """The last connection to a peer is gone."""
        self._streams.gone(peer)
        self._run(self.core.peer_gone(peer, self._now))

    def down(self) -> None:
        """The node has gone, with its connections and tasks."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._streams.down()
        for session in list(self.core.sessions.values()):
            self._run(self.core.close(session, self._now, "stopped"))
        for peer in list(self.core.peers):
            self._run(self.core.peer_gone(peer, self._now))

    @property
    def _now(self) -> int:
        return self.host.world.runtime.ticks()

    # -- carrying out

    def _run(self, effects: list[Any]) -> int:
        return self._runner.run(effects) if effects else self.host.world.events.cause

    def perform(self, effect: Any, cause: int) -> None:
        """Carry out an effect of the core."""
        host = self.host
        if isinstance(effect, Ready):
            self._streams.send(effect.peer, self._write)
        elif isinstance(effect, SessionChanged):
            waiter = self._news.get(effect.session)
            if waiter is not None:
                waiter.set()
        elif isinstance(effect, Search):
            host.spawn(partial(self._search, effect.session, effect.cids), f"a search of {host.name}")
        elif isinstance(effect, WakeAt):
            seconds = (effect.tick - self._now) / TICKS_PER_SECOND
            self._timer = host.world.runtime.timer(max(0.0, seconds), self._wake)
        elif isinstance(effect, CutOff):
            self._reputation.cut_off(self.host.world.peer_id_at(effect.peer))
            self._streams.cut_off(effect.peer)

    def _wake(self) -> None:
        self._timer = None
        self._run(self.core.wake(self._now))

    # -- streams

    async def _write(self, peer: int) -> None:
        """Send what there is to send to a peer, a message at a time."""
        message = None
        try:
            while (message := self.core.outgoing(peer)) is not None:
                stream = await self._streams.to(peer)
                await stream.write_message(encode_message(message, VERSIONS[stream.protocol]))
                self._run(self.core.sent(peer, message))
        except (LabError, TimeoutError, OSError):
            self._streams.broken(peer)
            self._run(self.core.not_sent(peer, self._now))
            return
        await self._streams.written(peer, self.core.is_idle)

    async def _read(self, stream: NetStream) -> None:
        """What a peer sends, message by message, until it ends the stream."""
        peer = self.host.world.index_of(stream.peer)
        if not await self._streams.accept(peer, stream, self.core.is_cut_off(peer, self._now)):
            return
        version = VERSIONS[stream.protocol]
        try:
            while (data := await self._message(stream, peer)) is not None:
                message = decode_message(data, self.core.params.max_entries)
                if peer not in self.core.peers:
                    self._run(self.core.peer_ready(peer, version, self._now))
                self._run(self.core.received(peer, message, self._now))
                await self._streams.tidy(peer, self.core.is_idle)
        except ProtocolViolation as error:
            self._run(self.core.cut_off(peer, str(error), self._now))
        except StreamError:
            return  # recorded as the end of the stream
        finally:
            await self._streams.ended(peer, stream)

    async def _message(self, stream: NetStream, peer: int) -> bytes | None:
        """The next message, each piece of which is news of the peer. ProtocolViolation for one that is too large."""
        prefix = b""
        while True:
            byte = await stream.read(1)
            if not byte:
                return None  # cut off in the middle of a length, or between two messages: nothing is lost
            prefix += byte
            try:
                length = decode_varint(prefix)
            except ValueError as error:
                raise ProtocolViolation(f"a Bitswap message with no length: {error}") from error
            if length is not None:
                break
        size = length[0]
        if size > MAX_MESSAGE:
            raise ProtocolViolation(f"a Bitswap message of {size} bytes; at most {MAX_MESSAGE} are read")
        parts: list[bytes] = []
        while size:
            piece = await stream.read(min(PIECE, size))
            if not piece:
                return None
            size -= len(piece)
            parts.append(piece)
            self.core.heard(peer, self._now)
        return b"".join(parts)

    # -- searching

    async def _search(self, number: int, cids: list[Cid]) -> None:
        """Find providers and connect to them."""
        from p2plab.host.routing import RoutingService

        found = connected = 0
        before = dict.fromkeys(self.core.peers)  # a lookup in the DHT may connect to a provider by itself
        for cid in cids:
            try:
                providers = (await RoutingService.of(self.host).find_providers(str(cid))).providers
            except (LabError, TimeoutError):
                continue  # recorded by whoever looked
            for info in self._reputation.rank(providers)[:MAX_DIALS]:
                if info.peer_id == self.host.peer_id or self._reputation.refuses(info.peer_id):
                    continue
                found += 1
                connected += await self._connect(info.peer_id, info.addresses, before)
            if connected:
                break
        self._run(self.core.searched(number, cids[-1], found, connected, self._now))

    async def _connect(self, peer_id: PeerId, addresses: list[str], before: dict[int, None]) -> bool:
        """Whether a provider is connected that was not before the search."""
        peer = self.host.world.index_of(peer_id)
        if peer in before or self.core.is_cut_off(peer, self._now):
            return False
        try:
            if addresses and self.host.world.find(peer_id) is None:
                self.host.book.add(peer_id, [parse_address(one).base for one in addresses], by="routing")
            await self.host.reach(str(peer_id))
        except (LabError, TimeoutError):
            return False  # recorded as connection.failed
        self.look_at(peer)
        return peer in self.core.peers

    # -- fetching

    def open(self, root: Cid) -> Session:
        """Begin to fetch. Peers of a wired lab tell nobody of protocols that they answer since: look again."""
        for peer in list(self.host.connected):
            if peer not in self.core.peers and not self.core.is_cut_off(peer, self._now):
                self.look_at(peer)
        session, effects = self.core.open(root, self._now)
        self._run(effects)
        return session

    async def wanted(self, session: Session, cids: list[Cid]) -> None:
        """Ask for these, and wait until something of the session has come, or all is lost."""
        waiter = self._news[session.number] = self.host.world.runtime.waiter()
        self._run(self.core.want(session, cids, self._now))
        if not session.arrived and session.failure is None:
            await waiter.wait()

    def close(self, session: Session, reason: str) -> int:
        """It is over; returns its last event."""
        self._news.pop(session.number, None)
        self._learn(session)
        return self._run(self.core.close(session, self._now, reason))

    def ledgers(self) -> list[PeerLedger]:
        """What was given to and taken from each peer."""
        now, named = self._now, self.host.world.peer_id_at
        return [
            PeerLedger(
                named(peer),
                one.sent,
                one.received,
                one.blocks_sent,
                one.blocks_received,
                len(one.wants),
                one.cut_until > now,
            )
            for peer, one in self.core.serving.ledgers.items()
        ]

    def stored(self, cid: Cid) -> None:
        """A block is here now that did not come this way."""
        self._run(self.core.stored(cid))

    def forget(self) -> None:
        """The node has lost what it knew."""
        self.core = Bitswap(self.core.store, self.core.params)
        self.core.opinions = self

    def give(self, serves: bool) -> None:
        """Give blocks to those that ask, or say to all that there are none."""
        self.core.params = self.core.serving.params = replace(self.core.params, serves=serves)

    # -- what it thinks of its peers, and learns of them

    @property
    def _reputation(self) -> ReputationService:
        from p2plab.host.content.reputation import ReputationService

        return ReputationService.of(self.host)

    def score(self, peer: int) -> float:
        """How good a provider a peer is."""
        return self._reputation.standing(self.host.world.peer_id_at(peer)).score

    def refuses(self, peer: int) -> bool:
        """Whether nothing is to be asked of it."""
        return self._reputation.refuses(self.host.world.peer_id_at(peer))

    def _learn(self, session: Session) -> None:
        """What became of what was asked, at the end of a fetch."""
        lost: dict[int, int] = {}
        for _, peer, asked, _, answer, *_ in session.steps:
            if asked == "want-block" and answer in LOST:
                lost[peer] = lost.get(peer, 0) + 1
        for peer, about in session.peers.items():
            if about.blocks:
                seconds = about.pace * about.blocks / TICKS_PER_SECOND
                self._reputation.delivered(self.host.world.peer_id_at(peer), about.bytes, seconds, about.blocks)
        for peer, count in lost.items():
            text = f"{plural(count, 'block')} of {session.root} did not come"
            self._reputation.failed(self.host.world.peer_id_at(peer), text, count)
