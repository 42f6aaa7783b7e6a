"""The graph below a CID, as ``lab.dag`` lists it: levels, names, what is missing, and the bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.content.dag import dag_of
from p2plab.content.dag_pb import PBLink, PBNode, encode_node
from p2plab.content.store import BlockStore
from p2plab.content.unixfs import MURMUR3, NodeType, UnixFsNode, encode_unixfs
from p2plab.errors import ValidationError
from p2plab.identity.cid import DAG_CBOR, DAG_PB, Cid, cid_for


def put(store: BlockStore, data: bytes, codec: int = 0x55) -> Cid:
    cid = cid_for(data, codec)
    store.put(cid, data)
    return cid


def node(store: BlockStore, *links: tuple[str, Cid], data: bytes | None = None) -> Cid:
    return put(store, encode_node(PBNode(tuple(PBLink(cid, name, 1) for name, cid in links), data)), DAG_PB)


def test_a_folder_is_listed_level_by_level_with_names_and_kinds(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    (folder / "img").mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    (folder / "img" / "one.bin").write_bytes(bytes(1 << 20) + b"1" * (1 << 20))
    (folder / "img" / "two.bin").write_bytes(bytes(1 << 20) + b"2")
    with Lab(seed=7) as lab:
        alice = lab.start_node("alice")
        cid = alice.content.add(folder)
        before = lab.events.digest()
        found = lab.dag(cid)
        assert [[found.blocks[at].kind for at in level] for level in found.levels()] == [
            ["directory"], ["raw", "directory"], ["file", "file"], ["raw", "raw", "raw"],
        ]  # fmt: skip
        named = {block.name: block for block in found if block.name}
        assert list(named) == ["a.txt", "img", "one.bin", "two.bin"]
        shared = set(named["one.bin"].links) & set(named["two.bin"].links)
        assert [found.blocks[at].size for at in shared] == [1 << 20], "the chunk of zeros is one block"
        for block in found:
            linked = alice.content.blocks.links(block.cid)
            assert [found.blocks[at].cid for at in block.links] == linked
            assert block.size == len(alice.content.blocks[block.cid])
        assert (found.whole, found.missing, found.bytes, len(found)) == (True, 0, alice.content.blocks.size, 8)
        text = str(found)
        assert text.splitlines()[0].endswith(f"8 blocks, {found.bytes:,} bytes")
        assert text.splitlines()[3].startswith("    img  <Cid baf")
        assert lab.events.digest() == before


def test_what_nobody_has_is_named_and_missing() -> None:
    store = BlockStore()
    gone = cid_for(b"gone")
    found = dag_of(node(store, ("x", put(store, b"here")), ("y", gone)), [store])
    assert [(block.kind, block.size) for block in found] == [("dag-pb", 90), ("raw", 4), ("missing", None)]
    assert (found.missing, found.whole, "1 of them with nobody" in str(found)) == (1, True, True)
    alone = dag_of(gone, [store])
    assert (len(alone), alone.blocks[0].kind) == (1, "missing")


def test_bytes_that_are_not_of_their_codec_are_broken_and_names_stay_text() -> None:
    store = BlockStore()
    broken = put(store, b"\xff\xff", DAG_PB)
    worse = put(store, b"\xff", DAG_CBOR)
    plain = put(store, b"odd")
    odd = Cid(1, 0x71000, plain.hash, plain.digest)
    root = node(store, ("<script>\n\u202e", broken), ("", worse), ("", odd))
    found = dag_of(root, [store])
    assert [block.kind for block in found] == ["dag-pb", "broken", "broken", "0x71000"]
    assert "\u202e" not in str(found)
    assert str(found).count("\n") == 4


def test_a_shards_buckets_are_not_part_of_names() -> None:
    store = BlockStore()
    shard = encode_unixfs(UnixFsNode(NodeType.HAMT_SHARD, b"", hash=MURMUR3, fanout=256))
    found = dag_of(node(store, ("0Aa.txt", put(store, b"a")), data=shard), [store])
    assert [(block.kind, block.name) for block in found] == [("shard", ""), ("raw", "a.txt")]


def test_a_large_graph_is_listed_in_part_and_the_rest_counted() -> None:
    store = BlockStore()
    files = [node(store, *(("", cid_for(b"%d %d" % (at, part))) for part in range(50))) for at in range(20)]
    root = node(store, *(("", cid) for cid in files))
    found = dag_of(root, [store], most=100)
    assert (len(found), found.beyond, found.unread) == (100, 20 * 50 - 79, 0)
    assert "100 blocks, 79 of them with nobody" in found.said()
    assert found.said().endswith("at least 921 more below")
    found = dag_of(root, [store], most_links=120)
    assert (len(found), found.beyond, found.unread, found.whole) == (121, 0, 18, False)
    assert [block.kind for block in found.blocks[:4]] == ["dag-pb", "dag-pb", "dag-pb", "unread"]
    assert len(dag_of(root, [store])) == 1021


def test_a_chain_of_ten_thousand_blocks_is_read_without_recursion() -> None:
    store = BlockStore()
    cid = put(store, b"end")
    for _ in range(10_000):
        cid = node(store, ("", cid))
    found = dag_of(cid, [store])
    assert len(found.levels()) == 10_001
    assert str(found).endswith("… and more")


def test_what_is_no_cid_is_refused() -> None:
    with Lab(seed=7) as lab, pytest.raises(ValidationError, match="CID"):
        lab.dag("hello")
