"""DAG-PB (ipld.io/specs/codecs/dag-pb/spec): nodes of named links and some bytes, in one strict protobuf form.

Links come before Data in the bytes, although their field has the higher number. Reading refuses what the specification
does: unknown fields, wrong wire types, fields out of order or twice, a link without its hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.identity.cid import Cid, as_cid
from p2plab.identity.varint import encode_varint

__all__ = ["PBLink", "PBNode", "decode_node", "encode_node", "from_model", "to_model"]


@dataclass(frozen=True, slots=True)
class PBLink:
    """A link. ``size`` (Tsize) is the bytes of the block it names and of all below it; None: not said. A name that is
    None is absent, which is not the same as an empty one."""

    cid: Cid
    name: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class PBNode:
    """A node: its links in their order, and its data; None: absent."""

    links: tuple[PBLink, ...] = ()
    data: bytes | None = None


def _field(number: int, payload: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + encode_varint(len(payload)) + payload


def encode_node(node: PBNode) -> bytes:
    """The bytes of a node, its links in the order given."""
    parts = []
    for link in node.links:
        inner = _field(1, link.cid.to_bytes())
        if link.name is not None:
            inner += _field(2, link.name.encode("utf-8", "surrogateescape"))
        if link.size is not None:
            inner += b"\x18" + encode_varint(link.size)
        parts.append(_field(2, inner))
    if node.data is not None:
        parts.append(_field(1, node.data))
    return b"".join(parts)


def decode_node(data: bytes) -> PBNode:
    """The node of a block. ProtocolViolation for bytes that are not the strict form of one."""
    links: list[PBLink] = []
    content: bytes | None = None
    links_are_over = False
    at = 0
    while at < len(data):
        number, wire, at = _tag(data, at)
        if wire != 2:
            raise ProtocolViolation(f"a dag-pb node with wire type {wire} in field {number}")
        chunk, at = _chunk(data, at)
        if number == 1:
            if content is not None:
                raise ProtocolViolation("a dag-pb node with its Data twice")
            content, links_are_over = chunk, bool(links)
        elif number == 2:
            if links_are_over:
                raise ProtocolViolation("a dag-pb node with links on both sides of its Data")
            links.append(_decode_link(chunk))
        else:
            raise ProtocolViolation(f"a dag-pb node with the unknown field {number}")
    return PBNode(tuple(links), content)


def _decode_link(data: bytes) -> PBLink:
    cid: Cid | None = None
    name: str | None = None
    size: int | None = None
    at = last = 0
    while at < len(data):
        number, wire, at = _tag(data, at)
        if number <= last:
            raise ProtocolViolation("a dag-pb link with its fields out of order, or one twice")
        last = number
        if number in (1, 2):
            if wire != 2:
                raise ProtocolViolation(f"a dag-pb link with wire type {wire} in field {number}")
            chunk, at = _chunk(data, at)
            if number == 1:
                try:
                    cid = as_cid(chunk)
                except ValidationError as error:
                    raise ProtocolViolation(f"a dag-pb link to what is no CID: {error}") from error
            else:
                name = chunk.decode("utf-8", "surrogateescape")
        elif number == 3:
            if wire != 0:
                raise ProtocolViolation(f"a dag-pb link with wire type {wire} in field 3")
            size, at = _varint(data, at)
        else:
            raise ProtocolViolation(f"a dag-pb link with the unknown field {number}")
    if cid is None:
        raise ProtocolViolation("a dag-pb link without a hash")
    return PBLink(cid, name, size)


def _tag(data: bytes, at: int) -> tuple[int, int, int]:
    value, at = _varint(data, at)
    return value >> 3, value & 7, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Protobuf's varints may have ten bytes; longer ones, and those cut off, are refused."""
    value = 0
    for index in range(10):
        if at + index >= len(data):
            raise ProtocolViolation("dag-pb bytes that are cut off")
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at + index + 1
    raise ProtocolViolation("a dag-pb number over 64 bits")


def _chunk(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = _varint(data, at)
    if at + size > len(data):
        raise ProtocolViolation("dag-pb bytes that are cut off")
    return data[at : at + size], at + size


def to_model(node: PBNode) -> dict[str, Any]:
    """A node in IPLD's data model: ``{"Data"?: bytes, "Links": [{"Hash": Cid, "Name"?: str, "Tsize"?: int}]}``."""
    links = []
    for link in node.links:
        entry: dict[str, Any] = {"Hash": link.cid}
        if link.name is not None:
            entry["Name"] = link.name
        if link.size is not None:
            entry["Tsize"] = link.size
        links.append(entry)
    return {"Links": links} if node.data is None else {"Data": node.data, "Links": links}


def from_model(value: Any) -> PBNode:
    """The node of such a value. ValueError for what has not exactly this form."""
    if not isinstance(value, dict) or not set(value) <= {"Data", "Links"} or not isinstance(value.get("Links"), list):
        raise ValueError("a dag-pb node is a map of Links (a list) and perhaps Data (bytes)")
    data = value.get("Data")
    if "Data" in value and not isinstance(data, bytes):
        raise ValueError("the Data of a dag-pb node is bytes")
    links = tuple(_link_from_model(entry) for entry in value["Links"])
    names = [(link.name or "").encode("utf-8", "surrogateescape") for link in links]
    if names != sorted(names):
        raise ValueError("the links of a dag-pb node are sorted by the bytes of their names")
    return PBNode(links, data)


def _link_from_model(entry: Any) -> PBLink:
    if not isinstance(entry, dict) or not set(entry) <= {"Hash", "Name", "Tsize"}:
        raise ValueError("a dag-pb link is a map of Hash and perhaps Name and Tsize")
    cid, name, size = entry.get("Hash"), entry.get("Name"), entry.get("Tsize")
    if not isinstance(cid, Cid):
        raise ValueError("the Hash of a dag-pb link is a CID")
    if "Name" in entry and not isinstance(name, str):
        raise ValueError("the Name of a dag-pb link is text")
    if "Tsize" in entry and (isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 1 << 63):
        raise ValueError("the Tsize of a dag-pb link is a whole number from 0 up")
    return PBLink(cid, name, size)
