"""What a block links to, by its codec: the edges of the graph that blocks make.

A core over bytes that may come from strangers: codecs without links give none, unknown codecs are refused, and a block
may have at most ``MAX_LINKS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from p2plab.content import dag_json
from p2plab.content.dag_pb import decode_node
from p2plab.content.documents import MAX_DEPTH as DEEPEST
from p2plab.errors import ContentError, ProtocolViolation, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import CODECS, DAG_CBOR, DAG_JSON, DAG_PB, RAW, Cid

__all__ = ["MAX_DEPTH", "MAX_LINKS", "depth_first", "everything_below", "inline", "links_of"]

MAX_LINKS: Final = 200_000  # of one block: about as many as 8 MiB of dag-pb can have
MAX_DEPTH: Final = 1024  # of a graph that is walked


def inline(cid: Cid) -> bytes | None:
    """The block that an identity CID holds in itself; None for any other."""
    return cid.digest if cid.hash == 0 else None


def links_of(cid: Cid, block: bytes) -> list[Cid]:
    """The CIDs that a block names, in their order, each as often as it stands there.

    ContentError for a codec that is not known, ProtocolViolation for bytes that are not of the CID's codec.
    """
    if cid.codec == RAW:
        return []
    try:
        if cid.codec == DAG_PB:
            found = [link.cid for link in decode_node(block).links]
        elif cid.codec == DAG_CBOR:
            found = list(_inside(dag_cbor.decode(block, DEEPEST)))
        elif cid.codec == DAG_JSON:
            found = list(_inside(dag_json.decode(block)))
        else:
            raise ContentError(f"{cid} has the codec {cid.codec_name}; known are {', '.join(CODECS)}")
    except (ValueError, ValidationError) as error:
        raise ProtocolViolation(f"{cid} is no {cid.codec_name}: {error}") from error
    if len(found) > MAX_LINKS:
        raise ProtocolViolation(f"{cid} has {len(found)} links; at most {MAX_LINKS} are followed")
    return found


def _inside(value: Any) -> Iterator[Cid]:
    """The links in a value, first things first. The decoders bound its depth."""
    if isinstance(value, Cid):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _inside(item)
    elif isinstance(value, list):
        for item in value:
            yield from _inside(item)


def everything_below(root: Cid, block_of: Callable[[Cid], bytes | None]) -> Iterator[tuple[Cid, bytes | None]]:
    """Every block of a graph once, however deep it is, in no order that matters.

    ``block_of`` gives a block, or None where it is missing. A block whose links cannot be known, since its codec is not
    or its bytes are not of it, is a leaf, and the others are found all the same.
    """
    seen = {root.to_bytes()}
    waiting = [root]
    while waiting:
        cid = waiting.pop()
        block = block_of(cid)
        yield cid, block
        try:
            links = [] if block is None else links_of(cid, block)
        except (ContentError, ProtocolViolation):
            continue
        for link in links:
            name = link.to_bytes()
            if name not in seen:
                seen.add(name)
                waiting.append(link)


def depth_first(root: Cid, block_of: Callable[[Cid], bytes | None]) -> Iterator[tuple[Cid, bytes | None]]:
    """Every block of a graph once, a parent before its children: the order of a CAR with ``order=dfs; dups=n``.

    ``block_of`` gives a block, or None where it is missing, which is passed on, and below which nothing is looked for.
    ProtocolViolation for a graph deeper than ``MAX_DEPTH``.
    """
    seen: set[bytes] = set()
    stack = [iter((root,))]
    while stack:
        cid = next(stack[-1], None)
        if cid is None:
            stack.pop()
            continue
        name = cid.to_bytes()
        if name in seen:
            continue
        seen.add(name)
        block = block_of(cid)
        yield cid, block
        if block is None:
            continue
        links = links_of(cid, block)
        if links:
            if len(stack) >= MAX_DEPTH:
                raise ProtocolViolation(f"{root} nests deeper than {MAX_DEPTH} blocks")
            stack.append(iter(links))
