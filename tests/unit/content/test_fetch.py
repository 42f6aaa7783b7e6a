"""Fetching from other nodes, in both worlds: from whom, how fast, what is said of it, and peers that are hostile."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.content.bitswap.messages import BitswapMessage, WantEntry, encode_message
from p2plab.errors import ContentError, OverloadedError, ProtocolViolation
from p2plab.identity import dag_cbor
from p2plab.identity.cid import Cid, cid_for
from p2plab.identity.varint import encode_varint

BITSWAP = "/ipfs/bitswap/1.2.0"


def some(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture(params=["mock", pytest.param("real", marks=pytest.mark.real)])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param, seed=7) as lab:
        yield lab


@pytest.fixture
def mock() -> Iterator[Lab]:
    with Lab(seed=7) as lab:
        yield lab


def full(lab: Lab, count: int) -> list[Node]:
    nodes = lab.start_nodes(count)
    lab.wire("full")
    return nodes


def pump(stream: Any, data: bytes) -> None:
    """Write one message, as a program of one's own would."""
    stream.write(encode_varint(len(data)) + data)


class TestBothWorlds:
    def test_a_file_comes_from_another_node_and_is_the_right_one(self, lab: Lab) -> None:
        alice, bob, carol = full(lab, 3)
        data = some(900_000)
        cid = alice.content.add(data, profile="unixfs-v0-2015")
        fetched = bob.content.fetch(cid)
        assert (fetched.cid, fetched.blocks, fetched.duplicates, fetched.local) == (cid, 5, 0, 0)
        assert fetched.bytes == bob.content.blocks.size > 900_000
        assert [(share.peer.name, share.blocks) for share in fetched.by] == [("n0", 5)]
        assert bob.content.cat(cid) == data
        assert carol.content.cat(cid, offset=300_000, length=10) == data[300_000:300_010]
        assert len(carol.content.blocks) == 2, "of a part, only what holds it came"
        assert lab.events.filter(kind="error") == []

    def test_a_folder_is_fetched_listed_and_written(self, lab: Lab, tmp_path: Path) -> None:
        alice, bob = full(lab, 2)
        (tmp_path / "in" / "deep").mkdir(parents=True)
        (tmp_path / "in" / "deep" / "a.txt").write_bytes(b"hello")
        (tmp_path / "in" / "b.txt").write_bytes(b"world")
        cid = alice.content.add(tmp_path / "in")
        assert [(one.name, one.type) for one in bob.content.ls(cid)] == [("b.txt", "file"), ("deep", "directory")]
        assert bob.content.cat(f"{cid}/deep/a.txt") == b"hello"
        out = bob.content.get(cid, to=tmp_path / "out")
        assert (out / "deep" / "a.txt").read_bytes() == b"hello"
        assert bob.content.fetch(cid).blocks == 0, "all of it is here by now"

    def test_five_peers_that_have_all_of_it_send_nothing_twice(self, lab: Lab) -> None:
        nodes = full(lab, 6)
        data = some(3_000_000)
        cids = {node.content.add(data, profile="unixfs-v0-2015") for node in nodes[:5]}
        lab.run(1.0)
        fetched = nodes[5].content.fetch(cids.pop())
        assert fetched.blocks == 13
        assert fetched.duplicates <= 0.05 * fetched.blocks
        assert len([share for share in fetched.by if share.blocks]) >= 4
        assert lab.events.filter(kind="error") == []

    def test_what_nobody_has_is_an_error_that_says_who_was_asked(self, lab: Lab) -> None:
        alice, bob = full(lab, 2)
        alice.content.add(b"something else")
        lab.run(1.0)
        with pytest.raises(
            ContentError, match="the one peer asked does not have it, and no provider was found"
        ) as failed:
            bob.content.fetch(cid_for(b"nowhere"))
        assert "fetch" in str(lab.why(failed.value))

    def test_a_provider_is_found_by_the_dht_and_dialled(self, lab: Lab) -> None:
        alice, bob, carol = lab.start_nodes(3)
        alice.connect(bob)
        carol.connect(bob)
        cid = alice.content.add(b"far away")
        alice.dht.provide(cid)
        fetched = carol.content.fetch(cid)
        assert [share.peer.name for share in fetched.by] == ["n0"]
        if lab.backend == "mock":  # real nodes' lookups connect them before
            found = [step.answer for step in fetched.path if step.asked == "search"]
            assert found == ["1 found, 1 of them connected"]


class TestHowItGoes:
    def times(self, peers: int) -> float:
        with Lab(seed=7, recording="decisions") as lab:
            nodes = lab.start_nodes(peers + 1)
            data = some(10_000_000)
            for node in nodes[:-1]:
                lab.network.set_node(node, up=1e6)
                cid = node.content.add(data)
                nodes[-1].connect(node)
            fetched = nodes[-1].content.fetch(cid)
            assert fetched.duplicates <= 0.05 * fetched.blocks
            return fetched.duration

    def test_five_peers_are_faster_than_one(self) -> None:
        one, five = self.times(1), self.times(5)
        assert 10.0 < one < 11.0, "10 MB at 1 MB/s"
        assert five < one / 3.5

    @pytest.mark.dear
    def test_of_five_that_are_fast_and_slow_at_most_a_twentieth_comes_twice(self) -> None:
        with Lab(seed=7) as lab:
            nodes = full(lab, 6)
            for node, up in zip(nodes, (2e5, 5e5, 1e6, 2e6, 5e6), strict=False):
                lab.network.set_node(node, up=up)
                cid = node.content.add(some(20_000_000), profile="unixfs-v0-2015")
            fetched = nodes[5].content.fetch(cid)
            assert fetched.blocks == 78
            assert 0 < fetched.duplicates <= 0.05 * fetched.blocks

    def test_what_is_lost_on_the_way_makes_it_slower_and_not_wrong(self) -> None:
        spent = []
        for loss in (0.0, 0.02):
            with Lab(seed=7, transport="tcp") as lab:
                alice, bob = lab.start_nodes(2)
                lab.network.set_link(latency=0.02, loss=loss)
                cid = alice.content.add(some(2_000_000))
                bob.connect(alice)
                spent.append(bob.content.fetch(cid).duration)
                assert bob.content.cat(cid) == some(2_000_000)
        assert spent[1] > 1.2 * spent[0]

    def test_peers_with_different_parts_give_a_whole(self, mock: Lab) -> None:
        nodes = full(mock, 4)
        data = some(2_000_000)
        cid = nodes[0].content.add(data, profile="unixfs-v0-2015")
        links = nodes[0].content.blocks.links(cid)
        root = nodes[0].content.blocks[cid]
        for node, part in ((nodes[1], links[::2]), (nodes[2], links[1::2])):
            node.content.blocks.put(root, codec="dag-pb")
            for link in part:
                node.content.blocks.put(nodes[0].content.blocks[link], codec="dag-pb")
        nodes[0].crash()
        fetched = nodes[3].content.fetch(cid)
        assert fetched.blocks == 9
        assert {share.peer.name for share in fetched.by} == {"n1", "n2"}
        assert nodes[3].content.cat(cid) == data

    def test_a_peer_that_goes_in_the_middle_is_replaced(self, mock: Lab) -> None:
        nodes = full(mock, 3)
        data = some(4_000_000)
        for node in nodes[:2]:
            mock.network.set_node(node, up=1e6)
            cid = node.content.add(data)
        mock.at(1.0, nodes[0].crash)
        fetched = nodes[2].content.fetch(cid)
        assert fetched.blocks == 5
        assert any(step.answer == "gone" for step in fetched.path)
        assert "n0" in fetched.why()

    def test_the_path_says_who_was_asked_what_and_answered(self, mock: Lab) -> None:
        alice, bob, carol = full(mock, 3)
        cid = alice.content.add(some(2000))
        carol.content.add(b"another")
        fetched = bob.content.fetch(cid)
        told = [(step.peer.name if step.peer else None, step.asked, step.answer) for step in fetched.path]
        assert ("n0", "want-have", "have") in told
        assert ("n0", "want-block", "block") in told
        assert ("n2", "want-have", "don't have") in told
        assert all(step.duration is not None and step.duration > 0 for step in fetched.path)
        answer = mock.why(fetched)
        assert "n0" in str(answer.answer)
        assert str(fetched.path[0]) in (line for line in map(str, fetched.path))
        assert repr(fetched).startswith("<Fetch <Cid bafkre")
        assert "<table" in fetched._repr_html_()

    def test_ledgers_and_wantlists_say_who_gave_what_and_who_waits_for_what(self, mock: Lab) -> None:
        alice, bob = full(mock, 2)
        mock.network.set_node(alice, up=100e3)
        data = some(600_000)
        cid = alice.content.add(data, profile="unixfs-v0-2015")
        with pytest.raises(TimeoutError):
            bob.content.fetch(cid, timeout=4)
        assert bob.content.wantlist() == [], "what was given up is wanted no more"
        mock.at(5.0, lambda: waited.append((len(bob.content.wantlist()), alice.content.ledgers()[0].wants)))
        waited: list[tuple[int, int]] = []
        bob.content.fetch(cid)
        assert waited
        assert waited[0][0] >= 1
        assert waited[0][1] >= 1
        mock.run(10)  # what was on its way when the first was given up
        (given,), (taken,) = alice.content.ledgers(), bob.content.ledgers()
        assert (given.peer.name, given.received, given.blocks_sent) == ("n1", 0, taken.blocks_received)
        assert given.sent == taken.received >= bob.content.blocks.size
        assert mock.events.filter(kind="bitswap.unasked") == [], "what came too late had been asked for"
        assert (given.wants, taken.wants, given.cut_off) == (0, 0, False)

    def test_who_begins_to_give_later_is_asked(self, mock: Lab) -> None:
        alice, bob, carol = full(mock, 3)
        bob.content.fetch(alice.content.add(b"first"))
        second = carol.content.add(b"second")
        assert [share.peer.name for share in bob.content.fetch(second).by] == ["n2"]

    def test_a_peer_that_was_connected_before_it_had_content_is_waited_for(self, mock: Lab) -> None:
        alice, bob = mock.start_nodes(2)
        alice.connect(bob)
        mock.run(1)
        cid = alice.content.add(b"hello")  # only now does alice say that she speaks Bitswap
        assert bob.content.fetch(cid).blocks == 1
        with pytest.raises(ContentError, match="there was nobody to ask for it"):
            mock.start_node("carol").content.fetch(cid)

    def test_a_timeout_leaves_what_came(self, mock: Lab) -> None:
        alice, bob = full(mock, 2)
        mock.network.set_node(alice, up=100e3)
        cid = alice.content.add(some(1_500_000), profile="unixfs-v0-2015")
        with pytest.raises(TimeoutError, match="within 6 s; 3 blocks came and stay"):
            bob.content.fetch(cid, timeout=6)
        assert len(bob.content.blocks) == 3
        assert bob.content.fetch(cid).local == 3

    def test_a_pinned_fetch_stays_and_another_is_garbage(self, mock: Lab) -> None:
        alice, bob = full(mock, 2)
        kept, loose = alice.content.add(b"kept"), alice.content.add(b"loose")
        bob.content.fetch(kept, pin=True)
        bob.content.fetch(loose)
        assert bob.content.blocks.collect().blocks == 1
        assert list(bob.content.blocks) == [kept]

    def test_progress_is_told(self, mock: Lab) -> None:
        alice, bob = full(mock, 2)
        cid = alice.content.add(some(1_000_000), profile="unixfs-v0-2015")
        told: list[int] = []
        fetched = bob.content.fetch(cid, progress=lambda done, total: told.append(done))
        assert told[-1] == fetched.bytes
        assert len(told) >= 4

    def test_a_run_with_fetches_replays_to_the_same_digest(self) -> None:
        with Lab(seed=7) as lab:
            nodes = full(lab, 4)
            lab.network.set_link(jitter=0.01, loss=0.01)
            cids = [node.content.add(some(600_000, 3), profile="unixfs-v0-2015") for node in nodes[:3]]
            nodes[3].content.fetch(cids[0])
            history, digest = lab.history(), lab.events.digest()
        again = Lab.replay(history)
        assert again.events.digest() == digest
        again.close()

    def test_events_tell_each_want_block_and_answer(self, mock: Lab) -> None:
        alice, bob = full(mock, 2)
        cid = alice.content.add(some(2000))
        bob.content.fetch(cid)
        told = [(one.node, one.kind, one.peer) for one in mock.events.filter(kind="bitswap.*")]
        assert told == [
            ("n1", "bitswap.session", None),
            ("n1", "bitswap.want", "n0"),
            ("n1", "bitswap.have", "n0"),
            ("n1", "bitswap.want", "n0"),
            ("n0", "bitswap.sent", "n1"),
            ("n1", "bitswap.block", "n0"),
            ("n1", "bitswap.session", None),
        ]


class TestHostileNodes:
    def served(self, lab: Lab, data: bytes) -> tuple[Node, Node, Any]:
        """A node, a hostile one, and the stream that this one writes Bitswap on."""
        alice, mallory = full(lab, 2)
        alice.content.add(data)
        return alice, mallory, mallory.open_stream(alice, BITSWAP)

    def test_what_is_no_message_cuts_the_peer_off_and_leaves_the_others_alone(self, lab: Lab) -> None:
        alice, _, stream = self.served(lab, b"hello")
        pump(stream, b"\xff" * 100)
        assert lab.run_until(lambda: bool(lab.events.filter(kind="bitswap.cut_off")), timeout=10)
        bob = lab.start_node("bob")
        bob.connect(alice)
        assert bob.content.cat(alice.content.add(b"hello")) == b"hello"
        assert len(alice.content.blocks) == 1
        assert lab.events.filter(kind="error") == []

    def test_a_message_that_is_too_large_is_not_read(self, lab: Lab) -> None:
        _, _, stream = self.served(lab, b"hello")
        stream.write(encode_varint(5 << 20) + bytes(1000))
        assert lab.run_until(lambda: bool(lab.events.filter(kind="bitswap.cut_off")), timeout=10)
        assert "at most 4194304" in str(lab.events.filter(kind="bitswap.cut_off")[0].data)

    def test_blocks_that_nobody_asked_for_are_not_kept(self, mock: Lab) -> None:
        alice, _, stream = self.served(mock, b"hello")
        for number in range(20):
            data = b"spam %d" % number
            pump(stream, encode_message(BitswapMessage(blocks=[(cid_for(data), data)])))
        mock.run(1)
        assert len(alice.content.blocks) == 1
        assert len(mock.events.filter(kind="bitswap.cut_off")) == 1

    def test_a_flood_of_wants_is_bounded(self, mock: Lab) -> None:
        alice, _, stream = self.served(mock, b"hello")
        for number in range(15):
            wants = [WantEntry(cid_for(b"%d %d" % (number, n))) for n in range(1000)]
            pump(stream, encode_message(BitswapMessage(wants)))
        mock.run(2)
        world: Any = mock.world
        ledgers = world.hosts()["n0"].content.exchange.core.serving.ledgers
        assert max(len(ledger.wants) for ledger in ledgers.values()) <= 1024
        assert len(mock.events.filter(kind="bitswap.cut_off")) == 1
        assert alice.content.cat(alice.content.add(b"hello")) == b"hello"

    @pytest.mark.dear
    def test_a_graph_that_is_too_deep_or_of_another_codec_is_refused(self, mock: Lab) -> None:
        alice, bob = full(mock, 2)
        cid: Cid = alice.content.blocks.put(b"bottom")
        for _ in range(1030):
            cid = alice.content.blocks.put(dag_cbor.encode([cid]), codec="dag-cbor")
        with pytest.raises(ProtocolViolation, match="nests deeper than 1024 blocks"):
            bob.content.fetch(cid)
        alice.content.blocks.put(b"no dag-cbor at all")
        odd = cid_for(b"no dag-cbor at all", "dag-cbor")
        with pytest.raises(ProtocolViolation, match="is no dag-cbor"):
            bob.content.fetch(odd)


def test_a_graph_of_more_blocks_or_links_than_are_fetched_is_refused_and_nothing_is_written(
    mock: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As one of a million, with smaller limits: identity CIDs, which need no block to be sent, are counted too."""
    from p2plab.content import links
    from p2plab.host.content import fetching

    alice, bob = full(mock, 2)
    nodes = [[Cid(1, 0x55, 0, (at * 200 + number).to_bytes(4, "big")) for number in range(200)] for at in range(6)]
    cids = [alice.content.blocks.put(dag_cbor.encode(node), codec="dag-cbor") for node in nodes]
    root = alice.content.blocks.put(dag_cbor.encode([*cids, *cids]), codec="dag-cbor")
    assert bob.content.fetch(root).blocks == 7, "what stands there twice is fetched once"
    monkeypatch.setattr(fetching, "MAX_BLOCKS", 1_000)
    for act in (lambda: bob.content.fetch(root, pin=True), lambda: bob.content.export(root, tmp_path / "much.car")):
        with pytest.raises(OverloadedError, match="over 1000 blocks"):
            act()
    assert bob.content.blocks.pins == {}
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(links, "MAX_LINKS", 100)
    with pytest.raises(ProtocolViolation, match="has 200 links; at most 100 are followed"):
        bob.content.fetch(root)


def test_a_full_disk_leaves_nothing_of_what_was_to_be_written(mock: Lab, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    alice = mock.start_node("alice")
    cid = alice.content.add(some(1_000_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))  # as if there were room for so much
    try:
        for version in (1, 2):
            with pytest.raises(ContentError, match="cannot be written, and nothing was"):
                alice.content.export(cid, tmp_path / "out.car", version=version)
        with pytest.raises(ContentError, match="cannot be written, and nothing was"):
            alice.content.get(cid, to=tmp_path / "folder")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_commands_do_the_same(mock: Lab) -> None:
    full(mock, 2)
    added = mock.execute_command("content_add", node="n0", data="hello")["result"]
    fetched = mock.execute_command("content_fetch", node="n1", cid=added["cid"])
    assert fetched["success"], fetched
    assert (fetched["result"]["blocks"], fetched["result"]["by"]) == (1, {"n0": 1})
    assert mock.execute_command("content_cat", node="n1", cid=added["cid"])["result"]["content"]


def test_the_examples_of_the_guide_run_and_five_give_some_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[3] / "p2plab" / "content" / "CONTENT.md"
    bitswap, graphsync = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(bitswap, names)
    assert "6 nodes with all of it" in capsys.readouterr().out
    assert len(names["fetched"].by) == 5
    names["lab"].close()
    names = {}
    exec(graphsync, names)
    assert "blocks, 1900" in capsys.readouterr().out
    names["lab"].close()


def test_a_block_that_nobody_could_check_is_not_asked_for(mock: Lab) -> None:
    """Its hash is SHA-1: an honest peer that gave it would be taken for one that breaks the rules."""
    alice, bob = full(mock, 2)
    strange = Cid(1, 0x55, 0x11, bytes(20))
    with pytest.raises(ContentError, match="no block can be checked by its hash, 0x11; known are identity, sha2-256"):
        bob.content.fetch(strange)
    leaf = alice.content.blocks.put(b"leaf")
    folder = alice.content.blocks.put(dag_cbor.encode({"a": leaf, "b": strange}), codec="dag-cbor")
    with pytest.raises(ContentError, match="0x11"):
        bob.content.fetch(folder)
    assert {event.ref for event in mock.events.filter(kind="bitswap.want")} <= {str(folder), str(leaf)}
    assert mock.events.filter(kind="bitswap.cut_off") == []
    assert bob.content.wantlist() == []
