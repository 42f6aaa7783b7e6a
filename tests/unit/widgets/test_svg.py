"""The graph's static face."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pytest

from p2plab_widgets.graph.paint import chosen, ramp
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.still.labels import width_of
from p2plab_widgets.graph.still.layout import ALL_PAIRS, COARSEST, positions
from p2plab_widgets.graph.still.svg import HEIGHT, MAX_EDGES, WIDTH, draw
from p2plab_widgets.graph.wave import Wave

SVG = "{http://www.w3.org/2000/svg}"


def picture(scene: Scene, topic: int = 0, **options: Any) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(draw(scene, topic, **options))}</svg>'


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
    root = ElementTree.fromstring(picture(ring(5)))
    assert len(root.findall(f"{SVG}circle")) == 5
    assert len(root.findall(f".//{SVG}line")) == 5
    assert sorted(text.text or "" for text in root.findall(f".//{SVG}text")) == ["n0", "n1", "n2", "n3", "n4"]


def test_subscribers_of_the_chosen_topic_carry_a_ring() -> None:
    assert len(ElementTree.fromstring(picture(ring(5), topic=1)).findall(f"{SVG}circle")) == 6


def test_the_same_network_gives_the_same_text() -> None:
    assert picture(ring(12)) == picture(ring(12))


def test_what_a_peer_may_have_chosen_is_escaped() -> None:
    evil = "<script>alert(1)</script>\"'&\x00\ud800"
    scene = Scene({})
    scene.begin([(evil, True)], [], [(evil, evil)])
    drawn = picture(scene, topic=1)
    assert "<script" not in drawn
    tags = {element.tag for element in ElementTree.fromstring(drawn).iter()}
    assert tags == {SVG + tag for tag in ("svg", "text", "g", "circle")}


def test_a_large_network_is_drawn_within_bounds() -> None:
    names = [f"n{i}" for i in range(300)]
    scene = Scene({})
    pairs = [(names[i], names[j]) for i in range(300) for j in range(i)][: MAX_EDGES + 5]
    scene.begin([(name, True) for name in names], pairs, [])
    root = ElementTree.fromstring(picture(scene))
    assert len(root.findall(f".//{SVG}line")) == MAX_EDGES
    texts = [text.text for text in root.findall(f".//{SVG}text")]
    assert texts[0] == f"the first {MAX_EDGES:,} of {MAX_EDGES + 5:,} edges are drawn"
    assert len(texts) < 30


def test_thousands_of_nodes_are_discs_with_their_counts() -> None:
    root = ElementTree.fromstring(picture(ring(2500)))
    counts = [int(text.text or "") for text in root.findall(f".//{SVG}text")]
    assert 2400 < sum(counts) <= 2500
    assert len(root.findall(f"{SVG}circle")) < 150


@pytest.mark.parametrize("count", [8, 50, 200])
def test_the_network_fills_the_frame(count: int) -> None:
    root = ElementTree.fromstring(picture(ring(count)))
    spots = [(float(each.get("cx", 0)), float(each.get("cy", 0))) for each in root.findall(f"{SVG}circle")]
    wide, high = (max(values) - min(values) for values in zip(*spots, strict=True))
    assert wide > 0.85 * WIDTH or high > 0.75 * HEIGHT  # of the height, lines of text take some


@pytest.mark.parametrize("count", [8, 40, 200])
def test_no_name_lies_over_another(count: int) -> None:
    root = ElementTree.fromstring(picture(ring(count)))
    group = next(each for each in root.findall(f"{SVG}g") if each.find(f"{SVG}text") is not None)
    size = float(group.get("font-size", 0))
    boxes = []
    for text in group.findall(f"{SVG}text"):
        x, y = float(text.get("x", 0)), float(text.get("y", 0))
        boxes.append((x, y - 0.8 * size, x + width_of(text.text or "", size), y + 0.2 * size))
    assert len(boxes) >= min(count, 20)
    for at, (left, top, right, bottom) in enumerate(boxes):
        assert not any(left < r and right > x and top < b and bottom > y for x, y, r, b in boxes[:at])


def test_a_message_s_way_is_coloured_by_arrival_and_who_does_not_have_it_is_hollow() -> None:
    scene = ring(4)
    wave = Wave("aa", "news", 0, 1.0, {0: (0.0, 0), 1: (0.5, 1), 2: (1.0, 2)}, {1: 0, 2: 1})
    paint = chosen("delay", scene, wave, {})
    root = ElementTree.fromstring(picture(scene, paint=paint, wave=wave))
    fills = [each.get("fill") for each in root.findall(f"{SVG}circle")]
    assert fills == [ramp(0), ramp(0.5), ramp(1), "#ffffff"]
    strokes = [each.get("stroke") for each in root.findall(f".//{SVG}line")]
    assert strokes[-2:] == [ramp(0.5), ramp(1)]


def test_no_nodes_is_a_picture_too() -> None:
    assert draw(Scene({})) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, COARSEST, COARSEST + 1, ALL_PAIRS + 1, 500])
def test_each_node_has_a_place_of_its_own(count: int) -> None:
    spots = positions(count, [(i, i + 1) for i in range(count - 1)])
    assert len(spots) == len(set(spots)) == count
    assert all(math.isfinite(x) and math.isfinite(y) for x, y in spots)


@pytest.mark.parametrize("count", [10, 120])
def test_neighbours_stand_closer_than_strangers(count: int) -> None:
    edges = [(i, i + 1) for i in range(count - 1)]
    spots = positions(count, edges)

    def distance(a: int, b: int) -> float:
        return math.dist(spots[a], spots[b])

    linked = [distance(a, b) for a, b in edges]
    others = [distance(a, b) for a in range(count) for b in range(a) if (b, a) not in edges]
    assert sum(linked) / len(linked) < sum(others) / len(others) / 2


def test_a_star_s_middle_stands_in_the_middle() -> None:
    spots = positions(40, [(0, i) for i in range(1, 40)])
    x, y = (sum(values) / len(spots) for values in zip(*spots, strict=True))
    spread = max(math.dist(spot, spots[0]) for spot in spots)
    assert math.dist((x, y), spots[0]) < 0.2 * spread


@pytest.mark.parametrize("ring", [5, 8, 30, 60])
def test_a_node_without_connections_does_not_shrink_the_picture_of_the_others(ring: int) -> None:
    edges = [(i, (i + 1) % ring) for i in range(ring)]
    alone, beside = positions(ring, edges), positions(ring + 1, edges)
    wide = max(x for x, _ in beside) - min(x for x, _ in beside)
    of_ring = max(x for x, _ in beside[:ring]) - min(x for x, _ in beside[:ring])
    assert of_ring >= 0.5 * wide
    x, y = beside[ring]
    assert min(math.dist((x, y), spot) for spot in beside[:ring]) > 0.5  # and it is not taken for one of theirs
    assert max(math.dist(spot, (0, 0)) for spot in alone) * 2.5 > math.dist((x, y), (0, 0))
