"""py-libp2p's BitswapClient (0.8.1) in the place of p2plab's Bitswap, over the same streams and blocks.

What it does and does not, as was tried:
- It fetches block by block of a peer that it is told, from p2plab's core, from boxo and from itself.
- It answers wants on the stream that they came on, where the specification (BITSWAP.md) and everybody else answer on
  one that they open: nobody but py-libp2p gets a block of it.
- It has no early no: a block that a peer has not got is a wait of ``PATIENCE``. It keeps no ledgers.
So a fetch asks the connected peers one after the other, and looks for no providers; ``content.ledgers()`` is empty.
"""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import trio
from libp2p.bitswap.block_store import BlockStore as LibraryStore
from libp2p.bitswap.cid import parse_cid
from libp2p.bitswap.client import BitswapClient
from libp2p.bitswap.errors import BitswapError
from libp2p.peer.id import ID

from p2plab.content.bitswap.params import BITSWAP_IDS, BitswapParams
from p2plab.content.bitswap.session import Session
from p2plab.content.store import BlockStore
from p2plab.content.verbs import PeerLedger
from p2plab.errors import LabError
from p2plab.host.content.exchange import Exchange
from p2plab.identity.cid import Cid, as_cid
from p2plab.real.pylibp2p.streams import LibraryStream
from p2plab.stream import NetStream
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis

__all__ = ["LibraryExchange"]

PATIENCE: Final = 10.0  # seconds for a block of one peer
AT_ONCE: Final = 8  # blocks
LATE: Final = 2.0  # seconds for a peer to say that it speaks Bitswap, where none has


class LibraryExchange(Exchange):
    """The core of ``Exchange`` keeps its sessions, and sends nothing."""

    def __init__(self, host: RealBasis, store: BlockStore, params: BitswapParams) -> None:
        super().__init__(host, store, params)
        self._client: BitswapClient | None = None
        self._ready = trio.Event()
        self._spoken = trio.Event()  # a peer has said what it speaks
        self._under_way: dict[tuple[int, bytes], None] = {}
        self._limit = trio.CapacityLimiter(AT_ONCE)

    # -- the client

    def begin(self) -> None:
        for protocol in BITSWAP_IDS:
            self.host.handle(protocol, self._answer)

    async def _started(self) -> BitswapClient:
        if self._client is None:
            self._ready = trio.Event()
            adapter: Any = _Host(self)
            self._client = BitswapClient(adapter, _Store(self))
            self.host.spawn(self._run_client, f"py-libp2p's Bitswap of {self.host.name}")
        await self._ready.wait()
        assert self._client is not None
        return self._client

    async def _run_client(self) -> None:
        client = self._client
        assert client is not None
        try:
            async with trio.open_nursery() as nursery:
                client.set_nursery(nursery)
                await client.start()
                self._ready.set()
                await trio.sleep_forever()
        finally:
            self._client = None

    async def _answer(self, stream: NetStream) -> None:
        client = await self._started()
        adapter: Any = LibraryBitswapStream(stream)
        await client._handle_stream(adapter)  # what it registers as the protocol's handler

    def peers(self) -> list[int]:
        """Connected peers that speak Bitswap."""
        host = self.host
        return [peer for peer in host.connected if any(one in BITSWAP_IDS for one in host.said_by(peer))]

    # -- what Exchange does otherwise

    def look_at(self, peer: int) -> None:
        self._spoken.set()
        self._spoken = trio.Event()

    def gone(self, peer: int) -> None:
        client = self._client
        if client is not None:
            client.cleanup_peer(ID.from_string(self.host.world.peer_id_at(peer)))

    async def wanted(self, session: Session, cids: list[Cid]) -> None:
        waiter = self._news[session.number] = self.host.world.runtime.waiter()
        for cid in cids:
            if (session.number, cid.multihash) not in self._under_way:
                self._under_way[session.number, cid.multihash] = None
                self.host.spawn(partial(self._get, session, cid), f"py-libp2p's Bitswap of {self.host.name}")
        if not session.arrived and session.failure is None:
            await waiter.wait()

    async def _get(self, session: Session, cid: Cid) -> None:
        try:
            async with self._limit:
                await self._ask_each(session, cid)
        finally:
            self._under_way.pop((session.number, cid.multihash), None)
            waiter = self._news.get(session.number)
            if waiter is not None:
                waiter.set()

    async def _ask_each(self, session: Session, cid: Cid) -> None:
        client = await self._started()
        with trio.move_on_after(LATE):
            while not self.peers():
                await self._spoken.wait()
        peers = self.peers()
        for peer in peers:
            if session.number not in self.core.sessions:
                return  # nobody waits for it any more
            session.note_asked(self._now, peer, "want-block", cid)
            try:
                found = client.new_session()
                data = await found.get_block(cid.to_bytes(), ID.from_string(self.host.world.peer_id_at(peer)), PATIENCE)
                self.core.store.put(cid, data)
            except (BitswapError, LabError):
                session.note_answer(self._now, peer, cid, "silence")
                continue
            session.note_answer(self._now, peer, cid, "block")
            about = session.peer(peer)
            about.blocks, about.bytes = about.blocks + 1, about.bytes + len(data)
            session.blocks, session.bytes = session.blocks + 1, session.bytes + len(data)
            session.arrived[cid.multihash] = None
            events, told = self.host.world.events, {"session": session.number}
            events.record("bitswap.block", self.host.index, peer, ref=str(cid), size=len(data), data=told)
            return
        asked = f"got no {cid} of {plural(len(peers), 'connected peer')} with Bitswap" if peers else "had nobody to ask"
        session.failure = f"py-libp2p's Bitswap {asked}, and looks for no others; bitswap='p2plab' does"

    def stored(self, cid: Cid) -> None:
        client = self._client
        if client is not None:
            data = self.core.store.get(cid)
            if data is not None:
                told = partial(client._notify_peers_about_block, parse_cid(cid.to_bytes()), data)
                self.host.spawn(told, f"py-libp2p's Bitswap of {self.host.name}")

    def ledgers(self) -> list[PeerLedger]:
        return []


class _Store(LibraryStore):
    """The node's blocks, as the library's client sees them."""

    def __init__(self, exchange: LibraryExchange) -> None:
        self._exchange = exchange

    @property
    def _blocks(self) -> BlockStore:
        return self._exchange.core.store

    async def get_block(self, cid: Any) -> bytes | None:
        return self._blocks.get(_ours(cid)) if self._exchange.core.params.serves else None

    async def put_block(self, cid: Any, data: bytes) -> None:
        self._blocks.put(_ours(cid), data)

    async def has_block(self, cid: Any) -> bool:
        return self._exchange.core.params.serves and _ours(cid) in self._blocks

    async def delete_block(self, cid: Any) -> None:
        self._blocks.delete([_ours(cid)])

    def get_all_cids(self) -> list[bytes]:
        return [cid.to_bytes() for cid in self._blocks.cids()]


def _ours(cid: Any) -> Cid:
    return as_cid(bytes(parse_cid(cid).buffer))


class _Host:
    """As much of a host of py-libp2p's as its Bitswap uses."""

    def __init__(self, exchange: LibraryExchange) -> None:
        self._exchange = exchange

    def get_id(self) -> ID:
        return ID.from_string(self._exchange.host.peer_id)

    def set_stream_handler(self, protocol: str, handler: object) -> None:
        """The node answers the protocol itself (``begin``)."""

    def remove_stream_handler(self, protocol: str) -> None:
        """Likewise."""

    def get_network(self) -> Any:
        named = self._exchange.host.world.peer_id_at
        connected = {ID.from_string(named(peer)): None for peer in self._exchange.peers()}
        return SimpleNamespace(
            connections=connected,
            get_connections=lambda peer: [peer] if peer in connected else [],
            register_notifee=lambda notifee: None,
            remove_notifee=lambda notifee: None,
        )

    async def new_stream(self, peer: ID, protocols: Any) -> Any:
        host = self._exchange.host
        known = [str(one) for one in protocols if str(one) in BITSWAP_IDS]
        return LibraryBitswapStream(await host.switch.open(await host.reach(str(peer)), known))


class LibraryBitswapStream(LibraryStream):
    """As much of a stream of py-libp2p's as its Bitswap uses, over one of p2plab's."""

    def __init__(self, stream: NetStream) -> None:
        super().__init__(stream)
        self.muxed_stream = stream

    @property
    def _state(self) -> Any:
        return SimpleNamespace(name="OPEN" if self._stream.state == "open" else "CLOSED")
