"""Whatever befalls a lab, ``lab.why(message, at=node)`` has an answer that does not contradict what happened, and none
that leaves it open once nothing is under way any more."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from p2plab import Lab, Node
from p2plab.errors import ClosedError, DialError
from p2plab.pubsub import GossipSubParams

NARROW = GossipSubParams.spec(
    D=2, D_low=1, D_high=3, D_score=1, D_out=0, D_lazy=0, gossip_factor=0.0, flood_publish=False
)


def befall(lab: Lab, node: Node, other: Node, rng: random.Random) -> None:
    """One thing that can happen."""
    happenings: dict[str, Callable[[], object]] = {
        "crash": lambda: node.crash(silent=rng.random() < 0.3),
        "restart": lambda: node.restart(state=rng.choice(["kept", "lost"])),
        "partition": lambda: lab.network.partition([node], [other]),
        "heal": lab.network.heal,
        "subscribe": lambda: node.subscribe("news"),
        "disconnect": lambda: node.disconnect(other),
        "connect": lambda: node.connect(other, timeout=1.0),
        "judge": lambda: node.add_validator("news", lambda message: message.data != b"bad"),
        "hold": lambda: lab.network.hold(node, other),
        "release": lab.network.release,
        "drop": lambda: lab.network.drop(1),
    }
    name = rng.choice(list(happenings))
    if (name == "restart") == node.running:
        return
    try:
        happenings[name]()
    except (DialError, ClosedError):
        pass  # both are what happened, too


@pytest.mark.parametrize("seed", range(12))
def test_every_message_that_is_missing_anywhere_has_an_answer(seed: int) -> None:
    rng = random.Random(seed)
    router = "floodsub" if seed % 4 == 3 else "gossipsub"
    with Lab(seed=seed, router=router, gossipsub=NARROW if seed % 2 else GossipSubParams.spec()) as lab:
        nodes = lab.start_nodes(8)
        lab.wire("random", degree=2)
        for node in nodes:
            if rng.random() < 0.85:
                node.subscribe("news")
        lab.run(3)
        sent = []
        for _ in range(14):
            node, other = rng.sample(nodes, 2)
            if rng.random() < 0.3 and node.running:
                sent.append((node, node.publish("news", rng.choice([b"good", b"bad"]))))
            else:
                befall(lab, node, other, rng)
            lab.run(rng.choice([0.0, 0.01, 0.1, 1.0]))
        lab.run(8)
        for publisher, message in sent:
            got = {event.node for event in lab.events.filter(kind="pubsub.deliver", ref=message.id)}
            for node in nodes:
                chain = lab.why(message, at=node)
                assert chain.events
                if node is not publisher:
                    assert (f"{node.name} did get it" in chain.answer) == (node.name in got)
                    assert "under way, or kept back" not in chain.answer
