"""``node.content``: files and folders in and out of a node's blocks, CAR files, and what may not go wrong."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from p2plab import AsyncLab, Lab, Node
from p2plab.content.car import car_header, car_section
from p2plab.content.dag_pb import PBLink, PBNode, decode_node, encode_node
from p2plab.content.importer import import_symlink
from p2plab.content.unixfs import NodeType, UnixFsNode, decode_unixfs, encode_unixfs
from p2plab.errors import (
    ClosedError,
    ConfigurationError,
    ContentError,
    OverloadedError,
    ProtocolViolation,
    ValidationError,
)
from p2plab.identity import dag_cbor
from p2plab.identity.cid import as_cid, cid_for

CARS = Path(__file__).parents[3] / "fixtures" / "car"
HELLO = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7) as lab:
        yield lab


@pytest.fixture
def alice(lab: Lab) -> Node:
    return lab.start_node("alice")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, one of several chunks, a folder inside and a symlink."""
    made = tmp_path / "made"
    (made / "docs" / "deep").mkdir(parents=True)
    (made / "hello.txt").write_bytes(b"hello")
    (made / "docs" / "big.bin").write_bytes(os.urandom(2_500_000))
    (made / "docs" / "deep" / "empty").write_bytes(b"")
    (made / "link").symlink_to("docs/big.bin")
    return made


def files(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


def directory(*links: PBLink) -> bytes:
    return encode_node(PBNode(links, encode_unixfs(UnixFsNode(NodeType.DIRECTORY))))


class TestFiles:
    def test_a_folder_comes_out_as_it_went_in(self, alice: Node, folder: Path, tmp_path: Path) -> None:
        cid = alice.content.add(folder)
        written = alice.content.get(cid, to=tmp_path / "out")
        assert written == tmp_path / "out" / str(cid)
        assert files(written) == files(folder)
        part = alice.content.get(f"{cid}/docs/deep", to=tmp_path / "out")
        assert files(part) == {"empty": b""}
        assert sorted(os.listdir(tmp_path / "out")) == sorted([str(cid), "deep"])

    def test_its_entries_have_names_cids_sizes_and_types(self, alice: Node, folder: Path) -> None:
        cid = alice.content.add(folder)
        found = alice.content.ls(cid)
        assert [(entry.name, entry.type) for entry in found] == [
            ("docs", "directory"),
            ("hello.txt", "file"),
            ("link", "symlink"),
        ]
        assert (found[1].size, str(found[1].cid)) == (5, HELLO)
        assert [(one.name, one.size) for one in alice.content.ls(f"{cid}/docs")][:1] == [("big.bin", 2_500_000)]
        assert {entry.type for entry in alice.content.ls(cid, types=False)} == {None}

    def test_both_profiles_give_the_cids_of_other_implementations(self, alice: Node) -> None:
        assert str(alice.content.add(b"hello")) == HELLO
        kubo = alice.content.add(b"hello world\n", profile="unixfs-v0-2015")
        assert str(kubo) == "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"
        with pytest.raises(ValidationError, match="unixfs-v1-2025, unixfs-v0-2015"):
            alice.content.add(b"hello", profile="unixfs")

    def test_a_part_of_a_file_is_read_without_the_rest(self, alice: Node, folder: Path) -> None:
        whole = (folder / "docs" / "big.bin").read_bytes()
        cid = alice.content.add(folder / "docs" / "big.bin")
        assert alice.content.cat(cid) == whole
        assert alice.content.cat(cid, offset=1_048_570, length=20) == whole[1_048_570:1_048_590]
        assert alice.content.cat(cid, offset=3_000_000) == b""
        with pytest.raises(OverloadedError, match="2500000 bytes to read, over limit=1000"):
            alice.content.cat(cid, limit=1000)
        assert len(alice.content.cat(cid, length=1000, limit=1000)) == 1000

    def test_a_reader_is_a_binary_file(self, alice: Node, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("inside.txt", "hello" * 300_000)
        cid = alice.content.add(tmp_path / "a.zip")
        with alice.content.open(cid) as reader:
            assert reader.size == (tmp_path / "a.zip").stat().st_size
            again: Any = reader
            assert zipfile.ZipFile(again).read("inside.txt") == b"hello" * 300_000
            assert reader.seek(-4, 2) == reader.size - 4
            assert len(reader.read()) == 4
            assert reader.read() == b""
            with pytest.raises(ValidationError, match="no such place"):
                reader.seek(-1)
        with pytest.raises(ClosedError):
            reader.read()

    def test_what_is_not_there_and_what_is_no_file_is_named(self, alice: Node, folder: Path) -> None:
        cid = alice.content.add(folder)
        with pytest.raises(ContentError, match=r"has no 'hello.tx'; did you mean 'hello.txt'"):
            alice.content.cat(f"{cid}/hello.tx")
        with pytest.raises(ContentError, match="directory, not a file"):
            alice.content.cat(cid)
        with pytest.raises(ContentError, match="directory, not a file"):
            alice.content.open(cid)
        with pytest.raises(ContentError, match="file, not a directory"):
            alice.content.ls(f"{cid}/hello.txt")
        with pytest.raises(ValidationError, match="is not a CID"):
            alice.content.cat("Qmxyz")
        with pytest.raises(ValidationError, match="add takes bytes, or the path"):
            alice.content.add(7)  # type: ignore[arg-type]
        with pytest.raises(ValidationError, match="no file or folder"):
            alice.content.add(folder / "nothing")

    def test_progress_goes_from_nothing_to_all(self, alice: Node, folder: Path) -> None:
        told: list[tuple[int, int]] = []
        alice.content.add(folder, progress=lambda done, total: told.append((done, total)))
        assert told[-1] == (2_500_005, 2_500_005)
        assert told == sorted(told)

    @pytest.mark.dear
    def test_a_large_file_is_added_and_read_in_bounded_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "large"
        piece = os.urandom(1 << 20)
        with path.open("wb") as file:
            for number in range(64):
                file.write(number.to_bytes(4, "big") + piece[4:])
        with Lab("real", seed=7, home=tmp_path / "home") as lab:
            alice = lab.start_node("alice")
            tracemalloc.start()
            cid = alice.content.add(path)
            alice.content.get(cid, to=tmp_path / "out")
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert (tmp_path / "out" / str(cid)).stat().st_size == 64 << 20
        assert peak < 24 << 20


class TestWhatMayNotGoWrong:
    def test_a_file_that_changes_while_it_is_added_is_refused_and_leaves_nothing(
        self, alice: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("p2plab.api.faces.content.MOST_IN_HISTORY", 0)  # small ones are read at once
        path = tmp_path / "growing"
        path.write_bytes(bytes(3 << 20))

        def grow(done: int, total: int) -> None:
            with path.open("ab") as file:
                file.write(b"more")

        with pytest.raises(ContentError, match="changed while it was added"):
            alice.content.add(path, progress=grow)
        assert len(alice.content.blocks) == 0

    def test_names_that_lead_out_of_the_folder_are_refused_and_nothing_is_written(
        self, alice: Node, tmp_path: Path
    ) -> None:
        blocks = alice.content.blocks
        leaf = blocks.put(b"leaf")
        for name in ("..", "../x", "/etc/x", "a/b", "", ".", "nul\0", "a\\b"):
            evil = blocks.put(directory(PBLink(leaf, "fine", 4), PBLink(leaf, name, 4)), codec="dag-pb")
            with pytest.raises(ContentError, match="nothing was written"):
                alice.content.get(evil, to=tmp_path / "out")
        assert os.listdir(tmp_path / "out") == []
        with pytest.raises(ContentError, match="has no"):
            alice.content.get(f"{evil}/..", to=tmp_path / "out")

    @pytest.mark.parametrize("link", ["/etc/passwd", "../out", "..", "a/../../x", "down/../..", ""])
    def test_symlinks_that_lead_out_of_it_are_refused(self, alice: Node, tmp_path: Path, link: str) -> None:
        blocks = alice.content.blocks
        block = import_symlink(link)
        blocks.put(block.data, codec="dag-pb")
        evil = blocks.put(directory(PBLink(block.cid, "link", 4)), codec="dag-pb")
        with pytest.raises(ContentError, match="nothing was written"):
            alice.content.get(evil, to=tmp_path / "out")
        assert os.listdir(tmp_path / "out") == []

    def test_a_file_is_not_written_through_a_symlink_of_the_same_name(self, alice: Node, tmp_path: Path) -> None:
        blocks = alice.content.blocks
        leaf, link = blocks.put(b"leaf"), import_symlink("other")
        blocks.put(link.data, codec="dag-pb")
        evil = blocks.put(directory(PBLink(link.cid, "x", 1), PBLink(leaf, "x", 4)), codec="dag-pb")
        with pytest.raises(ProtocolViolation, match="two entries called 'x'"):
            alice.content.get(evil, to=tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_what_is_there_already_is_not_written_over(self, alice: Node, tmp_path: Path) -> None:
        cid = alice.content.add(b"hello")
        alice.content.get(cid, to=tmp_path)
        (tmp_path / str(cid)).write_bytes(b"mine now")
        with pytest.raises(ValidationError, match="there already"):
            alice.content.get(cid, to=tmp_path)
        assert (tmp_path / str(cid)).read_bytes() == b"mine now"

    def test_a_folder_that_cannot_be_written_is_named(self, alice: Node, tmp_path: Path) -> None:
        cid = alice.content.add(b"hello")
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(ContentError, match="cannot be written, and nothing was"):
            alice.content.get(cid, to=tmp_path / "file" / "below")
        with pytest.raises(ContentError, match="cannot be written, and nothing was"):
            alice.content.export(cid, tmp_path / "file" / "below.car")

    def test_blocks_of_another_codec_than_they_say_are_refused(self, alice: Node) -> None:
        with pytest.raises(ProtocolViolation, match="is no dag-cbor"):
            alice.content.blocks.put(b"\xff\xff", codec="dag-cbor")
        with pytest.raises(ValidationError, match="supported are raw"):
            alice.content.blocks.put(b"x", codec="dag-jose")
        assert len(alice.content.blocks) == 0


class TestCar:
    @pytest.mark.parametrize("version", [1, 2])
    def test_an_export_is_imported_elsewhere_and_gives_the_same_files(
        self, lab: Lab, alice: Node, folder: Path, tmp_path: Path, version: int
    ) -> None:
        cid = alice.content.add(folder)
        path = alice.content.export(cid, tmp_path / "all.car", version=version)
        bob = lab.start_node("bob")
        assert bob.content.import_car(path) == [cid]
        assert bob.content.blocks.pins == {cid: True}
        assert files(bob.content.get(cid, to=tmp_path / "out")) == files(folder)

    def test_cars_of_other_implementations_are_imported(self, alice: Node) -> None:
        names = [path.name for path in sorted(CARS.glob("*.car"))]
        assert names
        refused = []
        for name in names:
            try:
                roots = alice.content.import_car(CARS / name)
            except ContentError as error:
                refused.append((name, "no such block" in str(error)))
            else:
                assert all(root in alice.content.blocks for root in roots)
        assert all(is_missing for _, is_missing in refused), refused
        assert len(refused) < len(names) // 2

    def test_one_that_ends_early_is_refused_and_leaves_nothing(
        self, lab: Lab, alice: Node, folder: Path, tmp_path: Path
    ) -> None:
        path = alice.content.export(alice.content.add(folder), tmp_path / "all.car")
        whole = path.read_bytes()
        bob = lab.start_node("bob")
        kept = bob.content.add(folder / "hello.txt")
        for cut in (len(whole) - 1, len(whole) // 2, 20):
            path.write_bytes(whole[:cut])
            with pytest.raises(ContentError):
                bob.content.import_car(path)
            assert list(bob.content.blocks) == [kept]

    def test_one_that_lies_about_its_roots_or_its_blocks_is_refused(self, alice: Node, tmp_path: Path) -> None:
        path = tmp_path / "lie.car"
        cid, other = cid_for(b"there"), cid_for(b"elsewhere")
        path.write_bytes(car_header([other]) + car_section(cid, b"there"))
        with pytest.raises(ContentError, match="names the root"):
            alice.content.import_car(path)
        path.write_bytes(car_header([cid]) + car_section(cid, b"wrong"))
        with pytest.raises(ContentError, match="their hash is another"):
            alice.content.import_car(path)
        assert len(alice.content.blocks) == 0
        with pytest.raises(ContentError, match="cannot be read"):
            alice.content.import_car(tmp_path / "none.car")

    def test_a_graph_of_which_a_block_is_missing_is_not_exported(self, alice: Node, tmp_path: Path) -> None:
        gone = cid_for(b"gone")
        root = alice.content.blocks.put(dag_cbor.encode([gone]), codec="dag-cbor")
        (tmp_path / "all.car").write_bytes(b"earlier")
        with pytest.raises(ContentError, match=str(gone)):
            alice.content.export(root, tmp_path / "all.car")
        assert (tmp_path / "all.car").read_bytes() == b"earlier"
        with pytest.raises(ValidationError, match="version 1 and 2"):
            alice.content.export(root, tmp_path / "all.car", version=3)


class TestBlocks:
    def test_they_are_counted_named_pinned_and_collected(self, alice: Node) -> None:
        blocks = alice.content.blocks
        cid = blocks.put(dag_cbor.encode({"a": as_cid(HELLO)}), codec="dag-cbor", pin=True)
        loose = blocks.put(b"hello")
        assert blocks.links(cid) == [loose]
        assert (len(blocks), list(blocks)) == (2, [cid, loose])
        assert blocks[HELLO] == b"hello"
        assert HELLO in blocks
        assert blocks.collect().blocks == 0
        assert blocks.unpin(cid)
        assert blocks.pin(loose, recursive=False)
        assert blocks.collect().blocks == 1
        with pytest.raises(ValidationError, match="unpin it first"):
            blocks.delete(loose)
        assert repr(blocks) == "<Blocks: 1 block, 5 bytes, 1 pin>"
        with pytest.raises(ContentError, match="alice has no block"):
            blocks[cid]

    def test_looking_at_them_changes_nothing(self, lab: Lab, alice: Node) -> None:
        before = lab.events.digest()
        assert (len(alice.content.blocks), alice.content.blocks.pins, repr(alice.content)) == (
            0,
            {},
            "<Content: <BlockStore: 0 blocks, 0 bytes>>",
        )
        assert lab.events.digest() == before

    def test_a_node_that_comes_back_has_them_unless_it_lost_its_state(self, alice: Node) -> None:
        cid = alice.content.add(b"hello")
        alice.crash()
        alice.restart()
        assert cid in alice.content.blocks
        alice.crash()
        alice.restart(state="lost")
        assert (len(alice.content.blocks), alice.content.blocks.pins) == (0, {})

    @pytest.mark.real
    def test_with_a_home_they_are_there_in_the_next_lab(self, tmp_path: Path) -> None:
        with Lab("real", seed=7, home=tmp_path / "home") as lab:
            cid = lab.start_node("alice").content.add(b"hello")
        with Lab("real", seed=8, home=tmp_path / "home") as lab:
            alice = lab.start_node("alice")
            assert alice.content.cat(cid) == b"hello"
            assert alice.content.blocks.pins == {cid: True}

    @pytest.mark.real
    def test_a_full_disk_leaves_nothing_of_what_was_added(self, tmp_path: Path) -> None:
        with Lab("real", seed=7, home=tmp_path / "home") as lab:
            alice = lab.start_node("alice")
            kept = alice.content.add(b"hello")
            world: Any = lab.world
            database = world.hosts()["alice"].content.store._file.database
            pages = database.execute("pragma page_count").fetchone()[0]
            database.execute(f"pragma max_page_count={pages + 300}")
            with pytest.raises(ConfigurationError, match="full"):
                alice.content.add(os.urandom(4 << 20))
            assert list(alice.content.blocks) == [kept]


class TestTheLab:
    def test_a_replay_gives_the_same_digest_and_the_same_blocks(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"from a file")
        with Lab(seed=7) as lab:
            alice = lab.start_node("alice")
            cid = alice.content.add(b"hello")
            alice.content.cat(cid)
            other = alice.content.add(tmp_path / "file")
            alice.content.get(other, to=tmp_path / "out")
            alice.content.blocks.unpin(cid)
            alice.content.blocks.collect()
            history, digest, script = lab.history(), lab.events.digest(), str(lab.history())
        again = Lab.replay(history)
        assert again.events.digest() == digest
        assert list(again["alice"].content.blocks) == [other]
        again.close()
        assert "lab['alice'].content.add(b'hello', 'unixfs-v1-2025', True)" in script
        assert "lab['alice'].content.blocks.unpin(" in script
        scope: dict[str, Any] = {}
        exec(compile(script, "script", "exec"), scope)
        assert scope["lab"].events.digest() == digest
        scope["lab"].close()

    def test_a_snapshot_keeps_the_blocks(self, lab: Lab, alice: Node) -> None:
        cid = alice.content.add(b"hello")
        again = Lab.restore(lab.snapshot())
        assert again["alice"].content.cat(cid) == b"hello"
        again.close()

    def test_events_say_what_was_added_kept_and_thrown_away(self, lab: Lab, alice: Node) -> None:
        cid = alice.content.add(b"hello")
        alice.content.blocks.unpin(cid)
        alice.content.blocks.collect()
        found = [(event.kind, event.size) for event in lab.events.filter(kind="content.*")]
        assert found == [
            ("content.added", 5),
            ("content.pinned", None),
            ("content.unpinned", None),
            ("content.collected", 5),
        ]
        assert lab.events.filter(kind="content.added")[0].ref == HELLO

    async def _awaited(self, tmp_path: Path) -> None:
        async with AsyncLab(seed=7) as lab:
            alice = await lab.start_node("alice")
            cid = await alice.content.add(b"hello")
            async with await alice.content.open(cid) as reader:
                assert await reader.read(3) == b"hel"
            assert (await alice.content.get(cid, to=tmp_path)).read_bytes() == b"hello"

    def test_the_awaited_face_has_the_same_verbs(self, tmp_path: Path) -> None:
        import asyncio

        asyncio.run(self._awaited(tmp_path))


def test_a_directory_of_many_names_is_sharded_and_still_one_folder(tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1200):  # 270 kB of links: above 256 KiB
        (many / f"{number} {'rather-long-name' * 13}").write_bytes(b"%d" % number)
    with Lab(seed=7) as lab:
        alice = lab.start_node("alice")
        cid = alice.content.add(many)
        assert decode_unixfs(decode_node(alice.content.blocks[cid]).data or b"").type == NodeType.HAMT_SHARD
        assert len(alice.content.ls(cid, types=False)) == 1200
        assert alice.content.cat(f"{cid}/432 {'rather-long-name' * 13}") == b"432"
        assert files(alice.content.get(cid, to=tmp_path / "out")) == files(many)


def test_what_stands_for_more_than_there_is_room_for_is_refused_before_anything_is_written(
    alice: Node, tmp_path: Path
) -> None:
    """Sixty blocks, each twice in the next, are 2 ** 60 files; a file's parts can be counted twice likewise."""
    cid, file, size = alice.content.blocks.put(b"x"), alice.content.blocks.put(bytes(1000)), 1000
    for _ in range(60):
        data = encode_unixfs(UnixFsNode(NodeType.DIRECTORY))
        two = PBNode((PBLink(cid, "a", 1), PBLink(cid, "b", 1)), data)
        cid = alice.content.blocks.put(encode_node(two), codec="dag-pb")
    for _ in range(48):
        data = encode_unixfs(UnixFsNode(NodeType.FILE, None, 2 * size, (size, size)))
        two = PBNode((PBLink(file, "", 1), PBLink(file, "", 1)), data)
        file, size = alice.content.blocks.put(encode_node(two), codec="dag-pb"), 2 * size
    with pytest.raises(OverloadedError, match=f"stands for {2**61 - 1} files and folders; at most 1000000"):
        alice.content.get(cid, to=tmp_path / "out")
    with pytest.raises(ContentError, match=rf"would take {size} bytes, and \d+ are free there; nothing was written"):
        alice.content.get(file, to=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
