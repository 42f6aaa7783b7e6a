"""``ContentService``: a node's blocks, and files in and out of them, in every world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from p2plab.content.bitswap import BitswapParams, Fetch
from p2plab.content.car import CarReader
from p2plab.content.importer import import_file, profile_named
from p2plab.content.links import links_of
from p2plab.content.reader import DirectoryEntry, list_directory, read_file, resolve, stat
from p2plab.content.store import BlockStore, Collected
from p2plab.content.verbs import Added, PeerLedger, Stat
from p2plab.errors import ContentError, LabError, OverloadedError, ProtocolViolation, ValidationError
from p2plab.host.content.download import Download
from p2plab.host.content.fetching import BREATH, Fetching
from p2plab.host.content.files import blocks_of
from p2plab.host.content.serving import Gateway, GatewayResponder
from p2plab.host.service import HostService
from p2plab.identity.cid import Cid, as_cid, cid_for
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.content.gateway.walk import Span
    from p2plab.host.content.exchange import Exchange
    from p2plab.host.host import Host
    from p2plab.host.protocols import HostConnection
    from p2plab.protocols.identify import Identify

__all__ = ["ContentService"]

MOST_ROOTS: Final = 100  # of a CAR that an event names


class ContentService(HostService):
    """Implements ``ContentVerbs``. Its blocks are where the world says; making it reads and writes nothing."""

    kind = "content"

    def __init__(self, host: Host[Any]) -> None:
        super().__init__(host)
        self._store: BlockStore | None = None
        self._exchange: Exchange | None = None
        self.gives = True  # blocks, to those that ask
        self.under_way: Added | None = None  # what was last being added or fetched
        self._gateway: Gateway | None = None
        self._gateway_was: int | None = None  # the port of the one that went down with the node

    @property
    def store(self) -> BlockStore:
        """Its blocks and pins; opened when first asked for."""
        if self._store is None:
            self._store = self.host.new_block_store()
        return self._store

    @property
    def exchange(self) -> Exchange:
        """Its Bitswap, made when it is first used."""
        if self._exchange is None:
            self._exchange = self.host.new_exchange(self.store, BitswapParams(serves=self.gives))
        return self._exchange

    def begin(self) -> None:
        self.exchange.begin()

    def give(self, gives: bool) -> None:
        """Give blocks to those that ask from now on, or say to all that there are none."""
        self.gives = gives
        if self._exchange is not None:
            self._exchange.give(gives)
        if gives:
            self.use()

    def peer_connected(self, connection: HostConnection) -> None:
        if self._exchange is not None:
            self._exchange.look_at(connection.peer)

    def peer_identified(self, peer: int, said: Identify) -> None:
        if self._exchange is not None:
            self._exchange.look_at(peer)

    def peer_disconnected(self, peer: int) -> None:
        if self._exchange is not None:
            self._exchange.gone(peer)

    def went_down(self) -> None:
        port = None if self._gateway is None else self._gateway.port
        self.stop_gateway()
        self._gateway_was = port
        if self._exchange is not None:
            self._exchange.down()

    def came_back(self, kept: bool) -> None:
        if self._gateway_was is not None:
            again, self._gateway_was = self._gateway_was, None
            self.host.spawn(partial(self.gateway, again), f"{self.host.name} serving its content again")
        if kept:
            return
        if self._store is not None:
            self._store.clear()
        if self._exchange is not None:
            self._exchange.forget()

    def closed(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    # -- over HTTP

    async def gateway(self, port: int) -> Gateway:
        """Serve HTTP at a port of the loopback (0: a free one). Raises NotInThisWorldError, ConfigurationError."""
        await self.host.awake()
        serving = self.serving
        if serving is None:
            listening = await self.host.serve_http(GatewayResponder(self).respond, port)
            serving = self._gateway = Gateway(self.host.name, listening)
            self.host.record("content.serving", reason="requested", data={"address": serving.address})
        return serving

    @property
    def serving(self) -> Gateway | None:
        """The gateway at which it answers, while it does."""
        return None if self._gateway is None or self._gateway.closed else self._gateway

    def stop_gateway(self) -> None:
        """Answer over HTTP no longer."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.listening.close()

    # -- into blocks

    async def add(self, content: bytes | str, profile: str, pin: bool) -> Cid:
        """Bytes, or the path of a file or a folder, as blocks; the root's CID."""
        plan = profile_named(profile)
        self.use()
        told = self.under_way = Added()
        try:
            made = import_file([content], plan) if isinstance(content, bytes) else blocks_of(Path(content), plan, told)
            root, blocks, new, size = await self._take_in((one.cid, one.data) for one in made)
        except OSError as error:
            raise ContentError(f"{error.filename!r} cannot be read: {error.strerror or error}") from error
        assert root is not None
        data = {"blocks": blocks, "new": new, "profile": plan.name}
        self.record("content.added", root, size, data)
        if pin:
            self.pin(str(root), True)
        return root

    async def import_car(self, path: str, pin: bool) -> list[Cid]:
        """The blocks of a CAR file; its roots."""
        self.use()
        try:
            with Path(path).open("rb") as file:
                reader = CarReader(file, verify=False)  # the store verifies
                new_before = {root for root in reader.roots if root in self.store}
                read: set[bytes] = set()

                def sections() -> Iterable[tuple[Cid, bytes]]:
                    for cid, data in reader:
                        read.add(cid.multihash)
                        yield cid, data
                    for root in reader.roots:
                        if root.multihash not in read and root not in new_before and root.hash:
                            raise ContentError(f"{path} names the root {root}, and has no such block; nothing was kept")

                _, blocks, new, size = await self._take_in(sections())
        except OSError as error:
            raise ContentError(f"{path} cannot be read: {error.strerror or error}") from error
        roots = reader.roots
        shown = {"roots": [str(root) for root in roots[:MOST_ROOTS]], "blocks": blocks, "new": new}
        self.record("content.imported", roots[0] if roots else None, size, shown)
        for root in roots if pin else ():
            self.pin(str(root), True)
        return roots

    async def _take_in(self, made: Iterable[tuple[Cid, bytes]]) -> tuple[Cid | None, int, int, int]:
        """Keep blocks as they are made: the last one's CID, how many there were, how many were new, and their bytes.
        Where that breaks off, those that were new are thrown away again."""
        store, new = self.store, []
        last: Cid | None = None
        blocks = size = held = 0
        try:
            for cid, data in made:
                last, blocks = cid, blocks + 1
                if store.put(cid, data):
                    store.hold(cid)
                    new.append(cid)
                    size += len(data)
                    self.exchange.stored(cid)
                held += len(data)
                if held >= BREATH:
                    held = 0
                    await self.host.world.runtime.sleep(0)
        except BaseException:
            store.take_back(new)
            raise
        finally:
            for cid in new:
                store.release(cid)
        return last, blocks, len(new), size

    def put(self, data: bytes, codec: str, hash: str, pin: bool) -> Cid:
        """One block as it is. ValidationError for a codec or a hash that is not known."""
        cid = cid_for(data, codec, hash)
        links_of(cid, data)  # what is not of its codec is refused
        self.use()
        if self.store.put(cid, data):
            self.exchange.stored(cid)
        if pin:
            self.pin(str(cid), True)
        return cid

    # -- out of blocks

    async def cat(self, cid: str, offset: int, length: int | None, limit: int) -> bytes:
        """Bytes of a file."""
        with self.fetching(cid) as fetching:
            root = await self._found(fetching, cid)
            kind, size, _ = await fetching.walk(stat(root))
            if kind == "file":
                wanted = max(0, (size or 0) - offset)
                wanted = wanted if length is None else min(wanted, length)
                if wanted > limit:
                    raise OverloadedError(
                        f"{cid} has {wanted} bytes to read, over limit={limit}; read a part (offset=, length=), "
                        "open(cid) it, or get(cid, to=folder)"
                    )
            parts: list[bytes] = []
            await fetching.walk(read_file(root, offset, length, cid), parts.append)
            return b"".join(parts)

    async def stat(self, cid: str) -> Stat:
        """What a CID is."""
        with self.fetching(cid) as fetching:
            root = await self._found(fetching, cid)
            return Stat(root, *await fetching.walk(stat(root)))

    async def ls(self, cid: str, types: bool) -> list[DirectoryEntry]:
        """The entries of a directory."""
        with self.fetching(cid) as fetching:
            root = await self._found(fetching, cid)
            entries: list[DirectoryEntry] = []
            await fetching.walk(list_directory(root, cid), entries.append)
            for at, entry in enumerate(entries if types else ()):
                ahead = tuple(other.cid for other in entries[at + 1 : at + 33])
                entries[at] = await self._typed(fetching, entry, ahead)
            return entries

    async def _typed(self, fetching: Fetching, entry: DirectoryEntry, ahead: tuple[Cid, ...]) -> DirectoryEntry:
        """The same with its type and, of a file, the size of its content; as it was where its block is not to be had,
        or is no UnixFS."""
        try:
            await fetching.block(entry.cid, ahead)
            kind, size, _ = await fetching.walk(stat(entry.cid))
        except (ContentError, ProtocolViolation):
            return entry
        return DirectoryEntry(entry.name, entry.cid, entry.size if size is None else size, kind)

    async def fetch(self, cid: str, timeout: float | None, pin: bool) -> Fetch:
        """Have all blocks that a CID leads to, here."""
        told = self.under_way = Added()

        with self.fetching(cid) as fetching:

            async def all_of_it() -> Cid:
                root = await self._found(fetching, cid)
                await fetching.graph(root, told.more)
                return root

            try:
                root = await self.host.world.runtime.within(timeout, all_of_it)
            except TimeoutError as error:
                came = plural(0 if fetching.session is None else fetching.session.blocks, "block")
                raise TimeoutError(
                    f"{self.host.name} did not get all of {cid} within {timeout:g} s; {came} came and stay"
                ) from error
            if pin:
                self.pin(str(root), True)
            fetching.over("done")
            return self._fetched(fetching.result(root, -1), root)

    async def fetch_from(
        self, server: str, cid: str, form: str, scope: str, span: Span | None, timeout: float | None, pin: bool
    ) -> Fetch:
        """Blocks of a trustless gateway, each verified as it comes."""
        await self.host.awake()
        self.use()
        told = self.under_way = Added()

        first, path = _parts(cid)
        download = Download(self, server, as_cid(first), path, told.more)
        try:
            root = await self.host.world.runtime.within(timeout, partial(getattr(download, form), scope, span))
        except (LabError, TimeoutError) as error:
            download.failed(error, timeout)
            raise
        else:
            if pin:
                self.pin(str(root), True)
        finally:
            download.over()
        return self._fetched(download.result(root, -1), root, server=server)

    def _fetched(self, found: Fetch, root: Cid, **more: object) -> Fetch:
        data = {"blocks": found.blocks, "duplicates": found.duplicates, "local": found.local, **more}
        event = self.record("content.fetched", root, found.bytes, data)
        return replace(found, event=event if event >= 0 else None)

    def block(self, cid: str) -> bytes:
        """A block that is here."""
        which = as_cid(cid)
        found = self.store.get(which)
        if found is None:
            raise ContentError(f"{self.host.name} has no block {which}; content.fetch gets it from others")
        return found

    def ledgers(self) -> list[PeerLedger]:
        """What was given to and taken from each peer."""
        return [] if self._exchange is None else self._exchange.ledgers()

    def wantlist(self) -> list[Cid]:
        """What it waits for."""
        return [] if self._exchange is None else self._exchange.core.wantlist

    @contextmanager
    def fetching(self, cid: str) -> Iterator[Fetching]:
        """Blocks for a verb, as long as it runs."""
        fetching = Fetching(self, as_cid(_parts(cid)[0]))
        try:
            yield fetching
        except TimeoutError:
            fetching.over("timeout")
            raise
        except LabError as error:
            event = fetching.over("failed")
            if error.event is None and event >= 0:
                error.event = event
            raise
        finally:
            fetching.over("done")

    async def _found(self, fetching: Fetching, text: str) -> Cid:
        """The CID that a text names: by itself, or by the path of names behind it."""
        first, path = _parts(text)
        cid = as_cid(first)
        found: Cid = await fetching.walk(resolve(cid, path)) if path else cid
        return found

    # -- keeping

    def pin(self, cid: str, recursive: bool) -> bool:
        """Keep a block, and all below it."""
        which = as_cid(cid)
        is_new = self.store.pin(which, recursive)
        if is_new:
            self.record("content.pinned", which, None, {"recursive": recursive})
        return is_new

    def unpin(self, cid: str) -> bool:
        """Let go of it again."""
        which = as_cid(cid)
        was = self.store.unpin(which)
        if was:
            self.record("content.unpinned", which)
        return was

    def collect(self) -> Collected:
        """Throw away what no pin leads to."""
        gone = self.store.collect()
        self.record("content.collected", None, gone.bytes, {"blocks": gone.blocks})
        return gone

    def delete(self, cids: Sequence[str]) -> Collected:
        """Throw blocks away. ValidationError for one that is pinned: nothing is thrown away then."""
        which, pins = [as_cid(cid) for cid in cids], self.store.pins()
        if pinned := [cid for cid in which if cid in pins]:
            raise ValidationError(f"{pinned[0]} is pinned; unpin it first")
        gone = self.store.delete(which)
        self.record("content.collected", None, gone.bytes, {"blocks": gone.blocks})
        return gone

    def record(self, kind: str, cid: Cid | None, size: int | None = None, data: dict[str, Any] | None = None) -> int:
        """An event about a CID; its ``seq``."""
        ref = None if cid is None else str(cid)
        return self.host.world.events.record(kind, self.host.index, ref=ref, size=size, data=data)


def _parts(text: str) -> tuple[str, str]:
    """A CID's text, and the path of names behind it."""
    first, _, path = text.removeprefix("ipfs://").removeprefix("/ipfs/").partition("/")
    return first, path.strip("/")
