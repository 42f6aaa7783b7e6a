"""Topics as namespaces, peer exchange, random walks and bootstrap lists: how a network comes to be, and heals."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from p2plab import Lab, Node
from p2plab.constants import TICKS_PER_SECOND
from p2plab.discovery.backoff import DialBackoff
from p2plab.discovery.settings import WAYS
from p2plab.errors import DiscoveryError, ValidationError
from p2plab.pubsub import GossipSubParams

D_LOW = GossipSubParams.spec().D_low
# gossipsub-v1.1.md, "PRUNE Backoff and Peer Exchange": a bootstrapper meshes with nobody and recommends everybody.
BOOTSTRAPPER = GossipSubParams.spec(D=0, D_low=0, D_high=0, D_score=0, D_out=0, D_lazy=0, peer_exchange=True)


def subscribed(nodes: list[Node], *topics: str) -> None:
    for node in nodes:
        for topic in topics:
            node.subscribe(topic)


def thinnest(nodes: list[Node], *topics: str) -> int:
    return min(len(node.mesh(topic)) for node in nodes for topic in topics)


def within(lab: Lab, seconds: int, condition: Callable[[], bool]) -> bool:
    """Whether it comes to hold in so many seconds, looked at once in each (and not after every event)."""
    for _ in range(seconds):
        lab.run(1)
        if condition():
            return True
    return False


@pytest.mark.parametrize("count", [14, pytest.param(100, marks=pytest.mark.slow)])
def test_from_one_rendezvous_point_every_mesh_reaches_D_low_within_ten_heartbeats(count: int) -> None:
    with Lab(seed=7, discovery=["rendezvous", "pubsub"]) as lab:
        nodes = lab.start_nodes(count)
        assert lab.edges() == []
        subscribed(nodes, "news", "chat")
        assert within(lab, 10, lambda: thinnest(nodes, "news", "chat") >= D_LOW)
        assert nodes[5].peers()[-1].found_by == ("rendezvous",)


@pytest.mark.parametrize("count", [14, pytest.param(100, marks=pytest.mark.slow)])
def test_from_one_peer_exchange_bootstrapper_every_mesh_reaches_D_low_within_ten_heartbeats(count: int) -> None:
    with Lab(seed=7, discovery=["bootstrap", "peer-exchange"]) as lab:
        subscribed([lab.start_node("boot", gossipsub=BOOTSTRAPPER)], "news", "chat")
        nodes = lab.start_nodes(count)
        subscribed(nodes, "news", "chat")
        assert within(lab, 10, lambda: thinnest(nodes, "news", "chat") >= D_LOW)
        ways = {way for node in nodes for peer in node.peers() for way in peer.found_by}
        assert ways == {"bootstrap", "peer-exchange"}


def test_a_dial_says_that_it_follows_from_a_find() -> None:
    with Lab(seed=7, discovery=["rendezvous", "pubsub"]) as lab:
        nodes = lab.start_nodes(6)
        subscribed(nodes, "news")
        lab.run(5)
        opened = next(
            event
            for event in lab.events.filter(kind="connection.opened")
            if (event.data or {})["direction"] == "outbound" and event.peer != "n0"
        )
        kinds = [cause.kind for cause in lab.why(opened)]
        assert kinds[-2:] == ["discovery.found", "connection.opened"]
        found = next(cause for cause in lab.why(opened) if cause.kind == "discovery.found")
        assert (found.node, found.peer, found.reason) == (opened.node, opened.peer, "by rendezvous")


def test_a_topic_that_is_left_is_withdrawn_and_one_with_enough_peers_is_not_looked_for() -> None:
    with Lab(seed=7, discovery=["rendezvous", "pubsub"]) as lab:
        nodes = lab.start_nodes(8)
        subscriptions = [node.subscribe("news") for node in nodes]
        assert within(lab, 10, lambda: thinnest(nodes, "news") >= D_LOW)
        lab.run(11)
        asked = len(lab.events.filter(kind="discovery.asked"))
        lab.run(20)
        assert len(lab.events.filter(kind="discovery.asked")) == asked
        assert len(nodes[1].discovery.find("floodsub:news")) == 7
        subscriptions[3].close()
        lab.run(1)
        assert "n3" not in [peer.name for peer in nodes[1].discovery.find("floodsub:news")]


@pytest.mark.dear
def test_a_partitioned_network_heals_by_discovery_alone() -> None:
    with Lab(seed=7, discovery=["rendezvous", "pubsub"]) as lab:
        nodes = lab.start_nodes(8)
        subscribed(nodes, "news")
        assert within(lab, 10, lambda: thinnest(nodes, "news") >= D_LOW)
        here, there = nodes[:4], nodes[4:]
        lab.network.partition(here, there)
        lab.run(60)
        across = {(a.name, b.name) for a in here for b in there}
        assert not across & set(lab.edges()), "every connection across the cut has been given up"
        lab.network.heal()
        assert within(lab, 120, lambda: thinnest(nodes, "news") >= D_LOW)
        assert across & set(lab.edges())
        message = nodes[0].publish("news", b"together again")
        lab.run(5)
        assert {delivery.node for delivery in lab.events.filter(kind="pubsub.deliver", ref=message.id)} == {
            node.name for node in nodes
        }


def test_a_partition_with_a_bootstrap_node_on_one_side_heals_by_the_bootstrap_list() -> None:
    with Lab(seed=7, discovery=["bootstrap", "peer-exchange"]) as lab:
        nodes = lab.start_nodes(20)
        lab.run(5)
        lab.network.partition(nodes[:10], nodes[10:])
        lab.run(120)
        assert all(int(a[1:]) < 10 or int(b[1:]) >= 10 for a, b in lab.edges())
        lab.network.heal()
        wanted = {("n0", f"n{number}") for number in range(10, 20)}
        assert within(lab, 120, lambda: wanted <= set(lab.edges()))


def test_a_random_walk_meets_peers_that_the_node_was_never_told_of() -> None:
    with Lab(seed=7, discovery=["bootstrap", "random-walk"]) as lab:
        nodes = lab.start_nodes(12)
        lab.run(30)
        others = {f"n{number}" for number in range(12)} - {"n3"}
        found = {peer.name for peer in nodes[3].discovery.find()}
        assert found <= others
        assert len(found) > 8
        assert "random-walk" in nodes[3].discovery.found_by("n7")
        walks = [
            event.t for event in lab.events.filter(kind="discovery.found", node="n3") if event.reason != "by bootstrap"
        ]
        assert 1.0 <= walks[0] < 30.0


@pytest.mark.real
def test_real_nodes_find_each_other_through_a_topic() -> None:
    with Lab("real", seed=7, discovery=["rendezvous", "pubsub"], pubsub="p2plab") as lab:
        nodes = lab.start_nodes(5)
        subscribed(nodes, "news")
        assert lab.run_until(lambda: thinnest(nodes, "news") >= D_LOW, timeout=30)
        assert nodes[3].discovery.found_by(nodes[4]) == ("rendezvous",)


@pytest.mark.real
def test_real_nodes_find_each_other_by_a_bootstrap_list_and_peer_exchange() -> None:
    with Lab("real", seed=7, discovery=["bootstrap", "peer-exchange"], pubsub="p2plab") as lab:
        subscribed([lab.start_node("boot", gossipsub=BOOTSTRAPPER)], "news")
        nodes = lab.start_nodes(4)
        subscribed(nodes, "news")
        assert lab.run_until(lambda: thinnest(nodes, "news") >= 3, timeout=30)
        assert "peer-exchange" in {way for node in nodes for peer in node.peers() for way in peer.found_by}


def test_topics_need_a_way_by_which_their_peers_are_found() -> None:
    with pytest.raises(ValidationError, match="add 'rendezvous' or 'dht'"):
        Lab(discovery=["pubsub"])


def test_the_backoff_of_dials_has_the_numbers_of_go() -> None:
    draws, backoff = random.Random(1), DialBackoff()
    second = TICKS_PER_SECOND
    assert {DialBackoff.delay(count, draws) for count in (0, 1)} == {10 * second}
    for count, longest in ((2, 25), (3, 125), (4, 625), (5, 3125), (6, 3600), (60, 3600)):
        drawn = [DialBackoff.delay(count, draws) for _ in range(300)]
        assert 10 * second <= min(drawn) <= max(drawn) < longest * second
        assert max(drawn) - min(drawn) > 0.9 * (longest - 10) * second, "drawn over all of it"
    assert backoff.may_dial("a", 0, draws)
    assert not backoff.may_dial("a", 10 * second - 1, draws)
    assert backoff.may_dial("a", 10 * second, draws)
    for number in range(100):
        assert backoff.may_dial(f"p{number}", 0, draws)
    assert backoff.may_dial("a", 10 * second + 1, draws), "of a hundred others, it was dialled longest ago"


def test_why_and_the_cards_say_how_a_peer_was_found() -> None:
    from p2plab_widgets.graph.details import node_details
    from p2plab_widgets.inspector import Inspector

    with Lab(seed=7, discovery=["rendezvous", "pubsub"]) as lab:
        nodes = lab.start_nodes(5)
        subscribed(nodes, "news")
        lab.run(3)
        opened = next(
            event
            for event in lab.events.filter(kind="connection.opened")
            if (event.data or {})["direction"] == "outbound" and event.peer != "n0"
        )
        dialler, peer = str(opened.node), str(opened.peer)
        before = lab.events.digest()
        told = f"{dialler} found {peer} by rendezvous in 'floodsub:news' at "
        assert told in str(lab[dialler].why(peer))
        assert told in str(lab[peer].why(dialler)), "whichever of the two found the other"
        card = node_details(lab, peer, [dialler])
        assert [line.partition(": ")[0] for line in card["found"]] == ["by rendezvous"]
        assert dialler in card["found"][0]
        lab.cursor.selection = {"kind": "node", "id": peer}
        view = Inspector(lab)
        try:
            found = next(line for line in view.text().splitlines() if line.startswith("found: "))
            assert found.startswith("found: by rendezvous: ")
            assert dialler in found.partition("rendezvous: ")[2].split(", ")
        finally:
            view.close()
        assert lab.events.digest() == before


@pytest.mark.real
def test_a_server_of_routing_over_http_says_who_is_in_a_namespace() -> None:
    with Lab("real", seed=7, discovery=["dht", "http"], dht="p2plab") as lab:
        server, alice, bob = lab.start_nodes(3)
        alice.connect(server)
        assert alice.discovery.advertise("chess").by == ("dht",)
        carol = lab.start_node("carol", discovery=["http"])
        with pytest.raises(DiscoveryError, match="knows no server of routing over HTTP"):
            carol.discovery.find("chess")
        carol.routing.use(server.routing.serve().address)
        assert [(peer.name, peer.found_by) for peer in carol.discovery.find("chess")] == [("n1", ("http",))]
        assert carol.connect("n1").peer.name == "n1"
        assert bob.discovery.ways == ("dht", "http")


def test_every_way_may_be_given_at_once() -> None:
    with Lab(seed=7, discovery=list(WAYS)) as lab:
        nodes = lab.start_nodes(8)
        subscribed(nodes, "news")
        assert within(lab, 10, lambda: thinnest(nodes, "news") >= D_LOW)
        nodes[3].discovery.advertise("chess")
        assert "n3" in [peer.name for peer in nodes[5].discovery.find("chess")]
        assert len(nodes[5].discovery.find()) == 7


@pytest.mark.parametrize("ways", [None, ["rendezvous"]])
def test_a_peer_of_a_plain_bootstrap_list_is_known_to_be_one(ways: list[str] | None) -> None:
    with Lab(seed=7) as lab:
        lab.start_node("boot")
        alice = lab.start_node("alice", bootstrap=["boot"], discovery=ways)
        lab.run(1)
        assert [peer.found_by for peer in alice.peers()] == [("bootstrap",)]
        assert len(lab.events.filter(kind="discovery.found")) == (0 if ways is None else 1)
