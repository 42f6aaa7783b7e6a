"""The findings of Kumar, von Hippel, Manolios and Nita-Rotaru, "Formal Model-Driven Analysis of Resilience of GossipSub
to Attacks from Misbehaving Peers" (IEEE S&P 2024, arXiv 2212.05197), on our score function.

The score is fair under any parameters. Whether what is measured as misbehaviour in one topic shows in the whole score
depends on them. With Filecoin's it does: invalid messages outweigh the best there is elsewhere, and delivery rates,
which could be outweighed, are not measured. With Ethereum's it does not: a peer that never forwards anything in one
topic is in full deficit there, and keeps a positive score by behaving in the others.
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.constants import TICKS_PER_SECOND
from p2plab.pubsub import GossipSubParams, ScoreParams
from p2plab.pubsub.gossipsub.scoring.score import Scores

GOOD, BAD = 1, 2
QUIET = "the topic it never forwards in"
OTHERS = ("a", "b")


def preset(name: str) -> ScoreParams:
    params = {"ethereum": GossipSubParams.ethereum, "filecoin": GossipSubParams.filecoin}[name]().score
    assert params is not None
    return params


def played(params: ScoreParams, decays: int, invalid: bool) -> Scores:
    """Two peers in three meshes, both at their best in two of them. In the third one of them brings nothing, or nothing
    but invalid messages."""
    made = Scores(params)
    interval = round(params.decay_interval * TICKS_PER_SECOND)
    made.tick(0)
    for peer in (GOOD, BAD):
        made.add_peer(peer, f"10.0.0.{peer}")
        for topic in (QUIET, *OTHERS):
            made.grafted(peer, topic, 0)
    for number in range(1, decays + 1):
        made.tick(number * interval)
        for _ in range(40):
            made.first_delivery(GOOD, QUIET)
            for topic in OTHERS:
                made.first_delivery(GOOD, topic)
                made.first_delivery(BAD, topic)
        if invalid:
            made.invalid_message(BAD, QUIET)
    return made


def test_with_ethereums_parameters_a_peer_that_never_forwards_in_a_topic_keeps_a_positive_score() -> None:
    params = preset("ethereum")
    assert params.default_topic is not None
    decays = round(2 * params.default_topic.mesh_message_deliveries_activation / params.decay_interval)
    made = played(params, decays, invalid=False)
    counters = made.counters(BAD, QUIET)
    assert counters is not None
    assert made.points_in_topic(counters)[2] == 35.0**2 * counters.params.mesh_message_deliveries_weight < 0
    assert made.components(BAD)["P3"] < 0 == made.components(GOOD)["P3"]
    assert made.score(BAD) > 0
    assert not made.below_zero(BAD)


def test_with_filecoins_parameters_what_is_measured_as_misbehaviour_in_one_topic_outweighs_the_best_elsewhere() -> None:
    made = played(preset("filecoin"), 300, invalid=True)
    assert made.score(GOOD) > 0
    assert made.below_zero(BAD)
    made = played(preset("filecoin"), 1, invalid=True)  # from the first invalid message on
    assert made.below_zero(BAD)


def test_filecoins_parameters_do_not_measure_who_forwards_nothing() -> None:
    made = played(preset("filecoin"), 300, invalid=False)
    assert made.components(BAD)["P3"] == made.components(BAD)["P3b"] == 0
    assert made.score(BAD) > 0


@pytest.mark.parametrize("name", ["ethereum", "filecoin"])
def test_misbehaviour_never_raises_a_score(name: str) -> None:
    made = played(preset(name), 30, invalid=False)
    before = made.score(BAD)
    made.invalid_message(BAD, QUIET)
    invalid = made.score(BAD)
    made.penalise(BAD, 10)
    penalised = made.score(BAD)
    assert before > invalid > penalised


ACTS = st.lists(st.sampled_from(["first", "near", "invalid", "penalise", "graft", "prune", "tick"]), max_size=60)


@given(acts=ACTS, name=st.sampled_from(["ethereum", "filecoin"]))
def test_the_score_is_fair_two_peers_that_do_the_same_score_the_same(acts: list[str], name: str) -> None:
    params = dataclasses.replace(preset(name), ip_colocation_factor_weight=0.0)
    made = Scores(params)
    made.tick(0)
    for peer in (GOOD, BAD):
        made.add_peer(peer, "")
    for act in acts:
        for peer in (GOOD, BAD):
            if act == "first":
                made.first_delivery(peer, "a")
            elif act == "near":
                made.near_first_delivery(peer, "a")
            elif act == "invalid":
                made.invalid_message(peer, "a")
            elif act == "penalise":
                made.penalise(peer)
            elif act == "graft":
                made.grafted(peer, "a", made.decayed_at)
            elif act == "prune":
                made.pruned(peer, "a")
        if act == "tick":
            made.tick(made.decayed_at + round(params.decay_interval * TICKS_PER_SECOND))
        assert made.score(GOOD) == made.score(BAD)
