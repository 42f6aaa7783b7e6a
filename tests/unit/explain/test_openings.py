"""Why a connection was opened is always said: who dialled, and for what."""

from __future__ import annotations

import pytest

from p2plab import Lab


def answers(lab: Lab) -> dict[tuple[str | None, str | None], str]:
    opened = lab.events.filter(kind="connection.opened")
    return {(event.node, event.peer): str(lab.why(event).answer) for event in reversed(opened)}


def test_of_what_was_requested_wired_or_needed_by_a_verb() -> None:
    with Lab(seed=7) as lab:
        alice, bob, carol, dave = (lab.start_node(name) for name in ("alice", "bob", "carol", "dave"))
        alice.connect(bob)
        carol.ping(bob)
        lab.wire([(carol, dave)])
        told = answers(lab)
    assert told["alice", "bob"] == "alice dialled bob, requested"
    assert told["bob", "alice"] == "inbound: alice dialled bob, requested"
    assert told["carol", "bob"] == "carol dialled bob, since ping needed a connection"
    assert told["carol", "dave"] == "carol dialled dave, wired"


def test_of_a_bootstrap_list() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob", bootstrap=["alice"])
        lab.run(3)
        assert "bootstrap list" in answers(lab)[bob.name, alice.name]


@pytest.mark.real
def test_of_the_dht() -> None:
    with Lab("real", seed=7, dht="p2plab") as lab:
        alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
        alice.connect(bob), bob.connect(carol)
        alice.dht.put("/lab/greeting", b"hi")
        told = answers(lab)
    assert told["alice", "carol"] == "alice dialled carol, for a query of the DHT"
    assert told["carol", "alice"] == "inbound: alice dialled carol, for a query of the DHT"
    assert told["alice", "bob"] == "alice dialled bob, requested"
