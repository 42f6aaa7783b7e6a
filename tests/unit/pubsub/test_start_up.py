"""Meshes are no nearer than the links they are made of: the first heartbeats wait until subscriptions have come."""

from __future__ import annotations

import random
from math import fsum

import pytest

from p2plab import Lab
from p2plab.pubsub import GossipSubParams


def latencies(params: GossipSubParams) -> tuple[float, float]:
    """The mean of all links', of 20 to 140 ms, and of those in meshes; in seconds."""
    draw = random.Random(1)
    with Lab(seed=1, gossipsub=params, recording="counters") as lab:
        nodes = lab.start_nodes(150)
        of = {}
        for a, b in lab.wire("random", degree=16):
            of[frozenset((a, b))] = latency = draw.uniform(0.020, 0.140)
            lab.network.set_link(between=(a, b), latency=latency)
        for node in nodes:
            node.subscribe("news")
        lab.run(5)
        meshes = [of[frozenset((node.name, str(peer)))] for node in nodes for peer in node.mesh("news")]
        return fsum(of.values()) / len(of), fsum(meshes) / len(meshes)


@pytest.mark.parametrize("params", [GossipSubParams.spec(), GossipSubParams.go()], ids=["spec", "go"])
def test_meshes_are_as_near_as_links_are(params: GossipSubParams) -> None:
    links, meshes = latencies(params)
    assert meshes == pytest.approx(links, rel=0.02)


def test_without_the_delay_early_nodes_graft_near_peers_only() -> None:
    links, meshes = latencies(GossipSubParams.spec(heartbeat_initial_delay=0.0))
    assert meshes < 0.97 * links
