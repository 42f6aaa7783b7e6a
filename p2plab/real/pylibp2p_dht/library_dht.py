"""py-libp2p's own KadDHT behind the verbs of ``node.dht``: the DHT of a real node unless it is told otherwise.

What a lookup gives is the library's result, and each query of it as ``kad_watch.py`` saw it. The library counts a peer
as found once somebody has named it; those that were asked and did not answer are left out here.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import trio
from google.protobuf.message import DecodeError
from libp2p.kad_dht.kad_dht import DHTMode
from libp2p.kad_dht.pb.kademlia_pb2 import Message as LibraryMessage
from libp2p.peer.id import ID

from p2plab.errors import PeerIdError, ValidationError
from p2plab.identity.cid import Cid, multihash_of
from p2plab.kademlia import DhtParams, KademliaRoutingTable, LibraryDhtParams, Lookup
from p2plab.kademlia.messages import ADD_PROVIDER, PUT_VALUE, type_name
from p2plab.kademlia.operations import ANSWERED, ASKED, Outcome
from p2plab.kademlia.shell.dht import place_of, someone_else, value_bytes, wanted_count
from p2plab.kademlia.shell.why_not import why_not_in_table
from p2plab.kademlia.storage.records import check_record, key_text, record_key, validators_for
from p2plab.real.pylibp2p_dht.kad import LabKadDht, LabValidator, RecordKey
from p2plab.real.pylibp2p_dht.kad_streams import KadHost, ServerStream
from p2plab.real.pylibp2p_dht.kad_table import table_of
from p2plab.real.pylibp2p_dht.kad_watch import WatchedVerb
from p2plab.real.taps.dht import note_message
from p2plab.stream import NetStream
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis

LIMITS: Final = DhtParams()
MAX_KEY: Final = 128  # bytes: what the library's servers take at most
ALL: Final = 1_000_000  # providers

T = TypeVar("T")


class LibraryDht:
    """Implements ``p2plab.real.dht.DhtOnStack`` and ``p2plab.kademlia.shell.dht.DhtVerbs``. ``offer`` is told the mode
    whenever it changes."""

    def __init__(self, host: RealBasis, params: LibraryDhtParams, offer: Callable[[str], None]) -> None:
        self.ref = f"dht {host.name}"
        self._host = host
        self._world = world = host.world
        self._space = world.dht.space
        self._params = params
        self._remedies = host.remedies
        self._offer = offer
        self._mode: Literal["client", "server"] = "server" if params.mode == "server" else "client"
        self._contacts: dict[int, bool] = {}  # connected peers, and whether each is a server
        self._random = world.runtime.random(f"dht/{host.name}")
        self._number = 0
        self._running = False
        self._upkeep = trio.CancelScope()
        self._validator = LabValidator(validators_for(params.protocol, params.validators), self._unix_time, host.failed)
        self._kad = self._new_kad()

    @property
    def verbs(self) -> LibraryDht:
        return self

    def _new_kad(self) -> LabKadDht:
        kad_host = KadHost(self._host, self._params.protocol)
        return LabKadDht(kad_host, self._validator, self._mode, self._note, self._remedies)

    def _unix_time(self) -> float:
        return self._world.dht.epoch + self._world.now

    def _note(self, kind: str, peer: ID | None, reason: str | None, data: dict[str, Any]) -> None:
        index = -1 if peer is None else self._space.index(peer.to_bytes())
        self._world.events.record(kind, self._host.index, index, reason=reason, data=data)

    # -- HostDht

    async def answer(self, stream: NetStream) -> None:
        peer = ID.from_string(stream.peer)
        adapter: Any = ServerStream(
            stream,
            peer,
            partial(note_message, self._world.events, self._host.index, self._space.index(peer.to_bytes())),
            self._world.runtime.within,
            partial(self._instead, peer),
            partial(self._answered, peer),
            echo=not self._remedies.on("nothing said to an announcement"),
        )
        await self._kad.handle_stream(adapter)

    def _instead(self, sender: ID, data: bytes) -> bytes | None:
        request = _parsed(data)
        if request is None:
            self._note("dht.refused", sender, "bad request", {"bytes": len(data)})
            return b""
        if self._world.events.wants("dht.request"):
            self._note("dht.request", sender, None, {"type": type_name(request.type)})
        try:
            answer = self._kad.instead(sender, request)
        except Exception as error:  # noqa: BLE001  # a user's validator; the library would swallow it
            self._host.failed("a validator of the DHT", error)
            return b""
        return None if answer is None else answer.SerializeToString()

    def _answered(self, sender: ID, data: bytes) -> None:
        request = _parsed(data)
        if request is None or request.type != ADD_PROVIDER:
            return
        listed = str(sender) in self._kad.provider_store.providers.get(request.key, {})
        own = any(provider.id == sender.to_bytes() for provider in request.providerPeers)
        if listed and own:
            self._note("dht.provider_added", sender, None, {"key": request.key.hex()})
        else:
            announced = {"type": "ADD_PROVIDER", "announced": len(request.providerPeers)}
            self._note("dht.refused", sender, "not the provider", announced)

    def peer_known(self, peer: int, server: bool) -> None:
        self._contacts[peer] = server
        library_id = self._id(peer)
        if not server:
            self._kad.routing_table.remove_peer(library_id, "client")
        elif self._remedies.on("tables filled on connect") and not self._kad.routing_table.add_at_once(library_id):
            add = partial(self._kad.add_peer, library_id, skip_server_mode_check=True)
            self._in_the_stack(add, "filling a routing table")

    def peer_gone(self, peer: int) -> None:
        self._contacts.pop(peer, None)

    def start(self, used: bool) -> None:
        # Remedy "refreshing in turn".
        if self._running:
            return
        self._running = True
        self._upkeep = trio.CancelScope()
        self._in_the_stack(self._keep_up, "the upkeep of a DHT")

    def stop(self) -> None:
        self._running = False
        self._upkeep.cancel()
        self._contacts.clear()

    def restarted(self, keep: bool) -> None:
        if not keep:
            self._kad = self._new_kad()

    def close(self) -> None:
        """It holds nothing outside of memory."""

    def _in_the_stack(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        if self._host.running_stack is not None:
            self._host.running_stack.start(action, what)

    async def _keep_up(self) -> None:
        interval = LIMITS.refresh_interval or 0.0
        with self._upkeep:
            while True:
                await trio.sleep(interval * (0.5 + self._random.random() / 2))
                await self._refresh("refresh")
                await self._kad.provider_store._republish_provider_records()
                await self._kad.value_store._republish_records(self._kad.peer_routing)
                values = self._kad.value_store.cleanup_expired()
                self._kad.provider_store.cleanup_expired()
                if values:
                    self._note("dht.expired", None, None, {"values": values})

    async def _refresh(self, kind: str) -> Lookup:
        def came_to(_: object, watch: WatchedVerb) -> Outcome:
            closest = self._kad.routing_table.find_local_closest_peers(watch.key, LIMITS.k)
            return Outcome(self._indices(closest))

        return await self._run(kind, self._space.binary(self._host.index), self._kad.refresh_routing_table, came_to)

    # -- the verbs

    async def put(self, key: str | bytes, value: bytes | str) -> Lookup:
        place, data = record_key(key), value_bytes(value)
        check_record(place, data, self._validator.validators, MAX_KEY, LIMITS.max_value_size, self._unix_time())
        worse = self._kad.worse(place, data)
        if worse is not None:
            raise ValidationError(f"{key!r}: {worse[1]}")
        self._kad.value_store._last_republish[place] = time.time()
        return await self._run(
            "put",
            place,
            lambda: self._kad.put_value(RecordKey(place), data),
            lambda _, watch: Outcome(watch.answering(PUT_VALUE)),
        )

    async def get(self, key: str | bytes, quorum: int | None = None) -> Lookup:
        place, wanted = record_key(key), wanted_count(quorum, LIMITS.quorum)
        held = self._kad.value_store.get(place)
        refused = [] if held is None else [why[1] for why in [self._validator.refusal(place, held.value)] if why]
        own = held.value if held is not None and not refused else None

        async def search() -> bytes | None:
            if own is not None and wanted == 1:
                return own
            found: bytes | None = await self._kad.get_value(RecordKey(place), max(0, wanted - (own is not None)))
            return found

        def came_to(found: bytes | None, watch: WatchedVerb) -> Outcome:
            values = [*([] if own is None else [own]), *self._valid(watch, place, refused)]
            if wanted and watch.steps and len(values) >= wanted:
                watch.reason = "quorum reached"
            best = found
            if own is not None and found is not None and found != own:
                best = values[self._validator.select(RecordKey(place), values)]
            if best is None:
                best = own
            if best is not None:
                self._correct(watch, place, best)
            return Outcome(watch.answering(), value=best, refused=tuple(refused))

        return await self._run("get", place, search, came_to)

    def _valid(self, watch: WatchedVerb, place: bytes, refused: list[str]) -> list[bytes]:
        """The values that peers gave and the library took; the others are put on record, and ``refused`` has why."""
        taken = []
        for peer, value in watch.values:
            problem = self._validator.refusal(place, value)
            if problem is None:
                taken.append(value)
            else:
                refused.append(problem[1])
                said = {"key": key_text(place), "text": problem[1]}
                self._note("dht.value_refused", self._id(peer), "invalid record", said)
        return taken

    def _correct(self, watch: WatchedVerb, place: bytes, best: bytes) -> None:
        """Remedy "correction of the minority"."""
        told = {step[1] for step in watch.steps if step[2] == PUT_VALUE and step[3] == ASKED}
        for peer, value in watch.values:
            if value != best and peer not in told:
                send = partial(self._kad.value_store._store_at_peer, self._id(peer), place, best)
                self._in_the_stack(send, "correcting a value")

    async def provide(self, cid: str | bytes | Cid) -> Lookup:
        key = multihash_of(cid)
        self._kad.provider_store._last_republish[key] = time.time()
        return await self._run(
            "provide",
            key,
            lambda: self._kad.provider_store.provide(key),
            lambda _, watch: Outcome(watch.answering(ADD_PROVIDER)),
        )

    async def find_providers(self, cid: str | bytes | Cid, count: int | None = None) -> Lookup:
        key, wanted = multihash_of(cid), wanted_count(count, LIMITS.max_providers)

        def came_to(infos: Any, watch: WatchedVerb) -> Outcome:
            found: dict[int, Sequence[str]] = {}
            for info in infos:
                found.setdefault(self._space.index(info.peer_id.to_bytes()), [str(address) for address in info.addrs])
            if wanted and len(found) >= wanted:
                watch.reason = "providers found"
            return Outcome(watch.answering(), providers=found)

        search = partial(self._kad.provider_store.find_providers, key, wanted or ALL)
        return await self._run("find_providers", key, search, came_to)

    async def find_peer(self, peer: str) -> Lookup:
        wanted = someone_else(self._world.dht.find(peer), self._host.index, self._space)

        def came_to(info: Any, watch: WatchedVerb) -> Outcome:
            if info is not None and watch.steps:
                watch.reason = "peer found"
            return Outcome(watch.answering(), peer=None if info is None else wanted)

        search = partial(self._kad.find_peer, self._id(wanted))
        return await self._run("find_peer", self._space.binary(wanted), search, came_to)

    async def closest_peers(self, key: str | bytes) -> Lookup:
        place = place_of(key, self._space, self._world.dht.find)

        def came_to(closest: Any, watch: WatchedVerb) -> Outcome:
            silent = watch.silent()
            return Outcome([peer for peer in self._indices(closest) if peer not in silent])

        search = partial(self._kad.peer_routing.find_closest_peers_network, place)
        return await self._run("closest_peers", place, search, came_to)

    async def bootstrap(self) -> Lookup:
        return await self._refresh("bootstrap")

    async def _run(
        self,
        kind: str,
        key: bytes,
        action: Callable[[], Awaitable[T]],
        came_to: Callable[[T, WatchedVerb], Outcome],
    ) -> Lookup:
        """Have the library do something; ``came_to`` says what came of it, and may say why it ended."""
        host, space = self._host, self._space
        stack = await host.awake()
        watch = WatchedVerb(
            kind, key, f"dht-{host.index}-{self._number}", host.index, space, self._world.runtime, self._world.events
        )
        self._number += 1
        seeds = self._indices(self._kad.routing_table.find_local_closest_peers(key, LIMITS.k))
        outcome = Outcome()
        with watch.under_way(seeds):
            with trio.move_on_after(LIMITS.lookup_timeout) as limit:
                outcome = came_to(await action(), watch)
            if limit.cancelled_caught:
                watch.reason = "lookup timeout"
            elif host.running_stack is not stack:
                watch.reason = "stopped"
            watch.reason = watch.reason or self._ending(watch, outcome)
        watch.result = replace(outcome, seeds=seeds)
        return Lookup(watch, space, host.index, LIMITS.k)

    @staticmethod
    def _ending(watch: WatchedVerb, outcome: Outcome) -> str:
        if not watch.steps:
            held = outcome.value is not None or outcome.providers or outcome.peer is not None
            return "held here" if held else "empty table"
        if watch.kind in ("put", "provide"):
            return "stored"
        return "closest answered" if any(step[3] == ANSWERED for step in watch.steps) else "nobody left"

    # -- what takes no time

    def routing_table(self) -> KademliaRoutingTable:
        return table_of(self._kad.routing_table, self._host.index, self._space, self._world.dht.epoch)

    def why_not(self, peer: str) -> str:
        return why_not_in_table(self.routing_table(), self._world.dht.find(peer), self._world.events, self._contacts)

    def mode(self) -> str:
        return self._mode

    def set_mode(self, mode: str) -> None:
        if mode not in ("client", "server"):
            raise ValidationError(f"a DHT node is a 'client' or a 'server', not {mode!r}")
        self._become("client" if mode == "client" else "server", "requested")

    def reachability(self, public: bool | None) -> None:
        if self._params.mode == "auto" and public is not None:
            self._become("server" if public else "client", "reachable" if public else "not reachable")

    def _become(self, mode: Literal["client", "server"], reason: str) -> None:
        if mode == self._mode:
            return
        self._mode = mode
        self._kad.mode = DHTMode.SERVER if mode == "server" else DHTMode.CLIENT  # remedy "a table kept in client mode"
        self._note("dht.mode", None, reason, {"mode": mode})
        self._offer(mode)

    def stop_putting(self, key: str | bytes) -> bool:
        place, own = record_key(key), self._kad.value_store.local_keys
        put = place in own
        own.discard(place)
        return put

    def stop_providing(self, cid: str | bytes | Cid) -> bool:
        key, store = multihash_of(cid), self._kad.provider_store
        provided = key in store.providing_keys
        store.providing_keys.discard(key)
        store.providers.get(key, {}).pop(str(self._kad.local_peer_id), None)
        return provided

    # -- who is who

    def _id(self, peer: int) -> ID:
        return ID(self._space.binary(peer))

    def _indices(self, peers: Iterable[ID]) -> list[int]:
        """The indices of peers, without this node and without what is no peer id."""
        found = []
        for peer in peers:
            try:
                index = self._space.index(peer.to_bytes())
            except PeerIdError:
                continue
            if index != self._host.index:
                found.append(index)
        return found

    def __repr__(self) -> str:
        peers = plural(self._kad.routing_table.size(), "peer")
        return f"<py-libp2p's KadDHT of {self._host.name}: {self._mode}, {peers}>"


def _parsed(data: bytes) -> LibraryMessage | None:
    try:
        return LibraryMessage.FromString(data)
    except DecodeError:
        return None
