"""The fold of the log: against the live lab after random commands, over gaps and forgotten rows, and at any moment."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.errors import EventLogError, LabError, ValidationError
from p2plab.events import EventLog, NetworkState

TOPICS = ("news", "sport", "weather")


def agree(lab: Lab, state: NetworkState) -> None:
    """Hold the state against what the lab itself says."""
    assert state.nodes == [node.name for node in lab.nodes]
    assert state.down == [node.name for node in lab.nodes if not node.running]
    assert state.edges == lab.edges()
    order = {name: place for place, name in enumerate(state.nodes)}
    subscribed = {topic: [node.name for node in lab.nodes if topic in node.topics()] for topic in TOPICS}
    assert {topic: names for topic, names in subscribed.items() if names} == dict(state.subscriptions)
    for topic in TOPICS:
        for node in lab.nodes:
            for said, told in ((state.meshes, node.mesh(topic)), (state.fanout, node.fanout(topic))):
                names = sorted((info.name for info in told), key=lambda name: order[name])
                assert said[topic][node.name] == names, (topic, node.name)


def act(lab: Lab, draw: random.Random, level: int = 0) -> None:
    """One random command; what a lab in this state refuses changes nothing."""
    node = lab.nodes[draw.randrange(len(lab.nodes))]
    other = lab.nodes[draw.randrange(len(lab.nodes))]
    topic = TOPICS[draw.randrange(len(TOPICS))]
    choice = draw.randrange(14)
    try:
        if choice < 3:
            node.subscribe(topic)
        elif choice == 3:
            node.publish(topic, b"x")
        elif choice < 6:
            node.connect(other, timeout=2)
        elif choice == 6:
            node.disconnect(other)
        elif choice == 7:
            node.crash(silent=draw.random() < 0.4)
        elif choice < 10:
            node.restart(state=draw.choice(["kept", "lost"]))
        elif choice == 10:
            names = [one.name for one in lab.nodes]
            draw.shuffle(names)
            lab.network.partition(names[:3], names[3:6])
        elif choice == 11:
            lab.network.heal()
        elif choice == 12:
            lab.start_node(f"late{len(lab.nodes)}")
        else:
            node.publish(topic, b"hello")
        lab.run(draw.choice([0.0, 0.05, 1.0, 3.0, 30.0]))
    except LabError:
        lab.run(0.1)


@pytest.mark.parametrize("seed", range(6))
def test_the_fold_is_what_the_lab_says_after_any_commands(seed: int) -> None:
    draw = random.Random(seed)
    with Lab(seed=seed) as lab:
        lab.start_nodes(8)
        lab.wire("random", degree=3)
        moments: list[tuple[float, int, NetworkState]] = []
        for _ in range(60):
            act(lab, draw)
            state = lab.events.state()
            agree(lab, state)
            moments.append((lab.now, state.seq, state))
        for _, seq, state in moments:
            assert lab.events.state(seq=seq) == state
