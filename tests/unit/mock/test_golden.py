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


# Model 4 changed all that wire: random graphs and regions are drawn by p2plab's own rules, regions by node.
# Model 3 changed all but the first: p2plab's own random numbers, by node and by direction of a pair; the order in a
# tick; the first heartbeat's delay; frames in pieces and windows that grow by acknowledgements (CHANGELOG.md).
GOLDEN: dict[Callable[[], Lab], tuple[str, str]] = {
    handshake: (
        "d98cbb2a2f2e4f84b33a68cf09b9d5b40056b89d47b799c67ee81f78114c21f8",
        "0d13c8c9b3d4b68b82379cb8ccfe2f957252bfc90068a6420b9bd26d8f7889e0",
    ),
    flood: (
        "a57a3f0bbe72973433b1c7a99329635776213e272f5445fd8cf9cea583b85f3a",
        "ac1ab2d7769257132648c2197cfad05af6b740e86d3428e2aedf42ffbf1f98cd",
    ),
    gossip: (
        "8e18f1993d086259df3b6ded3217055cf2cd3a148cb79e77b7752789fc0a5727",
        "b96e53aaf47c10f5c75255d2688ed263e85c44f4a470bddc94e62d3693c22822",
    ),
    faults: (
        "bf1d2df3523cb4448bd9b1063ed84f3918507aaf61c108a99fa4097c5ca0a5bd",
        "ad27d494aa34b4301ebbccf4445d6aa60e3e037301e6df3b16f7430092313211",
    ),
    lookups: (
        "913be8b6fe0a44168e4203f86e1ebefd1530258974dc1a26058ac7e81138e7fb",
        "502350939b7c19d4be701d865ef6a8fb89f28a48ba2a36eaf0cd9ded249c0b61",
    ),
}


@pytest.mark.parametrize("script", GOLDEN, ids=lambda script: script.__name__)
def test_the_digest_is_the_one_that_is_kept(script: Callable[[], Lab]) -> None:
    with script() as lab:
        whole, without = GOLDEN[script]
        assert without_commands(lab.events) == without, f"{script.__name__}: {script.__doc__}"
        assert lab.events.digest("messages") == whole, f"{script.__name__}: only how commands are written down changed"
