"""What a node has seen of providers, in both worlds: told, ranked, explained, kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from p2plab import Lab, Node
from p2plab.errors import UnknownNodeError, ValidationError

CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"


@pytest.fixture
def carol(lab: Lab, alice: Node, bob: Node, wait: Callable[[Callable[[], object]], None]) -> Node:
    node = lab.start_node("carol")
    lab.wire("full")
    wait(lambda: all(len(one.peers()) == 2 and all(peer.protocols for peer in one.peers()) for one in lab.nodes))
    return node


def test_providers_are_ranked_by_what_came_of_them_and_why_says_it(
    lab: Lab, alice: Node, bob: Node, carol: Node
) -> None:
    bob.routing.provide(CID)
    carol.routing.provide(CID)
    found = alice.routing.find_providers(CID).providers
    assert {peer.name for peer in found} == {"bob", "carol"}
    for _ in range(3):
        alice.routing.judge(bob, "bad block")
    alice.routing.judge("carol", "delivered", size=65536, seconds=0.1)
    assert [peer.name for peer in alice.routing.rank(found)] == ["carol", "bob"]
    table = alice.routing.reputation()
    assert [(row.refused, row.peer) for row in table] == [(False, carol.peer_id), (True, bob.peer_id)]
    assert "bob" in repr(table)
    why = alice.why(bob).answer
    assert "alice and bob are connected" in why
    assert "As a provider 0.0" in why
    assert "refused, since its bad blocks weigh 3.0" in why
    assert "As a provider" not in bob.why(alice).answer
    bad = lab.events.filter(kind="reputation.bad_block", node="alice", peer="bob")
    assert [(event.data or {})["refused"] for event in bad] == [False, False, True]


def test_bad_judgements_are_refused_and_asking_changes_nothing(lab: Lab, alice: Node, bob: Node) -> None:
    before = lab.events.digest()
    assert alice.routing.reputation() == []
    assert alice.routing.rank([]) == []
    assert lab.events.digest() == before
    for wrong in ("delivred", "", 5):
        with pytest.raises(ValidationError):
            alice.routing.judge(bob, wrong)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        alice.routing.judge(bob, "delivered", size=-1)
    with pytest.raises(UnknownNodeError):
        alice.routing.judge("nobody", "failed")
    assert alice.routing.reputation() == []


def test_a_node_that_lost_its_state_has_lost_its_opinions(lab: Lab, alice: Node, bob: Node) -> None:
    alice.routing.judge(bob, "failed")
    alice.stop()
    alice.restart()
    alice.connect(bob)  # which waits until it is up
    assert len(alice.routing.reputation()) == 1
    alice.stop()
    alice.restart(state="lost")
    alice.connect(bob)
    assert alice.routing.reputation() == []


@pytest.mark.real
def test_it_is_kept_in_the_labs_home(tmp_path: Path) -> None:
    with Lab("real", seed=7, home=tmp_path / "home") as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        for _ in range(3):
            alice.routing.judge(bob, "bad block")
    with Lab("real", seed=7, home=tmp_path / "home") as lab:
        (row,) = lab.start_node("alice").routing.reputation()
        assert row.peer == lab.start_node("bob").peer_id
        assert row.refused
