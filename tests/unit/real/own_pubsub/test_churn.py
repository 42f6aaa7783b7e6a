"""Mixed labs whose nodes crash, stop, come back, disconnect, leave and join: in the end everybody hears everybody."""

from __future__ import annotations

import random

import pytest

from p2plab import Lab, Node
from tests.unit.real.own_pubsub.scene import one_mesh

WAIT = 30.0
NODES, ROUNDS = 10, 12


def disturb(lab: Lab, node: Node, draw: random.Random) -> None:
    """Do one thing to a node, and mend the network."""
    what = draw.choice(["crash", "stop", "disconnect"])
    if what == "disconnect":
        for peer in node.peers()[:1]:
            node.disconnect(peer.name)
    else:
        (node.crash if what == "crash" else node.stop)()
        restarted = len(lab.events.filter(kind="node.restarted"))
        node.restart()
        assert lab.run_until(lambda: len(lab.events.filter(kind="node.restarted")) > restarted, timeout=WAIT)
    lab.wire("random", degree=5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_is_published_after_a_storm_reaches_everybody(seed: int) -> None:
    draw = random.Random(seed)
    with Lab("real", seed=seed) as lab:
        nodes = [lab.start_node(f"n{number}", pubsub=("p2plab", "libp2p")[number % 2]) for number in range(NODES)]
        lab.wire("random", degree=5)
        queues = {node.name: node.subscribe("news") for node in nodes}
        for number in range(ROUNDS):
            node = draw.choice(nodes)
            if draw.random() < 0.3:
                queues[node.name].close()
                queues[node.name] = node.subscribe("news")
            else:
                disturb(lab, node, draw)
            draw.choice(nodes).publish("news", b"%d" % number)
        assert lab.run_until(
            lambda: all({info.name for info in n.topic_peers("news")} == {p.name for p in n.peers()} for n in nodes),
            timeout=WAIT,
        )
        assert lab.run_until(lambda: one_mesh(nodes), timeout=WAIT)
        sent = {node.publish("news", b"at last").id for node in nodes}
        assert lab.run_until(
            lambda: all(sent <= {message.id for message in queue.messages} for queue in queues.values()), timeout=WAIT
        )
        assert lab.events.filter(kind="error") == []
