"""Heartbeats that would decide nothing do not come, and nothing is different for it: every scenario is played twice,
with all heartbeats and without the idle ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from p2plab import Lab
from p2plab.constants import TICKS_PER_SECOND
from p2plab.pubsub import GossipSub, GossipSubParams
from p2plab.pubsub.gossipsub.scoring.params import ScoreParams, TopicScoreParams
from p2plab.pubsub.router import NEVER
from p2plab.pubsub.rpc import RPC, Control

TOPICS = ("news", "sport")


def scored(**changes: Any) -> GossipSubParams:
    topic = TopicScoreParams(topic_weight=1.0, **changes)
    return replace(GossipSubParams.spec(), score=ScoreParams(default_topic=topic, opportunistic_graft_threshold=2.0))


PARAMS: dict[str, Callable[[], GossipSubParams]] = {
    "spec": GossipSubParams.spec,
    "go": GossipSubParams.go,
    "first deliveries": lambda: scored(first_message_deliveries_weight=1.0, time_in_mesh_weight=0.01),
    "rates": lambda: scored(
        mesh_message_deliveries_weight=-1.0,
        mesh_message_deliveries_threshold=2.0,
        mesh_message_deliveries_activation=5.0,
        mesh_message_deliveries_cap=20.0,
        mesh_message_deliveries_window=0.1,
    ),
    "sparse": lambda: GossipSubParams.spec(D=3, D_low=2, D_high=4, D_out=1, D_score=2, prune_backoff=7.0),
}


def beats_always(router: GossipSub, now: int, period: int) -> int:
    return 0


def state_of(lab: Lab) -> list[str]:
    """What is left of a run in its routers, looked at as anybody may."""
    told: list[str] = []
    for host in lab.world.all_hosts():  # type: ignore[attr-defined]
        router = host.pubsub.router
        scores, gossip = router.scores, router.gossip
        told.append(
            repr((
                router.beats, router.meshes, router.backoff._ends, gossip.unwanted, gossip.mcache._windows,
                sorted(gossip.mcache._messages), scores.epoch, scores.decayed_at, sorted(scores.suspects),
                sorted(scores._retained), [router.score_of(peer) for peer in router.peers], router.watches_duplicates,
                router.topics, router.rng._count,
            ))
        )  # fmt: skip
    return told


def play(seed: int, params: str, looks: bool, recording: str = "messages") -> tuple[str, list[Any], int]:
    draw = random.Random(f"{seed} {params}")
    latency = draw.choice([0.0, 0.013, 0.08])
    lab = Lab(seed=seed, latency=latency, jitter=latency / 4, gossipsub=PARAMS[params](), recording=recording)
    nodes = lab.start_nodes(draw.randrange(4, 14))
    lab.wire("random", degree=min(len(nodes) - 1, draw.randrange(2, 9)))
    subscriptions = [(node, node.subscribe(draw.choice(TOPICS))) for node in nodes if draw.random() < 0.9]
    looked: list[object] = []
    for _ in range(draw.randrange(6, 16)):
        lab.run(draw.choice([0.0, 0.3, 1.0, 2.5, 11.1234, 40.0]))
        node, other = draw.sample(nodes, 2)
        what = draw.randrange(9)
        if not node.running:
            node.restart()
        elif what < 3:
            node.publish(draw.choice(TOPICS), draw.randbytes(draw.choice([10, 3_000])))
        elif what == 3:
            subscriptions.append((node, node.subscribe(draw.choice(TOPICS))))
        elif what == 4 and subscriptions:
            subscriptions.pop(draw.randrange(len(subscriptions)))[1].close()
        elif what == 5 and other.running:
            node.connect(other)
        elif what == 6 and node.peers():
            node.disconnect(node.peers()[0])
        elif what == 7:
            node.crash()
        else:
            scores = node.scores()
            looked.append(sorted((str(peer), row) for peer, row in scores.items()))
        if looks:
            looked.append(state_of(lab))
    lab.run(draw.choice([0.5, 33.0]))
    with lab:
        return lab.events.digest(), [looked, state_of(lab)], lab.world.clock.steps  # type: ignore[attr-defined]


@pytest.mark.dear
@pytest.mark.parametrize("params", PARAMS)
def test_a_run_is_the_same_with_and_without_idle_heartbeats(params: str, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = 0
    for seed in range(8):
        few = play(seed, params, looks=seed % 2 == 0)
        with monkeypatch.context() as patched:
            patched.setattr(GossipSub, "idle_beats", beats_always)
            every = play(seed, params, looks=seed % 2 == 0)
        assert few[:2] == every[:2], f"seed {seed}"
        saved += every[2] - few[2]
    assert saved > 100, "heartbeats were left out"


@pytest.mark.parametrize("before", [True, False], ids=["before it in its tick", "behind it in its tick"])
def test_what_happens_in_the_tick_of_a_heartbeat_that_was_left_out_has_its_place(before: bool) -> None:
    def played(tick: int) -> tuple[int, int, list[int]]:
        """The tick of a heartbeat near ``tick``, how many have come by then, and what each window of messages has."""
        with Lab(seed=5, latency=0.02) as lab:
            nodes = lab.start_nodes(4)
            lab.wire("full")
            for node in nodes:
                node.subscribe("news")
            lab.run(9.0)
            manager = lab.world.host_at(0).pubsub  # type: ignore[attr-defined]
            if tick < 0:
                tick = manager._asleep + 100_000
            if before:
                lab.at(tick / TICKS_PER_SECOND, nodes[0].publish, "news", b"hello")
            lab.run_until(tick / TICKS_PER_SECOND)
            if not before:
                nodes[0].publish("news", b"hello")
            return tick, manager.router.beats, [len(window or ()) for window in manager.router.gossip.mcache._windows]

    rested = played(-1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GossipSub, "idle_beats", beats_always)
        assert played(rested[0]) == rested
    assert rested[2][:2] == ([0, 1] if before else [1, 0])


def test_a_router_that_waits_for_a_promised_message_does_not_rest() -> None:
    router = GossipSub()
    router.attach(0, random.Random(1))
    router.add_peer(1, "/meshsub/1.1.0", True, "10.0.0.1", 0)
    router.join("news", 0)
    router.heartbeat(10_000)
    assert router.idle_beats(10_000, 10_000) == NEVER
    router.control(1, RPC(control=Control(ihave=(("news", (b"one",)),))), 11_000)
    router.heartbeat(20_000)
    assert router.idle_beats(20_000, 10_000) == 0


def test_a_condition_is_looked_at_while_nothing_happens() -> None:
    with Lab(seed=1) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        lab.run(5)
        assert lab.run_until(lambda: lab.now > 50, timeout=100)
        assert lab.now == pytest.approx(50.1, abs=0.11)
        assert lab.world.clock.next_tick() is None  # type: ignore[attr-defined]


def test_where_heartbeats_are_recorded_they_all_come() -> None:
    with Lab(seed=1) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        lab.run(10)
        lab.events.level = "all"
        lab.run(10)
        assert len(lab.events.filter(kind="pubsub.scores", node=alice)) == 10
