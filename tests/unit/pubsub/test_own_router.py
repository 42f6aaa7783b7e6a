"""A researcher's idea: one decision of the router overridden in a subclass, compared with the original on the same
seeds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.pubsub import GossipSub, Router
from p2plab.pubsub.message import Publication


class ToHalfOfTheMesh(GossipSub):
    """Passes others' messages on to every other peer only, and leaves the rest to gossip."""

    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return super().recipients(publication, sender)[::2]


def spread(lab: Lab, router: type[Router]) -> dict[str, float]:
    nodes = lab.start_nodes(25, router=router)
    lab.wire("random", degree=8)
    for node in nodes:
        node.subscribe("news")
    lab.run(3)
    message = nodes[0].publish("news", b"hello")
    lab.run(5)
    told = lab.propagation(message)
    return {"reached": told.reached, "duplicates": told.duplicates, "mesh": len(nodes[0].mesh("news"))}


def test_a_sweep_compares_a_subclass_with_the_original_on_the_same_seeds() -> None:
    with ThreadPoolExecutor(1) as here:
        table = p2plab.sweep(
            spread, seeds=range(5), grid={"router": [GossipSub, ToHalfOfTheMesh]}, executor=here, progress=False
        )
    assert "ToHalfOfTheMesh" in str(table)
    assert "router=GossipSub" in table.reproduce(next(iter(table)))
    runs = {(run.parameters["router"], run.seed): run.values for run in table}
    for seed in range(5):
        original, changed = runs[GossipSub, seed], runs[ToHalfOfTheMesh, seed]
        assert original["reached"] == changed["reached"] == 1.0
        assert changed["duplicates"] < 0.7 * original["duplicates"]
        assert changed["mesh"] == original["mesh"]  # nothing but this one decision differs


def test_a_subclass_can_be_one_nodes_or_the_labs() -> None:
    with Lab(seed=1, router=ToHalfOfTheMesh) as lab:
        lab.start_node("a")
        lab.start_node("b", router=GossipSub)
        lab.start_node("c", router="floodsub")
        lab.wire("full")
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(3)
        message = lab["a"].publish("news", b"hello")
        lab.run(2)
        assert lab.propagation(message).reached == 1.0


def test_what_is_no_router_is_an_error() -> None:
    with pytest.raises(ValidationError, match="subclass of"):
        Lab(seed=1, router=dict)
