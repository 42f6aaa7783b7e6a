"""py-libp2p's KadDHT with what a laboratory needs of it otherwise; the remedies are named in ``remedies.py``.

It never runs as a service: what that would do at once and for all nodes together, ``library_dht.py`` does in its own
time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import trio
from libp2p.kad_dht.common import BUCKET_SIZE, format_time_rfc3339
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.kad_dht.pb.kademlia_pb2 import Message as LibraryMessage
from libp2p.kad_dht.pb.kademlia_pb2 import Record
from libp2p.kad_dht.peer_routing import PeerRouting
from libp2p.kad_dht.provider_store import ProviderStore
from libp2p.kad_dht.utils import maybe_consume_signed_record
from libp2p.kad_dht.value_store import ValueStore
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.peer.peerstore import env_to_send_in_RPC
from libp2p.records.utils import verify_record
from libp2p.records.validator import Validator as LibraryValidator

from p2plab.errors import LabError, ValidationError
from p2plab.kademlia.messages import ADD_PROVIDER, FIND_NODE, GET_PROVIDERS, GET_VALUE, PUT_VALUE
from p2plab.kademlia.params import K_VALUE
from p2plab.kademlia.storage.records import Validator, key_text, namespace_of, validated
from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.pylibp2p_dht.kad_streams import KadHost
from p2plab.real.pylibp2p_dht.kad_table import AT_ONCE, LIMITS, LabRoutingTable, Note
from p2plab.real.pylibp2p_dht.kad_watch import asking, current_watch
from p2plab.text import RAISABLE


class RecordKey(str):
    """Remedy "keys that are bytes": a key for the library, which takes text and encodes it."""

    raw: bytes

    def __new__(cls, key: bytes) -> RecordKey:
        made = super().__new__(cls, key.decode("utf-8", "backslashreplace"))
        made.raw = key
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self.raw


class LabValidator(LibraryValidator):
    """Remedy "strict validation": the lab's validators, by namespace, for the library. ``clock`` is unix time."""

    def __init__(
        self,
        validators: Mapping[str, Validator],
        clock: Callable[[], float],
        raised: Callable[[str, BaseException], None],
    ) -> None:
        self.validators = validators
        self._clock = clock
        self._raised = raised  # takes note of what a user's validator raised

    def _of(self, key: bytes) -> Validator:
        validator = self.validators.get(namespace_of(key))
        if validator is None:
            raise ValidationError(f"no validator knows the namespace of {key_text(key)}")
        return validator

    def validate(self, key: str, value: bytes) -> None:
        validated(self._of(key.encode()), key.encode(), value, self._clock())

    def select(self, key: str, values: list[bytes]) -> int:
        validator = self._of(key.encode())
        try:
            at = validator.select(key.encode(), values)
            values[at]  # IndexError, TypeError: it is no place among them
            return at
        except RAISABLE as error:
            self._raised(f"{type(validator).__name__}.select", error)
            return 0

    def refusal(self, key: bytes, value: bytes) -> tuple[str, str] | None:
        """Why a record is none, as a reason and a text; None for one that is."""
        try:
            validator = self._of(key)
        except ValidationError as error:
            return "unknown namespace", str(error)
        try:
            validated(validator, key, value, self._clock())
        except LabError as error:
            if isinstance(error.__cause__, RAISABLE):
                self._raised(f"{type(validator).__name__}.validate", error.__cause__)
            return "invalid record", str(error)
        return None


class LabPeerRouting(PeerRouting):
    async def _query_peer_for_closest(self, peer: ID, target_key: bytes) -> list[ID]:
        with asking(FIND_NODE):
            return await super()._query_peer_for_closest(peer, target_key)


class LabValueStore(ValueStore):
    def get(self, key: bytes) -> Record | None:
        # Remedy "more than one's own value": the verb has looked here before, and counts it.
        watch = current_watch()
        return None if watch is not None and watch.kind == "get" else super().get(key)

    async def _get_from_peer(self, peer_id: ID, key: bytes, *args: Any, **kwargs: Any) -> Any:
        with asking(GET_VALUE):
            return await super()._get_from_peer(peer_id, key, *args, **kwargs)

    async def _store_at_peer(self, peer_id: ID, key: bytes, *args: Any, **kwargs: Any) -> bool:
        with asking(PUT_VALUE):
            return await super()._store_at_peer(peer_id, key, *args, **kwargs)


class LabProviderStore(ProviderStore):
    async def _get_providers_from_peer_with_closers(self, peer_id: ID, key: bytes) -> tuple[list[PeerInfo], list[ID]]:
        with asking(GET_PROVIDERS):
            providers, closer = await super()._get_providers_from_peer_with_closers(peer_id, key)
        watch = current_watch()
        # Remedy "each provider once".
        return [info for info in providers if watch is None or watch.is_new(info.peer_id.to_bytes())], closer

    async def _send_add_provider(self, peer_id: ID, key: bytes) -> bool:
        with asking(ADD_PROVIDER):
            return await super()._send_add_provider(peer_id, key)


class LabKadDht(KadDHT):
    """``note`` records events of the node's."""

    def __init__(self, host: KadHost, validator: LabValidator, mode: str, note: Note, remedies: Remedies) -> None:
        library_host: Any = host
        records: Any = validator
        super().__init__(
            library_host,
            DHTMode.SERVER if mode == "server" else DHTMode.CLIENT,
            validator=records,
            validator_changed=True,
            strict_validation=True,
        )
        self._note = note
        self._remedies = remedies
        self._records = validator
        self.routing_table: LabRoutingTable = LabRoutingTable(host, note, remedies)
        self.peer_routing = LabPeerRouting(library_host, self.routing_table)
        self.value_store = LabValueStore(library_host, self.local_peer_id)
        self.provider_store = LabProviderStore(library_host, self.peer_routing)
        if remedies.on("room for requests"):
            self._inbound_limiter = trio.CapacityLimiter(AT_ONCE)
            self._provider_rate_max = AT_ONCE

    def instead(self, sender: ID, request: LibraryMessage) -> LibraryMessage | None:
        """An answer in the library's place, empty to refuse the request; None: the library is to answer."""
        if request.type == PUT_VALUE and self._remedies.on("values that can be put again"):
            return self._put(sender, request)
        if request.type == FIND_NODE and 0 < len(request.key) <= LIMITS.max_key_size:
            usual, remedies = 2 <= len(request.key) <= 50, self._remedies
            if remedies.on("who asks is named, too") if usual else remedies.on("lookups for any key"):
                return self._find_node(sender, request)
        return None

    def _find_node(self, sender: ID, request: LibraryMessage) -> LibraryMessage:
        """The k closest without the asker, and who is looked for, though it be the asker, this node or a client
        (ipfs/specs routing/kad-dht, "FIND_NODE")."""
        if not maybe_consume_signed_record(request, self.host, sender):
            self._note("dht.refused", sender, "bad record", {"type": "FIND_NODE", "key": key_text(request.key)})
            return LibraryMessage()
        answer = LibraryMessage(
            type=LibraryMessage.FIND_NODE, key=request.key, senderRecord=env_to_send_in_RPC(self.host)[0]
        )
        closest = self._closest_beside(sender, request.key)
        sought, store = ID(request.key), self.host.get_peerstore()
        if sought == self.local_peer_id or (store.has_peer(sought) and store.addrs(sought)):
            closest = [sought, *(peer for peer in closest if peer != sought)]
        self._add_closer_peers_to_response(answer, closest)
        return answer

    def _closest_beside(self, asker: ID, key: bytes) -> list[ID]:
        """The k closest to a key beside the asker."""
        closest = self.routing_table.find_local_closest_peers(key, BUCKET_SIZE + 1)
        return [peer for peer in closest if peer != asker][:BUCKET_SIZE]

    def _add_closer_peers_to_response(
        self, response: LibraryMessage, closest_peers: Sequence[ID], exclude_peer_id: ID | None = None
    ) -> None:
        """The library takes the asker out of the k closest, which leaves one fewer."""
        asker = exclude_peer_id
        if asker is not None and asker in closest_peers and self._remedies.on("who asks is named, too"):
            closest_peers = self._closest_beside(asker, response.key)
        super()._add_closer_peers_to_response(response, closest_peers, exclude_peer_id)

    def _put(self, sender: ID, request: LibraryMessage) -> LibraryMessage:
        """Store a value that is valid and not worse than the one held; say so, or refuse."""
        refused = self._refusal(sender, request)
        if refused is not None:
            reason, text = refused
            said = {"type": "PUT_VALUE", "key": key_text(request.key), **({"text": text} if text else {})}
            self._note("dht.refused", sender, reason, said)
            return LibraryMessage()
        record, key = request.record, request.key
        record.timeReceived = format_time_rfc3339()
        self.value_store.put_record(key, record)
        self._note("dht.stored", sender, None, {"key": key_text(key), "bytes": len(record.value)})
        return LibraryMessage(
            type=LibraryMessage.PUT_VALUE, key=key, record=record, senderRecord=env_to_send_in_RPC(self.host)[0]
        )

    def _refusal(self, sender: ID, request: LibraryMessage) -> tuple[str, str] | None:
        record, key = request.record, request.key
        if not key or record.key != key or not maybe_consume_signed_record(request, self.host, sender):
            return "bad record", ""
        if len(record.value) > LIMITS.max_value_size or len(key) > LIMITS.max_key_size:
            return "value too large", ""
        if record.signature and not verify_record(record.signature, record.author, key, record.value):
            return "invalid record", "the signature is wrong"
        problem = self._records.refusal(key, record.value)
        return problem if problem is not None else self.worse(key, record.value)

    def worse(self, key: bytes, value: bytes) -> tuple[str, str] | None:
        """Why a valid value may not take the place of the one held here."""
        held = self.value_store.get(key)
        if held is None or held.value == value or self._records.select(RecordKey(key), [value, held.value]) == 0:
            return None
        return "worse record", "the value held already is better than this one, and stays"


assert BUCKET_SIZE == K_VALUE
