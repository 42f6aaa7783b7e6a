"""GraphSync bound to a host: streams and time for the core, in every world.

As by Bitswap, a node writes messages on streams that it opens and reads those that its peers open, as go-graphsync
does. A node answers requests once it was told to; one that has only asked refuses them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.content.bitswap.fetch import Fetch, FetchStep, Share
from p2plab.content.effects import CutOff, Ready
from p2plab.content.graphsync.asking import GraphSyncQuery
from p2plab.content.graphsync.messages import GRAPHSYNC_ID, MAX_MESSAGE, decode_message, encode_message
from p2plab.content.graphsync.node import GraphSync, QueryChanged
from p2plab.content.graphsync.selector import parse_selector
from p2plab.content.graphsync.walk import Load, walk_selector
from p2plab.effects import Runner
from p2plab.errors import ContentError, LabError, ProtocolViolation
from p2plab.host.content.service import ContentService
from p2plab.host.content.streams import MessageStreams
from p2plab.host.service import HostService
from p2plab.identity.cid import Cid, as_cid
from p2plab.stream import NetStream, StreamError
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.host.host import Host
    from p2plab.typing import Waiter

__all__ = ["GraphSyncService"]

SILENCE: Final = 30.0  # seconds
MAX_KNOWN: Final = 10_000  # CIDs that a request says are not to be sent


class GraphSyncService(HostService):
    """The shell of one node's GraphSync."""

    kind = "graphsync"

    def __init__(self, host: Host[Any]) -> None:
        super().__init__(host)
        self._content = ContentService.of(host)
        self.core = GraphSync(self._content.store)
        self._runner = Runner(host.world.events, host.index, self)
        self._streams = MessageStreams(host, [GRAPHSYNC_ID], "GraphSync")
        self._news: dict[bytes, Waiter] = {}  # by query
        self._last: dict[bytes, int] = {}  # the event that says how a query went

    # -- the verbs

    def serve(self, serves: bool) -> None:
        """Answer requests from now on, or refuse them."""
        self.core.serves = serves
        if serves:
            self.use()
        self.host.record("graphsync.serving", reason="requested", data={"serves": serves})

    async def sync(self, peer: str, cid: str, selector: Any, timeout: float | None, pin: bool) -> Fetch:
        """Have of a peer what a selector says. ContentError where it has not got it, or answers with something else."""
        root = as_cid(cid)
        if not self._is_used:
            self.core.serves = False
        self._content.use()
        self.use()
        stream = await self.host.open_stream(peer, [GRAPHSYNC_ID])
        index = self.host.world.index_of(stream.peer)
        self._streams.keep(index, stream)
        known = self._known(root, selector)
        began = self.host.world.runtime.ticks()
        draws = self.host.world.runtime.random(f"graphsync/{self.host.name}")
        query, effects = self.core.ask(index, root, selector, known, began, draws)
        try:
            self._last[query.id] = self._run(effects)
            await self.host.world.runtime.within(timeout, partial(self._ended, query))
        except TimeoutError as error:
            raise TimeoutError(
                f"{self.host.name} did not get all of {root} of {stream.peer!r} within {timeout:g} s; "
                f"{plural(query.blocks, 'block')} came and stay"
            ) from error
        finally:
            self._news.pop(query.id, None)
            event = self._last.pop(query.id, -1)
            if pin and query.done and query.failure is None:
                self._content.pin(str(root), True)
            self._run(self.core.over(query))
        await self._streams.tidy(index, self.core.is_idle)
        if query.failure is not None:
            problem = f"what was selected of {root} did not come: {query.failure}"
            failed = ContentError(f"{self.host.name} asked {stream.peer!r} by GraphSync, and {problem}")
            failed.event = event if event >= 0 else None
            raise failed
        return self._result(query, stream, began)

    async def _ended(self, query: GraphSyncQuery) -> None:
        """Wait until it is over, or nothing came for too long."""
        runtime = self.host.world.runtime
        while not query.done:
            waiter = self._news[query.id] = runtime.waiter()
            lines = query.lines
            try:
                await runtime.within(SILENCE, waiter.wait)
            except TimeoutError:
                if query.lines == lines and not query.done:
                    query.fail(f"nothing came for {SILENCE:g} s")

    def _known(self, root: Cid, selector: Any) -> list[Cid]:
        """Blocks of the answer that are here."""
        store = self._content.store
        known: dict[Cid, None] = {}
        walk, answer = walk_selector(root, parse_selector(selector), self.core.params.asked), None
        while len(known) < MAX_KNOWN:
            try:
                out: Any = walk.send(answer)
            except StopIteration:
                break
            answer = store.get(out.cid) if isinstance(out, Load) else None
            if answer is not None:
                known[out.cid] = None
        return list(known)

    def _result(self, query: GraphSyncQuery, stream: NetStream, began: int) -> Fetch:
        started, ended = began / TICKS_PER_SECOND, self.host.world.runtime.ticks() / TICKS_PER_SECOND
        told = f"{query.lines} links, {query.blocks} blocks"
        found = Fetch(
            cid=query.root,
            blocks=query.blocks,
            bytes=query.size,
            duplicates=query.duplicates,
            local=query.local,
            started=started,
            ended=ended,
            path=[FetchStep(started, stream.peer, "graphsync", query.root, told, ended - started)],
            by=[Share(stream.peer, query.blocks, query.size, query.duplicates)],
            reason="what was selected is here",
        )
        data = {"blocks": query.blocks, "duplicates": query.duplicates, "local": query.local}
        events, ref = self.host.world.events, str(query.root)
        event = events.record("content.fetched", self.host.index, query.peer, ref=ref, size=query.size, data=data)
        return replace(found, event=event if event >= 0 else None)

    # -- coming and going

    def begin(self) -> None:
        self.host.handle(GRAPHSYNC_ID, self._read)

    def peer_disconnected(self, peer: int) -> None:
        self._streams.gone(peer)
        self._run(self.core.lost(peer, "it has gone"))

    def went_down(self) -> None:
        for peer in {*self._streams.peers, *(query.peer for query in self.core.queries.values())}:
            self.peer_disconnected(peer)
        self._streams.down()

    # -- carrying out

    def _run(self, effects: list[Any]) -> int:
        return self._runner.run(effects) if effects else self.host.world.events.cause

    def perform(self, effect: Any, cause: int) -> None:
        """Carry out an effect of the core."""
        if isinstance(effect, Ready):
            self._streams.send(effect.peer, self._write)
        elif isinstance(effect, QueryChanged):
            self._last[effect.query.id] = cause
            waiter = self._news.get(effect.query.id)
            if waiter is not None:
                waiter.set()
        elif isinstance(effect, CutOff):
            self._streams.cut_off(effect.peer)

    @property
    def _now(self) -> int:
        return self.host.world.runtime.ticks()

    # -- streams

    async def _write(self, peer: int) -> None:
        """Send what there is to send to a peer, a message at a time."""
        try:
            while (message := self.core.outgoing(peer)) is not None:
                stream = await self._streams.to(peer)
                await stream.write_message(encode_message(message))
                self._run(self.core.sent(peer))
        except (LabError, TimeoutError, OSError) as error:
            self._streams.broken(peer)
            self._run(self.core.lost(peer, f"it cannot be written to: {error}"))
            return
        await self._streams.written(peer, self.core.is_idle)

    async def _read(self, stream: NetStream) -> None:
        """What a peer sends, message by message, until it ends the stream."""
        peer = self.host.world.index_of(stream.peer)
        if not await self._streams.accept(peer, stream, self.core.is_cut_off(peer, self._now)):
            return
        try:
            while (data := await stream.read_message(MAX_MESSAGE)) is not None:
                self._run(self.core.received(peer, decode_message(data), self._now))
        except ProtocolViolation as error:
            self._run(self.core.cut_off(peer, str(error), self._now))
        except StreamError as error:
            if error.kind == "limit":  # any other is recorded as the end of the stream
                self._run(self.core.cut_off(peer, str(error), self._now))
        finally:
            await self._streams.ended(peer, stream)
