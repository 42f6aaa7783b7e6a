"""gossipsub-v1.1.md, "The Score Function" and "Topic Parameter Calculation and Decay": P1 to P7."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams
from p2plab.pubsub.gossipsub.scoring.deliveries import Deliveries
from p2plab.pubsub.gossipsub.scoring.score import Scores
from p2plab.pubsub.seen import SeenCache

SECOND = 10_000
T = "news"


def scores(topic: dict[str, Any] | None = None, **whole: Any) -> Scores:
    """Scores with a decay a second; topic weight 1, all other weights 0 unless given."""
    params = TopicScoreParams(**{"topic_weight": 1.0, **(topic or {})})
    made = Scores(ScoreParams(**{"default_topic": params, "decay_to_zero": 0.01, **whole}))
    made.add_peer(1, "10.0.0.1")
    made.tick(0)
    return made


def pass_time(made: Scores, seconds: int) -> None:
    for _ in range(seconds):
        made.tick(made.decayed_at + SECOND)


# -- P1: Time in Mesh


def test_p1_counts_quanta_since_the_graft_up_to_the_cap() -> None:
    made = scores({"time_in_mesh_weight": 0.5, "time_in_mesh_quantum": 2.0, "time_in_mesh_cap": 4.0})
    assert made.score(1) == 0
    made.grafted(1, T, 0)
    seen = []
    for _ in range(12):
        pass_time(made, 1)
        seen.append(made.score(1))
    assert seen == [0, 0.5, 0.5, 1.0, 1.0, 1.5, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0]
    made.pruned(1, T)
    assert made.score(1) == 0


# -- P2: First Message Deliveries


def test_p2_counts_first_deliveries_up_to_the_cap_and_decays() -> None:
    made = scores({
        "first_message_deliveries_weight": 2.0, "first_message_deliveries_cap": 3.0,
        "first_message_deliveries_decay": 0.5,
    })  # fmt: skip
    for _ in range(5):
        made.first_delivery(1, T)
    assert made.score(1) == 6.0
    pass_time(made, 1)
    assert made.score(1) == 3.0


def test_the_specs_example_of_decay() -> None:
    made = scores({
        "first_message_deliveries_weight": 1.0, "first_message_deliveries_cap": 200.0,
        "first_message_deliveries_decay": 0.97,
    })  # fmt: skip
    for _ in range(120):
        made.first_delivery(1, T)
    pass_time(made, 1)
    assert made.score(1) == 120 * 0.97


def test_a_counter_below_decay_to_zero_is_zero() -> None:
    made = scores({"first_message_deliveries_weight": 1.0, "first_message_deliveries_decay": 0.1})
    made.first_delivery(1, T)
    pass_time(made, 2)
    assert made.score(1) == pytest.approx(0.01)
    pass_time(made, 1)
    assert made.score(1) == 0.0


# -- P3 and P3b: Mesh Message Delivery

RATE = {
    "mesh_message_deliveries_weight": -1.0, "mesh_message_deliveries_threshold": 4.0,
    "mesh_message_deliveries_cap": 6.0, "mesh_message_deliveries_decay": 0.5,
    "mesh_message_deliveries_activation": 2.0, "mesh_message_deliveries_window": 0.010,
    "mesh_failure_penalty_weight": -1.0, "mesh_failure_penalty_decay": 0.5,
}  # fmt: skip


def test_p3_is_the_square_of_the_deficit_once_activated() -> None:
    made = scores(RATE)
    made.grafted(1, T, 0)
    pass_time(made, 2)
    assert made.score(1) == 0
    pass_time(made, 1)
    assert made.score(1) == -16
    made.first_delivery(1, T)
    assert made.score(1) == -9
    for _ in range(10):
        made.first_delivery(1, T)
    assert made.score(1) == 0
    pass_time(made, 1)  # the cap of 6 halves to 3
    assert made.score(1) == -1


def test_p3_is_for_peers_in_the_mesh_only() -> None:
    made = scores(RATE)
    made.first_delivery(1, T)
    made.near_first_delivery(1, T)
    pass_time(made, 10)
    assert made.score(1) == 0
    assert not made.below_zero(1)


def test_p3b_books_the_deficit_at_the_prune_and_decays() -> None:
    made = scores(RATE)
    made.grafted(1, T, 0)
    pass_time(made, 3)
    made.first_delivery(1, T)
    made.pruned(1, T)
    assert made.components(1)["P3b"] == -9
    assert made.components(1)["P3"] == 0
    assert made.below_zero(1)
    pass_time(made, 1)
    assert made.components(1)["P3b"] == -4.5
    pass_time(made, 20)
    assert made.score(1) == 0
    assert not made.below_zero(1)
    assert made.suspects == {}


def test_no_deficit_is_booked_before_activation() -> None:
    made = scores(RATE)
    made.grafted(1, T, 0)
    pass_time(made, 2)
    made.pruned(1, T)
    assert made.score(1) == 0


def test_grafting_again_begins_the_activation_again() -> None:
    made = scores(RATE)
    made.grafted(1, T, 0)
    pass_time(made, 3)
    made.pruned(1, T)
    made.grafted(1, T, made.decayed_at)
    pass_time(made, 2)
    assert made.components(1)["P3"] == 0
    pass_time(made, 1)
    assert made.components(1)["P3"] == -16


def near_first(copies: list[tuple[int, float]], validated: float | None = None) -> dict[int, float]:
    """The mesh deliveries counted of peers 1 to 3, peer 1 being first and the others bringing copies at these times."""
    made = scores(RATE)
    for peer in (2, 3):
        made.add_peer(peer, "")
    for peer in (1, 2, 3):
        made.grafted(peer, T, 0)
    deliveries = Deliveries(made, 100 * SECOND, SeenCache(100 * SECOND))
    if validated is None:
        deliveries.valid(b"m", T, 1, 0)
    else:
        deliveries.validating(b"m", T, 0)
    done = validated is None
    for peer, at in copies:
        if not done and validated is not None and at > validated:
            deliveries.valid(b"m", T, 1, round(validated * SECOND))
            done = True
        deliveries.duplicate(b"m", peer, round(at * SECOND))
    if not done and validated is not None:
        deliveries.valid(b"m", T, 1, round(validated * SECOND))
    counted = {peer: made.counters(peer, T) for peer in (1, 2, 3)}
    return {peer: counters.mesh for peer, counters in counted.items() if counters is not None}


def test_near_first_deliveries_within_the_window_count_as_mesh_deliveries() -> None:
    assert near_first([(2, 0.010), (3, 0.0101)]) == {1: 1, 2: 1, 3: 0}


def test_copies_that_come_during_validation_count_and_the_window_begins_after_it() -> None:
    assert near_first([(2, 0.5), (3, 1.005)], validated=1.0) == {1: 1, 2: 1, 3: 1}
    assert near_first([(2, 0.5), (3, 1.011)], validated=1.0) == {1: 1, 2: 1, 3: 0}


def test_the_same_peers_copy_counts_once() -> None:
    assert near_first([(2, 0.001), (2, 0.002), (1, 0.003)]) == {1: 1, 2: 1, 3: 0}


# -- P4: Invalid Messages

INVALID = {"invalid_message_deliveries_weight": -1.0, "invalid_message_deliveries_decay": 0.5}


def test_p4_is_the_square_of_the_invalid_messages_and_decays() -> None:
    made = scores(INVALID)
    for _ in range(4):
        made.invalid_message(1, T)
    assert made.score(1) == -16
    pass_time(made, 1)
    assert made.score(1) == -4


def test_everyone_who_brought_an_invalid_message_is_to_blame_once() -> None:
    made = scores(INVALID)
    for peer in (2, 3, 4):
        made.add_peer(peer, "")
    deliveries = Deliveries(made, 100 * SECOND, SeenCache(100 * SECOND))
    deliveries.validating(b"m", T, 0)
    deliveries.duplicate(b"m", 2, 10)
    assert deliveries.invalid(b"m", T, 1, 20) == [2, 1]
    assert deliveries.duplicate(b"m", 3, 30)
    assert not deliveries.duplicate(b"m", 3, 40)
    assert [made.score(peer) for peer in (1, 2, 3, 4)] == [-1, -1, -1, 0]


def test_copies_of_an_ignored_message_mean_nothing() -> None:
    made = scores({**INVALID, **RATE})
    made.add_peer(2, "")
    made.grafted(2, T, 0)
    deliveries = Deliveries(made, 100 * SECOND, SeenCache(100 * SECOND))
    deliveries.validating(b"m", T, 0)
    deliveries.ignored(b"m")
    deliveries.duplicate(b"m", 2, 10)
    counters = made.counters(2, T)
    assert counters is not None
    assert (counters.mesh, counters.invalid) == (0, 0)


# -- P5: Application-Specific


def test_p5_is_what_the_application_says_times_its_weight() -> None:
    made = scores(app_specific_weight=10.0)
    made.set_app(1, 2.5)
    assert made.score(1) == 25
    made.set_app(1, -2.5)
    assert made.score(1) == -25
    assert made.below_zero(1)


# -- P6: IP Colocation Factor


def test_p6_is_the_square_of_the_surplus_of_peers_on_one_ip() -> None:
    made = scores(ip_colocation_factor_weight=-1.0, ip_colocation_factor_threshold=2)
    seen = []
    for peer in range(2, 6):
        made.add_peer(peer, "10.0.0.1")
        seen.append([made.score(1), made.below_zero(1)])
    assert seen == [[0, False], [-1, True], [-4, True], [-9, True]]
    assert [made.score(peer) for peer in range(2, 6)] == [-9] * 4
    made.add_peer(9, "10.0.0.9")
    assert made.score(9) == 0


def test_p6_does_not_count_whitelisted_addresses_nor_what_is_no_ip() -> None:
    made = scores(
        ip_colocation_factor_weight=-1.0, ip_colocation_factor_threshold=1,
        ip_colocation_factor_whitelist=("127.0.0.0/8", "2001:db8::/32"),
    )  # fmt: skip
    for peer, ip in enumerate(
        ("127.0.0.1", "127.0.0.1", "2001:db8::1", "2001:db8::1", "", "", "relayed", "relayed"), 2
    ):
        made.add_peer(peer, ip)
    assert [made.score(peer) for peer in range(2, 10)] == [0] * 8


def test_p6_falls_when_a_peer_leaves_whose_score_is_not_retained() -> None:
    made = scores(ip_colocation_factor_weight=-1.0, ip_colocation_factor_threshold=1, retain_score=0.0)
    made.add_peer(2, "10.0.0.1")
    assert made.score(1) == -1
    made.remove_peer(2, 0)
    assert made.score(1) == 0


# -- P7: Behavioural Penalty


def test_p7_is_the_square_of_the_penalties_and_decays() -> None:
    made = scores(behaviour_penalty_weight=-1.0, behaviour_penalty_decay=0.5)
    made.penalise(1, 2)
    made.penalise(1)
    assert made.score(1) == -9
    pass_time(made, 1)
    assert made.score(1) == -2.25


def test_p7_counts_what_exceeds_its_threshold() -> None:
    made = scores(behaviour_penalty_weight=-1.0, behaviour_penalty_threshold=6.0)
    made.penalise(1, 6)
    assert made.score(1) == 0
    made.penalise(1, 2)
    assert made.score(1) == -4


# -- the whole


def test_topics_are_weighted_and_their_sum_is_capped() -> None:
    both = {"first_message_deliveries_weight": 1.0, "first_message_deliveries_cap": 100.0}
    topics = {"a": TopicScoreParams(topic_weight=2.0, **both), "b": TopicScoreParams(topic_weight=0.5, **both)}
    made = Scores(ScoreParams(topics=topics, topic_score_cap=20.0, app_specific_weight=1.0))
    made.add_peer(1, "")
    for _ in range(4):
        made.first_delivery(1, "a")
        made.first_delivery(1, "b")
        made.first_delivery(1, "not scored")
    made.set_app(1, 1.0)
    assert made.score(1) == 4 * 2.0 + 4 * 0.5 + 1.0
    for _ in range(20):
        made.first_delivery(1, "a")
    assert made.score(1) == 21.0
    components = made.components(1)
    assert components["P2"] + components["cap"] == 20.0


def test_the_cap_does_not_soften_penalties() -> None:
    made = scores({**INVALID}, topic_score_cap=5.0)
    for _ in range(10):
        made.invalid_message(1, T)
    assert made.score(1) == -100


def test_a_bad_score_is_found_again_after_reconnecting_and_does_not_decay_meanwhile() -> None:
    made = scores(INVALID, retain_score=100.0)
    for _ in range(4):
        made.invalid_message(1, T)
    made.remove_peer(1, made.decayed_at)
    assert made.score(1) == 0
    pass_time(made, 50)
    made.add_peer(1, "10.0.0.1")
    assert made.score(1) == -16
    assert made.below_zero(1)


def test_a_retained_score_is_forgotten_after_retain_score() -> None:
    made = scores(INVALID, retain_score=100.0)
    made.invalid_message(1, T)
    made.remove_peer(1, made.decayed_at)
    pass_time(made, 100)
    made.add_peer(1, "10.0.0.1")
    assert made.score(1) == 0


@pytest.mark.parametrize("retain_positive", [True, False])
def test_a_good_score_is_retained_by_the_specs_and_not_by_go(retain_positive: bool) -> None:
    made = scores({"first_message_deliveries_weight": 1.0}, retain_positive=retain_positive)
    made.first_delivery(1, T)
    made.remove_peer(1, 0)
    made.add_peer(1, "10.0.0.1")
    assert made.score(1) == (1.0 if retain_positive else 0.0)


def test_leaving_the_mesh_by_disconnecting_books_the_deficit() -> None:
    made = scores(RATE)
    made.grafted(1, T, 0)
    pass_time(made, 3)
    made.remove_peer(1, made.decayed_at)
    made.add_peer(1, "10.0.0.1")
    assert made.components(1)["P3b"] == -16


ACTIONS = st.sampled_from(["first", "near", "invalid", "penalise", "graft", "prune", "tick", "tick", "look"])
EVERYTHING = {
    **RATE, **INVALID, "first_message_deliveries_weight": 0.7, "first_message_deliveries_decay": 0.93,
    "time_in_mesh_weight": 0.3, "topic_weight": 0.9, "mesh_failure_penalty_decay": 0.77,
}  # fmt: skip
WHOLE = {"behaviour_penalty_weight": -0.3, "behaviour_penalty_decay": 0.81, "topic_score_cap": 9.0}


@given(st.lists(st.tuples(ACTIONS, st.integers(1, 3)), max_size=80))
def test_decays_made_up_for_later_give_the_same_numbers_and_suspects_are_all_who_are_below_zero(
    actions: list[tuple[str, int]],
) -> None:
    lazy, eager = scores(EVERYTHING, **WHOLE), scores(EVERYTHING, **WHOLE)
    for made in (lazy, eager):
        made.add_peer(2, "")
        made.add_peer(3, "")
    for action, peer in actions:
        for made in (lazy, eager):
            now = made.decayed_at + 1
            if action == "first":
                made.first_delivery(peer, T)
            elif action == "near":
                made.near_first_delivery(peer, T)
            elif action == "invalid":
                made.invalid_message(peer, T)
            elif action == "penalise":
                made.penalise(peer)
            elif action == "graft":
                made.grafted(peer, T, now)
            elif action == "prune":
                made.pruned(peer, T)
            elif action == "tick":
                pass_time(made, 1)
            if made is eager:
                for one in (1, 2, 3):
                    made.score(one)
        if action == "look":
            assert lazy.components(peer) == eager.components(peer)
    for one in (1, 2, 3):
        assert lazy.score(one) == eager.score(one)
        assert lazy.below_zero(one) == (eager.score(one) < 0)
        assert lazy.below(one, -3.0) == (eager.score(one) < -3.0)


# -- presets


def test_with_every_preset_a_delivery_is_worth_something_and_two_invalid_messages_cost_more() -> None:
    for preset in (GossipSubParams.spec, GossipSubParams.go, GossipSubParams.ethereum, GossipSubParams.filecoin):
        params = preset().scored().score
        assert params is not None
        made = Scores(params)
        made.add_peer(1, "10.0.0.1")
        made.first_delivery(1, T)
        assert made.score(1) > 0
        made.invalid_message(1, T)
        made.invalid_message(1, T)
        assert made.below_zero(1)
