"""GraphSync 2.0's messages: dag-cbor in the form of go-graphsync's schema (message/ipldbind/schema.ipldsch), strictly
read and bounded. A block is named by the beginning of its CID alone: its CID is what its bytes have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import Cid, cid_from_prefix
from p2plab.identity.varint import encode_varint

__all__ = [
    "CANCEL",
    "DUPLICATE",
    "GRAPHSYNC_ID",
    "MAX_MESSAGE",
    "MISSING",
    "NEW",
    "PRESENT",
    "SKIPPED",
    "STATUSES",
    "GraphSyncMessage",
    "GraphSyncRequest",
    "GraphSyncResponse",
    "decode_message",
    "encode_message",
]

GRAPHSYNC_ID: Final = "/ipfs/graphsync/2.0.0"
MAX_MESSAGE: Final = 4 << 20  # bytes; go-libp2p's bound on a message
MAX_LINES: Final = 200_000  # of a message: metadata, blocks and extensions
NESTED: Final = 160  # maps and lists in each other: a selector is nested, and so may an extension be

NEW, CANCEL, UPDATE = "n", "c", "u"
PRESENT, DUPLICATE, MISSING, SKIPPED = "p", "d", "m", "s"

STATUSES: Final = {
    10: "acknowledged",
    11: "additional peers",
    12: "not enough gas",
    13: "other protocol",
    14: "under way",
    15: "paused",
    20: "complete",
    21: "complete, with blocks missing",
    30: "rejected",
    31: "busy",
    32: "failed for an unknown reason",
    33: "refused for legal reasons",
    34: "not found",
    35: "cancelled",
}
NO_EXTENSIONS: Final[Mapping[str, Any]] = MappingProxyType({})


class GraphSyncRequest(NamedTuple):
    """``id`` is 16 bytes; ``type`` NEW, CANCEL or UPDATE."""

    id: bytes
    type: str
    root: Cid | None = None
    selector: Any = None
    priority: int = 1
    extensions: Mapping[str, Any] = NO_EXTENSIONS


class GraphSyncResponse(NamedTuple):
    """``meta``: links in the order of the walk, and what became of each: PRESENT, DUPLICATE (here, not sent), MISSING,
    SKIPPED (walked before)."""

    id: bytes
    status: int
    meta: Sequence[tuple[Cid, str]] = ()
    extensions: Mapping[str, Any] = NO_EXTENSIONS

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it."""
        return self.status >= 20


class GraphSyncMessage(NamedTuple):
    requests: Sequence[GraphSyncRequest] = ()
    responses: Sequence[GraphSyncResponse] = ()
    blocks: Sequence[tuple[Cid, bytes]] = ()


def _prefix(cid: Cid) -> bytes:
    return b"".join(map(encode_varint, (cid.version, cid.codec, cid.hash, len(cid.digest))))


def encode_message(message: GraphSyncMessage) -> bytes:
    """The bytes of a message."""
    inner: dict[str, Any] = {}
    if message.requests:
        inner["req"] = [_plain_request(one) for one in message.requests]
    if message.responses:
        inner["rsp"] = [_plain_response(one) for one in message.responses]
    if message.blocks:
        inner["blk"] = [[_prefix(cid), data] for cid, data in message.blocks]
    return dag_cbor.encode({"gs2": inner})


def _plain_request(one: GraphSyncRequest) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": one.id, "type": one.type}
    if one.type == NEW:
        plain |= {"pri": one.priority, "root": one.root, "sel": one.selector}
    if one.extensions:
        plain["ext"] = dict(one.extensions)
    return plain


def _plain_response(one: GraphSyncResponse) -> dict[str, Any]:
    plain: dict[str, Any] = {"reqid": one.id, "stat": one.status}
    if one.meta:
        plain["meta"] = [[cid, action] for cid, action in one.meta]
    if one.extensions:
        plain["ext"] = dict(one.extensions)
    return plain


def decode_message(data: bytes) -> GraphSyncMessage:
    """The message. ProtocolViolation for bytes that are none, and for one that is too large. A selector is passed on as
    it is: whether it is one is for ``parse_selector`` to say."""
    if len(data) > MAX_MESSAGE:
        raise ProtocolViolation(f"a GraphSync message of {len(data)} bytes; at most {MAX_MESSAGE} are read")
    try:
        whole = dag_cbor.decode(data, NESTED)
    except (ValueError, ValidationError, RecursionError) as error:
        raise ProtocolViolation(f"{len(data)} bytes that are no GraphSync message: {error}") from error
    if not isinstance(whole, dict) or set(whole) != {"gs2"} or not isinstance(whole["gs2"], dict):
        raise ProtocolViolation("a message of GraphSync 2 is a map with the one key gs2")
    inner: dict[str, Any] = whole["gs2"]
    if not set(inner) <= {"req", "rsp", "blk"} or not all(isinstance(part, list) for part in inner.values()):
        raise ProtocolViolation("a message of GraphSync 2 holds lists of req, rsp and blk")
    requests = tuple(map(_request, inner.get("req", [])))
    responses = tuple(map(_response, inner.get("rsp", [])))
    blocks = tuple(map(_block, inner.get("blk", [])))
    lines = len(requests) + len(blocks) + sum(len(one.meta) + 1 for one in responses)
    if lines > MAX_LINES:
        raise ProtocolViolation(f"a GraphSync message of {lines} lines; at most {MAX_LINES} are read")
    return GraphSyncMessage(requests, responses, blocks)


def _fields(value: Any, what: str, needed: dict[str, type], more: dict[str, type]) -> dict[str, Any]:
    if not isinstance(value, dict) or not set(needed) <= set(value) <= {*needed, *more}:
        raise ProtocolViolation(f"{what} of GraphSync has the fields {', '.join([*needed, *more])}")
    for name, kind in (needed | more).items():
        if name in value and (not isinstance(value[name], kind) or (kind is int and isinstance(value[name], bool))):
            raise ProtocolViolation(f"{what} of GraphSync whose {name} is no {kind.__name__}")
    return value


def _id(value: bytes) -> bytes:
    if len(value) != 16:
        raise ProtocolViolation(f"a GraphSync request's id has 16 bytes, not {len(value)}")
    return value


def _request(value: Any) -> GraphSyncRequest:
    more = {"pri": int, "root": Cid, "sel": object, "ext": dict}
    found = _fields(value, "a request", {"id": bytes, "type": str}, more)
    kind = found["type"]
    if kind not in (NEW, CANCEL, UPDATE):
        raise ProtocolViolation(f"a GraphSync request of type {kind[:20]!r}; there are n, c and u")
    if kind == NEW and not ("root" in found and "sel" in found):
        raise ProtocolViolation("a new GraphSync request names a root and a selector")
    root, selector = found.get("root"), found.get("sel")
    return GraphSyncRequest(_id(found["id"]), kind, root, selector, found.get("pri", 1), found.get("ext", {}))


def _response(value: Any) -> GraphSyncResponse:
    found = _fields(value, "a response", {"reqid": bytes, "stat": int}, {"meta": list, "ext": dict})
    if found["stat"] not in STATUSES:
        raise ProtocolViolation(f"a GraphSync response of status {found['stat']}")
    return GraphSyncResponse(
        _id(found["reqid"]), found["stat"], tuple(map(_line, found.get("meta", []))), found.get("ext", {})
    )


def _line(value: Any) -> tuple[Cid, str]:
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not isinstance(value[0], Cid)
        or value[1] not in (PRESENT, DUPLICATE, MISSING, SKIPPED)
    ):
        raise ProtocolViolation("a line of a GraphSync response is a link and p, d, m or s")
    return value[0], value[1]


def _block(value: Any) -> tuple[Cid, bytes]:
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(one, bytes) for one in value):
        raise ProtocolViolation("a block of a GraphSync message is the beginning of its CID, and its bytes")
    try:
        return cid_from_prefix(value[0], value[1]), value[1]
    except ValidationError as error:
        raise ProtocolViolation(f"a block of a GraphSync message: {error}") from error
