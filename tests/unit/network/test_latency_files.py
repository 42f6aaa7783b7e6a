"""Files of latencies: tables and graphs, and what is wrong with them (Shadow's docs/network_graph_spec.md)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.network import load_matrix

NODES = 'node [ id 0 label "a" ] node [ id 1 label "b" ] node [ id 2 label "c" ]'


def graph(edges: str, nodes: str = NODES, directed: int = 0) -> str:
    return f"graph [ directed {directed} {nodes} {edges} ]"


def written(folder: Path, text: str, name: str = "net.gml") -> Path:
    pytest.importorskip("networkx")
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "empty"),
        ("site,a,b\na,0,1\n", "rows"),
        ("site,a,b\na,0,1\nb,1\n", "square"),
        ("site,a,b\na,0,1\nc,1,0\n", "next"),
        ("site,a,b\na,0,x\nb,1,0\n", "plain numbers"),
        ("site,a,b\na,0,-1\nb,1,0\n", r"latencies\.csv: the latency from a to b"),
        ("site,a,b\na,0,nan\nb,1,0\n", "latency from a to b"),
        ("site,,b\n,0,1\nb,1,0\n", "a site without a name"),
        ("<graphml/>\n", "row 1: '<graphml/>' names no sites; its first row is"),
        ("site,a,a\na,0,1\na,1,0\n", "twice"),
    ],
)
def test_a_matrix_that_is_wrong_says_where(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "latencies.csv"
    file.write_text(text)
    with pytest.raises(ValidationError, match=wrong):
        load_matrix(file)


def test_numbers_alone_as_numpy_writes_them_are_sites_by_number(tmp_path: Path) -> None:
    commas = written(tmp_path, "# latencies\n0.0e+00,3.4e+01\n3.4e+01,5.0e+01\n", "commas.csv")
    spaces = written(tmp_path, "0.0e+00 3.4e+01\n3.4e+01 5.0e+01\n", "spaces.txt")
    for file in (commas, spaces):
        matrix = load_matrix(file)
        assert matrix.sites == ["0", "1"]
        assert matrix.seconds == [[0.0, pytest.approx(0.017)], [pytest.approx(0.017), pytest.approx(0.025)]]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_cells_may_lie_between_semicolons_or_tabs(tmp_path: Path, mark: str) -> None:
    file = written(tmp_path, "\ufeffsite,a,b\na,0,8\nb,8,0\n".replace(",", mark), "net.csv")
    assert load_matrix(file, round_trip=False).seconds[0][1] == pytest.approx(0.008)


def test_a_table_may_say_how_many_live_where(tmp_path: Path) -> None:
    file = written(tmp_path, "site,weight,a,b\na,9,0,8\nb,1,8,0\n", "net.csv")
    lab = Lab(seed=3)
    carol = lab.start_node("carol")
    matrix = lab.network.load_latencies(file)
    assert matrix.weights == [9, 1]
    lab.start_nodes(200)
    homes = Counter(lab.network.region(node) for node in lab.nodes)
    assert homes["a"] > 6 * homes["b"] > 0
    assert lab.network.region(carol) in ("a", "b")
    dave, erin = lab.start_node("dave", region="a"), lab.start_node("erin", region="b")
    assert lab.network.link(dave, erin).latency == pytest.approx(0.004)
    with pytest.raises(ValidationError, match="take a, b"):
        lab.start_node("frank", region="europe")


def test_a_lab_placed_by_weights_replays_to_the_same_digest(tmp_path: Path) -> None:
    file = written(tmp_path, "site,a,b\na,0,8\nb,8,0\n", "net.csv")
    lab = Lab(seed=3)
    lab.start_nodes(5)
    lab.network.load_latencies(file)
    lab.wire("full")
    lab["n0"].publish("news", b"x")
    lab.run(1)
    file.unlink()
    assert Lab.replay(lab.history()).events.digest() == lab.events.digest()


def test_sites_of_which_only_some_are_nodes_are_refused_with_the_likely_name(tmp_path: Path) -> None:
    file = written(tmp_path, "site,alice,bobb\nalice,0,8\nbobb,8,0\n", "net.csv")
    lab = Lab()
    lab.start_node("alice")
    lab.start_node("bob")
    with pytest.raises(ValidationError, match="did you mean bob"):
        lab.network.load_latencies(file)


def test_a_file_in_another_encoding_says_at_which_byte(tmp_path: Path) -> None:
    file = tmp_path / "net.csv"
    file.write_bytes("site,a,Köln\na,0,1\nKöln,1,0\n".encode("cp1252"))
    with pytest.raises(ValidationError, match="row 1, column 9: byte 0xf6 is not UTF-8"):
        load_matrix(file)
    gml = tmp_path / "net.gml"
    gml.write_bytes('graph [\n node [ id 0 label "Köln" ] ]'.encode("cp1252"))
    with pytest.raises(ValidationError, match="row 2, column 22"):
        load_matrix(gml)


def test_the_latency_of_a_shadow_graph_is_one_way(tmp_path: Path) -> None:
    file = written(tmp_path, graph('edge [ source 0 target 1 latency "10 ms" ]', NODES.split(" node [ id 2")[0]))
    assert load_matrix(file).seconds[0][1] == pytest.approx(0.010)
    assert load_matrix(file, round_trip=True).seconds[0][1] == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0.25", 0.25), ("2", 2.0), ('"50"', 50.0), ('"50 ms"', 0.05), ('"7 us"', 7e-6), ('"1 sec"', 1)],
)
def test_a_plain_number_in_a_shadow_graph_is_seconds(tmp_path: Path, value: str, seconds: float) -> None:
    nodes = NODES.split(" node [ id 2")[0]
    file = written(tmp_path, graph(f"edge [ source 0 target 1 latency {value} ]", nodes))
    assert load_matrix(file).seconds[0][1] == pytest.approx(seconds)


def test_a_graph_takes_the_fastest_path_and_its_loss(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        graph(
            'edge [ source 0 target 1 latency "10 ms" packet_loss 0.1 ]'
            'edge [ source 1 target 2 latency "20 ms" packet_loss 0.2 ]'
            'edge [ source 0 target 2 latency "500 ms" packet_loss 0.0 ] edge [ source 0 target 0 latency "1 ms" ]'
        ),
    )
    matrix = load_matrix(file)
    assert matrix.loss is not None
    assert matrix.seconds[0][:3] == [pytest.approx(0.001), pytest.approx(0.010), pytest.approx(0.030)]
    assert matrix.loss[0][2] == pytest.approx(1 - 0.9 * 0.8)


def test_edges_of_a_directed_graph_go_one_way(tmp_path: Path) -> None:
    nodes = NODES.split(" node [ id 2")[0]
    back = 'edge [ source 1 target 0 latency "30 ms" ]'
    file = written(tmp_path, graph(f'edge [ source 0 target 1 latency "10 ms" ] {back}', nodes, directed=1))
    matrix = load_matrix(file)
    assert [matrix.seconds[0][1], matrix.seconds[1][0]] == pytest.approx([0.010, 0.030])
    with pytest.raises(ValidationError, match="no path from b to a"):
        load_matrix(written(tmp_path, graph('edge [ source 0 target 1 latency "10 ms" ]', nodes, directed=1)))


def test_loss_and_bandwidths_of_a_graph_are_those_of_the_links_and_lines(tmp_path: Path) -> None:
    nodes = (
        'node [ id 0 label "alice" host_bandwidth_up "8 Mbit" host_bandwidth_down "16 Mbit" ]'
        'node [ id 1 label "bob" bandwidth_up "1 MB" bandwidth_down "80 kbit" ]'
    )
    file = written(tmp_path, graph('edge [ source 0 target 1 latency "10 ms" packet_loss 0.25 ]', nodes))
    lab = Lab()
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    matrix = lab.network.load_latencies(file)
    assert (matrix.up, matrix.down) == ([1e6, 1e6], [2e6, 1e4])
    assert lab.network.link(alice, bob).loss == pytest.approx(0.25)
    for at, node in enumerate((alice, bob)):
        index = lab.network._index(node.name)
        lines = lab.network._links.uplink(index), lab.network._links.downlink(index)
        assert [line.rate for line in lines if line is not None] == [matrix.up[at], matrix.down[at]]


def test_an_attribute_that_changes_nothing_is_said(tmp_path: Path) -> None:
    nodes = NODES.split(" node [ id 2")[0]
    edge = 'edge [ source 0 target 1 latency "10 ms" jitter "1 ms" colour 3 seconds 4 ]'
    file = written(tmp_path, graph(edge, nodes))
    with pytest.warns(UserWarning, match="colour, seconds, jitter"):
        load_matrix(file)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("graph", "no GML graph"),
        ("graph [ node 5 ]", "no GML graph"),
        ("graph [ node [ id 0 ] edge [ source 0 target 7 ] ]", "no GML graph"),
        ("graph [ " + "a [ " * 3000 + "] " * 3000 + " ]", "no GML graph"),
        (graph("edge [ source 0 target 1 ]"), "from 0 to 1 has no latency"),
        (graph('edge [ source 0 target 1 latency "soon" ]'), "latency 'soon'; write it as '50 ms'"),
        (graph('edge [ source 0 target 1 latency "-3 ms" ]'), "latency '-3 ms'"),
        (graph('edge [ source 0 target 1 latency "3 parsecs" ]'), "3 parsecs"),
        (graph("edge [ source 0 target 1 latency 0.1 packet_loss 1.5 ]"), "packet_loss 1.5"),
        (graph("edge [ source 0 target 1 latency 0.1 ]"), "no path from a to c"),
        (graph("", 'node [ id 0 bandwidth_up "fast" ]'), "bandwidth_up 'fast'"),
        (graph("", "node [ id 0 weight -1 ]"), "weights"),
    ],
)
def test_a_graph_that_is_wrong_says_where(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        load_matrix(written(tmp_path, text))
