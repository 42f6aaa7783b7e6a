"""Whom a router chooses, and for what: the one decision most ideas are about."""

from __future__ import annotations

import math

import pytest

from p2plab import Lab
from p2plab.pubsub import GossipSub, GossipSubParams
from p2plab.pubsub.gossipsub.automaton import PURPOSES, Purpose
from tests.unit.pubsub.stand import TOPIC, Stand


class NearestFirst(GossipSub):
    """Grafts the peers that answer soonest."""

    def choose(self, candidates: list[int], count: int, purpose: Purpose = "graft") -> list[int]:
        if purpose == "graft":
            return sorted(candidates, key=self.rtt)[: max(0, count)]
        return super().choose(candidates, count, purpose)


class Told(GossipSub):
    """Keeps what it was asked."""

    __slots__ = ("asked",)

    def __init__(self, params: GossipSubParams | None = None) -> None:
        super().__init__(params)
        self.asked: list[Purpose] = []

    def choose(self, candidates: list[int], count: int, purpose: Purpose = "graft") -> list[int]:
        self.asked.append(purpose)
        return super().choose(candidates, count, purpose)


class LowestFirst(GossipSub):
    """As overrides were written before there were purposes."""

    def choose(self, candidates: list[int], count: int) -> list[int]:  # type: ignore[override]
        candidates.sort()
        return candidates[: max(0, count)]


def test_the_nearest_are_grafted_by_a_router_of_ten_lines() -> None:
    stand = Stand(router=NearestFirst())
    stand.rtts = {peer: 0.010 * ((peer * 7) % 20) for peer in range(1, 21)}
    stand.add(*range(1, 21))
    stand.join()
    nearest = sorted(stand.rtts, key=lambda peer: stand.rtts[peer])[: stand.router.params.D]
    assert stand.mesh == sorted(nearest)


def test_in_a_lab_meshes_of_the_nearest_are_nearer_than_by_chance() -> None:
    def mean_rtt(router: type[GossipSub]) -> float:
        with Lab(seed=3, router=router) as lab:
            nodes = lab.start_nodes(20)
            for at, one in enumerate(nodes):
                for other in nodes[at + 1 :]:
                    apart = abs(int(one.name[1:]) - int(other.name[1:]))
                    lab.network.set_link(latency=0.005 * apart, between=(one, other))
            lab.wire("full")
            lab.run(2)
            for node in nodes:
                node.subscribe(TOPIC)
            lab.run(1)
            apart_in_meshes = [
                abs(int(node.name[1:]) - int(peer.name[1:])) for node in nodes for peer in node.mesh(TOPIC)
            ]
            return sum(apart_in_meshes) / len(apart_in_meshes)

    assert mean_rtt(NearestFirst) < 0.6 * mean_rtt(GossipSub)


def test_a_ping_is_the_round_trip_from_then_on() -> None:
    with Lab(seed=1) as lab:
        a, b = lab.start_nodes(2)
        lab.network.set_link(latency=0.050)
        a.connect(b)
        router = lab.world.hosts()["n0"].pubsub.router  # type: ignore[attr-defined]  # the mock host's own
        (peer,) = router.peers
        assert router.rtt(peer) == pytest.approx(0.100, abs=0.02)
        lab.network.set_link(latency=0.200)
        measured = a.ping(b)
        assert router.rtt(peer) == pytest.approx(measured)


def test_a_round_trip_nobody_measured_is_infinite() -> None:
    assert Stand().router.rtt(1) == math.inf
    assert GossipSub().rtt(1) == math.inf


def test_every_purpose_is_named() -> None:
    params = GossipSubParams.spec(
        D=4, D_low=3, D_high=5, D_score=2, D_out=1, D_lazy=2, flood_publish=False, peer_exchange=True,
        opportunistic_graft_ticks=1,
    )  # fmt: skip
    router = Told(params)
    stand = Stand(router=router)
    stand.add(*range(1, 8))
    stand.publish(topic=TOPIC)  # fanout
    stand.join()  # graft
    stand.add(8, 9, outbound=True)
    stand.publish(topic=TOPIC)
    stand.beat()  # outbound, opportunistic, gossip
    for peer in range(10, 20):
        stand.add(peer, outbound=True)
        stand.control(peer, graft=(TOPIC,))
    stand.beat()  # exchange
    assert set(router.asked) == set(PURPOSES)


def test_an_override_of_two_arguments_is_called_as_it_was_written() -> None:
    stand = Stand(router=LowestFirst(GossipSubParams.spec()))
    stand.add(*range(1, 21))
    stand.join()
    assert stand.mesh == [1, 2, 3, 4, 5, 6]


def test_a_subclass_of_an_old_override_may_take_the_purpose_again() -> None:
    class New(LowestFirst):
        def choose(self, candidates: list[int], count: int, purpose: Purpose = "graft") -> list[int]:
            return super().choose(candidates, count) if purpose == "graft" else []

    stand = Stand(router=New())
    stand.add(*range(1, 21))
    stand.join()
    assert stand.mesh == [1, 2, 3, 4, 5, 6]


def test_what_is_chosen_is_a_list_of_its_own() -> None:
    stand = Stand()
    candidates = [1, 2, 3]
    for count in (2, 3, 9):
        chosen = stand.router.choose(candidates, count, "graft")
        assert chosen is not candidates
        assert sorted(chosen) == sorted(set(chosen) & set(candidates))
        assert candidates == [1, 2, 3]
    assert stand.router.choose(candidates, 0, "graft") == stand.router.choose(candidates, -1, "gossip") == []
