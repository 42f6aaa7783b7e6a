"""The graph's static face."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from p2plab_widgets.graph.layout import SMALL, positions
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.svg import MAX_EDGES, MAX_LABELS, draw

SVG = "{http://www.w3.org/2000/svg}"


def ring(count: int) -> Scene:
    names = [f"n{i}" for i in range(count)]
    scene = Scene({})
    scene.begin(
        [(name, True) for name in names],
        [(names[i], names[(i + 1) % count]) for i in range(count) if count > 1],
        [("n0", "news")],
    )
    return scene


def test_it_shows_every_node_edge_and_name() -> None:
    root = ElementTree.fromstring(draw(ring(5), "mock"))
    assert len(root.findall(f"{SVG}circle")) == 5
    assert len(root.findall(f".//{SVG}line")) == 5
    assert [text.text for text in root.findall(f".//{SVG}text")] == ["mock", "n0", "n1", "n2", "n3", "n4"]


def test_subscribers_of_the_chosen_topic_carry_a_ring() -> None:
    assert len(ElementTree.fromstring(draw(ring(5), "mock", topic=1)).findall(f"{SVG}circle")) == 6


def test_the_same_network_gives_the_same_text() -> None:
    assert draw(ring(12), "mock") == draw(ring(12), "mock")


def test_what_a_peer_may_have_chosen_is_escaped() -> None:
    evil = "<script>alert(1)</script>\"'&\x00\ud800"
    scene = Scene({})
    scene.begin([(evil, True)], [], [(evil, evil)])
    picture = draw(scene, "<b>mock</b>", topic=1)
    assert "<script" not in picture
    assert "<b>" not in picture
    tags = {element.tag for element in ElementTree.fromstring(picture).iter()}
    assert tags == {SVG + tag for tag in ("svg", "title", "rect", "text", "g", "circle")}


def test_a_large_network_is_drawn_within_bounds() -> None:
    names = [f"n{i}" for i in range(300)]
    scene = Scene({})
    pairs = [(names[i], names[j]) for i in range(300) for j in range(i)][: MAX_EDGES + 5]
    scene.begin([(name, True) for name in names], pairs, [])
    root = ElementTree.fromstring(draw(scene, "mock"))
    assert len(root.findall(f".//{SVG}line")) == MAX_EDGES
    assert len(names) > MAX_LABELS
    assert [text.text for text in root.findall(f".//{SVG}text")] == [f"mock (the first {MAX_EDGES:,} edges are drawn)"]


def test_no_nodes_is_a_picture_too() -> None:
    assert ElementTree.fromstring(draw(Scene({}), "mock · 0 nodes")).tag == f"{SVG}svg"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, SMALL, SMALL + 1, 500])
def test_positions_lie_in_the_unit_square_and_apart(count: int) -> None:
    spots = positions(count, [(i, i + 1) for i in range(count - 1)])
    assert len(spots) == len(set(spots)) == count
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in spots)


def test_neighbours_stand_closer_than_strangers() -> None:
    edges = [(i, i + 1) for i in range(9)]
    spots = positions(10, edges)

    def distance(a: int, b: int) -> float:
        return math.dist(spots[a], spots[b])

    linked = [distance(a, b) for a, b in edges]
    others = [distance(a, b) for a in range(10) for b in range(a) if (b, a) not in edges]
    assert sum(linked) / len(linked) < sum(others) / len(others) / 2
