"""What a diagnosis is, that healthy pairs have none, and that asking for one acts only as far as it says."""

from __future__ import annotations

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import AddressError, UnknownNodeError
from p2plab.explain.diagnosis import Diagnosis


def test_a_pair_that_never_dialled_is_healthy_once_the_dial_works() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        found = alice.diagnose(bob)
        assert found.healthy
        assert found.layer is None
        assert any("connected now" in line for line in found.evidence)
        assert lab.edges() == [("alice", "bob")]
        assert lab.diagnose("bob", alice).layer is None


@pytest.mark.parametrize("router", ["gossipsub", "floodsub"])
def test_a_pair_that_talks_has_nothing_wrong_in_either_direction(router: str) -> None:
    with Lab(seed=7, router=router) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        heard = [node.subscribe("news") for node in (alice, bob)]
        alice.connect(bob)
        lab.run(3)
        alice.publish("news", "hello")
        lab.run(1)
        assert len(heard[1].messages) == 1
        assert alice.diagnose(bob, dht=True).layer is None
        assert bob.diagnose(alice, topic="news").layer is None


def test_every_neighbour_in_a_busy_network_is_healthy() -> None:
    with Lab(seed=3) as lab:
        nodes = lab.start_nodes(16)
        lab.wire("full")
        for node in nodes:
            node.subscribe("news")
        lab.run(5)
        nodes[0].publish("news", "hello")
        lab.run(2)
        assert [found.reason for node in nodes[1:] if not (found := nodes[0].diagnose(node)).healthy] == []


def test_new_subscribers_that_meet_by_the_diagnosis_are_healthy() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.subscribe("news"), bob.subscribe("news")
        assert alice.diagnose(bob).layer is None


def test_a_diagnosis_leaves_subscriptions_and_settings_as_they_are() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.subscribe("chat")
        alice.diagnose(bob, topic="Chat", protocol="/x/1.0.0", dht=True)
        kinds = {event.kind for event in lab.events}
        assert not kinds & {"pubsub.unsubscribe", "admission.changed", "pubsub.publish"}
        assert [event.topic for event in lab.events.filter(kind="pubsub.subscribe")] == ["chat"]
        verbs = [(event.data or {})["verb"] for event in lab.events.filter(kind="lab.command")]
        assert set(verbs) <= {"start_nodes", "subscribe", "connect", "ping", "identify"}


def test_a_diagnosed_run_is_replayed_with_the_same_digest() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.subscribe("news"), bob.subscribe("news")
        alice.diagnose(bob)
        with Lab.replay(lab.history()) as again:
            assert again.events.digest() == lab.events.digest()


def test_what_a_peer_chose_is_escaped_in_html() -> None:
    shown = Diagnosis("topic", "<script>", ("<b>$x$",), "<i>")._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "mathjax_ignore" in shown


def test_a_name_that_no_node_has_is_an_error() -> None:
    with Lab(seed=7) as lab:
        lab.start_node("alice")
        with pytest.raises(UnknownNodeError):
            lab["alice"].diagnose("bbo")


def test_two_nodes_are_diagnosed_by_the_module_too() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        bob.crash()
        assert p2plab.diagnose(alice, bob).layer == "node"
    with pytest.raises(AddressError, match=r"'127\.0\.0\.1:4001' is not an address: one begins with /, as in /ip4/"):
        p2plab.diagnose("127.0.0.1:4001")


def test_the_command_gives_the_diagnosis_as_a_row() -> None:
    with Lab(seed=7) as lab:
        lab.start_nodes(2)
        lab["n1"].stop()
        result = lab.execute_command("diagnose", node="n0", peer="n1")["result"]
        assert (result["healthy"], result["layer"]) == (False, "node")
        assert result["remedy"] == "n1.restart()"


def test_an_address_of_a_peer_that_is_connected_already_is_said_not_to_have_been_dialled() -> None:
    with Lab(seed=3) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        (known,) = bob.addresses
        other = known.replace("/tcp/4001/", "/tcp/9/")
        found = alice.diagnose(other)
        assert found.healthy
        assert f"connected over {known.partition('/p2p/')[0]} already, so {other} was not dialled" in found.reason
        assert alice.diagnose(known).remedy == ""
