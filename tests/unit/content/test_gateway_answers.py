"""A CAR from a gateway that need not be trusted: verified while it comes, with what a path needs in memory.

The graphs are of the shapes that ipfs/gateway-conformance asks about: a file of many blocks in a folder, a sharded
folder, the same file twice, a document with links, a block that nobody has.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from p2plab.content.car import car_header, car_section
from p2plab.content.gateway import Asked, CarVerifier, GatewayRefusal, Ipns, answer_walk, head_of, ipns_head, request_of
from p2plab.content.gateway.walk import Span
from p2plab.content.importer import Block, import_directory, import_file, profile_named
from p2plab.content.reader import NeededBlock
from p2plab.errors import ContentError, ProtocolViolation
from p2plab.identity import dag_cbor
from p2plab.identity.cid import Cid, as_cid, cid_for

V2025 = profile_named("unixfs-v1-2025")
CHUNKED = replace(profile_named("unixfs-v0-2015"), chunk=4096, width=5)


@dataclass
class Graph:
    blocks: dict[bytes, bytes] = field(default_factory=dict)

    def keep(self, made: Iterator[Block]) -> Block:
        last = None
        for last in made:
            self.blocks[last.cid.multihash] = last.data
        assert last is not None
        return last

    def get(self, cid: Cid) -> bytes | None:
        return cid.digest if cid.hash == 0 else self.blocks.get(cid.multihash)

    def folder(self, **files: Block) -> Block:
        entries = [(name, block.cid, block.size) for name, block in sorted(files.items())]
        return self.keep(import_directory(entries, V2025))

    def answer(
        self, cid: Cid, path: str = "", scope: str = "all", span: Span | None = None, twice: bool = True
    ) -> list[bytes]:
        """A CAR of a server that follows the same rules, section by section."""
        walk, given, answer = answer_walk(cid, path, scope, span, twice), set(), None
        out = [car_header([as_cid("bafkqaaa")])]
        while True:
            try:
                want = walk.send(answer)
            except StopIteration:
                return out
            assert isinstance(want, NeededBlock)
            answer = self.get(want.cid)
            assert answer is not None, f"{want.cid} is missing"
            if want.cid.hash and (twice or want.cid not in given):
                given.add(want.cid)
                out.append(car_section(want.cid, answer))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Graph()


@pytest.fixture(scope="module")
def file(graph: Graph) -> Block:
    return graph.keep(import_file([random.Random(3).randbytes(60_000)], CHUNKED))


@pytest.fixture(scope="module")
def root(graph: Graph, file: Block) -> Cid:
    small = graph.keep(import_file([b"hello\n"], V2025))
    inner = graph.folder(file=file, small=small)
    return graph.folder(copy=inner, inner=inner, small=small).cid


def read(verifier: CarVerifier, data: bytes, size: int = 1000) -> list[Cid]:
    """Feed an answer in small pieces; the blocks that came out."""
    out: list[Cid] = []
    for at in range(0, len(data), size):
        out += [cid for cid, _ in verifier.feed(data[at : at + size])]
    return out


@pytest.mark.parametrize("twice", [True, False])
@pytest.mark.parametrize(
    ("path", "scope", "span"),
    [
        ("", "all", None),
        ("inner/file", "all", None),
        ("inner", "entity", None),
        ("inner/file", "entity", None),
        ("inner/file", "entity", (15_000, 30_000)),
        ("inner/file", "entity", (-10, None)),
        ("inner/file", "entity", (0, -50_000)),
        ("inner/file", "entity", (-9_999_999, 0)),
        ("inner/file", "entity", (5_000_000, None)),
        ("inner", "entity", (5, 9)),
        ("small", "block", None),
    ],
)
def test_what_a_server_by_the_rules_sends_is_all_verified(
    graph: Graph, root: Cid, path: str, scope: str, span: Span | None, twice: bool
) -> None:
    sections = graph.answer(root, path, scope, span, twice)
    verifier = CarVerifier(answer_walk(root, path, scope, span, twice), twice, graph.get)
    found = read(verifier, b"".join(sections))
    assert len(found) == len(sections) - 1
    assert verifier.end() == (root if not path else _end(graph, root, path))
    if not twice:
        assert len(set(found)) == len(found)


def _end(graph: Graph, root: Cid, path: str) -> Cid:
    walk, answer = answer_walk(root, path, "block"), None
    while True:
        try:
            answer = graph.get(walk.send(answer).cid)
        except StopIteration as end:
            found: Cid = end.value
            return found


@pytest.mark.dear
def test_a_byte_flipped_at_any_of_a_thousand_places_is_found_in_its_block_and_nothing_false_comes_out(
    graph: Graph, root: Cid
) -> None:
    sections = graph.answer(root)
    whole, chance = b"".join(sections), random.Random(11)
    begins = [0]
    for section in sections:
        begins.append(begins[-1] + len(section))
    for _ in range(1000):
        where = chance.randrange(begins[1], len(whole))
        number = next(index for index, at in enumerate(begins) if at > where) - 1
        spoiled = bytearray(whole)
        spoiled[where] ^= 1 << chance.randrange(8)
        verifier = CarVerifier(answer_walk(root))
        came = 0
        with pytest.raises(ContentError):  # where it stops is what is asked
            for at in range(0, len(spoiled), 5_000):
                for cid, block in verifier.feed(bytes(spoiled[at : at + 5_000])):
                    assert cid.verify(block)
                    came += 1
            verifier.end()
        assert came == number - 1, f"byte {where} is in section {number}"


def test_an_answer_cut_off_anywhere_is_noticed(graph: Graph, root: Cid) -> None:
    sections = graph.answer(root, "inner")
    whole = b"".join(sections)
    ends = {sum(map(len, sections[:number])) for number in range(len(sections))}
    for cut in sorted({*ends, *range(0, len(whole), 1_001), len(whole) - 1}):
        verifier = CarVerifier(answer_walk(root, "inner"))
        read(verifier, whole[:cut], 10_000)
        with pytest.raises(ContentError, match="ends early"):
            verifier.end()


def test_more_than_was_asked_for_and_another_order_are_refused_at_their_first_byte(graph: Graph, root: Cid) -> None:
    sections = graph.answer(root)
    verifier = CarVerifier(answer_walk(root))
    read(verifier, b"".join(sections), 1 << 20)
    with pytest.raises(ContentError, match="more comes than was asked for"):
        list(verifier.feed(sections[1][:3]))
    other = [sections[0], sections[1], sections[3], sections[2]]
    with pytest.raises(ContentError, match="another block than"):
        read(CarVerifier(answer_walk(root)), b"".join(other))
    begun = CarVerifier(answer_walk(root))
    list(begun.feed(sections[0] + sections[1]))
    with pytest.raises(ContentError, match="another block than"):
        list(begun.feed(sections[3][:12]))  # a dozen bytes of its 4,000: the CID is not the one that is needed


def test_the_memory_that_verifying_takes_is_that_of_one_path() -> None:
    """Sixteen times the same node of 64 blocks of 4 KiB: the server walks it again each time, as dups=y has it."""
    import tracemalloc

    leaves = [number.to_bytes(4, "big") * 1024 for number in range(64)]
    node = dag_cbor.encode([cid_for(leaf) for leaf in leaves])
    top = dag_cbor.encode([cid_for(node, "dag-cbor")] * 16)
    root = cid_for(top, "dag-cbor")
    blocks = {cid_for(leaf): leaf for leaf in leaves} | {cid_for(node, "dag-cbor"): node, root: top}
    walk, answer = answer_walk(root), None
    verifier = CarVerifier(answer_walk(root))
    list(verifier.feed(car_header([])))
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        count = 0
        while True:
            try:
                cid = walk.send(answer).cid
            except StopIteration:
                break
            answer = blocks[cid]
            count += len(list(verifier.feed(car_section(cid, answer))))
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    verifier.end()
    assert count == 1 + 16 * (1 + 64)
    assert peak < 120_000, f"{peak} bytes for {count} blocks, 4.2 MB"


def test_a_path_leads_through_documents_to_their_links(graph: Graph, file: Block) -> None:
    document = dag_cbor.encode({"files": {"single": file.cid, "all": [file.cid]}, "title": "x"})
    cid = cid_for(document, "dag-cbor")
    graph.blocks[cid.multihash] = document
    for path in ("files/single", "files/all/0"):
        sections = graph.answer(cid, path, "block")
        assert len(sections) == 3
        assert _end(graph, cid, path) == file.cid
    for path, problem in (("files/none", "has no 'none'"), ("title", "a value inside"), ("files/all/7", "has no '7'")):
        with pytest.raises(ContentError, match=problem):
            graph.answer(cid, path)


def test_identity_cids_are_walked_and_never_sent(graph: Graph) -> None:
    inside = as_cid("bafkqaddimvwgy3zao5xxe3debi")
    document = dag_cbor.encode({"inline": inside})
    cid = cid_for(document, "dag-cbor")
    graph.blocks[cid.multihash] = document
    sections = graph.answer(cid)
    assert len(sections) == 2
    verifier = CarVerifier(answer_walk(cid))
    assert read(verifier, b"".join(sections)) == [cid]
    assert verifier.end() == cid
    alone = CarVerifier(answer_walk(inside))
    assert read(alone, car_header([])) == []
    assert alone.end() == inside


def test_a_graph_deeper_than_is_walked_is_refused(graph: Graph) -> None:
    cid = cid_for(b"bottom")
    sections: list[bytes] = []
    for number in range(1100):
        data = dag_cbor.encode({"below": cid, "number": number})
        cid = cid_for(data, "dag-cbor")
        sections.insert(0, car_section(cid, data))
    with pytest.raises(ProtocolViolation, match="nests deeper"):
        read(CarVerifier(answer_walk(cid)), car_header([cid]) + b"".join(sections), 1 << 20)


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/ipns/example.org?format=raw", [], 406),
        ("/ipns/k51qzi5uqu5dkkciu33khkzbcmxtyhn376i1e83tya8kuy7z9euedzyr5nhoew/a?format=ipns-record", [], 406),
        ("/ipfs/bafkqaaa", [], 406),
        ("/ipfs/bafkqaaa/../x?format=car", [], 400),
        ("/ipfs/bafkqaaa?format=car&entity-bytes=9:1", [], 400),
        ("/ipfs/bafkqaaa?format=car&car-order=rnd", [], 406),
        ("/ipfs/none?format=raw", [], 400),
    ],
)
def test_what_cannot_be_answered_has_the_code_that_says_so(
    target: str, headers: list[tuple[str, str]], status: int
) -> None:
    asked = request_of("GET", target, headers)
    assert isinstance(asked, GatewayRefusal)
    assert asked.status == status


def test_the_query_goes_before_the_accept_header_and_names_the_file() -> None:
    accept = [("Accept", "application/vnd.ipld.raw, application/vnd.ipld.car; dups=n")]
    asked = request_of("GET", "/ipfs/bafkqaaa?format=car&car-dups=y&filename=t%D0%B5x.car", accept)
    assert isinstance(asked, Asked)
    assert (asked.raw, asked.duplicates) == (False, True)
    head = dict(head_of(asked, [asked.cid, asked.cid]))
    assert head["Content-Disposition"] == "attachment; filename=\"t_x.car\"; filename*=UTF-8''t%D0%B5x.car"
    assert head["X-Ipfs-Roots"] == "bafkqaaa,bafkqaaa"
    hostile = request_of("GET", '/ipfs/bafkqaaa?format=raw&filename=a"b%0d%0aSet-Cookie:%20x', [])
    assert isinstance(hostile, Asked)
    assert hostile.filename == "abSet-Cookie: x"


def test_a_name_record_is_asked_for_by_its_type() -> None:
    asked = request_of("GET", "/ipns/k51x", [("accept", "application/vnd.ipfs.ipns-record")])
    assert asked == Ipns("k51x")
    head = dict(ipns_head(asked, b"record", 59.9))
    assert head["Cache-Control"] == "public, max-age=59"
    assert head["Content-Disposition"] == 'attachment; filename="k51x.ipns-record"'
