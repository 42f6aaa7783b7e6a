"""Delegated routing over HTTP, read and written: questions, records, filters, caching; no sockets.

Follows ipfs/specs routing/http-routing-v1 (IPIP-337), streaming (IPIP-417) and filters (IPIP-484):
- ``GET /routing/v1/providers/{cid}``, ``/peers/{peer id}``, ``/dht/closest/peers/{key}``: at most 100 records as JSON,
  or as many as come as ndjson, where ``Accept`` asks for it.
- ``GET`` and ``PUT /routing/v1/ipns/{name}``: a signed record as it is.
- A question that names nothing is answered 422; nothing found is no error: an empty list, or for IPNS a text.
- What a server or a client says is bounded and read strictly; records of schemas that are not known are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from p2plab.errors import LabError, ProtocolViolation, ValidationError
from p2plab.identity.address import parse_address
from p2plab.identity.cid import Cid, as_cid, cid_for
from p2plab.identity.keys import parse_peer_id, peer_id_bytes
from p2plab.typing import PeerId

__all__ = [
    "IPNS",
    "JSON",
    "MAX_BODY",
    "MAX_LINE",
    "NDJSON",
    "DelegatedRequest",
    "DelegatedResponse",
    "Filters",
    "RoutingRecord",
    "answer_with",
    "ipns_answer",
    "key_text",
    "max_age",
    "question_of",
    "record_line",
    "records_of",
    "refused",
    "stream_head",
]

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
IPNS: Final = "application/vnd.ipfs.ipns-record"
TEXT: Final = "text/plain; charset=utf-8"
MAX_RECORDS: Final = 100  # of an answer that is not streamed
MAX_STREAMED: Final = 1_000
MAX_ADDRESSES: Final = 64  # of a record
MAX_PROTOCOLS: Final = 100
MAX_TARGET: Final = 4_096  # characters of a request's target
MAX_BODY: Final = 1 << 20  # bytes of an answer that a client reads
MAX_LINE: Final = 64 << 10  # bytes of a line of ndjson
FOUND_AGE: Final = 300  # seconds that an answer may be cached; a provider record lives for hours
EMPTY_AGE: Final = 15  # what is not found now may be announced any moment
STALE: Final = "stale-while-revalidate=172800, stale-if-error=172800"  # 48 h, as long as provider records live
CORS: Final = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, PUT, OPTIONS"),
    ("Access-Control-Allow-Headers", "Content-Type, Accept"),
)

Kind = Literal["providers", "peers", "closest", "ipns", "put_ipns"]


@dataclass(frozen=True, slots=True)
class RoutingRecord:
    """A record of the schema ``peer``: addresses are multiaddrs without ``/p2p/...``, protocols names of ways to
    transfer content, such as ``transport-bitswap``."""

    peer: PeerId
    addresses: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """What an asker wants of records (IPIP-484). ``unknown`` stands for records that do not say."""

    addresses: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()

    def of(self, record: RoutingRecord) -> RoutingRecord | None:
        """What is left of a record; None: it is not wanted."""
        if self.protocols:
            told = [protocol.casefold() for protocol in record.protocols]
            if not (any(one in told for one in self.protocols) or (not told and "unknown" in self.protocols)):
                return None
        if not self.addresses or (not record.addresses and "unknown" in self.addresses):
            return record
        wanted = [one for one in self.addresses if not one.startswith("!") and one != "unknown"]
        unwanted = [one[1:] for one in self.addresses if one.startswith("!")]
        left = []
        for address in record.addresses:
            names = set(address.casefold().split("/"))
            if not names.isdisjoint(unwanted) or (wanted and names.isdisjoint(wanted)):
                continue
            left.append(address)
        return RoutingRecord(record.peer, tuple(left), record.protocols) if left else None


@dataclass(frozen=True, slots=True)
class DelegatedRequest:
    """What a request asks. ``key`` is what it names as it stands in the path; ``cid``, ``peer`` and ``place`` what that
    comes to; ``body`` a record that is to be published."""

    kind: Kind
    key: str
    cid: Cid | None = None
    peer: PeerId | None = None
    place: bytes = b""
    streamed: bool = False
    filters: Filters = field(default_factory=Filters)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class DelegatedResponse:
    """An answer as it goes out, but for its length."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


# -- a server's side


def question_of(
    method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes = b""
) -> DelegatedRequest | DelegatedResponse:
    """What a request asks, or the answer to one that asks nothing that can be answered."""
    if method == "OPTIONS":
        return DelegatedResponse(204, CORS)
    if len(target) > MAX_TARGET:
        return refused(414, f"the target has {len(target)} characters, over the limit of {MAX_TARGET}")
    split = urlsplit(target)
    parts = [unquote(part) for part in split.path.split("/") if part]
    if parts[:2] != ["routing", "v1"]:
        return refused(404, "there are /routing/v1/providers, /peers, /ipns and /dht/closest/peers")
    rest = parts[2:]
    if rest[:3] == ["dht", "closest", "peers"] and len(rest) == 4:
        rest = ["closest", rest[3]]
    if len(rest) != 2 or rest[0] not in ("providers", "peers", "ipns", "closest"):
        return refused(
            404, "there are /routing/v1/providers/{cid}, /peers/{id}, /ipns/{name}, /dht/closest/peers/{key}"
        )
    what, key = rest
    allowed = ("GET", "HEAD", "PUT") if what == "ipns" else ("GET", "HEAD")
    if method not in allowed:
        return DelegatedResponse(405, (("Allow", ", ".join((*allowed, "OPTIONS"))), *CORS, ("Content-Type", TEXT)))
    asked = {name.casefold(): value for name, value in headers}
    try:
        return _named(method, what, key, asked, _filters(split.query), body)
    except LabError as error:
        return refused(422, str(error))


def _named(
    method: str, what: str, key: str, asked: dict[str, str], filters: Filters, body: bytes
) -> DelegatedRequest | DelegatedResponse:
    streamed = NDJSON in asked.get("accept", "").casefold()
    if what == "providers":
        return DelegatedRequest("providers", key, cid=as_cid(key), streamed=streamed, filters=filters)
    if what == "peers":
        return DelegatedRequest("peers", key, peer=parse_peer_id(key), streamed=streamed, filters=filters)
    if what == "closest":
        return DelegatedRequest("closest", key, place=_place(key), streamed=streamed, filters=filters)
    peer = parse_peer_id(key)
    place = b"/ipns/" + peer_id_bytes(peer)
    if method != "PUT":
        return DelegatedRequest("ipns", key, peer=peer, place=place)
    if asked.get("content-type", "").partition(";")[0].strip().casefold() != IPNS:
        return refused(415, f"a record is put with Content-Type: {IPNS}")
    return DelegatedRequest("put_ipns", key, peer=peer, place=place, body=body)


def _place(key: str) -> bytes:
    """What is hashed for the place of a key in the DHT: a peer's id, or a CID's multihash."""
    try:
        return peer_id_bytes(parse_peer_id(key))
    except LabError:
        return as_cid(key).multihash


def _filters(query: str) -> Filters:
    try:
        given = parse_qs(query, max_num_fields=20)
    except ValueError as error:
        raise ValidationError(f"the query cannot be read: {error}") from error

    def words(name: str) -> tuple[str, ...]:
        found = [word.strip().casefold() for text in given.get(name, ()) for word in text.split(",")]
        return tuple(dict.fromkeys(word for word in found if word))

    return Filters(words("filter-addrs"), words("filter-protocols"))


def refused(status: int, text: str) -> DelegatedResponse:
    """An answer that says what was wrong."""
    return DelegatedResponse(status, (("Content-Type", TEXT), *CORS), f"{text}\n".encode())


def answer_with(question: DelegatedRequest, records: Iterable[RoutingRecord]) -> DelegatedResponse:
    """The whole answer to a question about providers or peers, filtered, of at most 100 records."""
    kept = [left for record in records if (left := question.filters.of(record)) is not None][:MAX_RECORDS]
    name = "Providers" if question.kind == "providers" else "Peers"
    body = json.dumps({name: [_plain(record) for record in kept]}, separators=(",", ":")).encode()
    return DelegatedResponse(200, (("Content-Type", JSON), *_caching(bool(kept)), *CORS), body)


def stream_head() -> DelegatedResponse:
    """What goes before the lines of a streamed answer."""
    return DelegatedResponse(200, (("Content-Type", NDJSON), *_caching(True), *CORS))


def record_line(question: DelegatedRequest, record: RoutingRecord) -> bytes | None:
    """A line of a streamed answer; None: it is not wanted."""
    left = question.filters.of(record)
    return None if left is None else json.dumps(_plain(left), separators=(",", ":")).encode() + b"\n"


def ipns_answer(record: bytes | None, ttl: float = 0.0) -> DelegatedResponse:
    """The answer to a question for an IPNS record, which may be cached for ``ttl`` seconds, as the record says."""
    if record is None:
        return DelegatedResponse(200, (("Content-Type", TEXT), *_caching(False), *CORS), b"no record was found\n")
    etag = f'"{cid_for(record)}"'
    caching = ("Cache-Control", f"public, max-age={max(0, int(ttl))}, {STALE}")
    return DelegatedResponse(200, (("Content-Type", IPNS), ("Etag", etag), caching, ("Vary", "Accept"), *CORS), record)


def _caching(found: bool) -> tuple[tuple[str, str], ...]:
    age = FOUND_AGE if found else EMPTY_AGE
    return ("Cache-Control", f"public, max-age={age}, {STALE}"), ("Vary", "Accept")


def _plain(record: RoutingRecord) -> dict[str, Any]:
    return {
        "Schema": "peer",
        "ID": str(record.peer),
        "Addrs": list(record.addresses[:MAX_ADDRESSES]),
        "Protocols": list(record.protocols[:MAX_PROTOCOLS]),
    }


# -- a client's side


def records_of(body: bytes, content_type: str) -> list[RoutingRecord]:
    """The records of an answer, JSON or ndjson. ProtocolViolation for what is neither, or over its bounds."""
    if len(body) > MAX_BODY:
        raise ProtocolViolation(f"the answer has over {MAX_BODY} bytes")
    kind = content_type.partition(";")[0].strip().casefold()
    if kind == NDJSON:
        lines = [line for line in body.split(b"\n") if line.strip()]
        if len(lines) > MAX_STREAMED or any(len(line) > MAX_LINE for line in lines):
            raise ProtocolViolation(f"the answer has over {MAX_STREAMED} lines, or one over {MAX_LINE} bytes")
        given: Any = [_json(line) for line in lines]
    elif kind == JSON:
        whole = _json(body)
        if not isinstance(whole, dict):
            raise ProtocolViolation("the answer is no JSON object")
        given = whole.get("Providers", whole.get("Peers")) or []  # None is how Go writes an empty list
    else:
        raise ProtocolViolation(f"the answer is {kind[:80]!r}, not {JSON} or {NDJSON}")
    if not isinstance(given, list) or len(given) > MAX_STREAMED:
        raise ProtocolViolation(f"the answer has no list of records, or one of over {MAX_STREAMED}")
    return [record for one in given if (record := _record(one)) is not None]


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation("the answer is no JSON") from error


def _record(given: Any) -> RoutingRecord | None:
    """A record; None for one of a schema that is not known. Raises ProtocolViolation."""
    if not isinstance(given, dict):
        raise ProtocolViolation("a record is no JSON object")
    if given.get("Schema") not in ("peer", "bitswap"):  # the second is how servers before IPIP-417 say it
        return None
    told, addresses, protocols = given.get("ID"), given.get("Addrs") or [], given.get("Protocols") or []
    if isinstance(given.get("Protocol"), str) and not protocols:
        protocols = [given["Protocol"]]
    texts = isinstance(addresses, list) and isinstance(protocols, list)
    if not isinstance(told, str) or not texts or not all(isinstance(one, str) for one in (*addresses, *protocols)):
        raise ProtocolViolation("a record has an ID that is no text, or Addrs or Protocols that are no lists of it")
    try:
        peer = parse_peer_id(told)
    except LabError as error:
        raise ProtocolViolation(f"a record's ID is no peer id: {error}") from error
    known = []
    for address in addresses[:MAX_ADDRESSES]:
        try:
            known.append(parse_address(address).base)
        except LabError:
            continue  # of a transport that is not known here: others of the record may do
    return RoutingRecord(peer, tuple(dict.fromkeys(known)), tuple(one[:200] for one in protocols[:MAX_PROTOCOLS]))


def max_age(headers: Iterable[tuple[str, str]]) -> int:
    """Seconds for which an answer may be cached; 0: not."""
    for name, value in headers:
        if name.casefold() != "cache-control":
            continue
        words = [word.strip().casefold() for word in value.split(",")]
        if "no-store" in words or "no-cache" in words:
            return 0
        for word in words:
            key, _, number = word.partition("=")
            if key == "max-age" and number.isdigit():
                return min(int(number), 86_400)
    return 0


def key_text(peer: PeerId) -> str:
    """A peer id as the specification writes it: a CIDv1 of the codec libp2p-key, in base36."""
    number = int.from_bytes(b"\x01\x72" + peer_id_bytes(peer), "big")
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return f"k{digits}"
