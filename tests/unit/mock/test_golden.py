"""Digests of whole runs, kept: a change that alters what happens in a lab shows here, and has to be meant.

Each entry says what may change it. When one does change on purpose, the new digest goes in with the commit that
explains why; the same digests hold on every supported Python. The second of each is of the run without its commands'
own rows: what nodes do and decide, whatever the verbs that had them do it are called.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import Lab
from tests.unit.mock.digests import without_commands


def handshake() -> Lab:
    """Changed by: the steps, sizes or events of dialling, negotiation, identify and ping; how identities are derived;
    how a command is written down."""
    lab = Lab(seed=1, latency=0.010)
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    alice.ping(bob)
    return lab


def flood() -> Lab:
    """Changed by: the random wiring, FloodSub's rules, the events of publishing and delivery, message ids."""
    lab = Lab(seed=2, latency=0.020, jitter=0.010, router="floodsub")
    nodes = lab.start_nodes(10)
    lab.wire("random", degree=3)
    for node in nodes:
        node.subscribe("news")
    lab.run(1)
    nodes[0].publish("news", b"hello")
    lab.run(1)
    return lab


def gossip() -> Lab:
    """Changed by: any decision of GossipSub or its scores, its default parameters, the order of its random draws."""
    lab = Lab(seed=3, latency=0.050, jitter=0.020)
    nodes = lab.start_nodes(25)
    lab.wire("random", degree=8)
    for node in nodes:
        node.subscribe("news")
    lab.run(3)
    for node in nodes[:5]:
        node.publish("news", node.name)
    lab.run(5)
    return lab


def faults() -> Lab:
    """Changed by: what a cut, a crash, loss or churn does, and when; the draws of the purposes they use."""
    lab = Lab(seed=4, transport="tcp", network="regions")
    nodes = lab.start_nodes(12)
    lab.wire("ring")
    lab.network.set_link(loss=0.02)
    lab.network.churn("weibull", nodes=nodes[6:], up=20.0, down=5.0)
    lab.at(5.0, lab.network.partition, ["n0", "n1"], ["n2", "n3"])
    lab.at(20.0, lab.network.heal)
    for node in nodes:
        node.subscribe("news")
    lab.every(3.0, nodes[0].publish, "news", b"tick")
    lab.run(60)
    return lab


def lookups() -> Lab:
    """Changed by: any decision of the Kademlia core, its parameters, upkeep, or the cost of its requests."""
    lab = Lab(seed=5)
    nodes = lab.start_nodes(30)
    lab.wire("random", degree=4)
    nodes[0].dht.put("/lab/greeting", b"hi")
    nodes[7].dht.get("/lab/greeting")
    return lab


GOLDEN: dict[Callable[[], Lab], tuple[str, str]] = {
    handshake: (
        "d98cbb2a2f2e4f84b33a68cf09b9d5b40056b89d47b799c67ee81f78114c21f8",
        "0d13c8c9b3d4b68b82379cb8ccfe2f957252bfc90068a6420b9bd26d8f7889e0",
    ),
    flood: (
        "1c249258cac9e98e553b9da32afec9ee6d3792805846b559f4647d2ee27188cb",
        "b53dba1ec5d71f793d64c86da0e30c76ee1f53230e6d99b15f2362aa68176309",
    ),
    gossip: (
        "4f88d3e0fc73863169460db1913355498bf4c2ec15ad0eba24c82f9ae3ff8006",
        "e6bad4780644b8b164cb767c78d88f56196350959380e968478645c361d257c0",
    ),
    faults: (
        "ec2498cb79e4b5eb0c3256b8e66e0c1dd2e74d471315aeff362a68c1bbcab220",
        "d5205e1fe05a6b204a9f386baff93b530c32911de61ddd575ec782b9a79b5478",
    ),
    lookups: (
        "c7d4f35049f4128ab543090681548f52f18b1bcb93b2001169e2a8b57405078c",
        # Answers name the next closest peer in the asker's place (ipfs/specs): other peers are heard of, and asked.
        "1b47c705ff5b72d2fb95c720722e036451267d37866a534f71be4e08b5b543e6",
    ),
}


@pytest.mark.parametrize("script", GOLDEN, ids=lambda script: script.__name__)
def test_the_digest_is_the_one_that_is_kept(script: Callable[[], Lab]) -> None:
    with script() as lab:
        whole, without = GOLDEN[script]
        assert without_commands(lab.events) == without, f"{script.__name__}: {script.__doc__}"
        assert lab.events.digest("messages") == whole, f"{script.__name__}: only how commands are written down changed"
