"""Why a message did not arrive: each cause is named, and with the cause taken away the message arrives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import Lab, Node
from p2plab.errors import ValidationError
from p2plab.pubsub import GossipSubParams

Cause = Callable[[Lab], object]


def run(cause: Cause | None, after: Cause | None = None, subscribe: int = 4) -> tuple[Lab, str, Node]:
    """A line of four nodes; the cause, then a message from the first, and what is said of the last."""
    lab = Lab(seed=4)
    nodes = lab.start_nodes(4)
    lab.wire("line")
    for node in nodes[:subscribe]:
        node.subscribe("news")
    lab.run(3)
    if cause is not None:
        cause(lab)
        lab.run(1)
    message = nodes[0].publish("news", b"hello")
    if after is not None:
        after(lab)
    lab.run(3)
    return lab, message.id, nodes[3]


CAUSES: dict[str, tuple[Cause, str]] = {
    "crash": (lambda lab: lab["n3"].crash(), "had gone: crashed"),
    "partition": (lambda lab: lab.network.partition(["n0", "n1"], ["n2", "n3"]), "cut off from n0 by a partition"),
    "drop": (lambda lab: lab.network.drop(lambda frame: frame.kind == "rpc", between=("n2", "n3")), "lost on its way"),
    "reject": (lambda lab: lab["n3"].add_validator("news", lambda message: False), "did not deliver it: validator"),
    "no connection": (lambda lab: lab["n3"].disconnect("n2"), "had no connection"),
    "a neighbour": (
        lambda lab: lab["n2"].add_validator("news", lambda message: False),
        "no neighbour of n3 got it; of n2",
    ),
}


@pytest.mark.parametrize("name", CAUSES)
def test_the_cause_is_named_and_without_it_the_message_arrives(name: str) -> None:
    cause, said = CAUSES[name]
    lab, message, last = run(cause)
    chain = lab.why(message, at=last)
    assert said in chain.answer
    assert chain.events
    lab, message, last = run(None)
    assert "n3 did get it" in lab.why(message, at=last).answer


def test_one_that_did_not_subscribe() -> None:
    lab, message, last = run(None, subscribe=3)
    assert "did not subscribe" in lab.why(message, at=last).answer


def test_one_that_went_meanwhile() -> None:
    lab, message, last = run(None, after=lambda lab: lab["n3"].crash())
    assert "while the message was under way" in lab.why(message, at=last).answer


def test_a_message_that_the_log_does_not_know_is_an_error() -> None:
    lab, _, last = run(None)
    with pytest.raises(ValidationError):
        lab.why("00", at=last)


def test_why_a_peer_was_pruned() -> None:
    # Twelve neighbours that all want into a mesh of at most three.
    lab = Lab(seed=2, gossipsub=GossipSubParams.spec(D=2, D_low=1, D_high=3, D_score=1, D_out=0))
    nodes = lab.start_nodes(13)
    lab.wire("star")
    for node in nodes:
        node.subscribe("news")
    lab.run(5)
    hub = nodes[0]
    mesh = [info.name for info in hub.mesh("news")]
    refused = lab.events.filter(kind="pubsub.graft_refused", node=hub)[-1]
    assert refused.peer is not None
    chain = hub.why(refused.peer, topic="news")
    assert chain[-1] == refused
    assert f"{refused.peer} is not in n0's mesh of 'news'" in chain.answer
    assert "because: mesh full" in chain.answer
    assert "D_high=3" in chain.answer
    assert "Score" in chain.answer
    assert hub.why(lab[refused.peer].peer_id, topic="news").answer == chain.answer
    # The peer, too, can say why the node is not in its mesh: it was pruned, as asked.
    pruned = lab[refused.peer].why(hub, topic="news")
    assert (pruned[-1].kind, pruned[-1].reason) == ("pubsub.prune", "peer asked")
    assert f"n0 is in {mesh[0]}'s mesh" in lab[mesh[0]].why(hub, topic="news").answer
    assert 'no node subscribes to "nobody\'s"' in nodes[1].why("n2", topic="nobody's").answer


def test_a_message_is_explained_where_it_was_received() -> None:
    lab = Lab(seed=1, router="floodsub")
    nodes = lab.start_nodes(3)
    lab.wire("star")
    lab.network.set_link(latency=0.2, between=("n0", "n2"))
    heard = [node.subscribe("news") for node in nodes]
    lab.run(1)
    nodes[0].publish("news", b"hello")
    lab.run(1)
    assert lab.why(heard[1].messages[0])[-1].node == "n1"
    assert lab.why(heard[2].messages[0])[-1].node == "n2"
