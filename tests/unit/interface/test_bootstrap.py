"""Bootstrap lists, in both worlds: dialled in the background, tried again, given up, and joined to the DHT."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import Lab
from p2plab.errors import AddressError, ValidationError
from p2plab.host.bootstrap import LONGEST, TRIES
from p2plab.identity.keys import Identity

PATIENCE = 20.0
NOBODY = f"/ip4/127.0.0.1/tcp/1/p2p/{Identity.derive(99, 'nobody').peer_id}"


def kinds(lab: Lab, kind: str, node: str) -> list[object]:
    return [(event.data or {}).get("target") for event in lab.events.filter(kind=f"bootstrap.{kind}", node=node)]


def test_every_node_dials_the_list_when_it_starts(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(bootstrap=["boot"])
    lab.start_node("boot")
    lab.start_nodes(3)
    assert lab.run_until(lambda: len(lab.edges()) == 3, timeout=PATIENCE)
    assert lab.edges() == [("boot", f"n{number}") for number in range(3)]
    assert kinds(lab, "reached", "boot") == kinds(lab, "failed", "boot") == []


def test_the_dht_is_joined_through_it(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(bootstrap=["boot"])
    boot = lab.start_node("boot")
    nodes = lab.start_nodes(3)
    names = ["n0", "n1", "n2"]
    joined = lambda: all(lab.events.filter(kind="bootstrap.joined", node=name) for name in names)  # noqa: E731
    assert lab.run_until(joined, timeout=PATIENCE)
    assert len(boot.dht.routing_table()) == 3
    assert all(len(node.dht.routing_table()) >= 1 for node in nodes)
    assert nodes[0].dht.find_peer(nodes[2]).peer is not None


def test_a_node_may_have_a_list_of_its_own(lab: Lab) -> None:
    boot = lab.start_node("boot")
    lab.start_node("alice", bootstrap=[boot.addresses[0], boot])
    lab.start_node("bob", bootstrap=[])
    assert lab.run_until(lambda: lab.edges() == [("alice", "boot")], timeout=PATIENCE)


def test_who_is_not_there_yet_is_tried_again_and_starting_does_not_wait(lab: Lab) -> None:
    alice = lab.start_node("alice", bootstrap=["boot"])
    assert lab.run_until(lambda: kinds(lab, "failed", "alice"), timeout=PATIENCE)
    assert alice.running
    (failed,) = lab.events.filter(kind="bootstrap.failed", node="alice")
    assert failed.reason == "no address"
    assert failed.data is not None
    assert (failed.data["target"], failed.data["try"], failed.data["again in"]) == ("boot", 1, 1.0)
    lab.start_node("boot")
    assert lab.run_until(lambda: kinds(lab, "reached", "alice") == ["boot"], timeout=PATIENCE)
    assert lab.edges() == [("alice", "boot")]


def test_one_that_fails_keeps_no_other_waiting(lab: Lab) -> None:
    lab.start_node("boot")
    lab.start_node("alice", bootstrap=["ghost", "boot"])
    assert lab.run_until(lambda: kinds(lab, "reached", "alice") == ["boot"], timeout=PATIENCE)
    assert "ghost" in kinds(lab, "failed", "alice")


def test_a_node_that_comes_back_dials_it_again(lab: Lab) -> None:
    lab.start_node("boot")
    alice = lab.start_node("alice", bootstrap=["boot"])
    assert lab.run_until(lambda: kinds(lab, "reached", "alice") == ["boot"], timeout=PATIENCE)
    alice.crash()
    alice.restart()
    assert lab.run_until(lambda: len(kinds(lab, "reached", "alice")) == 2, timeout=PATIENCE)


def test_a_node_that_goes_dials_no_more() -> None:
    with Lab(seed=7) as lab:
        alice = lab.start_node("alice", bootstrap=["ghost"])
        assert lab.run_until(lambda: kinds(lab, "failed", "alice"), timeout=PATIENCE)
        alice.stop()
        lab.run(60)
        assert len(kinds(lab, "failed", "alice")) == 1
        assert lab.events.filter(kind="error") == []


@pytest.mark.parametrize("bootstrap", ["boot", 7, [7], [""], [None], ["x"] * 101], ids=lambda value: repr(value)[:20])
def test_what_is_no_list_of_peers_is_refused(new_lab: Callable[..., Lab], bootstrap: object) -> None:
    with pytest.raises(ValidationError, match="bootstrap"):
        new_lab(bootstrap=bootstrap)
    lab = new_lab()
    with pytest.raises(ValidationError, match="bootstrap"):
        lab.start_node("alice", bootstrap=bootstrap)
    assert lab.nodes == []


@pytest.mark.parametrize("address", ["/ip4/127.0.0.1/tcp/4001", "/nonsense"])
def test_an_address_says_whom_to_expect(new_lab: Callable[..., Lab], address: str) -> None:
    with pytest.raises((ValidationError, AddressError)):
        new_lab(bootstrap=[address])


def test_it_is_given_up_after_pauses_that_double_up_to_a_bound() -> None:
    with Lab(seed=7) as lab:
        lab.start_node("alice", bootstrap=["ghost"])
        lab.run(600)
        failed = lab.events.filter(kind="bootstrap.failed", node="alice")
        assert [(event.data or {})["again in"] for event in failed] == [1, 2, 4, 8, 16, 32, *[LONGEST] * 3]
        (given_up,) = lab.events.filter(kind="bootstrap.given_up", node="alice")
        assert (given_up.data or {})["try"] == TRIES
        assert given_up.t < 310


def test_a_mock_run_with_it_is_replayed_exactly() -> None:
    with Lab(seed=7, bootstrap=["boot"]) as lab:
        boot = lab.start_node("boot")
        lab.start_nodes(3)
        lab.start_node("late", bootstrap=[boot])
        lab.run(20)
        history, digest = lab.history(), lab.events.digest()
    with Lab.replay(history) as again:
        assert again.events.digest() == digest


@pytest.mark.real
def test_nobody_at_an_address_is_refused_and_harms_nothing() -> None:
    with Lab("real", seed=7, bootstrap=[NOBODY]) as lab:
        alice, bob = lab.start_nodes(2)
        assert lab.run_until(lambda: kinds(lab, "failed", "n0"), timeout=PATIENCE)
        assert lab.events.filter(kind="bootstrap.failed", node="n0")[0].reason == "refused"
        assert alice.ping(bob) > 0
