"""GossipSub in small networks: what the specs promise of the whole, by examples and by properties."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab.pubsub import FloodSub, GossipSub, GossipSubParams, Message, Router, TopicValidator
from p2plab.pubsub.router import Effects
from p2plab.pubsub.rpc import RPC
from tests.unit.pubsub.harness import Net
from tests.unit.pubsub.stand import V10, V11, V12

FLOODSUB = ("/floodsub/1.0.0",)


def network(
    count: int, edges: list[tuple[int, int]], make: Callable[[int], Router], seed: int = 0, encoded: bool = False
) -> Net:
    net = Net(seed=seed, encoded=encoded, spread=0.030)
    for number in range(count):
        net.add(make(number))
    for one, other in edges:
        net.connect(one, other)
    for node in net.nodes:
        node.subscribe("news")
        node.start()
    return net


def random_edges(count: int, degree: int, seed: int) -> list[tuple[int, int]]:
    """A connected random graph, either end dialling."""
    rng = random.Random(seed)
    edges = {(node, rng.randrange(node)) for node in range(1, count)}
    while len(edges) < count * degree // 2:
        one, other = rng.sample(range(count), 2)
        if (other, one) not in edges:
            edges.add((one, other))
    return sorted(edges)


def mesh_of(net: Net, node: int) -> set[int]:
    return set(net.nodes[node].router.mesh("news"))


def asymmetric(net: Net) -> list[tuple[int, int]]:
    return [
        (one, other) for one in range(len(net.nodes)) for other in mesh_of(net, one) if one not in mesh_of(net, other)
    ]


def delivered(net: Net, message: Message) -> list[int]:
    return [
        sum(1 for event in net.events("pubsub.deliver", node=f"n{node}") if event.ref == message.id)
        for node in range(len(net.nodes))
    ]


@pytest.mark.parametrize("encoded", [False, True])
def test_meshes_are_symmetric_and_every_message_reaches_everyone_once(encoded: bool) -> None:
    net = network(40, random_edges(40, 12, 1), lambda _: GossipSub(), encoded=encoded)
    net.run(10)
    assert asymmetric(net) == []
    params = GossipSubParams.spec()
    assert all(params.D_low <= len(mesh_of(net, node)) <= params.D_high for node in range(40))
    for node in (0, 17, 39):
        message = net.nodes[node].publish("news", b"x" * 50)
        net.run(3)
        assert delivered(net, message) == [1] * 40


@pytest.mark.dear
def test_large_messages_are_announced_and_cost_fewer_duplicates() -> None:
    # On links without bandwidth the announcement is ahead of the message by the time of validation only.
    duplicates = {}
    for threshold in (1_024, 100_000):
        params = GossipSubParams.spec(idontwant_message_threshold=threshold, flood_publish=False)
        net = network(30, random_edges(30, 10, 2), lambda _, params=params: GossipSub(params))  # type: ignore[misc]
        for node in net.nodes:
            node.add_validator("news", TopicValidator(lambda _: True, delay=0.050))
        net.run(5)
        for _ in range(5):
            message = net.nodes[0].publish("news", bytes(5_000))
            net.run(3)
            assert delivered(net, message) == [1] * 30
        duplicates[threshold] = len(net.events("pubsub.duplicate"))
    assert duplicates[1_024] < 0.7 * duplicates[100_000]


def test_what_the_mesh_loses_gossip_brings() -> None:
    net = network(25, random_edges(25, 10, 3), lambda _: GossipSub(GossipSubParams.spec(flood_publish=False)))
    net.run(5)
    lost: list[tuple[int, int]] = []

    def lossy(sender: int, receiver: int, rpc: RPC) -> bool:
        # Everything pushed to node 7 is lost; what it asks for itself arrives.
        pushed = (
            receiver == 7
            and bool(rpc.publish)
            and not any(
                event.peer == "n7" and event.t == net.runtime.now()
                for event in net.events("pubsub.iwant_served", node=f"n{sender}")
            )
        )
        if pushed:
            lost.append((sender, receiver))
        return pushed

    net.lossy = lossy
    message = net.nodes[0].publish("news", b"x")
    net.run(4)
    assert lost
    assert delivered(net, message) == [1] * 25
    (received,) = [event for event in net.events("pubsub.receive", node="n7") if event.ref == message.id]
    chain = [event.kind for event in net.log.chain(received)]
    assert chain[-4:] == ["pubsub.gossip", "pubsub.iwant", "pubsub.iwant_served", "pubsub.receive"]


def test_a_mixed_network_of_all_versions_delivers_to_everyone() -> None:
    kinds: list[Callable[[], Router]] = [
        lambda: GossipSub(),
        lambda: GossipSub(GossipSubParams.go()),
        lambda: GossipSub(GossipSubParams.spec(protocols=(V12, V11, V10, *FLOODSUB))),
        lambda: GossipSub(GossipSubParams.spec(protocols=(V11, V10, *FLOODSUB))),
        lambda: GossipSub(GossipSubParams.spec(protocols=(V10, *FLOODSUB))),
        FloodSub,
    ]
    net = network(36, random_edges(36, 10, 4), lambda number: kinds[number % len(kinds)](), encoded=True)
    net.run(8)
    for node in range(len(kinds)):
        message = net.nodes[node].publish("news", bytes(2_000))
        net.run(4)
        assert delivered(net, message) == [1] * 36


def test_after_a_third_crashes_every_mesh_is_restored_within_two_heartbeats() -> None:
    # v1.0 "Mesh Maintenance": one heartbeat finds the mesh below D_low and fills it; the next leaves nothing to do.
    net = network(45, random_edges(45, 16, 5), lambda _: GossipSub())
    net.run(8)
    gone = list(range(0, 45, 3))
    for node in gone:
        net.nodes[node].stop()
        for one, other in list(net.links):
            if one == node:
                net.disconnect(one, other)
    net.run(2.1)
    left = [node for node in range(45) if node not in gone]
    params = GossipSubParams.spec()
    for node in left:
        neighbours = len(net.nodes[node].router.peers)
        assert len(mesh_of(net, node)) >= min(params.D_low, neighbours)
    message = net.nodes[left[0]].publish("news", b"x")
    net.run(3)
    assert [count for node, count in enumerate(delivered(net, message)) if node in left] == [1] * len(left)


def test_publishing_without_subscribing_reaches_the_subscribers() -> None:
    for flood_publish in (True, False):
        params = GossipSubParams.spec(flood_publish=flood_publish)
        net = network(20, random_edges(20, 8, 6), lambda _, params=params: GossipSub(params))  # type: ignore[misc]
        outsider = net.add(GossipSub(params))
        for node in range(7):
            net.connect(20, node)
        net.run(3)
        message = outsider.publish("news", b"x")
        net.run(3)
        assert delivered(net, message) == [1] * 20 + [0]


def test_the_same_seed_gives_the_same_digest_and_another_one_does_not() -> None:
    def digest(seed: int) -> str:
        net = network(20, random_edges(20, 8, 7), lambda _: GossipSub(), seed=seed)
        net.run(4)
        net.nodes[3].publish("news", bytes(2_000))
        net.run(4)
        return net.log.digest()

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


# -- properties

VERBS = st.sampled_from(
    ["connect", "disconnect", "subscribe", "unsubscribe", "publish", "large", "wait", "long", "penalise"]
)
SCRIPTS = st.lists(st.tuples(VERBS, st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=40)
SMALL = GossipSubParams.spec(
    D=3, D_low=2, D_high=4, D_score=2, D_out=1, D_lazy=2, prune_backoff=8.0, unsubscribe_backoff=3.0,
    opportunistic_graft_ticks=7, flood_publish=False,
)  # fmt: skip


class Checked(GossipSub):
    """Looks at what each of its heartbeats leaves behind, which is what the specs speak of."""

    def heartbeat(self, now: int) -> Effects:
        effects = super().heartbeat(now)
        for topic, mesh in self.meshes.items():
            # Below D_low only for want of eligible peers.
            assert len(mesh) >= SMALL.D_low or self.candidates(topic, mesh, now) == []
            # Above D_high only by the outbound quota and opportunistic grafts of this heartbeat.
            assert len(mesh) <= SMALL.D_high + SMALL.D_out + SMALL.opportunistic_graft_peers
            if len(mesh) > SMALL.D_high:
                sent = [effect[2].control for effect in effects if isinstance(effect, tuple)]
                grafted = [control.graft for control in sent if control is not None]
                assert sum(graft.count(topic) for graft in grafted) >= len(mesh) - SMALL.D_high
            assert all(peer in self.peers and peer in self.topics[topic] for peer in mesh)
            assert not any(self.scores.below_zero(peer) for peer in mesh)
        return effects


class Played:
    """A network of ten on which a script is played."""

    def __init__(self, script: list[tuple[str, int, int]]) -> None:
        self.net = Net(latency=0.020, seed=1, spread=0.020)
        for _ in range(10):
            self.net.add(Checked(SMALL))
        for one, other in random_edges(10, 6, len(script)):
            self.net.connect(one, other)
        for number, node in enumerate(self.net.nodes):
            node.start(0.1 * number + 0.05)
        self.queues = {number: node.subscribe("news") for number, node in enumerate(self.net.nodes)}
        for verb, one, other in script:
            self.play(verb, one, other)

    def play(self, verb: str, one: int, other: int) -> None:
        net = self.net
        if verb == "connect" and one != other and (one, other) not in net.links:
            net.connect(one, other)
        elif verb == "disconnect" and (one, other) in net.links:
            net.disconnect(one, other)
        elif verb == "subscribe" and one not in self.queues:
            self.queues[one] = net.nodes[one].subscribe("news")
        elif verb == "unsubscribe" and one in self.queues:
            self.queues.pop(one).close()
        elif verb == "publish":
            net.nodes[one].publish("news", b"x")
        elif verb == "large":
            net.nodes[one].publish("news", bytes(2_000))
        elif verb == "penalise" and (one, other) in net.links:
            router = net.nodes[one].router
            assert isinstance(router, GossipSub)
            router.scores.penalise(other)
        net.run(9.0 if verb == "long" else 0.4)


@pytest.mark.dear
@settings(max_examples=60)
@given(SCRIPTS)
def test_every_heartbeat_leaves_meshes_within_their_bounds_and_they_are_symmetric_when_nothing_is_under_way(
    script: list[tuple[str, int, int]],
) -> None:
    played = Played(script)
    net = played.net
    net.run(3 * SMALL.heartbeat_interval)
    for node in net.nodes:
        assert isinstance(node.router, GossipSub)
        node.router.heartbeat_interval = None
    net.run(SMALL.heartbeat_interval + 1.0)
    for index, node in enumerate(net.nodes):
        router = node.router
        assert isinstance(router, GossipSub)
        if index not in played.queues:
            assert router.meshes == {}
        assert all((index, peer) in net.links for peer in router.mesh("news"))
    assert asymmetric(net) == []


@pytest.mark.dear
@settings(max_examples=60)
@given(SCRIPTS)
def test_nobody_grafts_within_a_backoff_it_knows_of(script: list[tuple[str, int, int]]) -> None:
    net = Played(script).net
    until: dict[tuple[str, str], float] = {}
    own = ("joined", "mesh below D_low", "too few outbound", "opportunistic")
    for event in net.log:
        if event.kind not in ("pubsub.prune", "pubsub.graft") or event.node is None or event.peer is None:
            continue
        pair = (event.node, event.peer)
        if event.kind == "pubsub.prune" and event.data and "backoff" in event.data:
            until[pair] = max(until.get(pair, 0.0), event.t + event.data["backoff"])
        elif event.kind == "pubsub.graft" and event.reason in own:
            assert event.t >= until.get(pair, 0.0)
    # And so nobody is ever penalised for it.
    assert net.events("pubsub.penalty") == []


@pytest.mark.dear
@settings(max_examples=60)
@given(SCRIPTS)
def test_each_subscriber_is_delivered_each_message_once(script: list[tuple[str, int, int]]) -> None:
    net = Played(script).net
    deliveries = [(event.node, event.ref) for event in net.events("pubsub.deliver")]
    assert len(deliveries) == len(set(deliveries))


@pytest.mark.dear
@settings(max_examples=60)
@given(SCRIPTS)
def test_no_message_is_sent_to_who_has_said_in_time_that_it_does_not_want_it(
    script: list[tuple[str, int, int]],
) -> None:
    net = Played(script).net
    told: dict[tuple[int, int, bytes], int] = {}
    holds = round(SMALL.idontwant_message_ttl * SMALL.heartbeat_interval * 10_000) - 10_000
    for tick, sender, receiver, rpc in net.sent:
        if rpc.control is not None:
            for ids in rpc.control.idontwant:
                for message_id in ids:
                    told[receiver, sender, message_id] = tick + net.latency + net.spread
        for publication in rpc.publish:
            since = told.get((sender, receiver, publication.id))
            assert since is None or not since < tick < since + holds
