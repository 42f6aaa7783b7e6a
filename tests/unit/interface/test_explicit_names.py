"""Peering agreements with a name that nobody has: a misspelt one is refused, one of a node to come is not."""

from __future__ import annotations

import pytest

from p2plab import Lab, Node
from p2plab.errors import ValidationError
from p2plab.pubsub import GossipSubParams


def agreed_with(*names: str) -> GossipSubParams:
    return GossipSubParams.spec(explicit_peers=names)


def test_a_misspelt_name_is_refused_with_the_one_that_was_meant(lab: Lab, bob: Node) -> None:
    with pytest.raises(ValidationError, match=r"explicit_peers names 'bbo'.*did you mean bob"):
        lab.start_node("alice", gossipsub=agreed_with("bbo"))
    assert "alice" not in lab


@pytest.mark.parametrize("name", ["bob", "late", "rob", "n12", "peer-b"])
def test_a_node_that_is_there_or_to_come_is_taken(lab: Lab, bob: Node, name: str) -> None:
    for there in ("n11", "peer-a"):
        lab.start_node(there, gossipsub=agreed_with(name))
        assert there in lab


def test_a_peer_id_is_taken(lab: Lab, bob: Node) -> None:
    lab.start_node("alice", gossipsub=agreed_with(str(bob.peer_id)))
    assert "alice" in lab


def test_nodes_that_start_together_may_agree_with_each_other(lab: Lab) -> None:
    lab.start_nodes(2, gossipsub=agreed_with("n0", "n1"))
    assert "n1" in lab
