"""One answer to each exercise of lesson 05. There are others."""

from __future__ import annotations

from p2plab import Lab
from p2plab.identity.cid import cid_for
from p2plab.kademlia import DhtParams


def _network() -> Lab:
    lab = Lab(seed=5, dht=DhtParams(k=4, alpha=3))
    lab.start_nodes(60)
    lab.dht.fill()
    return lab


def in_order_of_distance() -> list[int]:
    """05.1: XOR is the distance."""
    return sorted([2, 4, 9, 12, 14], key=lambda key: key ^ 6)


def outlives_its_publisher() -> Lab:
    """05.2: the nodes closest to the key hold the value, not its publisher alone."""
    lab = _network()
    lab["n0"].dht.put("/lab/will", "to my heirs")
    lab["n0"].crash()
    lab["n30"].dht.get("/lab/will")
    return lab


def several_providers() -> Lab:
    """05.3: records of several providers lie side by side under one key."""
    lab = _network()
    cid = cid_for(b"a song")
    for name in ("n1", "n2", "n3"):
        lab[name].dht.provide(cid)
    lab["n40"].dht.find_providers(cid)
    return lab


def lost() -> Lab:
    """05.4: the closest nodes, which hold the value; its publisher is far from the key, so nobody asks it."""
    lab = _network()
    publisher = lab["n5"]
    publisher.dht.put("/lab/secret", "gone")
    for peer in lab.dht.holders("/lab/secret").should:
        lab[peer.name].crash()
    seeker = next(node for node in lab.nodes if node.running and node.name != publisher.name)
    seeker.dht.get("/lab/secret")
    return lab
