"""How a message spread, read from the log."""

from __future__ import annotations

import pytest

from p2plab import Lab, Node
from p2plab.errors import ValidationError


def subscribed(lab: Lab, count: int, shape: str) -> list[Node]:
    nodes = lab.start_nodes(count)
    lab.wire(shape)
    for node in nodes:
        node.subscribe("news")
    lab.run(1)
    return nodes


def test_a_line_is_crossed_hop_by_hop() -> None:
    lab = Lab(seed=1, latency=0.010, router="floodsub")
    nodes = subscribed(lab, 5, "line")
    message = nodes[0].publish("news", b"hello")
    lab.run(1)
    spread = lab.propagation(message)
    assert [(d.node, d.received_from, d.hops) for d in spread] == [
        ("n0", None, 0),
        ("n1", "n0", 1),
        ("n2", "n1", 2),
        ("n3", "n2", 3),
        ("n4", "n3", 4),
    ]
    assert spread["n4"].after == pytest.approx(0.040)
    assert spread.tree() == {"n0": ["n1"], "n1": ["n2"], "n2": ["n3"], "n3": ["n4"]}
    assert spread.curve()[-1][1] == 1.0
    assert spread.curve()[-1][0] == pytest.approx(0.040)
    assert (spread.hops, spread.missing, spread.reached, spread.duplicates) == (4, (), 1.0, 0)
    assert lab.propagation(message.id) == spread


def test_duplicates_are_counted_where_they_came() -> None:
    lab = Lab(seed=1, router="floodsub")
    nodes = subscribed(lab, 3, "full")
    message = nodes[0].publish("news", b"hello")
    lab.run(1)
    spread = lab.propagation(message)
    # Both receivers pass it on to each other, and neither copy is new.
    assert {d.node: d.duplicates for d in spread} == {"n0": 0, "n1": 1, "n2": 1}
    assert spread.duplicates == 2


def test_who_did_not_get_it_is_named() -> None:
    lab = Lab(seed=1)
    nodes = subscribed(lab, 3, "line")
    nodes[1].crash()
    message = nodes[0].publish("news", b"hello")
    lab.run(1)
    spread = lab.propagation(message)
    assert spread.missing == ("n1", "n2")
    assert spread.reached == pytest.approx(1 / 3)
    with pytest.raises(KeyError):
        spread["n2"]


def test_faces_escape_what_peers_chose() -> None:
    lab = Lab(seed=1)
    node = lab.start_node("<b>")
    node.subscribe("<script>")
    spread = lab.propagation(node.publish("<script>", b""))
    assert "<script>" not in spread._repr_html_()
    assert "&lt;script&gt;" in spread._repr_html_()
    assert "1 of 1 subscriber in" in repr(spread)
    assert list(spread.to_pandas()["node"]) == ["<b>"]


def test_what_the_log_does_not_know_is_an_error() -> None:
    lab = Lab(seed=1, recording="counters")
    alice = lab.start_node("alice")
    message = alice.publish("news", b"hello")
    with pytest.raises(ValidationError, match="level counters"):
        lab.propagation(message)
    with pytest.raises(ValidationError):
        lab.propagation(42)
