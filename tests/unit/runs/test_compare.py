"""``lab.compare``: a scenario in both worlds, side by side."""

from __future__ import annotations

import re

import pytest

from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.runs import Comparison
from p2plab.runs.measured import measured


def hello(lab: Lab, size: int = 5) -> dict[str, float]:
    alice, bob = lab.start_nodes(2)
    alice.connect(bob)
    news = bob.subscribe("news")
    lab.run_until(lambda: alice.topic_peers("news"), timeout=20)
    alice.publish("news", bytes(size))
    return {"bytes": len(news.get(timeout=20).data), "nodes": len(lab), "is mock": lab.backend == "mock"}


@pytest.mark.real
def test_a_scenario_is_run_in_both_worlds_with_what_each_takes() -> None:
    with Lab(seed=4, jitter=0.001, recording="all") as lab:
        comparison = lab.compare(hello, size=9)
        assert len(lab) == 0
    assert {world: values["bytes"] for world, values in comparison.values.items()} == {"mock": 9, "real": 9}
    assert (comparison.values["mock"]["is mock"], comparison.values["real"]["is mock"]) == (True, False)
    assert comparison.left_out == {"mock": [], "real": ["jitter"]}
    for world in ("mock", "real"):
        assert comparison.events[world]["pubsub.deliver"] == 1
    text = repr(comparison)
    assert re.search(r"^bytes +9 +9 +1$", text, re.MULTILINE)
    assert "the real lab was made without jitter, which it does not have" in text


@pytest.mark.real
def test_where_the_worlds_differ_is_measured_without_the_scenario_counting_it() -> None:
    def scenario(lab: Lab) -> None:
        nodes = lab.start_nodes(3)
        lab.wire("full")
        queues = [node.subscribe("news") for node in nodes]
        assert lab.run_until(lambda: all(len(node.mesh("news")) == 2 for node in nodes), timeout=20)
        for _ in range(2):
            nodes[0].publish("news", b"x")
            for queue in queues:
                queue.get(timeout=20)
        nodes[1].dht.put("/lab/x", b"y")
        nodes[2].dht.get("/lab/x")

    with Lab() as lab:
        comparison = lab.compare(scenario)
    for world in ("mock", "real"):
        found = comparison.measured[world]
        assert found["messages published"] == 2
        assert found["share delivered"] == 1
        assert found["lookups"] == 2
        assert found["dials"] == 3
        assert 0 < found["latency, median"] <= found["latency, longest"]
        assert found["lookup, longest"] > 0
        assert found["duplicates a delivery"] == comparison.events[world].get("pubsub.duplicate", 0) / 4
    assert "latency, median" in repr(comparison)


def test_what_was_lost_is_counted_against_those_who_subscribed() -> None:
    with Lab() as lab:
        a, b = lab.start_nodes(2)
        b.subscribe("news")
        a.publish("news", b"nobody hears it")
        b.publish("news", b"nor this")
        assert measured(lab.events) == {"messages published": 2.0, "share delivered": 0.0}


def test_nothing_is_said_of_what_did_not_happen() -> None:
    with Lab() as lab:
        lab.start_nodes(2)
        assert measured(lab.events) == {}


@pytest.mark.real
def test_what_the_scenario_raises_is_raised() -> None:
    def real_only(lab: Lab) -> int:
        if lab.backend == "real":
            raise LookupError("here")
        return 1

    with Lab() as lab, pytest.raises(LookupError, match="here"):
        lab.compare(real_only)


def test_a_scenario_is_a_function() -> None:
    with Lab() as lab, pytest.raises(ValidationError, match="a scenario is a function of a lab"):
        lab.compare("hello")  # type: ignore[call-overload]  # that is the point


def test_html_is_escaped_and_what_one_world_lacks_is_a_dash() -> None:
    values = {"mock": {"<b>x</b>": 2.0, "zero": 0}, "real": {"<b>x</b>": 5.0, "zero": 1}}
    events = {"mock": {"link.sent": 4}, "real": {}}
    comparison = Comparison("<i>s</i>", 1, values, events, {"mock": [], "real": []})
    html = comparison._repr_html_()
    assert not re.search(r"<[bi]>", html)
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert repr(comparison).splitlines()[1:4] == [
        "<b>x</b>   2     5     2.5",
        "zero       0     1     –",
        "link.sent  4     –     –",
    ]


@pytest.mark.real
def test_a_real_lab_with_py_libp2ps_dht_is_compared_with_a_mock_one_without() -> None:
    with Lab("real", dht="libp2p") as lab:
        comparison = lab.compare(hello)
    assert comparison.left_out == {"mock": ["dht"], "real": []}
    assert {values["bytes"] for values in comparison.values.values()} == {5}
