"""What ``node.why(peer, topic=)`` names as the reason for a graft, a prune, a refusal, a penalty or a score is the
reason: on the same seed without it, and with nothing else changed, that does not happen, or the score is as claimed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.mock.world import MockWorld
from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams
from p2plab.pubsub.rpc import RPC, Control, rpc_size
from p2plab.text import rounded

TOPIC = "news"
Case = Callable[[bool], Lab]
CASES: dict[str, tuple[Case, str, str]] = {}  # by name: what happens, the kind of the decision, its reason

LEAVING = ("pubsub.prune", "pubsub.graft_refused")

WIDE = GossipSubParams.spec(D_lazy=0, gossip_factor=0.0)
NARROW = WIDE.replace(D=2, D_low=1, D_high=3, D_score=1, D_out=0)


def case(kind: str, reason: str) -> Callable[[Case], Case]:
    def register(scenario: Case) -> Case:
        CASES[scenario.__name__] = (scenario, kind, reason)
        return scenario

    return register


def pair(seconds: float = 3.0, **settings: Any) -> tuple[Lab, Node, Node]:
    """Two nodes in each other's mesh."""
    lab = Lab(seed=6, **settings)
    a, b = lab.start_nodes(2)
    lab.wire("line")
    for node in (a, b):
        node.subscribe(TOPIC)
    lab.run(seconds)
    return lab, a, b


def say(lab: Lab, sender: str, receiver: str, *controls: Control) -> None:
    """Have a node send what its router would not."""
    world = lab.nodes[0].world
    assert isinstance(world, MockWorld)
    end = world.host_named(sender).connected[world.host_named(receiver).index][0]

    def send() -> None:
        for control in controls:
            rpc = RPC(control=control)
            end.send(rpc_size(rpc), end.remote.receive_rpc, rpc)

    world.call(send)
    lab.run(0.1)


# -- prunes


@case("pubsub.prune", "left the topic")
def the_node_left(cause: bool) -> Lab:
    lab = Lab(seed=6)
    a, b = lab.start_nodes(2)
    lab.wire("line")
    news = a.subscribe(TOPIC)
    b.subscribe(TOPIC)
    lab.run(3)
    if cause:
        news.close()
    lab.run(1)
    return lab


@case("pubsub.prune", "peer unsubscribed")
def the_peer_left(cause: bool) -> Lab:
    # The subscription's end and the PRUNE travel one behind the other: the first to come is the reason.
    lab = Lab(seed=6)
    a, b = lab.start_nodes(2)
    lab.wire("line")
    a.subscribe(TOPIC)
    news = b.subscribe(TOPIC)
    lab.run(3)
    if cause:
        news.close()
    lab.run(1)
    return lab


@case("pubsub.prune", "peer gone")
def the_peer_disconnected(cause: bool) -> Lab:
    lab, _, b = pair()
    if cause:
        b.disconnect("n0")
    lab.run(1)
    return lab


@case("pubsub.prune", "peer gone")
def the_peer_crashed(cause: bool) -> Lab:
    lab, _, b = pair()
    if cause:
        b.crash()
    lab.run(1)
    return lab


@case("pubsub.prune", "peer asked")
def the_peer_pruned(cause: bool) -> Lab:
    lab, _, b = pair(gossipsub=WIDE)
    lab.start_nodes(6)
    for node in lab.nodes[2:]:
        node.connect(b)
        node.subscribe(TOPIC)
    lab.run(3)
    if cause:
        b.params = WIDE.replace(D=0, D_low=0, D_high=0, D_score=0, D_out=0)
    lab.run(2)
    return lab


@case("pubsub.prune", "mesh above D_high")
def there_were_too_many(cause: bool) -> Lab:
    lab = Lab(seed=6, gossipsub=WIDE)
    nodes = lab.start_nodes(8)
    lab.wire("star")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    if cause:
        nodes[0].params = NARROW
    lab.run(2)
    return lab


@case("pubsub.prune", "negative score")
def the_score_fell(cause: bool) -> Lab:
    lab, a, b = pair()
    a.add_validator(TOPIC, lambda message: message.data != b"bad")
    b.publish(TOPIC, b"bad" if cause else b"good")
    lab.run(2)
    return lab


# -- grafts

QUIET = WIDE.replace(D_low=0, D_out=0)  # grafts nobody at a heartbeat, and takes whoever asks


def hub_and_leaves(hub: GossipSubParams, leaves: GossipSubParams, count: int) -> Lab:
    """n0, dialled by the others, who wait to be asked into a mesh."""
    lab = Lab(seed=6, gossipsub=leaves)
    lab.start_node("n0", gossipsub=hub)
    others = [lab.start_node(f"n{number}") for number in range(1, count + 1)]
    for node in lab.nodes:
        node.subscribe(TOPIC)
    for node in others:
        node.connect("n0")
    lab.run(2)
    return lab


@case("pubsub.graft", "mesh below D_low")
def the_mesh_was_too_small(cause: bool) -> Lab:
    return hub_and_leaves(WIDE if cause else QUIET, QUIET, 1)


@case("pubsub.graft", "peer asked")
def the_peer_grafted(cause: bool) -> Lab:
    return hub_and_leaves(QUIET, WIDE if cause else QUIET, 1)


@case("pubsub.graft", "joined")
def the_node_joined(cause: bool) -> Lab:
    lab = Lab(seed=6, gossipsub=QUIET)
    a, b = lab.start_nodes(2)
    lab.wire("line")
    b.subscribe(TOPIC)
    lab.run(1)
    if cause:
        a.subscribe(TOPIC)
    lab.run(1)
    return lab


@case("pubsub.graft", "too few outbound")
def too_few_were_dialled(cause: bool) -> Lab:
    lab = hub_and_leaves(WIDE.replace(D_low=3, D_out=1 if cause else 0), QUIET, 6)
    late = lab.start_node("late")
    late.subscribe(TOPIC)
    lab["n0"].connect(late)
    lab.run(2)
    return lab


@case("pubsub.graft", "opportunistic")
def the_mesh_was_of_little_use(cause: bool) -> Lab:
    small = WIDE.replace(D=2, D_low=1, D_high=5, D_score=1, D_out=0, opportunistic_graft_ticks=2)
    lab = hub_and_leaves(small, QUIET, 5)
    mesh = [peer.name for peer in lab["n0"].mesh(TOPIC)]
    better = {f"n{number}": 3.0 for number in range(1, 6) if f"n{number}" not in mesh}
    scores = ScoreParams(opportunistic_graft_threshold=1.0, app_specific=better if cause else {})
    lab["n0"].params = small.replace(score=scores)
    lab.run(4)
    return lab


# -- refusals


@case("pubsub.graft_refused", "not subscribed")
def the_node_does_not_subscribe(cause: bool) -> Lab:
    lab = Lab(seed=6)
    a, b = lab.start_nodes(2)
    lab.wire("line")
    if not cause:
        a.subscribe(TOPIC)
    b.subscribe(TOPIC)
    lab.run(2)
    say(lab, "n1", "n0", Control(graft=(TOPIC,)))
    return lab


@case("pubsub.graft_refused", "explicit peer")
def the_peer_is_explicit(cause: bool) -> Lab:
    lab = Lab(seed=6)
    a = lab.start_node("n0", gossipsub=GossipSubParams.spec(explicit_peers=("n1",) if cause else ()))
    b = lab.start_node("n1")
    lab.wire("line")
    for node in (a, b):
        node.subscribe(TOPIC)
    lab.run(3)
    return lab


@case("pubsub.graft_refused", "backing off")
def it_was_too_early(cause: bool) -> Lab:
    lab = Lab(seed=6, gossipsub=GossipSubParams.spec(unsubscribe_backoff=5.0, backoff_slack=0.0))
    a, b = lab.start_nodes(2)
    lab.wire("line")
    news = a.subscribe(TOPIC)
    b.subscribe(TOPIC)
    lab.run(3)
    news.close()
    lab.run(1 if cause else 5.1)
    a.subscribe(TOPIC)
    lab.run(0.05)
    say(lab, "n1", "n0", Control(graft=(TOPIC,)))
    return lab


@case("pubsub.graft_refused", "negative score")
def the_score_is_too_low(cause: bool) -> Lab:
    scores = ScoreParams(app_specific={"n1": -1.0} if cause else {})
    lab, *_ = pair(gossipsub=GossipSubParams.spec(score=scores))
    return lab


@case("pubsub.graft_refused", "mesh full")
def there_was_no_room(cause: bool) -> Lab:
    lab = Lab(seed=6, gossipsub=WIDE)
    hub = lab.start_node("n0", gossipsub=NARROW if cause else WIDE)
    others = [lab.start_node(f"n{number}") for number in range(1, 8)]
    for node in (hub, *others):
        node.subscribe(TOPIC)
    for node in reversed(others):
        node.connect(hub)
    lab.run(3)
    return lab


# -- penalties


@case("pubsub.penalty", "GRAFT while backing off")
def it_grafted_too_early(cause: bool) -> Lab:
    return _graft_again(after=30.0 if cause else 61.5)


@case("pubsub.penalty", "GRAFT flood")
def it_grafted_at_once(cause: bool) -> Lab:
    return _graft_again(after=5.0 if cause else 30.0)


def _graft_again(after: float) -> Lab:
    lab, a, _ = pair(gossipsub=WIDE)
    none = WIDE.replace(D=0, D_low=0, D_high=0, D_score=0, D_out=0)
    a.params = none
    lab.run(1.0)
    a.params = WIDE.replace(backoff_slack=1_000.0)
    lab.run(after)
    say(lab, "n1", "n0", Control(graft=(TOPIC,)))
    return lab


@case("pubsub.penalty", "broken promise")
def it_did_not_deliver(cause: bool) -> Lab:
    lab, *_ = pair(gossipsub=WIDE)
    if cause:
        say(lab, "n1", "n0", Control(ihave=((TOPIC, (b"no such message",)),)))
    lab.run(6)
    return lab


@case("pubsub.penalty", "extensions announced again")
def it_announced_twice(cause: bool) -> Lab:
    lab, *_ = pair()
    if cause:
        say(lab, "n1", "n0", Control(extensions=("testExtension",)))
    lab.run(1)
    return lab


def decision(lab: Lab, kind: str, reason: str) -> Any:
    found = lab.events.filter(kind=kind, node="n0", reason=reason)
    return found[-1] if found else None


@pytest.mark.parametrize("name", CASES)
def test_the_reason_is_named_and_without_it_that_does_not_happen(name: str) -> None:
    scenario, kind, reason = CASES[name]
    with scenario(True) as lab:
        event = decision(lab, kind, reason)
        chain = lab["n0"].why(event.peer, topic=event.topic)
        assert reason in chain.answer
        inside = "" if kind == "pubsub.graft" else "not "
        assert f"is {inside}in n0's mesh of {event.topic!r}" in chain.answer or kind == "pubsub.penalty"
        assert kind == "pubsub.penalty" or event in chain.events
    with scenario(False) as lab:
        assert decision(lab, kind, reason) is None


@pytest.mark.parametrize("name", [name for name, (_, kind, _) in CASES.items() if kind in LEAVING])
def test_without_the_reason_the_peer_is_in_the_mesh(name: str) -> None:
    with CASES[name][0](False) as lab:
        assert "n1" in [peer.name for peer in lab["n0"].mesh(TOPIC)]


def test_a_prune_for_the_score_is_told_with_what_brought_the_score_down() -> None:
    lab = the_score_fell(True)
    chain = lab["n0"].why("n1", topic=TOPIC)
    kinds = [event.kind for event in chain]
    assert kinds[-1] == "pubsub.prune"
    assert kinds.index("pubsub.reject") < kinds.index("pubsub.score") < kinds.index("pubsub.prune")
    assert "(P4 -99.49: 1 x validator said reject)" in chain.answer


# -- scores

RATES = TopicScoreParams(
    topic_weight=0.5,
    time_in_mesh_weight=0.01,
    time_in_mesh_cap=1_000.0,
    first_message_deliveries_weight=2.0,
    first_message_deliveries_decay=0.9,
    mesh_message_deliveries_weight=-3.0,
    mesh_message_deliveries_decay=0.9,
    mesh_message_deliveries_threshold=4.0,
    mesh_message_deliveries_activation=2.0,
    mesh_failure_penalty_weight=-5.0,
    mesh_failure_penalty_decay=0.9,
    invalid_message_deliveries_weight=-7.0,
    invalid_message_deliveries_decay=0.9,
)
SCORES = ScoreParams(
    gossip_threshold=-1e4,
    publish_threshold=-2e4,
    graylist_threshold=-3e4,
    ip_colocation_factor_weight=-11.0,
    ip_colocation_factor_threshold=1,
    behaviour_penalty_weight=-13.0,
    behaviour_penalty_decay=0.9,
    default_topic=replace(RATES, mesh_message_deliveries_weight=0.0),
)

LIKED = {"n0": 5_000.0, "n1": 5_000.0}  # so that they stay in each other's mesh, whatever they owe

Scored = Callable[[bool], Lab]
SCORED: dict[str, Scored] = {}


def part(name: str) -> Callable[[Scored], Scored]:
    def register(scenario: Scored) -> Scored:
        SCORED[name] = scenario
        return scenario

    return register


def scored(seconds: float = 0.0, **changes: Any) -> tuple[Lab, Node, Node]:
    return pair(seconds, gossipsub=WIDE.replace(score=replace(SCORES, **changes)))


@part("P1")
def time_in_mesh(cause: bool) -> Lab:
    lab, a, _ = scored(1.0)
    if not cause:
        a.params = WIDE.replace(score=SCORES, D=0, D_low=0, D_high=0, D_score=0, D_out=0)
    lab.run(8)
    return lab


@part("P2")
def first_deliveries(cause: bool) -> Lab:
    lab, _, b = scored(3.0)
    if cause:
        b.publish(TOPIC, b"news")
    lab.run(1)
    return lab


@part("P3")
def too_few_deliveries(cause: bool) -> Lab:
    lab, _, _ = scored(
        0.0, app_specific=LIKED, default_topic=replace(RATES, mesh_message_deliveries_activation=2.0 if cause else 60.0)
    )
    lab.run(4.5)
    return lab


@part("P3b")
def pruned_while_in_deficit(cause: bool) -> Lab:
    # The node prunes the peer, which owes deliveries; with them it owes nothing.
    lab, a, b = scored(app_specific=LIKED, default_topic=replace(RATES, first_message_deliveries_weight=0.0))
    lab.run(3.5)
    for number in range(0 if cause else 9):
        b.publish(TOPIC, b"%d" % number)
    lab.run(1)
    a.params = a.params.replace(D=0, D_low=0, D_high=0, D_score=0, D_out=0)
    lab.run(1.5)
    return lab


@part("P4")
def invalid_messages(cause: bool) -> Lab:
    lab, a, b = scored(3.0)
    a.add_validator(TOPIC, lambda message: False)
    if cause:
        b.publish(TOPIC, b"bad")
    lab.run(0.5)
    return lab


@part("P5")
def the_application(cause: bool) -> Lab:
    lab, _, _ = scored(3.0, app_specific={"n1": -17.0} if cause else {})
    return lab


@part("P6")
def too_many_on_one_ip(cause: bool) -> Lab:
    lab = Lab(seed=6, gossipsub=WIDE.replace(score=SCORES))
    a = lab.start_node("n0")
    others = [
        lab.start_node(f"n{number}", ip="66.6.6.6" if cause or number == 1 else f"66.6.6.{number}")
        for number in range(1, 4)
    ]
    for node in (a, *others):
        node.subscribe(TOPIC)
    lab.wire("star")
    lab.run(3)
    return lab


@part("P7")
def misbehaviour(cause: bool) -> Lab:
    lab, *_ = scored(3.0)
    if cause:
        say(lab, "n1", "n0", Control(extensions=("testExtension",)))
    else:
        lab.run(0.1)
    lab.run(0.2)
    return lab


@pytest.mark.parametrize("name", SCORED)
def test_the_score_without_a_component_is_the_score_claimed_without_its_cause(name: str) -> None:
    with SCORED[name](True) as lab:
        claimed = lab["n0"].scores()["n1"]
        assert claimed[name] != 0
        assert claimed["score"] == pytest.approx(sum(value for key, value in claimed.items() if key != "score"))
        told = lab["n0"].why("n1").answer
        assert f"{name} {rounded(claimed[name])}" in told
        assert f"Score {rounded(claimed['score'])}" in told
    with SCORED[name](False) as lab:
        without = lab["n0"].scores()["n1"]
        assert without[name] == 0
        others = claimed["score"] - claimed[name]
        assert without["score"] == pytest.approx(others, abs=0.05)


def test_a_score_that_is_not_known_is_not_told() -> None:
    lab, a, _ = pair()
    lab.start_node("n9")
    told = a.why("n9").answer
    assert "never dialled each other" in told
    assert "Score" not in told
