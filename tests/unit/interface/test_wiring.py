"""``lab.wire`` and ``lab.edges``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import networkx
import pytest

from p2plab import Lab
from p2plab.errors import LabError, UnknownNodeError, ValidationError


def degrees(lab: Lab) -> Counter[str]:
    return Counter(name for edge in lab.edges() for name in edge)


def test_edges_are_sorted_pairs_of_names_each_once(lab: Lab) -> None:
    lab.start_nodes(4)
    lab.wire("full")
    assert lab.edges() == [(f"n{a}", f"n{b}") for a in range(4) for b in range(a + 1, 4)]


@pytest.mark.parametrize(
    ("shape", "edges"),
    [
        ("line", [("n0", "n1"), ("n1", "n2"), ("n2", "n3")]),
        ("ring", [("n0", "n1"), ("n0", "n3"), ("n1", "n2"), ("n2", "n3")]),
        ("star", [("n0", "n1"), ("n0", "n2"), ("n0", "n3")]),
    ],
)
def test_the_shapes(lab: Lab, shape: str, edges: list[tuple[str, str]]) -> None:
    lab.start_nodes(4)
    new = lab.wire(shape)
    assert lab.edges() == edges
    assert sorted(tuple(sorted(pair)) for pair in new) == edges


def test_a_random_graph_is_connected_and_has_the_degree(lab: Lab) -> None:
    lab.start_nodes(8)
    lab.wire("random", degree=3)
    assert set(degrees(lab).values()) == {3}
    assert networkx.is_connected(networkx.Graph(lab.edges()))


def test_wiring_again_changes_nothing(lab: Lab) -> None:
    lab.start_nodes(8)
    lab.wire("random", degree=4)
    edges = lab.edges()
    assert lab.wire("random", degree=4) == []
    assert lab.edges() == edges


def test_edges_that_are_there_are_skipped(lab: Lab) -> None:
    nodes = lab.start_nodes(4)
    nodes[2].connect(nodes[1])
    assert len(lab.wire("line")) == 2
    assert len(nodes[1].connections(nodes[2])) == 1
    assert lab.wire("ring") == [("n3", "n0")]


def test_only_the_nodes_named_are_wired(lab: Lab) -> None:
    nodes = lab.start_nodes(4)
    lab.wire("full", nodes=[nodes[0], "n2"])
    assert lab.edges() == [("n0", "n2")]


def test_a_graph_of_names_is_wired_as_it_is(lab: Lab) -> None:
    lab.start_nodes(3)
    lab.wire(networkx.Graph([("n2", "n0")]))
    assert lab.edges() == [("n0", "n2")]


def test_a_graph_of_anything_stands_for_the_nodes_in_their_order(lab: Lab) -> None:
    lab.start_nodes(4)
    lab.wire(networkx.grid_2d_graph(2, 2))
    assert lab.edges() == [("n0", "n1"), ("n0", "n2"), ("n1", "n3"), ("n2", "n3")]


def test_wired_nodes_are_peers_that_know_each_other_and_can_talk(lab: Lab) -> None:
    alice, bob = lab.start_nodes(2)
    lab.wire("line")
    assert [str(peer) for peer in bob.peers()] == ["n0"]
    (connection,) = alice.connections()
    assert (connection.direction, connection.peer) == ("outbound", bob.peer_id)
    assert bob.ping(alice) > 0
    assert len(alice.connections()) == 1


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ("pentagram", {}, "cannot wire 'pentagram': take one of ring, line"),
        ("ring", {"degree": 2}, r"degree=2 goes with wire\('random'\)"),
        ("random", {"degree": 0}, "degree must be a whole number from 1 up, not 0"),
        ("random", {"degree": 1.5}, "not 1.5"),
        ("random", {"degree": 3}, "degree 3 needs at least 4 nodes; there are 3"),
        (None, {}, "cannot wire None"),
        ("line", {"nodes": ["n0", "n0"]}, "named twice"),
    ],
)
def test_what_cannot_be_wired_is_refused_and_wires_nothing(
    lab: Lab, shape: object, options: dict[str, object], message: str
) -> None:
    lab.start_nodes(3)
    with pytest.raises(ValidationError, match=message):
        lab.wire(shape, **options)  # type: ignore[arg-type]  # on purpose
    assert lab.edges() == []


def test_a_graph_of_the_wrong_size_is_refused(lab: Lab) -> None:
    lab.start_nodes(3)
    with pytest.raises(ValidationError, match="the graph has 5 nodes and the lab 3"):
        lab.wire(networkx.path_graph(5))


def test_nodes_that_are_not_this_lab_s_are_refused(lab: Lab, new_lab: Callable[..., Lab]) -> None:
    lab.start_nodes(2)
    strangers = new_lab().start_nodes(2)
    with pytest.raises(ValidationError, match="n0 is a node of another lab"):
        lab.wire("line", nodes=strangers)
    with pytest.raises(UnknownNodeError, match="no node of this lab is 'n7'"):
        lab.wire("line", nodes=["n0", "n7"])
    assert lab.edges() == []


def test_a_lab_without_edges_says_so(lab: Lab) -> None:
    assert lab.wire() == []
    lab.start_node("alone")
    assert lab.wire("ring") == lab.wire("star") == lab.wire() == []
    assert lab.edges() == []


def test_pairs_are_wired_as_they_are_listed(lab: Lab) -> None:
    a, b, c, _ = lab.start_nodes(4)
    assert lab.wire([("n1", "n0"), (b, c), ["n0", "n1"]]) == [("n1", "n0"), ("n1", "n2")]
    assert lab.edges() == [("n0", "n1"), ("n1", "n2")]
    assert lab.wire([(a, c), (a, b)]) == [("n0", "n2")]
    assert lab.wire([]) == []


@pytest.mark.parametrize(
    ("pairs", "error", "said"),
    [
        ([("n0", "n0")], ValidationError, "itself"),
        ([("n0", "n1", "n2")], ValidationError, "two nodes"),
        (["n0"], ValidationError, "two nodes"),
        ([("n0", "nobody")], UnknownNodeError, "nobody"),
    ],
)
def test_pairs_that_are_none_are_refused_and_nothing_is_wired(
    lab: Lab, pairs: Any, error: type[LabError], said: str
) -> None:
    lab.start_nodes(3)
    with pytest.raises(error, match=said):
        lab.wire([("n1", "n2"), *pairs])
    with pytest.raises(ValidationError, match="none of the nodes to be wired"):
        lab.wire([("n1", "n2")], nodes=["n0", "n1"])
    assert lab.edges() == []
