"""What strangers may send, changed at random: every decoder of content says what is wrong with it, in an error of ours.

A decoder is given thousands of spoiled forms of something right. It gives a value or raises what its docstring says,
and nothing else; where a form is the only one of its value, what is read is written back as the same bytes.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import pytest

from p2plab.content import dag_json
from p2plab.content.bitswap.messages import BitswapMessage, WantEntry
from p2plab.content.bitswap.messages import decode_message as decode_bitswap
from p2plab.content.bitswap.messages import encode_message as encode_bitswap
from p2plab.content.car import PRAGMA, CarReader, Section, car_header, car_section, index_of
from p2plab.content.dag_pb import PBLink, PBNode, decode_node, encode_node
from p2plab.content.gateway import Asked, CarVerifier, GatewayRefusal, answer_walk, head_of, ipns_head, request_of
from p2plab.content.graphsync import EVERYTHING, WalkLimits, parse_selector, walk_selector
from p2plab.content.graphsync.messages import (
    DUPLICATE,
    NEW,
    PRESENT,
    GraphSyncMessage,
    GraphSyncRequest,
    GraphSyncResponse,
)
from p2plab.content.graphsync.messages import decode_message as decode_graphsync
from p2plab.content.graphsync.messages import encode_message as encode_graphsync
from p2plab.content.importer import import_directory, import_file, profile_named
from p2plab.content.links import links_of
from p2plab.content.reader import list_directory, read_file, stat
from p2plab.content.unixfs import NodeType, UnixFsNode, decode_unixfs, encode_unixfs
from p2plab.errors import LabError, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import Cid, as_cid, cid_for, read_cid

ROUNDS = 1_500
BOMBS = (b"\xff" * 9 + b"\x01", b"\x9b" + b"\xff" * 8, b"\x80\x80\x80\x80\x10", b"\xa1" * 40, b"\x81" * 300)
LEAF = b"some bytes of a file" * 3
CID = cid_for(LEAF)
NODE = encode_node(
    PBNode((PBLink(CID, "a", 60), PBLink(CID, "b", None), PBLink(CID)), encode_unixfs(UnixFsNode(NodeType.DIRECTORY)))
)
FILE = encode_node(
    PBNode((PBLink(CID, "", 60),) * 2, encode_unixfs(UnixFsNode(NodeType.FILE, None, 120, (len(LEAF), len(LEAF)))))
)
DOCUMENT = dag_cbor.encode({"a": [1, -5, 2.5, None, True, "text", b"bytes"], "link": CID, "m": {"n": {"o": [[]]}}})
ROOT = cid_for(NODE, "dag-pb")
CARV1 = car_header([ROOT]) + car_section(ROOT, NODE) + car_section(CID, LEAF)
SHARDS = {
    one.cid: one.data
    for one in import_directory([(f"name {n}", CID, 60) for n in range(40)], profile_named("unixfs-v1-2025"))
}


def carv2() -> bytes:
    sections = list(CarReader(io.BytesIO(CARV1)).sections())
    begins = len(PRAGMA) + 40
    numbers = [begins, len(CARV1), begins + len(CARV1)]
    fixed = bytes(16) + b"".join(number.to_bytes(8, "little") for number in numbers)
    return PRAGMA + fixed + CARV1 + index_of([Section(one.cid, b"", one.offset) for one in sections])


def spoiled(data: bytes, chance: random.Random) -> bytes:
    """The same with a few changes: bits, bytes, pieces taken out, doubled, swapped or put in, lengths blown up."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        kind = chance.randrange(7)
        at = chance.randrange(len(out) + 1)
        size = chance.choice((1, 1, 2, 4, 16, 64))
        if kind == 0 and out:
            out[at % len(out)] ^= 1 << chance.randrange(8)
        elif kind == 1 and out:
            out[at % len(out)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x9F, 0xBF, 0xD8, chance.randrange(256)))
        elif kind == 2:
            del out[at : at + size]
        elif kind == 3:
            out[at:at] = out[at : at + size] or b"\0"
        elif kind == 4:
            out[at:at] = chance.randbytes(size)
        elif kind == 5:
            out[at:at] = chance.choice(
                (b"\xff" * 9 + b"\x01", b"\x9b" + b"\xff" * 8, b"\x80\x80\x80\x80\x10", b"\xa1" * 40)
            )
        else:
            out = out[:at]
    return bytes(out)


def drive(walk: Any, block_of: Callable[[Cid], bytes | None]) -> int:
    """Walk to the end with blocks that are here; how many steps it took."""
    answer, steps = None, 0
    while True:
        try:
            out = walk.send(answer)
        except StopIteration:
            return steps
        steps += 1
        answer = block_of(out.cid) if hasattr(out, "cid") and not hasattr(out, "type") else None


def graph_walk(data: bytes, make: Callable[[Cid], Any]) -> None:
    root = cid_for(data, "dag-pb")
    drive(make(root), lambda cid: data if cid == root else LEAF)


def read_car(data: bytes) -> None:
    reader = CarReader(io.BytesIO(data))
    assert sum(len(block) for _, block in reader) <= len(data)


def verify_answer(data: bytes) -> None:
    verifier = CarVerifier(answer_walk(ROOT))
    for at in range(0, len(data), 50):
        for cid, block in verifier.feed(data[at : at + 50]):
            assert cid.verify(block)
    assert verifier.end() == ROOT
    # Whatever else was changed is what nobody believes: the roots of the header, and empty sections between blocks.


def strict_cbor(data: bytes) -> None:
    assert dag_cbor.encode(dag_cbor.decode(data)) == data


def strict_pb(data: bytes) -> None:
    assert encode_node(decode_node(data)) == data


def select(data: bytes) -> None:
    walk = walk_selector(CID_OF_DOCUMENT, parse_selector(dag_cbor.decode(data, 160)), WalkLimits(2_000, 200, 100))
    drive(walk, lambda cid: DOCUMENT if cid == CID_OF_DOCUMENT else LEAF)


def graphsync(data: bytes) -> None:
    found = decode_graphsync(data)
    assert decode_graphsync(encode_graphsync(found)) == found
    assert all(cid.verify(block) for cid, block in found.blocks)


def bitswap(data: bytes) -> None:
    found = decode_bitswap(data)
    assert all(cid.verify(block) for cid, block in found.blocks)


def gateway(data: bytes) -> None:
    text = data.decode("latin-1")
    target, _, accept = text.partition("\n")
    found = request_of("GET", target, [("accept", accept), ("if-none-match", accept)])
    if isinstance(found, GatewayRefusal):
        raise ValidationError(found.text)
    head = head_of(found, [CID]) if isinstance(found, Asked) else ipns_head(found, b"", 0)
    assert all(value.isprintable() for _, value in head), head


CID_OF_DOCUMENT = cid_for(DOCUMENT, "dag-cbor")
SELECTOR = {"|": [EVERYTHING, {"f": {"f>": {"a": {"r": {"^": 0, "$": 3, ">": {".": {"subset": {"[": 0, "]": 2}}}}}}}}]}
REQUEST = GraphSyncRequest(bytes(16), NEW, CID, EVERYTHING, 1, {"graphsync/do-not-send-cids": [CID]})
RESPONSE = GraphSyncResponse(bytes(16), 14, ((CID, PRESENT), (ROOT, DUPLICATE)), {"x": [1, {"y": None}]})
WANTS = [WantEntry(CID, 3, False, False, True), WantEntry(ROOT, 1, True)]

DECODERS: dict[str, tuple[bytes, Callable[[bytes], Any], tuple[type[Exception], ...]]] = {
    "a CAR of version 1": (CARV1, read_car, ()),
    "a CAR of version 2": (carv2(), read_car, ()),
    "a gateway's answer": (CARV1 + car_section(CID, LEAF) * 2, verify_answer, ()),
    "dag-pb": (NODE, strict_pb, ()),
    "dag-cbor": (DOCUMENT, strict_cbor, (ValueError,)),
    "dag-json": (dag_json.encode(dag_cbor.decode(DOCUMENT)), dag_json.decode, (ValueError,)),
    "unixfs": (encode_unixfs(UnixFsNode(NodeType.FILE, b"abc", 9, (3, 3))), decode_unixfs, ()),
    "a file": (FILE, lambda data: graph_walk(data, read_file), ()),
    "a directory": (NODE, lambda data: graph_walk(data, list_directory), ()),
    "a shard": (next(iter(SHARDS.values())), lambda data: graph_walk(data, list_directory), ()),
    "what a block is": (NODE, lambda data: graph_walk(data, stat), ()),
    "links": (DOCUMENT, lambda data: links_of(cid_for(data, "dag-cbor"), data), ()),
    "a CID": (CID.to_bytes(), read_cid, ()),
    "a CID's text": (str(CID).encode(), lambda data: as_cid(data.decode("latin-1")), ()),
    "Bitswap": (encode_bitswap(BitswapMessage(WANTS, True, [(CID, LEAF)], [CID], [ROOT], 5)), bitswap, ()),
    "GraphSync": (encode_graphsync(GraphSyncMessage((REQUEST,), (RESPONSE,), ((CID, LEAF),))), graphsync, ()),
    "a selector": (dag_cbor.encode(SELECTOR), select, (ValueError,)),
    "a request of a gateway": (
        f"/ipfs/{ROOT}/a%20b/c?format=car&dag-scope=entity&entity-bytes=0:-5&filename=x.car\n"
        "application/vnd.ipld.car; order=dfs; dups=y, application/vnd.ipld.raw".encode(),
        gateway,
        (),
    ),
}


@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_takes_what_is_right_and_refuses_the_rest_in_an_error_of_ours(name: str) -> None:
    data, decode, more = DECODERS[name]
    decode(data)
    allowed: tuple[type[Exception], ...] = (LabError, *more)
    chance, refused = random.Random(name), 0
    for number in range(ROUNDS):
        given = spoiled(data, chance)
        try:
            decode(given)
        except allowed:
            refused += 1
        except AssertionError as error:
            raise AssertionError(f"{name}, round {number}: {given.hex()}") from error
        except Exception as error:
            raise AssertionError(f"{name}, round {number}: {type(error).__name__}: {error}: {given.hex()}") from error
    assert refused > ROUNDS // 20


def test_a_whole_directory_spoiled_anywhere_is_listed_or_refused() -> None:
    chance = random.Random(5)
    files = {
        one.cid: one.data for one in import_file([random.Random(1).randbytes(3_000)], profile_named("unixfs-v0-2015"))
    }
    blocks = SHARDS | files
    for _ in range(300):
        victim = chance.choice(list(blocks))
        given = {**blocks, victim: spoiled(blocks[victim], chance)}
        for root in (list(SHARDS)[-1], list(files)[-1]):
            for make in (list_directory, read_file, stat):
                try:
                    drive(make(root), given.get)
                except LabError:
                    continue
                except (AttributeError, TypeError) as error:
                    raise AssertionError(f"{victim}: {given[victim].hex()}") from error
