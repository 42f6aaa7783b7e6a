"""What a block says, as a value of IPLD's data model: maps, lists, text, bytes, numbers, links (``Cid``)."""

from __future__ import annotations

from typing import Any, Final

from p2plab.content import dag_json
from p2plab.content.dag_pb import decode_node, to_model
from p2plab.errors import ContentError, ProtocolViolation, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import CODECS, DAG_CBOR, DAG_JSON, DAG_PB, RAW, Cid

__all__ = ["DOCUMENTS", "MAX_DEPTH", "document", "node_value"]

DOCUMENTS: Final = (DAG_CBOR, DAG_JSON)
MAX_DEPTH: Final = 128  # maps and lists in each other, in one block


def document(cid: Cid, block: bytes) -> Any:
    """The value of a dag-cbor or dag-json block. ProtocolViolation for bytes that are not of the CID's codec."""
    try:
        return dag_cbor.decode(block, MAX_DEPTH) if cid.codec == DAG_CBOR else dag_json.decode(block)
    except (ValueError, ValidationError) as error:
        raise ProtocolViolation(f"{cid} is no {cid.codec_name}: {error}") from error


def node_value(cid: Cid, block: bytes) -> Any:
    """The value of a block of any known codec; dag-pb as the map that its specification gives (PBNode: Links, Data).

    ContentError for a codec that is not known, ProtocolViolation for bytes that are not of the CID's codec.
    """
    if cid.codec == RAW:
        return block
    if cid.codec in DOCUMENTS:
        return document(cid, block)
    if cid.codec != DAG_PB:
        raise ContentError(f"{cid} has the codec {cid.codec_name}; known are {', '.join(CODECS)}")
    try:
        return to_model(decode_node(block))
    except (ValueError, ValidationError) as error:
        raise ProtocolViolation(f"{cid} is no dag-pb: {error}") from error
