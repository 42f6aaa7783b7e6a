"""What is exported is read back by somebody else's reader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import networkx
import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import ConfigurationError, ValidationError


@pytest.fixture(scope="module")
def lab() -> Any:
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(8)
        lab.wire("random", degree=3)
        for node in nodes:
            node.subscribe("news")
        lab.run(2)
        nodes[0].publish("news", b"hello")
        lab.run(1)
        nodes[3].crash()
        lab.run(1)
        nodes[3].restart()
        nodes[3].connect(nodes[4])
        lab.run(3)
        yield lab


def test_exporting_is_not_acting(lab: Lab, tmp_path: Path) -> None:
    digest = lab.events.digest()
    for end in ("pb", "perfetto-trace", "pftrace", "gexf", "graphml", "parquet", "mmd", "mermaid", "pb.gz"):
        assert lab.export(tmp_path / f"run.{end}").stat().st_size > 100
    assert lab.events.digest() == digest


def test_the_same_run_gives_the_same_bytes(lab: Lab, tmp_path: Path) -> None:
    for end in ("pb", "perfetto-trace", "gexf", "graphml", "mmd", "pb.gz"):
        one, other = (lab.export(tmp_path / f"{name}.{end}").read_bytes() for name in "ab")
        assert one == other


def test_networkx_reads_gexf_with_the_times_of_nodes_and_edges(lab: Lab, tmp_path: Path) -> None:
    graph = networkx.read_gexf(lab.export(tmp_path / "run.gexf"))
    assert set(graph.nodes) == {node.name for node in lab.nodes}
    down, up = (lab.events.filter(kind=kind)[0].t for kind in ("node.crashed", "node.restarted"))
    assert graph.nodes["n3"]["spells"] == [(0.0, down), (up, lab.events.now)]
    for at in (1.0, 3.5, lab.events.now):
        alive = {
            tuple(sorted((a, b)))
            for a, b, data in graph.edges(data=True)
            if any(start <= at and (at < end or end == lab.events.now) for start, end in data["spells"])
        }
        assert alive == set(lab.events.state(at=at).edges)


def test_networkx_reads_graphml_with_an_edge_for_each_time(lab: Lab, tmp_path: Path) -> None:
    graph = networkx.read_graphml(lab.export(tmp_path / "run.graphml"), force_multigraph=True)
    at = 3.5
    alive = {tuple(sorted((a, b))) for a, b, data in graph.edges(data=True) if data["start"] <= at < data["end"]}
    assert alive == set(lab.events.state(at=at).edges)


def test_of_a_topic_the_graph_is_its_meshes(lab: Lab, tmp_path: Path) -> None:
    graph = networkx.read_gexf(lab.export(tmp_path / "mesh.gexf", topic="news", until=2.5))
    assert graph.is_directed()
    meshes = lab.events.state(at=2.5).meshes["news"]
    now = {(a, b) for a, b, data in graph.edges(data=True) if data["spells"][-1][1] == 2.5}
    assert now == {(node, peer) for node, peers in meshes.items() for peer in peers}


def test_perfettos_own_declarations_read_its_trace(lab: Lab, tmp_path: Path) -> None:
    pytest.importorskip("google.protobuf.runtime_version", reason="perfetto's declarations need protobuf 5.26")
    from perfetto.protos.perfetto.trace import perfetto_trace_pb2

    data = lab.export(tmp_path / "run.perfetto-trace").read_bytes()
    trace = perfetto_trace_pb2.Trace.FromString(data)
    tracks = {packet.track_descriptor.uuid: packet.track_descriptor.name for packet in trace.packet}
    events = [packet for packet in trace.packet if packet.HasField("track_event")]
    assert len(events) == len(lab.events)
    assert {node.name for node in lab.nodes} <= set(tracks.values())
    assert {event.track_event.type for event in events} == {perfetto_trace_pb2.TrackEvent.TYPE_INSTANT}
    begins = {flow: packet for packet in events for flow in packet.track_event.flow_ids}
    ends = {flow: packet for packet in events for flow in packet.track_event.terminating_flow_ids}
    assert begins.keys() == ends.keys()
    arrows = {
        (tracks[begins[flow].track_event.track_uuid], tracks[ends[flow].track_event.track_uuid])
        for flow in begins
        if ends[flow].track_event.name == "pubsub.receive"
    }
    received = lab.events.filter(kind="pubsub.receive")
    assert arrows == {(event.peer, event.node) for event in received}
    assert all(begins[flow].timestamp <= ends[flow].timestamp for flow in begins)


def test_a_table_has_every_event(lab: Lab, tmp_path: Path) -> None:
    import pyarrow.parquet

    path = lab.export(tmp_path / "run.parquet")
    rows = pyarrow.parquet.read_table(path).to_pylist()
    assert [row["kind"] for row in rows] == [event.kind for event in lab.events]
    assert [row["t"] for row in rows] == [event.t for event in lab.events]
    published = next(row for row in rows if row["kind"] == "pubsub.publish")
    assert (published["node"], published["topic"], published["size"]) == ("n0", "news", 5)
    command = json.loads(rows[0]["data"])
    assert command["verb"] == "start_nodes"


def test_a_trace_for_go_opens_here_again(lab: Lab, tmp_path: Path) -> None:
    (published,) = lab.events.filter(kind="pubsub.publish")
    view = p2plab.open(lab.export(tmp_path / "run.pb.gz"))
    here, there = lab.propagation(published.ref), view.propagation(published.ref)
    ids = {node.name: str(node.peer_id) for node in lab.nodes}
    assert [(ids[one.node], one.after, one.hops) for one in here] == [(one.node, one.after, one.hops) for one in there]
    state, other = lab.events.state(at=2.5), view.state(at=2.5)  # a node that crashes traces nothing of it
    assert {tuple(sorted((ids[a], ids[b]))) for a, b in state.edges} == {tuple(sorted(edge)) for edge in other.edges}


class TestMermaid:
    def test_a_message_s_way_is_arrows_between_participants(self, lab: Lab, tmp_path: Path) -> None:
        (published,) = lab.events.filter(kind="pubsub.publish")
        text = lab.export(tmp_path / "run.mmd", message=published.ref).read_text()
        assert text.startswith("sequenceDiagram\n")
        names = dict(re.findall(r"participant (p\d+) as (\w+)", text))
        solid = [(names[a], names[b]) for a, b in re.findall(r"(p\d+)->>(p\d+):", text)]
        assert solid == [(event.peer, event.node) for event in lab.events.filter(kind="pubsub.receive")]
        assert "publishes news" in text

    def test_what_a_peer_chose_is_no_diagram(self, tmp_path: Path) -> None:
        with Lab(seed=1) as lab:
            a, b = lab.start_nodes(2)
            a.connect(b)
            topic = "x\n  p0->>p1: <script>alert(1)</script>; end"
            b.subscribe(topic)
            a.subscribe(topic)
            lab.run(2)
            a.publish(topic, b"y")
            lab.run(1)
            text = lab.export(tmp_path / "run.mmd").read_text()
        assert "<script>" not in text
        assert "publishes x" in text
        for line in text.splitlines()[1:]:
            assert re.match(r"    (participant p\d|p\d(->>|-->>|--\)|--x|-x)p\d: |Note over p\d: )", line), line
            assert ";" not in re.sub(r"#\d+;", "", line)

    def test_a_long_run_is_cut_and_says_so(self, tmp_path: Path) -> None:
        with Lab(seed=1) as lab:
            lab.start_nodes(40)
            lab.wire("random", degree=12)
            text = lab.export(tmp_path / "run.mmd").read_text()
        assert "more" in text.splitlines()[-1]
        assert len(text.splitlines()) < 240


def test_a_name_that_says_no_format_and_a_folder_that_is_missing(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"writes no \.xlsx: it writes \.pb"):
        lab.export(tmp_path / "run.xlsx")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        lab.export(tmp_path / "missing" / "run.gexf")


def test_a_part_of_the_run_can_be_chosen(lab: Lab, tmp_path: Path) -> None:
    import pyarrow.parquet

    path = lab.export(tmp_path / "run.parquet", nodes=["n0"], since=2.0, until=2.5, topic="news")
    rows = pyarrow.parquet.read_table(path).to_pylist()
    assert rows
    assert all("n0" in (row["node"], row["peer"]) and 2.0 <= row["t"] <= 2.5 for row in rows)
    assert all(row["topic"] in (None, "news") for row in rows)
