"""The shapes that ``lab.wire`` knows."""

from __future__ import annotations

import random
from collections import Counter

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab.api.topology import pairs_of
from p2plab.errors import ValidationError

Pair = tuple[str, str]


def names_of(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def wired(count: int, degree: int | None, seed: int = 0, existing: list[Pair] | None = None) -> list[Pair]:
    return pairs_of("random", names_of(count), degree, random.Random(seed), existing or [])


def graph_of(count: int, *pairs: list[Pair]) -> networkx.Graph:
    graph = networkx.Graph()
    graph.add_nodes_from(names_of(count))
    for some in pairs:
        graph.add_edges_from(some)
    return graph


@settings(deadline=None, derandomize=True)
@given(count=st.integers(2, 40), degree=st.integers(2, 12), seed=st.integers(0, 3))
def test_a_random_graph_is_connected_simple_and_as_regular_as_can_be(count: int, degree: int, seed: int) -> None:
    if degree >= count:
        return
    pairs = wired(count, degree, seed)
    graph = graph_of(count, pairs)
    assert graph.number_of_edges() == len(pairs) == count * degree // 2
    assert networkx.number_of_selfloops(graph) == 0
    assert networkx.is_connected(graph)
    assert Counter(dict(graph.degree()).values())[degree] >= count - 1


def test_the_same_draws_give_the_same_graph_and_others_another() -> None:
    assert wired(30, 4, seed=1) == wired(30, 4, seed=1) != wired(30, 4, seed=2)


def test_degree_one_is_a_path_since_a_graph_is_always_connected() -> None:
    graph = graph_of(6, wired(6, 1))
    assert sorted(dict(graph.degree()).values()) == [1, 1, 2, 2, 2, 2]
    assert networkx.is_connected(graph)


def test_without_a_degree_a_few_nodes_are_wired_with_each_other_and_many_with_four() -> None:
    assert len(wired(3, None)) == 3
    assert set(dict(graph_of(20, wired(20, None)).degree()).values()) == {4}


@settings(deadline=None, derandomize=True)
@given(count=st.integers(3, 20), more=st.integers(0, 10), degree=st.integers(2, 6), seed=st.integers(0, 3))
def test_existing_edges_count_and_what_was_added_later_is_joined(count: int, more: int, degree: int, seed: int) -> None:
    if degree >= count:
        return
    before = wired(count, degree, seed)
    assert wired(count, degree, seed, before) == []
    new = wired(count + more, degree, seed, before)
    assert not {frozenset(pair) for pair in before} & {frozenset(pair) for pair in new}
    graph = graph_of(count + more, before, new)
    assert networkx.is_connected(graph)
    assert min(dict(graph.degree()).values()) >= degree - 1
    assert wired(count + more, degree, seed, before + new) == []


def test_parts_that_are_apart_are_joined() -> None:
    triangles = [("n0", "n1"), ("n1", "n2"), ("n2", "n0"), ("n3", "n4"), ("n4", "n5"), ("n5", "n3")]
    ((a, b),) = wired(6, 2, existing=triangles)
    assert {a, b} & {"n0", "n1", "n2"}
    assert {a, b} & {"n3", "n4", "n5"}


def test_existing_edges_to_nodes_that_are_not_wired_do_not_count() -> None:
    assert len(wired(4, 2, existing=[("n0", "elsewhere"), ("elsewhere", "other")])) == 4


@pytest.mark.parametrize("shape", ["ring", "line", "star", "full", "random"])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_nodes_are_wired_once_each(shape: str, count: int) -> None:
    pairs = pairs_of(shape, names_of(count), None, random.Random(0))
    assert {frozenset(pair) for pair in pairs} == ({frozenset(("n0", "n1"))} if count == 2 else set())
    assert len(pairs) == max(0, count - 1)


def test_loops_and_repeated_edges_of_a_graph_are_left_out() -> None:
    graph = networkx.MultiDiGraph([("a", "b"), ("a", "b"), ("b", "a"), ("a", "a")])
    assert pairs_of(graph, ["a", "b", "c"], None, random.Random(0)) == [("a", "b")]


def test_a_graph_neither_of_the_names_nor_of_their_number_is_refused() -> None:
    with pytest.raises(ValidationError, match="the graph has 2 nodes and the lab 3"):
        pairs_of(networkx.Graph([("y", "z")]), ["a", "b", "c"], None, random.Random(0))


def test_a_graph_whose_names_match_in_part_is_refused_with_the_likely_names() -> None:
    graph = networkx.Graph([("alice", "bobb"), ("bobb", "carol")])
    with pytest.raises(ValidationError, match=r"2 of the graph's nodes .* 'bobb' \(did you mean 'bob'\?\)"):
        pairs_of(graph, ["alice", "bob", "carol"], None, random.Random(0))
    larger = networkx.Graph([("alice", "bob"), ("bob", 7)])
    with pytest.raises(ValidationError, match="have not: 7; name all"):
        pairs_of(larger, ["alice", "bob", "carol"], None, random.Random(0))
