"""A replay is exact after any sequence of commands, those that only ask included."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from p2plab import Lab
from p2plab.errors import LabError
from p2plab.kademlia import cid_of

COMMANDS = 60


def actions(lab: Lab, draw: random.Random) -> list[Callable[[], object]]:
    def node() -> str:
        return draw.choice(lab.nodes).name

    def key() -> str:
        return f"/lab/{draw.randrange(3)}"

    return [
        lambda: lab.wire(draw.choice(["ring", "line", "star"])),
        lambda: lab[node()].subscribe(draw.choice("ab")),
        lambda: lab[node()].publish(draw.choice("ab"), b"x"),
        lambda: lab.run(draw.choice([0.1, 1.0, 3.0])),
        lambda: lab[node()].dht.put(key(), b"v"),
        lambda: lab[node()].dht.get(key()),
        lambda: lab[node()].dht.provide(cid_of(key().encode())),
        lambda: lab.dht.holders(key()),
        lambda: lab.dht.crawl(),
        lambda: lab.dht.fill(),
        lambda: lab[node()].dht.routing_table(),
        lambda: lab[node()].crash(),
        lambda: lab[node()].restart(),
        lambda: lab[node()].stop(),
        lambda: lab[node()].connect(node()),
        lambda: lab[node()].disconnect(node()),
        lambda: lab[node()].ping(node()),
        lambda: lab[node()].identify(node()),
        lambda: lab[node()].peers(),
        lambda: lab[node()].mesh("a"),
        lambda: lab[node()].scores(),
        lambda: lab.network.set_link(latency=draw.choice([0.01, 0.1]), loss=draw.choice([0.0, 0.05])),
        lambda: lab.network.partition([node()], [node()]),
        lambda: lab.network.heal(),
        lambda: lab.why(lab[node()].publish("a", b"y")),
        lambda: lab.start_nodes(7),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_replay_is_exact_after_random_commands(seed: int) -> None:
    draw = random.Random(seed)
    with Lab(seed=seed) as lab:
        lab.start_nodes(6)
        choices = actions(lab, draw)
        done = 0
        for _ in range(COMMANDS):
            try:
                draw.choice(choices)()
                done += 1
            except (LabError, TimeoutError, OSError):
                continue  # a node that is not connected, crashed or stopped: that is replayed as well
        assert done > COMMANDS / 2
        digest = lab.events.digest()
        with Lab.replay(lab.history()) as again:
            assert again.events.digest() == digest


@pytest.mark.parametrize("ask", ["holders", "routing_table", "crawl"])
def test_asking_the_dht_before_anything_of_it_was_used_changes_nothing_that_a_replay_lacks(ask: str) -> None:
    with Lab(seed=1) as lab:
        nodes = lab.start_nodes(5)
        lab.wire("ring")
        if ask == "holders":
            lab.dht.holders("/lab/x")
        elif ask == "crawl":
            lab.dht.crawl()
        else:
            nodes[0].dht.routing_table()
        lab.run(1)
        nodes[1].dht.put("/lab/x", b"v")
        with Lab.replay(lab.history()) as again:
            assert again.events.digest() == lab.events.digest()


@pytest.mark.parametrize("state", ["kept", "lost"])
def test_a_node_whose_pubsub_was_only_looked_at_comes_back_as_if_nobody_had(state: str) -> None:
    told = []
    for ask in (False, True):
        with Lab(seed=1) as lab:
            alice, bob = lab.start_nodes(2)
            if ask:
                assert alice.mesh("a") == []  # which looks at bob, too
            for node in (alice, bob):
                node.stop()
                node.restart(state=state)
            lab.run(3)
            message = bob.publish("a", b"x")
            lab.run(1)
            told.append((message.id, lab.events.digest()))
            with Lab.replay(lab.history()) as again:
                assert again.events.digest() == lab.events.digest()
    assert told[0] == told[1]
