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


# Model 3 changed all but the first: p2plab's own random numbers, by node and by direction of a pair; the order in a
# tick; the first heartbeat's delay; frames in pieces and windows that grow by acknowledgements (CHANGELOG.md).
GOLDEN: dict[Callable[[], Lab], tuple[str, str]] = {
    handshake: (
        "d98cbb2a2f2e4f84b33a68cf09b9d5b40056b89d47b799c67ee81f78114c21f8",
        "0d13c8c9b3d4b68b82379cb8ccfe2f957252bfc90068a6420b9bd26d8f7889e0",
    ),
    flood: (
        "6a03e8129b4848dc1ca1e386a9cda4ff9af07930768d743791a3c9495af2364a",
        "3719b460d0c820065ab5f9c9d43315b7ce019e1d9f08a3ec12190866a4f0981e",
    ),
    gossip: (
        "009e11fbd3ea9ec504df22c7833259769a36394fcff76025f2dae71fa443a280",
        "dcb9c676502b12f93421331bbceecb8bee3652e8824d201d41350de9c9c3b803",
    ),
    faults: (
        "653e7b47bef02abad2020b12e858e16383d3b9b4f1a17ff22a0c7bd93816ac0d",
        "50a9048b35db94cc41b4dc13c3afdd9e2698cdb72117a6e6bee169be7303af05",
    ),
    lookups: (
        "b647c42dca7b4235c44300b80314859abab641b85ca0ae595730abc218ee9787",
        "72566d495e8e451b60f8b6dfee18d5dc3edde8235493dad9d35588374ca24cbe",
    ),
}


@pytest.mark.parametrize("script", GOLDEN, ids=lambda script: script.__name__)
def test_the_digest_is_the_one_that_is_kept(script: Callable[[], Lab]) -> None:
    with script() as lab:
        whole, without = GOLDEN[script]
        assert without_commands(lab.events) == without, f"{script.__name__}: {script.__doc__}"
        assert lab.events.digest("messages") == whole, f"{script.__name__}: only how commands are written down changed"
