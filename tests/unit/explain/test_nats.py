"""Two nodes behind NATs: what ``why`` and ``diagnose`` say of why they do not connect, or only over a relay."""

from __future__ import annotations

import pytest

from p2plab import Lab, Node
from p2plab.errors import DialError
from p2plab.explain.nats import behind_nat


def home(a: str, b: str) -> tuple[Lab, Node, Node]:
    """A lab with a laptop and a desktop behind NATs of these kinds, and three nodes in the open that they know."""
    lab = Lab(seed=7)
    laptop, desktop, others = lab.start_node("laptop"), lab.start_node("desktop"), lab.start_nodes(3)
    lab.network.add_nat(laptop, a)
    lab.network.add_nat(desktop, b)
    for node in (laptop, desktop):
        for other in others:
            node.connect(other)
    return lab, laptop, desktop


def with_relay(lab: Lab, *nodes: Node) -> None:
    relay = lab.start_node("r", role="relay")
    for node in nodes:
        node.connect(relay)
    lab.run(30)


def test_without_a_relay_the_box_is_named_and_that_no_relay_serves_it() -> None:
    lab, laptop, desktop = home("symmetric", "port-restricted")
    with lab:
        with pytest.raises(DialError) as caught:
            laptop.connect(desktop)
        told = "desktop stands behind nat2 (port-restricted) and has no slot at a relay"
        assert told in str(lab.why(caught.value))
        assert told in str(laptop.why(desktop))
        assert lab.diagnose(laptop, desktop).layer == "NAT"


def test_of_a_relayed_connection_the_relay_is_named_and_why_no_hole_was_punched() -> None:
    lab, laptop, desktop = home("symmetric", "port-restricted")
    with lab:
        with_relay(lab, laptop, desktop)
        laptop.connect(desktop)
        assert "over the relay r: no hole has been punched yet" in str(laptop.why(desktop))
        lab.run(30)
        (ended,) = lab.events.filter(kind="dcutr.ended")
        answer = str(lab.why(ended))
        for said in (
            "hole punching FAILED after 3 attempts",
            "laptop stands behind nat1 (symmetric)",
            "nat1 takes another port for each destination",
            "nat2 dropped ",
            "packets of laptop (address- and port-dependent filtering: nothing was sent to",
        ):
            assert said in answer
        for node, peer in ((laptop, desktop), (desktop, laptop)):
            assert "over the relay r: hole punching FAILED after 3 attempts" in str(node.why(peer))
            assert "but only over the relay r: hole punching FAILED" in lab.diagnose(node, peer).reason


def test_a_direct_connection_is_not_said_to_be_relayed() -> None:
    lab, laptop, desktop = home("port-restricted", "port-restricted")
    with lab:
        with_relay(lab, laptop, desktop)
        laptop.connect(desktop)
        lab.run(10)
        assert "relay" not in str(laptop.why(desktop)).partition("\n")[0]
        assert "only over" not in lab.diagnose(laptop, desktop).reason
        (ended,) = lab.events.filter(kind="dcutr.ended")
        assert str(lab.why(ended)).startswith("hole punching SUCCESS after 1 attempt")


def test_a_box_is_told_of_for_as_long_as_it_stands() -> None:
    with Lab(seed=7) as lab:
        alice = lab.start_node("alice")
        box = lab.network.add_nat(alice, "symmetric")
        lab.run(1)
        before = len(lab.events)
        box.remove()
        assert behind_nat(lab.events, "alice") == ""
        assert behind_nat(lab.events, "alice", before) == "nat1 (symmetric)"


def test_what_a_node_believes_reads_as_a_sentence() -> None:
    lab, laptop, _ = home("symmetric", "port-restricted")
    with lab:
        assert str(laptop.nat).endswith("mapping not known (fewer than 4 peers have told of an outside address)")
        assert str(laptop.reachability()[0]).endswith("/tcp/4001: unknown, no server has said anything")
