"""The layers of the graph: traffic, streams, boxes and punches, attackers; by the numbers that the lab itself gives."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import pytest

from p2plab import Lab
from p2plab.attacks import Sybil
from p2plab.errors import ValidationError
from p2plab_widgets.graph.layers.beside import LAYERS, USUAL

SOME = ["connections", "traffic", "streams", "boxes", "attackers"]


def triples(values: list[int]) -> list[tuple[int, ...]]:
    return [tuple(values[at : at + 3]) for at in range(0, len(values), 3)]


@pytest.fixture(scope="module")
def talking() -> Iterator[Lab]:
    with Lab(seed=7) as lab:
        lab.start_nodes(5)
        lab.wire("ring")
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(2)
        lab["n0"].publish("news", b"one")
        lab.run(1)
        lab["n2"].publish("news", b"two")
        lab.run(1)
        yield lab


@pytest.fixture(scope="module")
def punching() -> Iterator[Lab]:
    """alice and bob behind boxes of their own meet through a relay."""
    with Lab(seed=7) as lab:
        public = [lab.start_node("r", role="relay"), *lab.start_nodes(4)]
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        lab.network.add_nat(alice, "port-restricted")
        lab.network.add_nat(bob, "restricted")
        for node, other in itertools.product((alice, bob), public):
            node.connect(other)
        lab.run(30)
        alice.connect(bob)
        lab.run(2)
        yield lab


def test_traffic_is_what_went_over_each_edge_by_then(talking: Lab) -> None:
    graph = talking.graph(layers=SOME)
    names = [node.name for node in talking.nodes]
    for at in (None, 2.5):
        copies: Counter[tuple[str, str]] = Counter()
        for kind in ("pubsub.deliver", "pubsub.duplicate"):
            for event in talking.events.filter(kind=kind, until=at):
                if event.node and event.peer and event.node != event.peer:
                    copies[min(event.node, event.peer), max(event.node, event.peer)] += 1
        traffic = graph.content(at)["traffic"]
        assert traffic["unit"] == "copies"
        assert {(names[a], names[b]): count for a, b, count in triples(traffic["values"])} == dict(copies)
        assert copies
    assert graph.content(1.0)["traffic"]["values"] == []
    graph.close()


def test_traffic_is_bytes_where_frames_are_recorded() -> None:
    with Lab(seed=7, recording="all") as lab:
        a, b = lab.start_nodes(2)
        a.connect(b)
        graph = lab.graph(layers=["traffic"])
        traffic = graph.content(None)["traffic"]
        sent = sum(event.size or 0 for event in lab.events.filter(kind="link.sent"))
        assert traffic == {"unit": "bytes", "values": [0, 1, sent]}
        assert sent > 0
        graph.close()


def test_streams_are_shown_while_they_are_open() -> None:
    with Lab(seed=7) as lab:
        a, b = lab.start_nodes(2)
        a.connect(b)

        async def echo(stream: object) -> None:
            await stream.write(await stream.read())  # type: ignore[attr-defined]

        b.handle("/echo/1.0.0", echo)
        graph = lab.graph(layers=["streams"])
        lab.run(1)
        before = lab.now
        stream = a.open_stream(b, ["/echo/1.0.0"])
        lab.run(1)
        assert graph.content(None)["streams"] == {"protocols": ["/echo/1.0.0"], "values": [0, 1, 0, 1]}
        during = lab.now
        stream.write(b"x")
        stream.read()
        stream.close()
        lab.run(1)
        assert graph.content(None)["streams"]["values"] == []
        assert graph.content(before)["streams"]["values"] == []
        assert graph.content(during)["streams"]["values"] == [0, 1, 0, 1]
        graph.close()


def test_a_crash_ends_the_streams_of_a_node() -> None:
    with Lab(seed=7) as lab:
        a, b = lab.start_nodes(2)
        a.connect(b)

        async def wait(stream: object) -> None:
            await stream.read()  # type: ignore[attr-defined]

        b.handle("/wait/1.0.0", wait)
        lab.run(1)
        a.open_stream(b, ["/wait/1.0.0"])
        lab.run(1)
        graph = lab.graph(layers=["streams"])
        assert graph.content(None)["streams"]["values"] == [0, 1, 0, 1]
        b.crash()
        assert graph.content(None)["streams"]["values"] == []
        graph.close()


def test_a_punch_is_seen_step_by_step(punching: Lab) -> None:
    graph = punching.graph(linked=False)
    scene = [*(f"n{i}" for i in range(4)), "alice", "bob", "r"]
    names = [label for label, *_ in graph.content(0.0)["network"]["nodes"]]
    assert sorted(names) == sorted(scene)
    steps = {event.kind: event.t for event in punching.events.filter(kind="dcutr")}
    reach = graph.content(steps["dcutr.started"])["reach"]
    assert [(box["label"], [names[i] for i in box["nodes"]]) for box in reach["boxes"]] == [
        ("nat1, port-restricted", ["alice"]),
        ("nat2, restricted", ["bob"]),
    ]
    assert [names[i] for i in reach["relays"]] == ["r"]
    assert [names[i] for i in reach["circuits"]] == ["r", "alice", "bob"]
    assert {names[i] for i in reach["slots"]} == {"r", "alice", "bob"}
    assert reach["punches"][0]["packets"] == []
    reach = graph.content(steps["dcutr.packet"])["reach"]
    assert len(reach["punches"][0]["packets"]) == 2 * len(punching.events.filter(kind="dcutr.packet"))
    assert "punching packets under way" in graph.sentence(steps["dcutr.packet"])
    punch = graph.content(steps["dcutr.ended"])["reach"]["punches"][0]
    assert (punch["said"], punch["over"], punch["met"]) == ("SUCCESS after 1 attempt", True, True)
    assert graph.content(steps["dcutr.started"] - 20)["reach"]["punches"] == []
    assert "nat2, restricted" in graph.svg(33.0)
    assert "nat2" not in punching.graph(layers=["connections"]).svg(33.0)


def test_a_dropped_packet_is_seen_and_said_with_the_rule(punching: Lab) -> None:
    dropped = punching.events.filter(kind="nat.dropped", reason="filtered")[0]
    graph = punching.graph(linked=False)
    (drop,) = graph.content(dropped.t)["reach"]["drops"]
    assert drop["said"].startswith("filtered (address- and port-dependent filtering")
    assert graph.sentence(dropped.t).startswith("a packet from r to alice was dropped: filtered")
    assert graph.content(dropped.t + 3)["reach"]["drops"] == []


def test_an_attacker_is_outlined_from_its_first_harm_on_or_when_it_is_named() -> None:
    with Lab(seed=7) as lab:
        lab.start_nodes(4)
        lab.start_node("s0", router=Sybil)
        lab.wire("full")
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(3)
        named = lab.graph(attackers=["n1"])
        graph = lab.graph()
        assert graph.content(None)["attackers"] == []
        assert "polygon" not in graph.svg()
        lab["n0"].publish("news", b"x")
        lab.run(1)
        names = [node.name for node in lab.nodes]
        assert [names[i] for i in graph.content(None)["attackers"]] == ["s0"]
        assert [names[i] for i in named.content(None)["attackers"]] == ["n1", "s0"]
        assert graph.svg().count("<polygon") == 1
        assert graph.content(2.0)["attackers"] == []
        graph.close()
        named.close()


def test_layers_are_checked_and_those_without_anything_say_why(talking: Lab) -> None:
    graph = talking.graph()
    assert graph.layers == list(USUAL)
    with pytest.raises(ValidationError, match="did you mean 'traffic'"):
        talking.graph(layers=["trafic"])
    with pytest.raises(ValidationError, match="must be a list"):
        talking.graph(layers="traffic")
    graph.layers = ["traffic", "connections"]
    assert graph.layers == ["connections", "traffic"]
    assert set(LAYERS) > set(graph.layers)
    offered = graph.content(None)["offered"]
    assert offered["layer boxes"] == "no NAT and no relay"
    assert offered["layer attackers"] == "nobody attacks"
    assert "layer traffic" not in offered
    graph.close()


def test_the_widest_edge_of_a_still_is_the_one_with_most_traffic(talking: Lab) -> None:
    svg = talking.graph(layers=["traffic"]).svg()
    assert 'stroke-width="9.0"' in svg
    assert "copies" in svg
