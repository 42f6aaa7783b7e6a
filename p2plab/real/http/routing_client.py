"""A content router that asks a server over HTTP (IPIP-337, 417); what that says is believed as little as a peer's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import LabError, ProtocolViolation
from p2plab.host.http import http_address
from p2plab.identity.cid import Cid
from p2plab.identity.keys import peer_id_from_bytes
from p2plab.kademlia.storage.ipns import MAX_RECORD_SIZE, read_ipns_record
from p2plab.real.http.client import HttpAnswer, fetch
from p2plab.routing.delegated import IPNS, JSON, MAX_BODY, NDJSON, RoutingRecord, key_text, max_age, records_of
from p2plab.routing.router import RouterFinding
from p2plab.typing import PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis

__all__ = ["HttpRouter"]

TIMEOUT: Final = 20.0  # seconds for a request, as long as a p2plab server asks its routers
MAX_CACHED: Final = 1_000  # answers
PREFIX: Final = b"/ipns/"


class HttpRouter:
    """Implements ``ContentRouter`` but for ``provide``, which HTTP routing has not. ``name`` is the server's URL."""

    def __init__(self, host: RealBasis, url: str) -> None:
        self.name = http_address(url, "/routing/v1")
        self._host = host
        self._cache: dict[tuple[str, str], tuple[int, list[RoutingRecord]]] = {}

    async def find_providers(self, cid: Cid, count: int) -> RouterFinding:
        records, note = await self._records(f"/routing/v1/providers/{cid}")
        return RouterFinding(providers=tuple(map(self._info, records)), note=note)

    async def find_peer(self, peer_id: PeerId) -> RouterFinding:
        records, note = await self._records(f"/routing/v1/peers/{key_text(peer_id)}")
        found = next((record for record in records if record.peer == peer_id), None)
        return RouterFinding(peer=None if found is None else self._info(found), note=note)

    async def get(self, key: bytes) -> RouterFinding:
        if not key.startswith(PREFIX):
            return RouterFinding(note="servers hold IPNS records alone")
        path = f"/routing/v1/ipns/{key_text(peer_id_from_bytes(key[len(PREFIX) :]))}"
        answer = await self._ask("GET", path, IPNS, MAX_RECORD_SIZE)
        if answer.status == 404 or answer.kind != IPNS:
            return RouterFinding(note="no record")
        try:
            read_ipns_record(key, answer.body, self._host.world.wire_time() / 1e9)
        except LabError as error:  # the server's fault, and not the question's
            raise ProtocolViolation(f"{self.name} gave a record that is not to be believed: {error}") from error
        return RouterFinding(value=answer.body)

    async def put(self, key: bytes, value: bytes) -> RouterFinding:
        if not key.startswith(PREFIX):
            return RouterFinding(note="servers take IPNS records alone")
        path = f"/routing/v1/ipns/{key_text(peer_id_from_bytes(key[len(PREFIX) :]))}"
        await self._ask("PUT", path, "*/*", MAX_BODY, value)
        return RouterFinding(took=True)

    # -- asking

    async def _records(self, path: str) -> tuple[list[RoutingRecord], str]:
        runtime = self._host.world.runtime
        held = self._cache.get(("GET", path))
        if held is not None and runtime.ticks() < held[0]:
            return held[1], "cached"
        answer = await self._ask("GET", path, f"{NDJSON}, {JSON};q=0.5", MAX_BODY)
        # 404 is how older servers say that there are none.
        records = [] if answer.status == 404 else records_of(answer.body, answer.kind)
        age = max_age(answer.headers)
        if age:
            self._cache[("GET", path)] = (runtime.ticks() + age * TICKS_PER_SECOND, records)
            if len(self._cache) > MAX_CACHED:
                del self._cache[next(iter(self._cache))]
        return records, ""

    async def _ask(self, method: str, path: str, accept: str, most: int, body: bytes = b"") -> HttpAnswer:
        """An answer of status 200 or 404. LabError for anything else."""
        headers = [("Accept", accept), *([("Content-Type", IPNS)] if method == "PUT" else [])]
        try:
            answer = await fetch(method, self.name + path, headers, body, most, TIMEOUT)
        except LabError as error:
            raise LabError(f"{self.name} did not answer: {error}") from error
        if answer.status not in (200, 404):
            text = answer.body[:200].decode("utf-8", "replace").strip()
            raise LabError(f"{self.name} answered {answer.status}: {text}")
        return answer

    def _info(self, record: RoutingRecord) -> PeerInfo:
        host = self._host
        known: Any = host.world.find(record.peer) or host.world.outsider(record.peer)
        peer = record.peer if known is None else host.world.peer_id_at(host.world.index_of(known.peer_id))
        host.book.add(str(peer), record.addresses, by="http")
        full = [f"{address}/p2p/{peer}" for address in record.addresses]
        return PeerInfo(peer.name or peer.short, peer, full, list(record.protocols))
