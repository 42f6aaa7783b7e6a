"""Every kind of cause that ``lab.why(message, at=node)`` names is the cause: on the same seed without it, and with
nothing else changed, the message arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.attacks import Sybil
from p2plab.identity.keys import peer_id_bytes
from p2plab.mock.world import MockWorld
from p2plab.pubsub import GossipSub, GossipSubParams, TopicValidator
from p2plab.pubsub.rpc import RPC, Control, rpc_size
from p2plab.pubsub.shell.subscription import QUEUE_LIMIT
from p2plab.pubsub.shell.validation_queue import MAX_VALIDATING

TOPIC = "news"
Outcome = tuple[Lab, str, Node]
Case = Callable[[bool], Outcome]
CASES: dict[str, tuple[Case, str]] = {}

# Meshes and nothing else: what is not sent through the mesh does not arrive.
MESH_ONLY = GossipSubParams.spec(
    flood_publish=False, D=1, D_low=1, D_high=1, D_score=0, D_out=0, D_lazy=0, gossip_factor=0.0
)
WIDE = GossipSubParams.spec(flood_publish=False, D_lazy=0, gossip_factor=0.0)


def case(said: str) -> Callable[[Case], Case]:
    def register(scenario: Case) -> Case:
        CASES[scenario.__name__] = (scenario, said)
        return scenario

    return register


def line(count: int = 4, subscribed: int = 4, **settings: Any) -> tuple[Lab, list[Node]]:
    lab = Lab(seed=4, **settings)
    nodes = lab.start_nodes(count)
    lab.wire("line")
    for node in nodes[:subscribed]:
        node.subscribe(TOPIC)
    lab.run(3)
    return lab, nodes


def publish(lab: Lab, nodes: list[Node], at: Node | None = None, seconds: float = 3.0) -> Outcome:
    message = nodes[0].publish(TOPIC, b"hello")
    lab.run(seconds)
    return lab, message.id, at or nodes[-1]


def world_of(lab: Lab) -> MockWorld:
    world = lab.nodes[0].world
    assert isinstance(world, MockWorld)
    return world


def say(lab: Lab, sender: str, receiver: str, *rpcs: RPC) -> None:
    """Have a node send RPCs that its router would not."""
    world = world_of(lab)
    host, target = world.host_named(sender), world.host_named(receiver)
    end = host.connected[target.index][0]

    def send() -> None:
        for rpc in rpcs:
            end.send(rpc_size(rpc), end.remote.receive_rpc, rpc)

    world.call(send)


# -- what the node itself did


@case("did not deliver it: validator said reject")
def validator_rejects(cause: bool) -> Outcome:
    lab, nodes = line()
    nodes[3].add_validator(TOPIC, lambda message: not cause)
    return publish(lab, nodes)


@case("did not deliver it: validator said ignore")
def validator_ignores(cause: bool) -> Outcome:
    lab, nodes = line()
    nodes[3].add_validator(TOPIC, lambda message: None if cause else True)
    return publish(lab, nodes)


@case("did not deliver it: validator raised")
def validator_raises(cause: bool) -> Outcome:
    def check(message: Any) -> bool:
        if cause:
            raise ValueError("no idea")
        return True

    lab, nodes = line()
    nodes[3].add_validator(TOPIC, check)
    return publish(lab, nodes)


@case("its validators have not answered yet")
def validator_is_slow(cause: bool) -> Outcome:
    lab, nodes = line()
    nodes[3].add_validator(TOPIC, TopicValidator(lambda message: True, delay=100.0 if cause else 0.1))
    return publish(lab, nodes)


@case("did not deliver it: validation queue full")
def validation_is_full(cause: bool) -> Outcome:
    lab, nodes = line(2)
    nodes[1].add_validator(TOPIC, TopicValidator(lambda message: True, delay=2.0))
    for _ in range(MAX_VALIDATING if cause else 3):
        nodes[0].publish(TOPIC, b"another")
    lab.run(1)
    return publish(lab, nodes)


@case("did not deliver it: missing signature")
def signature_is_missing(cause: bool) -> Outcome:
    policy = {"signing": "StrictNoSign"} if cause else {}
    return _signed(policy, {})


@case("did not deliver it: unexpected signature")
def signature_is_unexpected(cause: bool) -> Outcome:
    return _signed({} if cause else {"signing": "StrictNoSign"}, {"signing": "StrictNoSign"})


def _signed(sender: dict[str, Any], receiver: dict[str, Any]) -> Outcome:
    lab = Lab(seed=4)
    nodes = [lab.start_node("n0", **sender), lab.start_node("n1", **receiver)]
    lab.wire("line")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    return publish(lab, nodes)


@case("did not deliver it: too large")
def it_is_too_large(cause: bool) -> Outcome:
    lab = Lab(seed=4)
    nodes = [lab.start_node("n0"), lab.start_node("n1", max_message_size=100 if cause else 10_000)]
    lab.wire("line")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    return publish(lab, nodes)


@case("no neighbour of n3 got it; of n0: n0 published it, and did not send it: validator said reject")
def the_publishers_own_validator_rejects(cause: bool) -> Outcome:
    lab, nodes = line()
    nodes[0].add_validator(TOPIC, lambda message: not cause)
    return publish(lab, nodes)


@case("n0 published it, and its validators have not answered yet")
def the_publishers_own_validator_is_slow(cause: bool) -> Outcome:
    lab, nodes = line()
    nodes[0].add_validator(TOPIC, TopicValidator(lambda message: True, delay=100.0 if cause else 0.1))
    return publish(lab, nodes)


# -- where the node was


@case("had gone: crashed")
def crashed_before(cause: bool) -> Outcome:
    lab, nodes = line()
    if cause:
        nodes[3].crash()
    lab.run(1)
    return publish(lab, nodes)


@case("had gone: stopped")
def stopped_before(cause: bool) -> Outcome:
    lab, nodes = line()
    if cause:
        nodes[3].stop()
    lab.run(1)
    return publish(lab, nodes)


@case("went while the message was under way: crashed")
def crashed_meanwhile(cause: bool) -> Outcome:
    lab, nodes = line()
    message = nodes[0].publish(TOPIC, b"hello")
    if cause:
        nodes[3].crash()
    lab.run(3)
    return lab, message.id, nodes[3]


@case("went while the message was under way: crashed")
def crashed_silently_meanwhile(cause: bool) -> Outcome:
    lab, nodes = line()
    message = nodes[0].publish(TOPIC, b"hello")
    if cause:
        nodes[3].crash(silent=True)
    lab.run(3)
    return lab, message.id, nodes[3]


@case("did not subscribe to 'news' when it was published")
def did_not_subscribe(cause: bool) -> Outcome:
    lab, nodes = line(subscribed=3 if cause else 4)
    return publish(lab, nodes)


@case("had left 'news'")
def had_left(cause: bool) -> Outcome:
    lab = Lab(seed=4)
    nodes = lab.start_nodes(4)
    lab.wire("line")
    news = [node.subscribe(TOPIC) for node in nodes]
    lab.run(3)
    if cause:
        news[3].close()
    lab.run(1)
    return publish(lab, nodes)


@case("had lost its subscriptions, with its state, when it came back")
def came_back_without_its_state(cause: bool) -> Outcome:
    lab, nodes = line()
    nodes[3].crash()
    lab.run(1)
    nodes[3].restart(state="lost" if cause else "kept")
    nodes[3].connect("n2")
    lab.run(3)
    return publish(lab, nodes)


@case("did not know that n1 subscribes to 'news', until")
def came_back_and_was_not_heard_of_yet(cause: bool) -> Outcome:
    lab = Lab(seed=4, gossipsub=WIDE, latency=0.1)
    nodes = lab.start_nodes(2)
    lab.wire("line")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    nodes[1].disconnect("n0")
    lab.run(1)
    lab.at(lab.now, nodes[1].connect, "n0")
    lab.run_until(lambda: nodes[0].connections() != [], timeout=5)
    if not cause:
        lab.run_until(lambda: nodes[0].topic_peers(TOPIC) != [], timeout=5)
        lab.run(3)  # the mesh has to form again
    return publish(lab, nodes)


# -- on the way


@case("was lost on its way: dropped on request")
def dropped(cause: bool) -> Outcome:
    lab, nodes = line()
    if cause:
        lab.network.drop(lambda frame: frame.kind == "rpc", between=("n2", "n3"))
    return publish(lab, nodes)


@case("was lost on its way: corrupted on request")
def corrupted(cause: bool) -> Outcome:
    lab, nodes = line()
    if cause:
        lab.network.corrupt(lambda frame: frame.size > 150, between=("n2", "n3"))
    return publish(lab, nodes)


@case("was cut off from n0 by a partition")
def partitioned(cause: bool) -> Outcome:
    lab, nodes = line()
    if cause:
        lab.network.partition(["n0", "n1"], ["n2", "n3"])
    return publish(lab, nodes)


@case("was cut off from n2 by a partition")
def cut_off_from_its_neighbour_meanwhile(cause: bool) -> Outcome:
    lab, nodes = line()
    message = nodes[0].publish(TOPIC, b"hello")
    if cause:
        lab.network.partition(["n2"], ["n3"], one_way=True)
    lab.run(3)
    return lab, message.id, nodes[3]


@case("is held back since")
def held(cause: bool) -> Outcome:
    lab, nodes = line()
    lab.network.hold("n2", "n3")
    if not cause:
        lab.network.release("n2", "n3")
    return publish(lab, nodes)


@case("it is under way, or kept back")
def still_on_its_way(cause: bool) -> Outcome:
    lab, nodes = line()
    if cause:
        lab.network.set_link(latency=60.0, between=("n2", "n3"))
    return publish(lab, nodes)


@case("the connection between n2 and n3 closed while it was under way")
def closed_meanwhile(cause: bool) -> Outcome:
    lab, nodes = line()
    message = nodes[0].publish(TOPIC, b"hello")
    lab.run(0.050)  # n2 has it, and has sent it on
    if cause:
        nodes[3].disconnect("n2")
    lab.run(3)
    return lab, message.id, nodes[3]


@case("was no longer connected to n3: closed by peer")
def closed_before_it_came(cause: bool) -> Outcome:
    lab, nodes = line(latency=0.1)
    message = nodes[0].publish(TOPIC, b"hello")
    if cause:
        nodes[3].disconnect("n2")
    lab.run(3)
    return lab, message.id, nodes[3]


@case("had no connection when it was published")
def not_connected(cause: bool) -> Outcome:
    lab, nodes = line()
    if cause:
        nodes[3].disconnect("n2")
    lab.run(1)
    return publish(lab, nodes)


@case("n2 sent it to n3, and n2 went while the message was under way: crashed")
def its_neighbour_crashed_before_it_could_try_again(cause: bool) -> Outcome:
    lab, nodes = line()
    cut = lab.network.partition(["n2"], ["n3"])
    message = nodes[0].publish(TOPIC, b"hello")
    lab.run(2)
    cut.heal()
    if cause:
        nodes[2].crash()
    lab.run(10)
    return lab, message.id, nodes[3]


@case("had it at 3.0200 s, before it was connected to n3")
def connected_too_late(cause: bool) -> Outcome:
    lab, nodes = line(subscribed=4, gossipsub=GossipSubParams.spec(mcache_len=1, mcache_gossip=1, D_lazy=0))
    nodes[3].disconnect("n2")
    if not cause:
        nodes[3].connect("n1")
        lab.run(2)
    message = nodes[0].publish(TOPIC, b"hello")
    lab.run(3)
    if cause:
        nodes[3].connect("n1")
    lab.run(2)
    return lab, message.id, nodes[3]


# -- what the neighbours did


@case("no neighbour of n3 got it; of n1: n1 received it and did not deliver it: validator said reject")
def a_neighbour_rejects(cause: bool) -> Outcome:
    lab, nodes = line()
    nodes[1].add_validator(TOPIC, lambda message: not cause)
    return publish(lab, nodes)


@case("no neighbour of n3 got it; of n1: n1 had left 'news'")
def a_neighbour_left(cause: bool) -> Outcome:
    lab = Lab(seed=4)
    nodes = lab.start_nodes(4)
    lab.wire("line")
    news = [node.subscribe(TOPIC) for node in nodes]
    lab.run(3)
    if cause:
        news[1].close()
    lab.run(1)
    return publish(lab, nodes)


@case("that could have passed it on subscribes to 'news': n2, a neighbour of n3, does not subscribe")
def a_neighbour_does_not_subscribe(cause: bool) -> Outcome:
    lab = Lab(seed=4)
    nodes = lab.start_nodes(4)
    lab.wire("line")
    for node in nodes:
        if node.name != "n2" or not cause:
            node.subscribe(TOPIC)
    lab.run(3)
    return publish(lab, nodes)


@case("there was no way from n0 to n3")
def the_publisher_is_alone(cause: bool) -> Outcome:
    lab, nodes = line()
    if cause:
        nodes[0].disconnect("n1")
    lab.run(1)
    return publish(lab, nodes)


@case("did not know that n1 subscribes to 'news', until")
def not_heard_of_yet(cause: bool) -> Outcome:
    lab = Lab(seed=4, gossipsub=WIDE)
    nodes = lab.start_nodes(2)
    lab.wire("line")
    nodes[0].subscribe(TOPIC)
    lab.run(3)
    nodes[1].subscribe(TOPIC)
    if not cause:
        lab.run(1)
    return publish(lab, nodes)


@case("did not know that n1 subscribes to 'news', and has not heard it yet")
def no_protocol_in_common(cause: bool) -> Outcome:
    old = GossipSubParams.spec(protocols=("/meshsub/1.0.0",))
    new = GossipSubParams.spec(protocols=("/meshsub/1.1.0",) if cause else ("/meshsub/1.1.0", "/meshsub/1.0.0"))
    lab = Lab(seed=4)
    nodes = [lab.start_node("n0", gossipsub=old), lab.start_node("n1", gossipsub=new)]
    nodes[0].connect(nodes[1])
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    return publish(lab, nodes)


@case("had told it that it left 'news'")
def left_and_came_back_unheard(cause: bool) -> Outcome:
    lab = Lab(seed=4, latency=0.2)
    nodes = lab.start_nodes(2)
    lab.wire("line")
    nodes[0].subscribe(TOPIC)
    news = nodes[1].subscribe(TOPIC)
    lab.run(3)
    if cause:
        news.close()
        lab.run(0.3)
    nodes[1].subscribe(TOPIC)
    message = nodes[0].publish(TOPIC, b"hello")
    lab.run(0.3)
    return lab, message.id, nodes[1]


@case("did not read what came from n0")
def graylisted(cause: bool) -> Outcome:
    lab, nodes = line(2)
    nodes[1].add_validator(TOPIC, lambda message: message.data != b"bad")
    for _ in range(20):
        nodes[0].publish(TOPIC, b"bad" if cause else b"good")
    lab.run(1)
    return publish(lab, nodes)


@case("did not send it to n1: peer does not want it")
def said_that_it_does_not_want_it(cause: bool) -> Outcome:
    lab, nodes = line(2, gossipsub=WIDE)
    coming = _next_id(nodes[0])
    if cause:
        say(lab, "n1", "n0", RPC(control=Control(idontwant=((coming,),))))
    lab.run(1)
    return publish(lab, nodes)


@case("did not send it to n1: peer does not want it")
def took_it_back(cause: bool) -> Outcome:
    lab, nodes = line(2, gossipsub=WIDE)
    coming = _next_id(nodes[0], 2)
    lab.network.set_node("n0", up=1_000.0)
    nodes[0].publish(TOPIC, bytes(2_000))
    nodes[0].publish(TOPIC, b"between")
    message = nodes[0].publish(TOPIC, b"hello")
    if cause:
        say(lab, "n1", "n0", RPC(control=Control(idontwant=((coming,),))))
    lab.run(5)
    assert message.id == coming.hex()
    return lab, message.id, nodes[1]


@case("did not send it to n3: attack")
def the_only_neighbour_is_a_sybil(cause: bool) -> Outcome:
    lab = Lab(seed=4)
    nodes = [
        lab.start_node(f"n{number}", **({"router": Sybil} if number == 2 and cause else {})) for number in range(4)
    ]
    lab.wire("line")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    return publish(lab, nodes)


def _next_id(node: Node, after: int = 0) -> bytes:
    """The id its next message will have, or that of one that many later."""
    return peer_id_bytes(node.peer_id) + (1 + after).to_bytes(8, "big")


def _hub(params: GossipSubParams, leaves: int, others: GossipSubParams = WIDE) -> tuple[Lab, list[Node]]:
    lab = Lab(seed=4, gossipsub=others)
    nodes = [lab.start_node("hub", gossipsub=params), *lab.start_nodes(leaves)]
    lab.wire("star")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(4)
    return lab, nodes


def _left_out(lab: Lab, nodes: list[Node]) -> Node:
    mesh = [peer.name for peer in nodes[0].mesh(TOPIC)]
    return next(node for node in nodes[1:] if node.name not in mesh)


@case("from its mesh at")
def pruned_for_there_were_too_many(cause: bool) -> Outcome:
    narrow = GossipSubParams.spec(
        flood_publish=False, D=2, D_low=1, D_high=3, D_score=1, D_out=0, D_lazy=0, gossip_factor=0.0
    )
    lab, nodes = _hub(WIDE, 6)
    assert len(nodes[0].mesh(TOPIC)) == 6
    if cause:
        nodes[0].params = narrow
    lab.run(2)
    return publish(lab, nodes, _left_out(lab, nodes) if cause else nodes[1])


@case("had refused n")
def mesh_was_full(cause: bool) -> Outcome:
    lab, nodes = _hub(MESH_ONLY if cause else WIDE, 3)
    if not cause:
        return publish(lab, nodes, nodes[1])
    return publish(lab, nodes, _left_out(lab, nodes))


@case("mesh at")
def backing_off(cause: bool) -> Outcome:
    lab = Lab(seed=4, gossipsub=WIDE)
    nodes = lab.start_nodes(2)
    lab.wire("line")
    nodes[0].subscribe(TOPIC)
    news = nodes[1].subscribe(TOPIC)
    lab.run(3)
    if cause:
        news.close()
    nodes[1].subscribe(TOPIC)
    lab.run(3)
    return publish(lab, nodes)


@case(": negative score")
def scored_below_zero(cause: bool) -> Outcome:
    lab, nodes = line(2, gossipsub=WIDE)
    nodes[0].add_validator(TOPIC, lambda message: message.data != b"bad")
    nodes[1].publish(TOPIC, b"bad" if cause else b"good")
    lab.run(2)
    return publish(lab, nodes)


@case("whose score is too low: below publish threshold")
def below_the_publish_threshold(cause: bool) -> Outcome:
    lab, nodes = line(2)
    nodes[0].add_validator(TOPIC, lambda message: message.data != b"bad")
    for _ in range(4):
        nodes[1].publish(TOPIC, b"bad" if cause else b"good")
    lab.run(2)
    return publish(lab, nodes)


@case("published it to its fanout, and")
def not_in_the_fanout(cause: bool) -> Outcome:
    lab = Lab(seed=4, gossipsub=WIDE)
    nodes = [lab.start_node("hub", gossipsub=MESH_ONLY if cause else WIDE), *lab.start_nodes(3)]
    lab.wire("star")
    for node in nodes[1:]:
        node.subscribe(TOPIC)
    lab.run(3)
    outcome = publish(lab, nodes)
    fanout = [peer.name for peer in nodes[0].fanout(TOPIC)]
    return (*outcome[:2], next((node for node in nodes[1:] if node.name not in fanout), nodes[1]))


@case("is in no mesh of")
def a_router_without_meshes(cause: bool) -> Outcome:
    none = GossipSubParams.spec(
        flood_publish=False, D=0, D_low=0, D_high=0, D_score=0, D_out=0, D_lazy=0, gossip_factor=0.0
    )
    lab = Lab(seed=4, gossipsub=none if cause else WIDE)
    nodes = lab.start_nodes(2)
    lab.wire("line")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    return publish(lab, nodes)


class Deaf(GossipSub):
    """Takes nobody into its mesh."""

    def refuse_graft(self, entry: Any, topic: str, now: int) -> str | None:
        return "mesh full"

    def candidates(self, topic: str, exclude: Any, now: int) -> list[int]:
        return []


def _by_gossip_only(params: GossipSubParams) -> tuple[Lab, list[Node]]:
    lab = Lab(seed=4, gossipsub=GossipSubParams.spec(flood_publish=False))
    nodes = [lab.start_node("n0", router=Deaf), lab.start_node("n1", router=Deaf, gossipsub=params)]
    lab.wire("line")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    return lab, nodes


@case("gossip did not help: too many IHAVEs")
def too_many_ihaves(cause: bool) -> Outcome:
    few = GossipSubParams.spec(flood_publish=False, max_ihave_messages=0 if cause else 10)
    lab, nodes = _by_gossip_only(few)
    return publish(lab, nodes)


@case("gossip did not help: asked for enough")
def asked_for_enough(cause: bool) -> Outcome:
    few = GossipSubParams.spec(flood_publish=False, max_ihave_length=0 if cause else 100)
    lab, nodes = _by_gossip_only(few)
    return publish(lab, nodes)


@case("gossip did not help: score below gossip threshold")
def gossip_is_not_believed(cause: bool) -> Outcome:
    lab, nodes = line(2, gossipsub=GossipSubParams.spec(flood_publish=False))
    nodes[1].add_validator(TOPIC, lambda message: message.data != b"bad")
    for _ in range(3):
        nodes[0].publish(TOPIC, b"bad" if cause else b"good")
    lab.run(1.5)
    return publish(lab, nodes)


@case("gossip did not help: asked too often")
def not_given_again(cause: bool) -> Outcome:
    lab = Lab(seed=4)
    stingy = GossipSubParams.spec(flood_publish=False, gossip_retransmission=0 if cause else 3)
    nodes = [lab.start_node("n0", router=Deaf, gossipsub=stingy), lab.start_node("n1", router=Deaf)]
    lab.wire("line")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    return publish(lab, nodes)


@case("gossip did not help: not in the cache")
def gone_from_the_cache(cause: bool) -> Outcome:
    lab = Lab(seed=4)
    short = {"mcache_len": 1, "mcache_gossip": 1} if cause else {}
    nodes = [
        lab.start_node("n0", router=Deaf, gossipsub=GossipSubParams.spec(flood_publish=False, **short)),
        lab.start_node("n1", router=Deaf),
    ]
    lab.wire("line")
    for node in nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    return publish(lab, nodes)


# -- the tests


@pytest.mark.parametrize("name", CASES)
def test_the_cause_is_named(name: str) -> None:
    scenario, said = CASES[name]
    lab, message, node = scenario(True)
    chain = lab.why(message, at=node)
    assert said in chain.answer
    assert "did get it" not in chain.answer
    assert chain.events
    lab.close()


@pytest.mark.parametrize("name", CASES)
def test_without_the_cause_the_message_arrives(name: str) -> None:
    lab, message, node = CASES[name][0](False)
    assert f"{node.name} did get it" in lab.why(message, at=node).answer
    lab.close()


@pytest.mark.dear
def test_a_message_that_a_full_queue_lost_is_told_as_delivered_and_lost() -> None:
    def run(flood: int) -> str:
        lab, nodes = line(2)
        message = nodes[0].publish(TOPIC, b"hello")
        for _ in range(flood):
            nodes[0].publish(TOPIC, b"more")
        lab.run(1)
        return lab.why(message, at=nodes[1]).answer

    assert "its subscription's queue was full, and lost it" in run(QUEUE_LIMIT)
    assert "queue" not in run(QUEUE_LIMIT - 1)
