"""The written-out way of an RPC through a mock lab, and the one that goes through every part, come to the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

import p2plab.mock.pubsub
from p2plab import Lab
from p2plab.mock.connections.connection import MockConnection
from p2plab.network.plain import send_to_each
from p2plab.pubsub import Delay, FloodSub, GossipSub, GossipSubParams, PubSubManager, Reject, Router
from tests.unit.pubsub.test_idle_heartbeats import PARAMS, play, scored, state_of


def one_by_one(*args: Any) -> None:
    """Sends to each by itself, through all parts."""
    given = inspect.signature(send_to_each).bind(*args).arguments
    send_to_each(**{**given, "plain": False})


def through_all_parts(end: MockConnection, rpc: Any) -> None:
    """An RPC that comes is handed on, whatever it is."""
    if not end.is_closed:
        end.receive_rpc(rpc)


def both_ways(run: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, int]:
    """What the run gives the one way and the other, and how many RPCs fewer were handed to the parts."""
    handed = [0, 0]
    inner = PubSubManager.receive
    found = []
    for way in (0, 1):

        def count(manager: PubSubManager, peer: int, rpc: Any, way: int = way) -> None:
            handed[way] += 1
            inner(manager, peer, rpc)

        with monkeypatch.context() as patched:
            patched.setattr(PubSubManager, "receive", count)
            if way:
                patched.setattr(MockConnection, "arrive", through_all_parts)
                patched.setattr(p2plab.mock.pubsub, "send_to_each", one_by_one)
            found.append(run())
    return found[0], found[1], handed[1] - handed[0]


@pytest.mark.parametrize("recording", ["counters", "messages"])
@pytest.mark.parametrize("params", ["spec", "first deliveries", "rates"])
def test_a_run_is_the_same_written_out_and_not(params: str, recording: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        short, long, _ = both_ways(partial(play, seed, params, True, recording), monkeypatch)
        assert short == long, f"seed {seed}"


def judged(level: str) -> Callable[[], Any]:
    """A run with messages that are judged at once, later, and refused, and that are forgotten soon."""

    def run() -> Any:
        rates = scored(
            mesh_message_deliveries_weight=-1.0,
            mesh_message_deliveries_threshold=2.0,
            mesh_message_deliveries_activation=5.0,
            mesh_message_deliveries_cap=20.0,
            mesh_message_deliveries_window=0.02,
        )
        params = replace(rates, seen_ttl=0.25)
        with Lab(seed=3, jitter=0.02, latency=0.05, gossipsub=params, recording=level) as lab:
            nodes = lab.start_nodes(10)
            lab.wire("random", degree=5)
            for node in nodes:
                for topic in ("news", "sport"):
                    node.subscribe(topic)
                node.add_validator("sport", Delay([0.0, 0.03]))
                node.add_validator("sport", Reject(0.2))
            lab.run(5)
            for number in range(20):
                nodes[number % 4].publish(("news", "sport")[number // 10], bytes([number]))
                lab.run(0.3)
                if number == 9:
                    nodes[4].crash()
            traffic = [str(node.traffic()) for node in nodes if node.running]
            counts = [sorted(lab.events.counts_of(node.name).items()) for node in nodes]
            return counts, state_of(lab), traffic, lab.events.digest()

    return run


@pytest.mark.parametrize("level", ["counters", "messages"])
def test_judged_and_forgotten_messages_are_counted_alike(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short, long, fewer = both_ways(judged(level), monkeypatch)
    assert short == long
    assert fewer > 0


copies_told = [0]


class Counting(GossipSub):
    """Counts the copies that it is told of."""

    def duplicate(self, *args: Any) -> Any:
        copies_told[0] += 1
        return super().duplicate(*args)


class CountingFlood(FloodSub):
    """The same."""

    watches_duplicates = True

    def duplicate(self, *args: Any) -> Any:
        copies_told[0] += 1
        return super().duplicate(*args)


@pytest.mark.parametrize("router", [Counting, CountingFlood])
def test_a_router_of_a_users_is_told_of_every_copy(router: type[Router]) -> None:
    copies_told[0] = 0
    with Lab(seed=1, recording="counters", gossipsub=PARAMS["rates"]()) as lab:
        nodes = lab.start_nodes(8, router=router)
        lab.wire("full")
        for node in nodes:
            node.subscribe("news")
        lab.run(5)
        for node in nodes:
            node.publish("news", b"hello")
        lab.run(1)
        assert copies_told[0] == lab.events.counts["pubsub.duplicate"] > 50


def test_a_follower_is_told_of_every_copy() -> None:
    with Lab(seed=1, recording="counters", gossipsub=GossipSubParams.spec()) as lab:
        nodes = lab.start_nodes(8)
        lab.wire("full")
        for node in nodes:
            node.subscribe("news")
        lab.run(5)
        follower = lab.events.follow(["pubsub.duplicate"])
        nodes[0].publish("news", b"hello")
        lab.run(1)
        rows = follower.drain()
        assert len(rows) == lab.events.counts["pubsub.duplicate"] > 5
