"""Files that other tools' own code wrote (fixtures/traces/README.md says which, and how) are read as they are."""

from __future__ import annotations

import math
import random
import tarfile
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import LogView
from p2plab.errors import EventLogError
from p2plab.events import Event

TRACES = Path(__file__).parents[3] / "fixtures" / "traces"
BLOCKS = "/eth2/ad532ceb/beacon_block/ssz_snappy"


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(TRACES / name) as archive:
        for member in archive.getmembers():
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            file = archive.extractfile(member)
            assert file is not None
            path.write_bytes(file.read())
    return folder


def opened(path: Path) -> LogView:
    view = p2plab.open(path)
    assert isinstance(view, LogView)
    return view


def of_kind(view: LogView, kind: str) -> list[Event]:
    return view.events.filter(kind=kind)


def data_of(event: Event) -> dict[str, Any]:
    return event.data or {}


class TestTheFirstGenerationOfGosTraces:
    def test_what_it_lacks_of_senders_comes_from_the_receipts(self) -> None:
        view = opened(TRACES / "go-pubsub-0.3.1.pb.gz")
        first = of_kind(view, "pubsub.publish")[0]
        spread = view.propagation(first.ref)
        assert (spread.publisher, len(spread), spread.reached, spread.duplicates) == (first.node, 5, 1.0, 11)
        assert {one.received_from is None for one in spread if one.hops} == {False}
        (rejected,) = of_kind(view, "pubsub.reject")
        assert (rejected.topic, rejected.reason) == ("news", "validator said reject")
        assert "Deliveries do not say from whom" in " ".join(view.events.assumptions)

    def test_protobuf_and_json_are_the_same_log(self) -> None:
        pb, as_json = (opened(TRACES / f"go-pubsub-0.3.1.{kind}.gz") for kind in ("pb", "json"))
        assert pb.events.digest() == as_json.events.digest()


class TestGossipsubInterop:
    def test_a_publication_is_the_first_sending_of_what_was_not_received(self, tmp_path: Path) -> None:
        view = opened(unpacked("gossipsub-interop-go.tar.gz", tmp_path))
        assert [(one.node, one.ref) for one in of_kind(view, "pubsub.publish")] == [
            ("node0", "1"),
            ("node5", "2"),
            ("node3", "3"),
        ]
        spread = view.propagation("3")
        assert (len(spread), spread.reached, spread.hops, spread.duplicates, spread.missing) == (5, 1.0, 2, 8, ())
        assert view.propagation("1").duplicates == 0
        assert [event.size for event in of_kind(view, "pubsub.deliver")][::5] == [2048, 2048, 100]
        assert "did get it" in str(view.why("3", node="node1"))

    def test_meshes_and_subscriptions_are_there_and_what_is_missing_is_said(self, tmp_path: Path) -> None:
        view = opened(unpacked("gossipsub-interop-go.tar.gz", tmp_path))
        state = view.state()
        assert sorted(state.subscriptions["foobar"]) == [f"node{n}" for n in range(6)]
        meshes = state.meshes["foobar"]
        assert sorted(meshes["node0"]) == ["node1", "node2", "node3"]
        assert len(of_kind(view, "pubsub.prune")) == 2
        assert sum(data_of(event).get("idontwant", 0) for event in of_kind(view, "pubsub.rpc_sent")) > 10
        said = " ".join(view.events.assumptions)
        assert "is taken for its publisher" in said
        assert "The logs have no connections and causes." in said

    def test_one_nodes_log_has_its_mesh_of_outside_nodes(self, tmp_path: Path) -> None:
        folder = unpacked("gossipsub-interop-go.tar.gz", tmp_path) / "hosts" / "node5"
        state = opened(folder / "gossipsub-bin.1000.stdout").state()
        assert (state.nodes, len(state.attached)) == (["node5"], 2)
        assert sorted(state.meshes["foobar"]["node5"]) == sorted(state.attached)


class TestHermes:
    def test_everything_that_it_traced_is_there(self, tmp_path: Path) -> None:
        view = opened(unpacked("hermes.tar.gz", tmp_path))
        counts = view.events.counts
        (me,) = view.state().nodes
        assert (counts["pubsub.deliver"], counts["pubsub.duplicate"], counts["pubsub.reject"]) == (3, 9, 1)
        assert (counts["pubsub.rpc_sent"], counts["pubsub.rpc_received"], counts["pubsub.graft"]) == (27, 20, 4)
        (own,) = of_kind(view, "pubsub.publish")
        assert (own.node, own.topic) == (me, BLOCKS)
        assert own.ref is not None
        assert own.ref.startswith("00240801")
        first = of_kind(view, "pubsub.deliver")[0]
        spread = view.propagation(first.ref)
        assert (spread.publisher, spread.duplicates, spread[me].received_from) == (first.peer, 2, first.peer)
        assert [event.kind for event in view.why(first.ref, node=me)][-2:] == ["pubsub.receive", "pubsub.deliver"]

    def test_its_connections_say_who_dialled_and_its_peers_are_outside_nodes(self, tmp_path: Path) -> None:
        view = opened(unpacked("hermes.tar.gz", tmp_path))
        opened_ends = of_kind(view, "connection.opened")
        assert sorted(data_of(event)["direction"] for event in opened_ends) == ["inbound"] * 3 + ["outbound"] * 3
        before = view.state(at=of_kind(view, "connection.closed")[0].t - 0.001)
        assert (len(before.attached), len(before.edges)) == (6, 6)
        assert len(view.state().edges) == 5
        assert "7 nodes, 5 edges" in repr(view.graph())

    def test_charts_count_messages_of_others_from_their_first_arrival(self, tmp_path: Path) -> None:
        view = opened(unpacked("hermes.tar.gz", tmp_path))
        assert "5 messages published and 3 delivered" in str(p2plab.charts.throughput(view).description.sentence)
        assert "9 duplicates beside 3 deliveries" in str(p2plab.charts.duplicates(view).description.sentence)

    def test_the_scores_of_a_moment_are_one_event(self, tmp_path: Path) -> None:
        view = opened(unpacked("hermes.tar.gz", tmp_path))
        scores = of_kind(view, "pubsub.scores")
        assert [len(data_of(event)["scores"]) for event in scores] == [6] * 5
        last = view.state().scores
        assert last is not None
        assert [len(peers) for peers in last.values()] == [6]


class TestXatu:
    def test_tables_as_clickhouse_writes_them(self, tmp_path: Path) -> None:
        view = opened(unpacked("xatu.tar.gz", tmp_path) / "tables")
        counts = view.events.counts
        assert (counts["connection.opened"], counts["pubsub.deliver"], counts["pubsub.duplicate"]) == (6, 3, 9)
        assert (counts["pubsub.rpc_sent"], counts["pubsub.rpc_received"], counts["pubsub.publish"]) == (27, 20, 1)
        state = view.state()
        assert (state.nodes, len(state.attached), len(state.edges)) == (["hermes-1"], 6, 5)
        assert sum(name.startswith("12D3KooW") for name in state.attached) == 4
        assert sum(name.startswith("peer#") for name in state.attached) == 2
        (rejected,) = of_kind(view, "pubsub.reject")
        assert rejected.reason == "validator said reject"
        assert {event.topic for event in of_kind(view, "pubsub.deliver")} == {BLOCKS}
        told = [event.data for event in of_kind(view, "pubsub.rpc_sent") if event.data]
        assert {"messages": 1} in told
        assert {"idontwant": 1} in told
        said = " ".join(view.events.assumptions)
        assert "libp2p_identify.parquet is not read" in said
        assert "counts are no rates" in said

    def test_what_handlers_were_given_is_a_delivery_where_nothing_else_tells_one(self, tmp_path: Path) -> None:
        folder = unpacked("xatu.tar.gz", tmp_path) / "tables"
        view = opened(folder / "libp2p_gossipsub_beacon_block.parquet")
        spread = view.propagation(of_kind(view, "pubsub.deliver")[0].ref)
        assert len(spread) == 1
        assert math.isnan(spread.reached)
        assert "1 node (the log does not tell who subscribed)" in repr(spread)

    def test_strings_that_were_written_as_bytes_are_texts(self, tmp_path: Path) -> None:
        folder = unpacked("xatu.tar.gz", tmp_path)
        old, new = (
            opened(folder / name / "libp2p_deliver_message.parquet").events.digest() for name in ("bytes", "tables")
        )
        assert old == new

    @pytest.mark.parametrize(
        ("family", "said"),
        [
            ("identify", "tells nothing of how messages spread"),
            ("rpc_meta_message", "no events"),
            ("peer", "no events"),
        ],
    )
    def test_a_table_that_says_nothing_alone_is_refused(self, tmp_path: Path, family: str, said: str) -> None:
        folder = unpacked("xatu.tar.gz", tmp_path) / "tables"
        with pytest.raises(EventLogError, match=said):
            p2plab.open(folder / f"libp2p_{family}.parquet")


class TestDamagedTables:
    def test_text_that_is_no_utf8_is_mended_and_not_the_end_of_the_table(self, tmp_path: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        whole = unpacked("xatu.tar.gz", tmp_path) / "tables" / "libp2p_deliver_message.parquet"
        table = pyarrow.parquet.read_table(whole)
        place = table.column_names.index("meta_client_name")
        bad = pyarrow.array([b"herm\xffes"] * len(table)).view(pyarrow.string())
        pyarrow.parquet.write_table(table.set_column(place, "meta_client_name", bad), whole)
        assert opened(whole).state().nodes == ["herm\ufffdes"]

    @pytest.mark.parametrize("name", ["hermes.tar.gz", "xatu.tar.gz"])
    def test_mutations_give_a_log_or_an_error_of_ours(self, tmp_path: Path, name: str) -> None:
        files = sorted(unpacked(name, tmp_path).rglob("*.parquet"))
        draws, came_to = random.Random(4), {"a log": 0, "an error": 0}
        for count in range(150):
            path = files[count % len(files)]
            data = bytearray(path.read_bytes())
            for _ in range(draws.randrange(1, 4)):
                data[draws.randrange(len(data))] = draws.randrange(256)
            mutated = tmp_path / path.name
            mutated.write_bytes(data)
            try:
                came_to["a log" if opened(mutated).events.digest() else ""] += 1
            except EventLogError:
                came_to["an error"] += 1
        assert min(came_to.values()) > 10

    def test_a_table_that_unpacks_to_gigabytes_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = unpacked("hermes.tar.gz", tmp_path)
        monkeypatch.setattr("p2plab.exports.readers.tables.MOST_BYTES", 50)
        with pytest.raises(EventLogError, match="are read at most: write it with smaller groups"):
            p2plab.open(folder)
