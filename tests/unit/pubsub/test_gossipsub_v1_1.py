"""gossipsub-v1.1.md, section by section, except the score function itself (test_score.py)."""

from __future__ import annotations

from typing import Any

import pytest

from p2plab.effects import DialPeer, Reconnect
from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams
from p2plab.pubsub.rpc import RPC, Prune
from tests.unit.pubsub.stand import FLOOD, TOPIC, V10, V11, Stand

SPEC = GossipSubParams.spec()


def scored(**app: float) -> ScoreParams:
    """Scores that are nothing but what is given for n1, n2, ..."""
    return ScoreParams(
        gossip_threshold=-10, publish_threshold=-20, graylist_threshold=-30, accept_px_threshold=5,
        opportunistic_graft_threshold=2, app_specific_weight=1, app_specific=app,
    )  # fmt: skip


def filled(size: int, params: GossipSubParams = SPEC, outbound: bool = False) -> Stand:
    """A joined router whose mesh is peers 1 ... size."""
    stand = Stand(params)
    stand.join()
    stand.add(*range(1, size + 1), outbound=outbound)
    for peer in range(1, size + 1):
        stand.control(peer, graft=(TOPIC,))
    assert stand.mesh == list(range(1, size + 1))
    stand.forget()
    return stand


# -- Explicit Peering Agreements


def test_explicit_peers_are_in_no_mesh_and_get_every_message() -> None:
    stand = Stand(GossipSubParams.spec(explicit_peers=("n1", "n2")))
    stand.add(1, 2, 3, 4)
    stand.join()
    stand.beat(3)
    assert stand.mesh == [3, 4]
    assert stand.got(stand.receive(3)) == [1, 2, 4]
    assert stand.got(stand.receive(1)) == [2, 3, 4]
    assert not set(stand.ihaves()) & {1, 2}


def test_a_graft_from_an_explicit_peer_is_an_error_answered_with_a_prune() -> None:
    stand = Stand(GossipSubParams.spec(explicit_peers=("n1",)))
    stand.add(1)
    stand.join()
    stand.control(1, graft=(TOPIC,))
    assert stand.mesh == []
    assert [prune.topic for prune in stand.prunes_to(1)] == [TOPIC]
    assert stand.reasons("pubsub.graft_refused") == ["explicit peer"]


def test_rpcs_of_explicit_peers_are_always_read() -> None:
    stand = Stand(GossipSubParams.spec(explicit_peers=("n1",), score=scored(n1=-1000, n2=-1000)))
    stand.add(1, 2)
    rpc = RPC(subscriptions=((True, "x"),))
    admitted = {peer: stand.router.admits(peer, rpc, stand.now) is not None for peer in (1, 2)}
    assert admitted == {1: True, 2: False}


def test_explicit_peers_are_dialled_at_the_start_and_every_five_minutes_while_not_connected() -> None:
    stand = Stand(GossipSubParams.spec(explicit_peers=("n1", "n2")))
    stand.add(1)
    dials = []
    for beat in range(1, 602):
        stand.forget()
        stand.beat()
        dials += [(beat, wish.name) for wish in stand.wishes if isinstance(wish, Reconnect)]
        if beat == 400:
            stand.remove(1)
    assert dials == [(1, "n2"), (301, "n2"), (601, "n1"), (601, "n2")]


# -- PRUNE Backoff and Peer Exchange


def test_pruning_tells_the_backoff_and_keeps_it() -> None:
    stand = filled(13, outbound=True)
    stand.beat()
    pruned = stand.pruned()
    assert pruned
    assert {prune.backoff for _, prune in stand.controls("prune")} == {60}
    assert all(stand.router.backoff.end(TOPIC, peer) == stand.now + 600_000 for peer in pruned)


def test_v1_0_peers_are_sent_a_prune_without_backoff() -> None:
    stand = Stand()
    stand.add(1, protocol=V10)
    stand.join()
    stand.leave()
    assert stand.prunes_to(1) == [Prune(TOPIC)]


def test_leaving_asks_for_the_shorter_backoff() -> None:
    stand = filled(3)
    stand.leave()
    assert {prune.backoff for _, prune in stand.controls("prune")} == {10}
    stand.forget()
    stand.join()
    assert stand.mesh == []
    stand.beat(10)
    assert stand.grafted() == []
    stand.beat(1)  # 10 s of backoff and one heartbeat of slack
    assert stand.grafted() == [1, 2, 3]


@pytest.mark.parametrize(("said", "seconds"), [(None, 60), (0, 60), (7, 7), (90, 90), (2**63, 3600)])
def test_a_pruned_peer_waits_the_whole_backoff_it_was_told_and_some_slack(said: int | None, seconds: int) -> None:
    stand = filled(1)
    stand.control(1, prune=(Prune(TOPIC, backoff=said),))
    for _ in range(seconds):
        stand.beat()
        assert stand.mesh == []
    stand.beat()
    assert stand.mesh == [1]


def test_a_shorter_backoff_does_not_shorten_a_longer_one() -> None:
    stand = filled(1)
    stand.control(1, prune=(Prune(TOPIC, backoff=60),))
    stand.control(1, prune=(Prune(TOPIC, backoff=1),))
    assert stand.router.backoff.end(TOPIC, 1) == stand.now + 600_000


@pytest.mark.parametrize(("seconds", "refused"), [(59.9999, ["backing off"]), (60.0, [])])
def test_a_backoff_is_one_to_its_last_tick(seconds: float, refused: list[str]) -> None:
    stand = filled(1)
    stand.control(1, prune=(Prune(TOPIC, backoff=60),))
    stand.wait(seconds)
    stand.forget()
    stand.control(1, graft=(TOPIC,))
    assert stand.reasons("pubsub.graft_refused") == refused
    assert stand.mesh == ([] if refused else [1])


def test_a_graft_within_the_backoff_is_answered_with_a_prune_that_extends_it_and_penalised() -> None:
    stand = filled(13, outbound=True)
    stand.beat()
    peer = stand.pruned()[0]
    stand.wait(30)
    stand.forget()
    stand.control(peer, graft=(TOPIC,))
    assert peer not in stand.mesh
    assert [prune.backoff for prune in stand.prunes_to(peer)] == [60]
    assert stand.router.backoff.end(TOPIC, peer) == stand.now + 600_000
    assert stand.reasons("pubsub.graft_refused") == ["backing off"]
    assert stand.data("pubsub.graft_refused")["backoff_left"] == 30
    assert stand.reasons("pubsub.penalty") == ["GRAFT while backing off"]
    assert stand.data("pubsub.penalty")["count"] == 1


def test_a_graft_right_after_the_prune_counts_twice() -> None:
    stand = filled(13, outbound=True)
    stand.beat()
    peer = stand.pruned()[0]
    stand.wait(9)
    stand.control(peer, graft=(TOPIC,))
    assert stand.reasons("pubsub.penalty") == ["GRAFT flood"]
    assert stand.router.scores.components(peer)["P7"] == -10 * 2**2


def test_a_graft_after_the_backoff_is_welcome() -> None:
    stand = filled(13, outbound=True)
    stand.beat()
    peer = stand.pruned()[0]
    stand.wait(60)
    stand.control(peer, graft=(TOPIC,))
    assert peer in stand.mesh
    assert stand.reasons("pubsub.penalty") == []


def test_expired_backoffs_are_forgotten() -> None:
    stand = filled(13, outbound=True)
    stand.beat()
    stand.leave()
    stand.beat(90)
    assert stand.router.backoff.held(TOPIC, 0, 0) == {}


def test_peer_exchange_names_peers_of_the_topic_that_do_not_score_below_zero() -> None:
    stand = filled(13, SPEC.replace(peer_exchange=True, score=scored()), outbound=True)
    stand.add(14, outbound=True)
    stand.do(stand.router.set_app_score(1, -5))
    stand.control(14, graft=(TOPIC,))
    stand.beat()
    offers = dict(stand.controls("prune"))
    assert offers[1].peers == ()  # nothing for the one that scores below zero
    for peer, prune in offers.items():
        if peer != 1:
            others = set(range(2, 15)) - {peer}
            assert set(prune.peers) == {(b"peer %d" % other, b"record %d" % other) for other in others}


def test_peer_exchange_is_bounded_by_prune_peers_and_off_by_default() -> None:
    stand = filled(13, SPEC.replace(peer_exchange=True, prune_peers=3), outbound=True)
    stand.beat()
    assert {len(prune.peers) for _, prune in stand.controls("prune")} == {3}
    stand = filled(13, outbound=True)
    stand.beat()
    assert {prune.peers for _, prune in stand.controls("prune")} == {()}


OFFER = Prune(TOPIC, ((b"a", b"record"), (b"b", b"")))


@pytest.mark.parametrize(("score", "accepted"), [(-1.0, False), (0.0, False), (4.9, False), (5.0, True), (9.0, True)])
def test_recommended_peers_are_dialled_when_the_score_reaches_accept_px_threshold(score: float, accepted: bool) -> None:
    stand = filled(1, SPEC.replace(score=scored()))
    stand.do(stand.router.set_app_score(1, score))
    stand.forget()
    stand.control(1, prune=(OFFER,))
    dialled = sorted((wish.peer_id, wish.record) for wish in stand.wishes if isinstance(wish, DialPeer))
    assert dialled == ([(b"a", b"record"), (b"b", b"")] if accepted else [])
    assert stand.reasons("pubsub.peer_exchange") == ["recommended" if accepted else "score below accept_px_threshold"]


def test_of_many_recommended_peers_prune_peers_are_dialled() -> None:
    stand = filled(1, SPEC.replace(score=scored(n1=9)))
    stand.control(1, prune=(Prune(TOPIC, tuple((b"%d" % peer, b"") for peer in range(50))),))
    assert len(stand.wishes) == SPEC.prune_peers


# -- Flood Publishing


def test_own_messages_go_to_all_peers_in_the_topic_above_the_publish_threshold() -> None:
    stand = Stand(SPEC.replace(score=scored(n3=-20, n4=-20.5)))
    stand.add(*range(1, 21))
    stand.add(21, protocol=FLOOD)
    stand.join()
    assert stand.got(stand.publish()) == [peer for peer in range(1, 22) if peer != 4]
    assert stand.router.fanout(TOPIC) == []
    assert stand.reasons("pubsub.route") == ["flood publish"]


def test_messages_of_others_go_to_the_mesh_only() -> None:
    stand = Stand()
    stand.add(*range(1, 21))
    stand.join()
    sender = stand.mesh[0]
    assert stand.got(stand.receive(sender)) == [peer for peer in stand.mesh if peer != sender]


def test_without_flood_publishing_fanout_and_floodsub_peers_need_the_publish_threshold() -> None:
    low = {f"n{peer}": -25.0 for peer in (1, 2, 21)}
    stand = Stand(SPEC.replace(flood_publish=False, score=scored(**low)))
    stand.add(*range(1, 6))
    stand.add(21, 22, protocol=FLOOD)
    assert stand.got(stand.publish()) == [3, 4, 5, 22]
    stand.do(stand.router.set_app_score(3, -25))
    stand.beat()
    assert sorted(stand.router.fanout(TOPIC)) == [4, 5]
    assert stand.reasons("pubsub.fanout")[-1] == "score below publish threshold"


# -- Adaptive Gossip Dissemination


@pytest.mark.parametrize(("others", "told"), [(4, 4), (6, 6), (20, 6), (40, 10), (100, 25)])
def test_gossip_goes_to_a_quarter_of_the_peers_and_at_least_d_lazy(others: int, told: int) -> None:
    stand = filled(6)
    stand.add(*range(101, 101 + others))
    stand.receive(1)
    stand.beat()
    assert len(stand.ihaves()) == told


def test_no_gossip_goes_to_peers_below_the_gossip_threshold() -> None:
    stand = filled(4, SPEC.replace(score=scored(n101=-10, n102=-10.5)))
    stand.add(101, 102, 103)
    stand.receive(1)
    stand.beat()
    assert sorted(stand.ihaves()) == [101, 103]


# -- Outbound Mesh Quotas


def test_a_graft_to_a_full_mesh_is_accepted_from_outbound_peers_only() -> None:
    stand = filled(12)
    stand.add(13, outbound=False)
    stand.add(14, outbound=True)
    stand.control(13, graft=(TOPIC,))
    stand.control(14, graft=(TOPIC,))
    assert stand.mesh == [*range(1, 13), 14]
    assert stand.reasons("pubsub.graft_refused") == ["mesh full"]
    assert [prune.backoff for prune in stand.prunes_to(13)] == [60]


def test_a_mesh_with_too_few_outbound_peers_is_given_more() -> None:
    stand = filled(6)
    stand.add(*range(11, 20), outbound=False)
    stand.add(21, 22, 23, outbound=True)
    stand.beat()
    grafted = stand.grafted()
    assert len(grafted) == SPEC.D_out
    assert set(grafted) <= {21, 22, 23}
    assert stand.reasons("pubsub.graft") == ["too few outbound"] * 2
    assert stand.data("pubsub.graft", 0) == {"D_out": 2, "outbound": 0, "mesh": 7}


def test_cutting_a_mesh_keeps_d_out_outbound_peers() -> None:
    for seed in range(20):
        stand = Stand(SPEC, seed=seed)
        stand.join()
        stand.add(*range(1, 13), outbound=False)
        stand.add(20, 21, outbound=True)
        for peer in (*range(1, 13), 20, 21):
            stand.control(peer, graft=(TOPIC,))
        assert len(stand.mesh) == 14
        stand.beat()
        assert len(stand.mesh) == SPEC.D
        assert {20, 21} <= set(stand.mesh)


# -- Score Thresholds


def test_rpcs_from_below_the_graylist_threshold_are_not_read() -> None:
    stand = Stand(SPEC.replace(score=scored(n1=-30, n2=-30.5)))
    stand.add(1, 2)
    stand.join()
    stand.forget()
    for peer in (1, 2):
        stand.control(peer, ihave=((TOPIC, (b"x",)),), graft=(TOPIC,))
    assert [peer for peer, _ in stand.sent] == [1]
    stand.do(stand.router.set_app_score(2, 0))
    stand.control(2, graft=(TOPIC,))
    assert 2 in stand.mesh


@pytest.mark.parametrize(("score", "reads"), [(-10.0, True), (-10.5, False)])
def test_gossip_from_below_the_gossip_threshold_is_ignored(score: float, reads: bool) -> None:
    stand = filled(2, SPEC.replace(score=scored()))
    message = stand.receive(2)
    stand.do(stand.router.set_app_score(1, score))
    stand.forget()
    stand.control(1, ihave=((TOPIC, (b"x",)),))
    stand.control(1, iwant=((message.id,),))
    assert bool(stand.controls("iwant")) is reads
    assert stand.got(message) == ([1] if reads else [])
    ignored = [*stand.reasons("pubsub.ihave_ignored"), *stand.reasons("pubsub.iwant_ignored")]
    assert ignored == ([] if reads else ["score below gossip threshold"] * 2)


def test_passing_a_threshold_is_an_event_with_the_components() -> None:
    stand = Stand(SPEC.replace(score=scored()))
    stand.add(1)
    for score in (-1.0, -11.0, -21.0, -31.0, 0.0):
        stand.do(stand.router.set_app_score(1, score))
    assert stand.reasons("pubsub.score") == [
        "negative", "below gossip threshold", "below publish threshold", "graylisted", "good",
    ]  # fmt: skip
    assert stand.data("pubsub.score", 3)["P5"] == -31.0
    assert stand.data("pubsub.score", 3)["before"] == "below publish threshold"


# -- Heartbeat Maintenance


def test_peers_below_zero_are_pruned_without_peer_exchange_and_replaced() -> None:
    stand = filled(4, SPEC.replace(peer_exchange=True, D_out=0, score=scored()))
    stand.add(*range(11, 15))
    stand.do(stand.router.set_app_score(1, -0.5))
    stand.forget()
    stand.beat()
    assert 1 not in stand.mesh
    assert [prune.peers for prune in stand.prunes_to(1)] == [()]
    assert stand.reasons("pubsub.prune") == ["negative score"]
    assert stand.data("pubsub.prune")["P5"] == -0.5
    assert len(stand.mesh) == SPEC.D


def test_peers_below_zero_are_not_grafted_and_their_grafts_are_refused() -> None:
    stand = Stand(SPEC.replace(score=scored(n1=-0.5)))
    stand.add(1, 2)
    stand.join()
    stand.beat()
    assert stand.mesh == [2]
    stand.forget()
    stand.control(1, graft=(TOPIC,))
    assert stand.mesh == [2]
    assert stand.reasons("pubsub.graft_refused") == ["negative score"]
    assert len(stand.prunes_to(1)) == 1


def test_cutting_a_mesh_keeps_the_d_score_best_and_the_rest_at_random() -> None:
    kept: set[int] = set()
    for seed in range(40):
        best = {f"n{peer}": 10.0 + peer for peer in range(1, 5)}
        stand = Stand(SPEC.replace(D_out=0, score=scored(**best)), seed=seed)
        stand.join()
        stand.add(*range(1, 14), outbound=True)
        for peer in range(1, 14):
            stand.control(peer, graft=(TOPIC,))
        stand.beat()
        assert {1, 2, 3, 4} <= set(stand.mesh)
        kept |= set(stand.mesh)
    assert kept == set(range(1, 14))


# -- Opportunistic Grafting


def test_once_a_minute_a_mesh_with_a_low_median_score_is_given_two_better_peers() -> None:
    scores = {f"n{peer}": float(peer) for peer in range(11, 15)}
    stand = filled(6, SPEC.replace(D_out=0, score=scored(n1=1.0, n2=1.0, n3=1.0, n4=1.0, **scores)))
    stand.add(*range(11, 15), 20)
    stand.beat(59)
    assert stand.grafted() == []
    stand.beat()
    assert len(stand.grafted()) == SPEC.opportunistic_graft_peers
    assert set(stand.grafted()) <= {11, 12, 13, 14}
    assert stand.reasons("pubsub.graft") == ["opportunistic"] * 2
    assert stand.data("pubsub.graft", 0) == {"median": 1.0, "opportunistic_graft_threshold": 2, "mesh": 7}


def test_a_mesh_with_a_good_median_score_is_left_alone() -> None:
    good = {f"n{peer}": 2.0 for peer in range(1, 5)}
    stand = filled(6, SPEC.replace(D_out=0, score=scored(**good, n11=50.0)))
    stand.add(11)
    stand.beat(60)
    assert stand.grafted() == []


# -- Spam Protection Measures


def test_a_message_is_given_to_a_peer_gossip_retransmission_times() -> None:
    stand = filled(2)
    message = stand.receive(2)
    stand.forget()
    for _ in range(5):
        stand.control(1, iwant=((message.id,),))
    assert stand.got(message) == [1] * SPEC.gossip_retransmission
    assert stand.reasons("pubsub.iwant_ignored") == ["asked too often"] * 2


def test_the_same_id_many_times_in_an_iwant_is_one_request() -> None:
    stand = filled(2)
    message = stand.receive(2)
    stand.forget()
    stand.control(1, iwant=((message.id,) * 500,))
    assert stand.got(message) == [1]


def test_ihaves_of_a_peer_are_read_up_to_max_ihave_messages_a_heartbeat() -> None:
    stand = filled(1)
    for number in range(13):
        stand.control(1, ihave=((TOPIC, (b"%d" % number,)),))
    assert len(stand.controls("iwant")) == SPEC.max_ihave_messages
    assert stand.reasons("pubsub.ihave_ignored") == ["too many IHAVEs"] * 3
    stand.beat()
    stand.forget()
    stand.control(1, ihave=((TOPIC, (b"again",)),))
    assert len(stand.controls("iwant")) == 1


def test_ids_asked_of_a_peer_are_bounded_by_max_ihave_length_a_heartbeat() -> None:
    stand = filled(1, SPEC.replace(max_ihave_length=100))
    many = tuple(b"%d" % number for number in range(80))
    stand.control(1, ihave=((TOPIC, many),))
    stand.control(1, ihave=((TOPIC, tuple(b"x" + one for one in many)),))
    stand.control(1, ihave=((TOPIC, (b"y",)),))
    assert [len(ids) for _, ids in stand.controls("iwant")] == [80, 20]
    assert stand.reasons("pubsub.ihave_ignored") == ["asked for enough"]


def test_of_one_ihave_at_most_max_ihave_length_ids_are_looked_at() -> None:
    stand = filled(1, SPEC.replace(max_ihave_length=100))
    stand.control(1, ihave=((TOPIC, tuple(b"%d" % number for number in range(5_000))),))
    ((_, ids),) = stand.controls("iwant")
    assert {int(one) for one in ids} == set(range(100))


def test_gossip_names_at_most_max_ihave_length_messages() -> None:
    stand = filled(6, SPEC.replace(max_ihave_length=10))
    stand.add(11)
    for _ in range(25):
        stand.receive(1)
    stand.forget()
    stand.beat()
    assert [len(ids) for ids in stand.ihaves().values()] == [10]


def test_a_promise_not_kept_in_time_is_penalised_once() -> None:
    stand = filled(6)
    stand.control(1, ihave=((TOPIC, (b"never", b"nowhere")),))
    stand.beat(3)
    assert stand.reasons("pubsub.penalty") == []
    stand.beat()
    assert stand.reasons("pubsub.penalty") == ["broken promise"]
    stand.beat(10)
    assert stand.reasons("pubsub.penalty") == ["broken promise"]


def test_a_promise_is_kept_by_whoever_delivers_the_message() -> None:
    stand = filled(6)
    message = stand.message()
    stand.control(1, ihave=((TOPIC, (message.id,)),))
    stand.receive(2, message)
    stand.beat(10)
    assert stand.reasons("pubsub.penalty") == []


def test_promises_are_kept_by_messages_that_are_ignored_or_rejected_but_not_by_forged_ones() -> None:
    penalised = {}
    for outcome in ("validating", "ignored", "rejected", "refused"):
        stand = filled(6, SPEC.replace(score=scored()))
        message = stand.message()
        stand.control(1, ihave=((TOPIC, (message.id,)),))
        effects = getattr(stand.router, outcome)(1, message, message.id, stand.now)
        stand.do(effects or ())
        stand.beat(10)
        penalised[outcome] = "broken promise" in stand.reasons("pubsub.penalty")
    assert penalised == {"validating": False, "ignored": False, "rejected": False, "refused": True}


def test_a_peer_that_left_owes_nothing() -> None:
    stand = filled(6)
    stand.control(1, ihave=((TOPIC, (b"x",)),))
    stand.remove(1)
    stand.add(1)
    stand.beat(10)
    assert stand.reasons("pubsub.penalty") == []


# -- Recommendations for Network Operators: bootstrappers


def test_a_bootstrapper_keeps_no_mesh_but_gossips_and_recommends_peers() -> None:
    stand = Stand(SPEC.replace(D=0, D_low=0, D_high=0, D_score=0, D_out=0, peer_exchange=True, D_lazy=6))
    stand.add(*range(1, 21))
    stand.join()
    assert stand.mesh == []
    stand.control(1, graft=(TOPIC,))
    assert stand.mesh == []
    (prune,) = stand.prunes_to(1)
    assert len(prune.peers) == SPEC.prune_peers
    stand.receive(1)
    stand.forget()
    stand.beat()
    assert len(stand.ihaves()) == 6
    assert stand.grafted() == stand.pruned() == []


# -- Mixed networks


def test_each_peer_is_spoken_to_in_its_version() -> None:
    stand = Stand(SPEC.replace(peer_exchange=True))
    stand.add(1, protocol=V10)
    stand.add(2, protocol=V11)
    stand.add(3, protocol=FLOOD)
    stand.join()
    assert stand.mesh == [1, 2]
    stand.forget()
    stand.leave()
    assert [prune.backoff for prune in stand.prunes_to(1)] == [None]
    assert [prune.backoff for prune in stand.prunes_to(2)] == [10]
    assert stand.prunes_to(3) == []


def test_control_messages_of_floodsub_peers_mean_nothing() -> None:
    stand = Stand()
    stand.add(1, protocol=FLOOD)
    stand.join()
    stand.control(1, graft=(TOPIC,), ihave=((TOPIC, (b"x",)),))
    assert (stand.mesh, stand.sent) == ([], [])


# -- Changing parameters while running


def test_parameters_can_be_changed_while_running() -> None:
    stand = filled(6, SPEC.replace(D_out=0))
    stand.add(*range(11, 30))
    stand.router.params = stand.router.params.replace(D=10, D_low=8)
    stand.beat()
    assert len(stand.mesh) == 10
    stand.router.params = stand.router.params.replace(D=4, D_low=3, D_high=5, D_score=2)
    stand.beat()
    assert len(stand.mesh) == 4


def test_scores_go_on_under_changed_parameters() -> None:
    stand = filled(3)
    for _ in range(4):
        stand.receive(1)
    before = stand.router.scores.components(1)["P2"]
    assert before == pytest.approx(4 * 0.5 * 0.1)
    score = stand.router.params.score
    assert score is not None
    topic = TopicScoreParams(topic_weight=1.0, first_message_deliveries_weight=3.0)
    changed: dict[str, Any] = {**vars(score), "default_topic": topic}
    stand.router.params = stand.router.params.replace(score=ScoreParams(**changed))
    assert stand.router.scores.components(1)["P2"] == 12.0


def test_explicit_peers_can_be_named_while_running() -> None:
    stand = filled(3)
    stand.router.params = stand.router.params.replace(explicit_peers=("n2",))
    assert list(stand.router.explicit) == [2]


# -- Explaining


def test_a_peer_is_explained_by_score_thresholds_backoff_and_mesh() -> None:
    stand = filled(13, SPEC.replace(score=scored(n1=3.0)), outbound=True)
    stand.beat()
    peer = stand.pruned()[0]
    stand.wait(20)
    told = stand.router.explain_peer(peer, TOPIC, stand.now)
    assert (told["in_mesh"], told["backoff_left"], told["mesh_size"]) == (False, 40.0, 6)
    told = stand.router.explain_peer(1, TOPIC, stand.now)
    assert (told["score"], told["P5"], told["standing"]) == (3.0, 3.0, "good")
    assert told["thresholds"]["graylist_threshold"] == -30
    assert stand.router.explain_peer(99, TOPIC, stand.now)["connected"] is False
