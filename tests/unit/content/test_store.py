"""A node's blocks: what is kept and under which name, pins, garbage collection, and the file that lasts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from p2plab.content.dag_pb import PBLink, PBNode, encode_node
from p2plab.content.links import MAX_DEPTH
from p2plab.content.store import BlockStore, Collected, SqliteBlockStore
from p2plab.errors import ClosedError, ConfigurationError, ContentError, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import DAG_CBOR, DAG_PB, RAW, Cid, cid_for

Make = Callable[[], BlockStore]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlockStore]:
    store = BlockStore() if request.param == "memory" else SqliteBlockStore(tmp_path / "blocks.sqlite")
    yield store
    store.close()


def put(store: BlockStore, data: bytes, codec: int = RAW) -> Cid:
    cid = cid_for(data, codec)
    store.put(cid, data)
    return cid


def tree(store: BlockStore) -> tuple[Cid, list[Cid]]:
    """A dag-cbor node over a dag-pb node over two raw blocks; the root and all of them."""
    leaves = [put(store, b"one"), put(store, b"two")]
    middle = put(store, encode_node(PBNode(tuple(PBLink(leaf, "") for leaf in leaves))), DAG_PB)
    root = put(store, dag_cbor.encode({"down": [middle], "n": 1}), DAG_CBOR)
    return root, [root, middle, *leaves]


def test_a_block_comes_back_under_every_name_of_its_hash(store: BlockStore) -> None:
    block = encode_node(PBNode())
    old = cid_for(block, DAG_PB, version=0)
    assert store.put(old, block)
    assert not store.put(old.with_version(1), block)
    raw = Cid(1, RAW, old.hash, old.digest)
    assert store.get(old) == store.get(old.with_version(1)) == store.get(raw) == block
    assert (len(store), store.size, list(store.cids())) == (1, len(block), [old])


def test_bytes_that_are_not_what_the_cid_says_are_refused_and_not_kept(store: BlockStore) -> None:
    cid = cid_for(b"right")
    with pytest.raises(ContentError, match="their hash is another"):
        store.put(cid, b"wrong")
    with pytest.raises(ValidationError, match="at most 4194304"):
        store.put(cid, bytes((4 << 20) + 1))
    assert cid not in store
    assert store.size == 0


def test_an_identity_cid_is_always_here_and_takes_no_room(store: BlockStore) -> None:
    cid = cid_for(b"inside", hash="identity")
    assert store.get(cid) == b"inside"
    assert cid in store
    assert not store.put(cid, b"inside")
    assert len(store) == 0


def test_garbage_collection_leaves_what_pins_lead_to_and_nothing_else(store: BlockStore) -> None:
    root, whole = tree(store)
    loose, alone = put(store, b"loose"), put(store, dag_cbor.encode([whole[2]]), DAG_CBOR)
    assert store.pin(root)
    assert store.pin(alone, recursive=False)
    assert not store.pin(root)
    assert store.collect() == Collected(1, 5)
    assert loose not in store
    assert all(cid in store for cid in [*whole, alone])
    assert store.unpin(root)
    assert not store.unpin(root)
    assert store.collect().blocks == 4, "a pin that is not recursive keeps its own block alone"
    assert list(store.cids()) == [alone]


def test_what_is_held_is_no_garbage_until_it_is_released_as_often(store: BlockStore) -> None:
    cid = put(store, b"arriving")
    store.hold(cid)
    store.hold(cid)
    store.release(cid)
    assert store.collect().blocks == 0
    store.release(cid)
    assert store.collect().blocks == 1


def test_collection_passes_over_what_is_missing_below_a_pin_or_is_no_graph(store: BlockStore) -> None:
    root, whole = tree(store)
    store.delete([whole[1]])
    odd = Cid(1, 0x7B, 0x12, cid_for(b"odd").digest)
    store.put(odd, b"odd")
    store.pin(root)
    store.pin(odd)
    assert store.collect().blocks == 2, "the leaves, since what named them is gone"
    assert root in store
    assert odd in store


def test_a_pin_of_what_is_not_here_is_refused(store: BlockStore) -> None:
    with pytest.raises(ContentError, match="fetch it first"):
        store.pin(cid_for(b"elsewhere"))


def test_blocks_and_pins_are_there_again_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "blocks.sqlite"
    first = SqliteBlockStore(path)
    root, whole = tree(first)
    first.pin(root)
    first.delete([put(first, b"gone")])
    size = first.size
    first.close()
    first.close()
    with pytest.raises(ClosedError):
        first.get(root)
    again = SqliteBlockStore(path)
    assert list(again.cids()) == [whole[2], whole[3], whole[1], root]
    assert (again.size, again.pins()) == (size, {root: True})
    assert again.get(whole[3]) == b"two"
    assert again.size_of(whole[3]) == 3
    again.close()


def test_a_file_that_is_in_use_or_not_ours_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "blocks.sqlite"
    store = SqliteBlockStore(path)
    with pytest.raises(ValidationError, match="in use"):
        SqliteBlockStore(path)
    store.close()
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("create table mine (x)")
    database.close()
    before = other.read_bytes()
    with pytest.raises(ValidationError, match="no block store"):
        SqliteBlockStore(other)
    (tmp_path / "text").write_text("hello, this is no database at all" * 100)
    with pytest.raises(ValidationError, match="cannot be used"):
        SqliteBlockStore(tmp_path / "text")
    assert other.read_bytes() == before


def test_a_block_that_rotted_in_the_file_is_found_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "blocks.sqlite"
    store = SqliteBlockStore(path)
    cid = put(store, b"sound")
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("update block set data = ?", (b"rotten",))
    database.close()
    again = SqliteBlockStore(path)
    with pytest.raises(ContentError, match="damaged"):
        again.get(cid)
    again.close()


def test_a_full_disk_is_an_error_that_says_so_and_keeps_what_was_there(tmp_path: Path) -> None:
    store = SqliteBlockStore(tmp_path / "blocks.sqlite")
    kept = put(store, b"kept")
    connection = store._file.database
    pages = connection.execute("pragma page_count").fetchone()[0]
    connection.execute(f"pragma max_page_count={pages + 2}")
    with pytest.raises(ConfigurationError, match="full"):
        put(store, bytes(100_000))
    assert (len(store), store.size) == (1, 4)
    assert store.get(kept) == b"kept"
    store.close()


def test_what_was_taken_back_on_a_full_disk_is_gone_and_deleted_when_there_is_room(tmp_path: Path) -> None:
    store = SqliteBlockStore(tmp_path / "blocks.sqlite")
    connection = store._file.database
    kept, back = put(store, b"kept"), put(store, bytes(50_000))
    connection.execute("pragma query_only=on")  # nothing can be written, as on a full disk
    with pytest.raises(ConfigurationError):
        store.delete([back])
    store.take_back([back, kept])
    assert (len(store), store.size, back in store, store.get(back)) == (0, 0, False, None)
    connection.execute("pragma query_only=off")
    again = put(store, b"again")
    assert list(store.cids()) == [again]
    assert put(store, bytes(50_000)) == back
    assert store.get(back) == bytes(50_000)
    store.close()
    reopened = SqliteBlockStore(tmp_path / "blocks.sqlite")
    assert set(reopened.cids()) == {again, back}
    reopened.close()


def test_a_pin_keeps_what_lies_deep_and_what_stands_beside_blocks_that_cannot_be_followed(store: BlockStore) -> None:
    cid = bottom = put(store, b"the bottom")
    for _ in range(MAX_DEPTH + 100):
        data = encode_node(PBNode((PBLink(cid, "x", 1),)))
        cid = cid_for(data, DAG_PB)
        store.put(cid, data)
    broken = cid_for(b"\xff", DAG_PB)
    store.put(broken, b"\xff")
    plain = put(store, b"of no known codec")
    odd = Cid(1, 0x71000, plain.hash, plain.digest)
    late = put(store, b"after them")
    data = encode_node(PBNode(tuple(PBLink(one, "", 1) for one in (broken, odd, late, cid))))
    root = cid_for(data, DAG_PB)
    store.put(root, data)
    store.pin(root)
    before = len(store)
    assert (store.collect().blocks, len(store), late in store, bottom in store) == (0, before, True, True)
    store.unpin(root)
    assert store.collect().blocks == before
