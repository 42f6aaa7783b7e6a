"""Real nodes on p2plab's own router among nodes on py-libp2p's, and the reasons that they give."""

from __future__ import annotations

import pytest

from p2plab import Lab, Node
from p2plab.pubsub import GossipSubParams, Subscription
from tests.unit.real.own_pubsub.scene import NO_MESH, WAIT, Until, one_mesh, pubsub_of


class TestMixedLabs:
    def test_every_message_reaches_every_node_whosever_router_it_is_on(self, lab: Lab, until: Until) -> None:
        nodes = [lab.start_node(f"n{number}", pubsub=("p2plab", "libp2p")[number % 2]) for number in range(8)]
        lab.wire("random", degree=4)
        queues = [node.subscribe("news") for node in nodes]
        until(lambda: all(len(node.topic_peers("news")) == len(node.peers()) for node in nodes) and one_mesh(nodes))
        sent = [node.publish("news", b"from " + node.name.encode()).id for node in nodes]
        until(lambda: all(len(queue.messages) == len(nodes) for queue in queues))
        assert all({message.id for message in queue.messages} == set(sent) for queue in queues)
        assert {message.sender.name for message in queues[0].messages if message.sender} == {n.name for n in nodes}
        own, others = lab["n0"], lab["n1"]
        assert {info.name for info in own.topic_peers("news")} == {info.name for info in own.peers()}
        assert {info.name for info in others.topic_peers("news")} == {info.name for info in others.peers()}

    def test_messages_of_nearly_a_megabyte_pass_in_both_directions(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, until: Until
    ) -> None:
        mine = alice.subscribe("news")
        until(lambda: bob.topic_peers("news"))
        big = bytes(range(256)) * 4_000
        alice.publish("news", big)
        bob.publish("news", big[::-1])
        assert {news.get(timeout=WAIT).data for _ in range(2)} == {big, big[::-1]}
        until(lambda: len(mine.messages) == 2)
        assert {message.data for message in mine.messages} == {big, big[::-1]}

    def test_what_went_past_the_mesh_is_asked_for_and_given(self, lab: Lab, until: Until) -> None:
        alice = lab.start_node("alice", pubsub="p2plab", gossipsub=NO_MESH)
        bob = lab.start_node("bob")
        bob.connect(alice)  # of peers that it dialled, a node takes GRAFTs into a full mesh
        mine, his = alice.subscribe("news"), bob.subscribe("news")
        until(lambda: alice.topic_peers("news") and bob.topic_peers("news"))
        sent = alice.publish("news", b"by IHAVE and IWANT")
        assert his.get(timeout=WAIT).id == sent.id
        assert len(mine.messages) == 1
        served = lab.events.filter(kind="pubsub.iwant_served", node=alice)[0]
        assert (served.peer, served.ref) == ("bob", sent.id)

    def test_a_node_with_gossip_alone_gets_what_others_publish(self, lab: Lab, until: Until) -> None:
        pair = GossipSubParams.spec(D=1, D_low=1, D_high=2, D_out=0, D_score=0)
        nodes = [lab.start_node("alice", pubsub="p2plab", gossipsub=NO_MESH), *lab.start_nodes(2, gossipsub=pair)]
        for dialler, listener in ((1, 0), (2, 0), (1, 2)):
            nodes[dialler].connect(nodes[listener])
        queues = [node.subscribe("news") for node in nodes]
        until(lambda: all(len(node.topic_peers("news")) == 2 for node in nodes))
        until(lambda: [[info.name for info in node.mesh("news")] for node in nodes[1:]] == [["n1"], ["n0"]])
        sent = nodes[1].publish("news", b"by IHAVE and IWANT")
        assert queues[0].get(timeout=WAIT).id == sent.id
        asked = lab.events.filter(kind="pubsub.iwant", node="alice", ref=sent.id)[0]
        assert (asked.reason, asked.data and asked.data["ids"]) == ("advertised", 1)

    def test_causes_cross_from_one_router_to_the_other(self, lab: Lab, until: Until) -> None:
        nodes = [lab.start_node(f"n{number}", pubsub=pubsub) for number, pubsub in enumerate(("libp2p", "p2plab") * 2)]
        lab.wire("line")
        queues = [node.subscribe("news") for node in nodes]
        until(lambda: one_mesh(nodes))
        sent = nodes[0].publish("news", b"along the line")
        assert queues[3].get(timeout=WAIT).id == sent.id
        chain = lab.why(lab.events.filter(kind="pubsub.deliver", node="n3")[0])
        stations = [(event.kind, event.node) for event in chain if event.kind in ("pubsub.publish", "pubsub.receive")]
        assert stations == [
            ("pubsub.publish", "n0"), ("pubsub.receive", "n1"), ("pubsub.receive", "n2"), ("pubsub.receive", "n3"),
        ]  # fmt: skip

    def test_the_newest_protocol_that_both_speak_is_taken(self, lab: Lab, until: Until) -> None:
        alice, bob, carol, dave = (
            lab.start_node("alice", pubsub="p2plab"),
            lab.start_node("bob", pubsub="p2plab"),
            lab.start_node("carol"),
            lab.start_node("dave", router="floodsub"),
        )
        for other in (bob, carol, dave):
            alice.connect(other)
        until(lambda: len(pubsub_of(alice).manager.router.peers) == 3)
        spoken = {peer.protocol for peer in pubsub_of(alice).manager.router.peers.values()}
        assert spoken == {"/meshsub/1.3.0", "/meshsub/1.2.0", "/floodsub/1.0.0"}
        news = dave.subscribe("news")
        until(lambda: alice.topic_peers("news"))
        alice.publish("news", b"to FloodSub")
        assert news.get(timeout=WAIT).data == b"to FloodSub"

    @pytest.mark.parametrize("pubsub", ["libp2p", "p2plab"])
    @pytest.mark.parametrize("protocol", ["/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0", "/floodsub/1.0.0"])
    def test_it_speaks_every_older_one_down_to_floodsub(
        self, lab: Lab, alice: Node, pubsub: str, protocol: str, until: Until
    ) -> None:
        older = GossipSubParams.spec(protocols=(protocol,))
        router = "floodsub" if protocol.startswith("/floodsub") else "gossipsub"
        bob = lab.start_node("bob", pubsub=pubsub, gossipsub=older, router=router)
        alice.connect(bob)
        until(lambda: pubsub_of(alice).manager.router.peers)
        assert [peer.protocol for peer in pubsub_of(alice).manager.router.peers.values()] == [protocol]
        mine, his = alice.subscribe("news"), bob.subscribe("news")
        until(lambda: alice.topic_peers("news") and bob.topic_peers("news"))
        sent = {alice.publish("news", b"from alice").id, bob.publish("news", b"from bob").id}
        assert {his.get(timeout=WAIT).id for _ in sent} == {mine.get(timeout=WAIT).id for _ in sent} == sent


class TestReasons:
    def test_why_tells_how_a_peer_stands(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, until: Until
    ) -> None:
        alice.subscribe("news")
        until(lambda: alice.mesh("news"))
        said = str(alice.why(bob, topic="news"))
        assert "bob is in alice's mesh of 'news'" in said
        grafted = lab.events.filter(kind="pubsub.graft", node=alice)[-1]
        assert f"Last: graft at {grafted.t:.4f} s, because: {grafted.reason}" in said

    def test_why_tells_what_kept_a_message_away(self, lab: Lab, alice: Node, bob: Node, news: Subscription) -> None:
        bob.add_validator("news", lambda message: False)
        sent = alice.publish("news", b"x")
        lab.run_until(lambda: bool(lab.events.filter(kind="pubsub.reject", node=bob)), timeout=WAIT)
        assert lab.why(sent, at=bob).answer == "bob received it and did not deliver it: validator said reject"

    def test_own_messages_say_how_they_went(self, lab: Lab, alice: Node, bob: Node, news: Subscription) -> None:
        alice.publish("news", b"x")
        news.get(timeout=WAIT)
        (route,) = lab.events.filter(kind="pubsub.route", node=alice)
        assert route.data == {"peers": 1, "subscribers": 1, "mesh": 0}

    def test_scores_have_their_components(self, alice: Node, bob: Node, news: Subscription) -> None:
        assert set(alice.scores()["bob"]) == {"score", "P1", "P2", "P3", "P3b", "P4", "cap", "P5", "P6", "P7"}

    def test_a_prune_for_want_of_the_peer_says_how_it_went(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, until: Until
    ) -> None:
        alice.subscribe("news")
        until(lambda: alice.mesh("news"))
        bob.crash()
        until(lambda: not alice.mesh("news"))
        (pruned,) = lab.events.filter(kind="pubsub.prune", node=alice)
        assert pruned.reason == "peer gone"
        assert "connection.closed" in [event.kind for event in lab.why(pruned)]
