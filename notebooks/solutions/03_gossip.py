"""One answer to each exercise of lesson 03. There are others."""

from __future__ import annotations

from p2plab import Lab
from p2plab.pubsub import GossipSubParams


def without_duplicates() -> Lab:
    """03.1: a star has one way only from a node to another."""
    lab = Lab(seed=3, router="floodsub")
    nodes = lab.start_nodes(12)
    lab.wire("star")
    for node in nodes:
        node.subscribe("news")
    lab.run(1)
    nodes[5].publish("news", "once to each")
    lab.run(2)
    return lab


def by_gossip() -> Lab:
    """03.2: meshes of two peers fall apart, and IHAVE bridges the gaps."""
    lab = Lab(seed=3, gossipsub=GossipSubParams.spec(D=2, D_low=2, D_high=2, D_score=2, D_out=0, flood_publish=False))
    nodes = lab.start_nodes(30)
    lab.wire("random", degree=8)
    for node in nodes:
        node.subscribe("news")
    lab.run(5)
    nodes[0].publish("news", "who has not got it?")
    lab.run(5)
    return lab


def healed() -> Lab:
    """03.3: of twenty nodes, the mesh peers of one crash; a heartbeat later it has others."""
    lab = Lab(seed=3)
    nodes = lab.start_nodes(20)
    lab.wire("random", degree=12)
    for node in nodes:
        node.subscribe("news")
    lab.run(5)
    for peer in nodes[0].mesh("news")[:6]:
        lab[peer.name].crash()
    lab.run(5)
    return lab


def fast_and_cheap() -> Lab:
    """03.4: small meshes make few copies, and flood publishing gives the message a quick start."""
    lab = Lab(seed=2, latency=0.050, gossipsub=GossipSubParams.spec(D=2, D_low=2, D_high=3, D_score=2, D_out=0))
    nodes = lab.start_nodes(50)
    lab.wire("random", degree=10)
    for node in nodes:
        node.subscribe("news")
    lab.run(5)
    nodes[0].publish("news", "quick")
    lab.run(3)
    return lab
