"""What a graph knows of its nodes and of a message's way: read once as it grows, and sent as what is new."""

from __future__ import annotations

from typing import Any

import pytest

from p2plab import Lab
from p2plab.views import LogView
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.wave import MessageWaves, of_message
from p2plab_widgets.publisher import publisher


def test_a_way_read_as_it_grows_is_that_of_the_log_and_travels_as_what_came(lab: Lab) -> None:
    nodes = lab.start_nodes(30)
    lab.wire("random", degree=4)
    for node in nodes:
        node.subscribe("news")
    lab.run(2)
    graph = lab.graph()
    publisher.remove(graph)
    sent: list[dict[str, Any]] = []
    graph.seen.expect()
    graph.send = lambda content, buffers=None: sent.append(content)
    graph._heard(graph, {"hello": True}, [])
    first = nodes[0].publish("news", "hello")
    shown: dict[int, tuple[int, float]] = {}
    for _ in range(12):
        lab.run(0.01)
        graph.refresh()
        for wave in [part["wave"] for said in sent if "wave" in (part := said.get("look", {}).get("content", {}))]:
            if "more" in wave:
                more = iter(wave["more"])
                shown |= {node: (whence, at) for node, whence, at in zip(more, more, more, strict=True)}
            elif wave:
                pairs = enumerate(zip(wave["from"], wave["at"], strict=True))
                shown = {node: pair for node, pair in pairs if pair[0] >= 0}
        sent.clear()
        known = of_message(lab.events, graph._live.scene, first.id)
        assert known is not None
        assert {node: whence for node, (whence, _) in shown.items()} == known.sources
        assert all(at == pytest.approx(known.arrivals[node][0], abs=1e-4) for node, (_, at) in shown.items())
    assert len(shown) == 29
    nodes[3].publish("news", "another")
    lab.run(1)
    graph.message = first.id  # an older one, of which all is asked for again
    way = graph._wave(graph._live.scene, None)
    assert way is not None
    assert known is not None
    assert way.sources == known.sources
    graph.close()


def test_the_way_of_messages_is_the_same_read_at_once_and_as_it_grows() -> None:
    with Lab(seed=1) as lab:
        for node in lab.start_nodes(6):
            node.subscribe("news")
        lab.wire("full")
        lab.run(2)
        growing = MessageWaves(lab.events)
        for number in range(12):
            lab["n1"].publish("news" if number % 3 else "other", f"message {number}")
            lab.run(0.03 * number)
            growing.update()
        at_once = MessageWaves(lab.events)
        at_once.update()
        assert growing.listed() == at_once.listed()
        scene = Scene({})
        for node in lab.nodes:
            scene.know(node.name)
        ways = [[waves.wave(scene, ref) for ref, *_ in waves.listed()] for waves in (growing, at_once)]
        assert ways[0] == ways[1]
        assert max(len(way.arrivals) for way in ways[0] if way is not None) == 6


def test_roles_and_regions_colour_the_nodes_of_a_lab_and_roles_those_of_its_log() -> None:
    with Lab(seed=3, network="regions") as lab:
        for name, region in (("a", "europe"), ("b", "europe"), ("c", "asia-pacific")):
            lab.start_node(name, region=region)
        lab.start_node("door", role="bootstrap")
        paint = lab.graph(colour="region").content(None)["paint"]
        regions = [lab.network.region(node) for node in lab.nodes]
        assert [paint["categories"][int(value)] for value in paint["values"]] == regions
        lab.run(1)
        lab["door"].set_role(None)
        lab.run(1)
        for at, told in ((None, []), (0.5, ["bootstrap"])):
            paint = lab.graph(colour="role").content(at)["paint"]
            assert paint["categories"] == told
        assert [value is not None for value in paint["values"]] == [False, False, False, True]
        assert LogView(lab.events).graph(colour="role").content(0.5)["paint"]["categories"] == ["bootstrap"]
