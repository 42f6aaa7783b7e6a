"""The fold of a real lab's log is what the lab says, after faults of all kinds."""

from __future__ import annotations

import random

import pytest

from p2plab import Lab
from p2plab.errors import ClosedError, LabError

WAIT = 20.0


def differences(lab: Lab) -> list[str]:
    """Where the fold and the lab say different things; a connection that one end has closed already may still be open
    at the other, so the lab is asked again until both agree."""
    state = lab.events.state()
    found = []
    nodes = lab.nodes
    if sorted(state.nodes) != sorted(node.name for node in nodes):  # they come up together, in any order
        found.append(f"nodes {state.nodes}")
    if sorted(state.down) != sorted(node.name for node in nodes if not node.running):
        found.append(f"down {state.down}")
    if state.edges != lab.edges():
        found.append(f"edges {state.edges} and not {lab.edges()}")
    for node in nodes:
        if not node.running:
            continue
        try:
            said, mesh = node.topics(), sorted(str(info.name) for info in node.mesh("news"))
        except ClosedError:  # it runs, and its stack is still coming up
            found.append(f"{node} is not there yet")
            continue
        topics = [topic for topic, names in state.subscriptions.items() if node.name in names]
        if topics != said:
            found.append(f"{node} subscribes to {said}, the fold says {topics}")
        if sorted(state.meshes["news"][node.name]) != mesh:
            found.append(f"mesh of {node}: {mesh}, the fold says {state.meshes['news'][node.name]}")
    return found


@pytest.mark.real
@pytest.mark.parametrize("router", ["libp2p", "p2plab"])
def test_the_fold_is_what_the_lab_says_after_crashes_and_cuts(router: str) -> None:
    draw = random.Random(router)
    with Lab("real", seed=5, pubsub=router) as lab:
        nodes = lab.start_nodes(5)
        lab.wire("ring")
        for node in nodes:
            node.subscribe("news")
        for step in range(14):
            node = nodes[draw.randrange(5)]
            try:
                if not node.running:
                    node.restart(state=draw.choice(["kept", "lost"]))
                elif step % 4 == 0:
                    node.crash()
                elif step % 4 == 1:
                    lab.network.partition([one.name for one in nodes[:2]], [one.name for one in nodes[2:]])
                    lab.network.heal()
                elif step % 4 == 2:
                    node.subscribe(draw.choice(["news", "sport"]))
                else:
                    node.connect(nodes[draw.randrange(5)], timeout=2)
            except LabError:
                assert lab.nodes == nodes, "a command that fails takes no node away"
            assert lab.run_until(lambda: not differences(lab), timeout=WAIT), differences(lab)


@pytest.mark.real
def test_a_node_outside_the_lab_has_edges_while_it_is_attached() -> None:
    with Lab("real", seed=5) as lab, Lab("real", seed=6) as elsewhere:
        alice, other = lab.start_node("alice"), elsewhere.start_node("other")
        alice.connect(other.addresses[0])
        assert lab.events.state().edges == []
        lab.attach(other.addresses, "stranger")
        assert lab.run_until(lambda: lab.events.state().edges == lab.edges() == [("alice", "stranger")], timeout=WAIT)
        state = lab.events.state()
        assert (state.nodes, state.attached, state.lost) == (["alice"], ["stranger"], [])
        lab.detach("stranger")
        assert lab.events.state().attached == []
