"""Real nodes on p2plab's own router: among nodes on py-libp2p's and with hostile peers, and the reasons they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import trio

from p2plab import Lab, Node
from p2plab.errors import ClosedError, NotInThisWorldError, ValidationError
from p2plab.identity import Identity, peer_id_bytes
from p2plab.pubsub import GossipSub, GossipSubParams, ScoreParams, Subscription, TopicScoreParams
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control, encode_rpc
from p2plab.real.connections import Link
from p2plab.real.host import RealHost
from p2plab.real.own_pubsub import OwnPubsub
from p2plab.real.rpc_queue import RpcQueue
from p2plab.stream import NetStream, StreamError
from tests.unit.real.script import run_script
from tests.unit.real.test_close import tasks

WAIT = 20.0
OURS = "/meshsub/1.1.0"  # what raw streams of the tests speak
NO_MESH = GossipSubParams.spec(D=0, D_low=0, D_high=0, D_out=0, D_score=0, flood_publish=False)  # gossip alone

THRESHOLDS: Any = {"gossip_threshold": -1.0, "publish_threshold": -2.0, "graylist_threshold": -3.0}

Until = Callable[[Callable[[], object]], None]


def pubsub_of(node: Node) -> OwnPubsub:
    host = node.world.hosts()[node.name]
    assert isinstance(host, RealHost)
    assert isinstance(host.pubsub, OwnPubsub)
    return host.pubsub


@pytest.fixture
def until(lab: Lab) -> Until:
    def wait(condition: Callable[[], object]) -> None:
        assert lab.run_until(condition, timeout=WAIT), "it never came to pass"

    return wait


@pytest.fixture
def alice(lab: Lab) -> Node:
    """A node on p2plab's router."""
    return lab.start_node("alice", pubsub="p2plab")


@pytest.fixture(params=["libp2p", "p2plab"])
def bob(request: pytest.FixtureRequest, lab: Lab) -> Node:
    """A node on either router."""
    return lab.start_node("bob", pubsub=request.param)


@pytest.fixture
def news(alice: Node, bob: Node, until: Until) -> Subscription:
    """Bob's subscription, of which alice knows."""
    alice.connect(bob)
    subscription = bob.subscribe("news")
    until(lambda: alice.topic_peers("news"))
    return subscription


def speak(lab: Lab, node: Node, to: Node, *rpcs: bytes) -> None:
    """Have ``node`` open a pubsub stream of its own to a peer, and write these to it."""

    async def write() -> None:
        stream = await lab.aio[node.name].open_stream(to.name, OURS)
        for rpc in rpcs:
            await stream.write_message(rpc)

    lab.world.run(write)


def forged(author: str, seqno: int = 1) -> bytes:
    """An RPC with a message that its author never signed."""
    message = Publication("news", b"forged", peer_id_bytes(author), seqno.to_bytes(8, "big"), bytes(64))
    return encode_rpc(RPC((message,)))


class TestMixedLabs:
    def test_every_message_reaches_every_node_whosever_router_it_is_on(self, lab: Lab, until: Until) -> None:
        nodes = [lab.start_node(f"n{number}", pubsub=("p2plab", "libp2p")[number % 2]) for number in range(8)]
        lab.wire("random", degree=4)
        queues = [node.subscribe("news") for node in nodes]
        until(lambda: all(node.mesh("news") for node in nodes))
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
        (served,) = lab.events.filter(kind="pubsub.iwant_served", node=alice)
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
        until(lambda: all(len(node.topic_peers("news")) == len(node.peers()) for node in nodes))
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


class TestHostilePeers:
    """Mallory's own pubsub is left out: what she says comes from the test."""

    @pytest.fixture
    def mallory(self, lab: Lab, alice: Node, news: Subscription) -> Node:
        node = lab.start_node("mallory", pubsub="p2plab")
        node.connect(alice)
        alice.subscribe("news")
        return node

    def test_a_forged_message_is_rejected_by_either_router(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, until: Until
    ) -> None:
        speak(lab, alice, bob, forged(alice.peer_id))
        until(lambda: lab.events.filter(kind="pubsub.reject", node=bob))
        (event,) = lab.events.filter(kind="pubsub.reject", node=bob)
        assert (event.peer, event.reason) == ("alice", "bad signature")
        assert news.messages == []

    def test_a_forged_copy_does_not_keep_the_true_message_out(
        self, lab: Lab, alice: Node, mallory: Node, until: Until
    ) -> None:
        carol = Identity.derive(99, "carol")
        author, seqno = peer_id_bytes(carol.peer_id), (5).to_bytes(8, "big")
        true = Publication("news", b"true", author, seqno, sign=carol.sign)
        false = Publication("news", b"false", author, seqno, signature=true.signature)
        queue = alice.subscribe("news")
        speak(lab, mallory, alice, encode_rpc(RPC((false,))), encode_rpc(RPC((true,))))
        assert queue.get(timeout=WAIT).data == b"true"
        assert [event.reason for event in lab.events.filter(kind="pubsub.reject", node=alice)] == ["bad signature"]

    @pytest.mark.parametrize(
        ("frame", "reason"),
        [(b"\x05\xff\xff\xff\xff\xff", "malformed"), (b"\xff\xff\xff\x7f", "too large"), (b"\x80" * 10, "too large")],
        ids=["no protobuf", "too long", "no length"],
    )
    def test_what_is_no_rpc_ends_its_stream_and_nothing_else(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, mallory: Node, frame: bytes, reason: str
    ) -> None:
        async def garble() -> None:
            stream = await lab.aio["mallory"].open_stream("alice", OURS)
            await stream.write(frame)
            with pytest.raises(StreamError):
                await stream.read()

        lab.world.run(garble)
        (event,) = lab.events.filter(kind="pubsub.violation")
        assert (event.node, event.peer, event.reason) == ("alice", "mallory", reason)
        alice.publish("news", b"still here")
        assert news.get(timeout=WAIT).data == b"still here"

    def test_a_peer_that_does_not_read_holds_up_nobody_else_and_loses_what_is_too_much(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, until: Until
    ) -> None:
        queue = deaf(lab, "sloth", alice, until)
        queue.max_bytes = 200_000
        sent = [alice.publish("news", bytes(90_000)).id for _ in range(6)]
        assert {news.get(timeout=WAIT).id for _ in sent} == set(sent)
        dropped = lab.events.filter(kind="pubsub.drop", node=alice)
        assert [(event.peer, event.ref, event.reason) for event in dropped] == [
            ("sloth", ref, "outbound queue full") for ref in sent[-len(dropped) :]
        ]
        assert len(dropped) in (3, 4)  # one is being written, if its turn came before the next was published
        assert dropped[-1].data == {"waiting": 2, "bytes": queue.size, "dropped": len(dropped)}

    def test_idontwant_takes_back_what_waits_for_the_peer(self, lab: Lab, alice: Node, until: Until) -> None:
        queue = deaf(lab, "sloth", alice, until)
        sent = [alice.publish("news", b"%d" % number).id for number in range(3)]
        unwanted = RPC(control=Control(idontwant=(tuple(map(bytes.fromhex, sent[1:])),)))
        speak(lab, lab["sloth"], alice, encode_rpc(unwanted))
        until(lambda: lab.events.filter(kind="pubsub.withdrawn", node=alice))
        withdrawn = lab.events.filter(kind="pubsub.withdrawn", node=alice)
        assert [(event.peer, event.reason) for event in withdrawn] == [("sloth", "peer does not want it")] * len(
            withdrawn
        )
        assert [event.ref for event in withdrawn] == sent[-len(withdrawn) :]
        assert len(queue) <= 1

    def test_who_forges_is_graylisted_by_its_score(self, lab: Lab, until: Until) -> None:
        topics = {"news": TopicScoreParams(topic_weight=1.0, invalid_message_deliveries_weight=-1.0)}
        strict = GossipSubParams.spec(score=ScoreParams(topics=topics, **THRESHOLDS))
        alice = lab.start_node("alice", pubsub="p2plab", gossipsub=strict)
        mallory = lab.start_node("mallory", pubsub="p2plab")
        mallory.connect(alice)
        news = alice.subscribe("news")
        speak(lab, mallory, alice, *[forged(mallory.peer_id, number) for number in range(5)])
        until(lambda: lab.events.filter(kind="pubsub.drop", node=alice))
        (event, *_) = lab.events.filter(kind="pubsub.drop", node=alice)
        assert (event.peer, event.reason) == ("mallory", "graylisted")
        assert alice.scores()["mallory"]["P4"] == -4.0
        assert "P4 -4" in str(alice.why(mallory))
        assert news.messages == []


def deaf(lab: Lab, name: str, friend: Node, until: Until) -> RpcQueue:
    """Start a node that subscribes to the news at ``friend``, and have no write to it end, as to a peer that grants no
    window: what waits for it. (py-libp2p takes 16 MB of a stream that nobody reads.)"""
    node = lab.start_node(name, pubsub="p2plab")
    node.connect(friend)
    node.subscribe("news")
    until(lambda: name in [info.name for info in friend.topic_peers("news")])
    (neighbour,) = [each for each in pubsub_of(friend).streams.neighbours.values() if each.peer_id.name == name]
    assert neighbour.outgoing is not None

    async def never_done(data: object) -> None:
        await trio.sleep_forever()

    neighbour.outgoing.stream.write = never_done  # type: ignore[method-assign]
    return neighbour.outgoing.queue


class TestComingAndGoing:
    def test_a_crashed_node_comes_back_to_its_subscriptions(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, until: Until
    ) -> None:
        mine = alice.subscribe("news")
        until(lambda: bob.topic_peers("news"))
        alice.crash()
        with pytest.raises(ClosedError, match="alice is not running"):
            alice.publish("news", b"x")
        alice.restart()
        until(lambda: len(lab.events.filter(kind="pubsub.peer_subscribed", node=bob)) == 2)
        sent = bob.publish("news", b"welcome back")
        assert mine.get(timeout=WAIT).id == sent.id

    def test_with_its_state_lost_it_has_none_and_uses_no_number_again(
        self, lab: Lab, alice: Node, until: Until
    ) -> None:
        news = alice.subscribe("news")
        before = alice.publish("news", b"1").seqno
        alice.stop()
        alice.restart(state="lost")
        until(lambda: lab.events.filter(kind="node.restarted"))
        assert news.closed
        assert alice.topics() == []
        again = alice.publish("news", b"2").seqno
        assert before is not None
        assert again is not None
        assert again > before

    def test_a_peer_that_was_disconnected_and_dialled_again_hears_everything(
        self, lab: Lab, alice: Node, bob: Node
    ) -> None:
        news = bob.subscribe("news")
        for number in range(5):
            alice.connect(bob)
            assert lab.run_until(lambda: bool(alice.topic_peers("news")), timeout=WAIT)
            sent = alice.publish("news", b"%d" % number)
            assert news.get(timeout=WAIT).id == sent.id
            alice.disconnect(bob)

    def test_a_stream_that_is_reset_is_opened_again_and_the_subscriptions_stay(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, until: Until
    ) -> None:
        (neighbour,) = pubsub_of(alice).streams.neighbours.values()
        before = neighbour.outgoing
        assert before is not None
        lab.world.run(before.stream.reset)
        until(lambda: neighbour.outgoing not in (None, before))
        assert [info.name for info in alice.topic_peers("news")] == ["bob"]
        sent = alice.publish("news", b"again")
        assert news.get(timeout=WAIT).id == sent.id

    def test_a_stream_that_cannot_be_opened_is_tried_again(
        self, lab: Lab, alice: Node, bob: Node, until: Until, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        switch, failures = (
            pubsub_of(alice).streams._host.switch,
            [StreamError("limit", "bob has no room") for _ in range(2)],
        )
        open_it = switch.open

        async def open_or_not(link: Link, wanted: Sequence[str], *args: Any) -> NetStream:
            if OURS in wanted and failures:
                raise failures.pop(0)
            return await open_it(link, wanted, *args)

        monkeypatch.setattr(switch, "open", open_or_not)
        news = bob.subscribe("news")
        alice.connect(bob)
        until(lambda: alice.topic_peers("news"))
        assert failures == []
        assert {event.reason for event in lab.events.filter(kind="identify.failed", node=alice)} == {"limit"}
        sent = alice.publish("news", b"at last")
        assert news.get(timeout=WAIT).id == sent.id

    def test_who_speaks_pubsub_to_a_node_is_answered_whatever_identify_says(
        self, lab: Lab, alice: Node, bob: Node, until: Until, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def told_nothing(link: Link, protocols: Sequence[str]) -> None:
            return

        monkeypatch.setattr(pubsub_of(alice), "meet", told_nothing)
        mine = alice.subscribe("news")
        bob.connect(alice)
        until(lambda: bob.topic_peers("news"))
        sent = bob.publish("news", b"hello")
        assert mine.get(timeout=WAIT).id == sent.id

    def test_the_newest_of_a_peers_streams_counts(self, lab: Lab, alice: Node, until: Until) -> None:
        bob = lab.start_node("bob", pubsub="p2plab")
        bob.connect(alice)
        until(lambda: [n.incoming for n in pubsub_of(alice).streams.neighbours.values() if n.incoming])
        (neighbour,) = pubsub_of(alice).streams.neighbours.values()
        first = neighbour.incoming
        assert first is not None
        speak(lab, bob, alice, encode_rpc(RPC(subscriptions=((True, "sport"),))))
        until(lambda: alice.topic_peers("sport"))
        assert first.state == "reset"

    def test_nothing_is_left_of_peers_and_tasks_when_they_have_gone(self, lab: Lab, alice: Node, until: Until) -> None:
        bob = lab.start_node("bob", pubsub="p2plab")
        before = lab.world.look(tasks)
        for _ in range(3):
            alice.connect(bob)
            until(lambda: alice.peers() and bob.peers())
            alice.disconnect(bob)
            until(lambda: not pubsub_of(alice).streams.neighbours and not pubsub_of(bob).streams.neighbours)
            until(lambda: not alice.streams() and not bob.streams())
        until(lambda: lab.world.look(tasks) <= before)

    def test_a_closed_lab_leaves_no_thread_and_no_word(self) -> None:
        out = run_script(
            """
            import threading
            from p2plab import Lab
            with Lab("real", seed=1, pubsub="p2plab") as lab:
                nodes = lab.start_nodes(4)
                lab.wire("full")
                queues = [node.subscribe("news") for node in nodes]
                assert lab.run_until(lambda: all(node.mesh("news") for node in nodes), timeout=20)
                sent = nodes[2].publish("news", b"hello")
                assert all(queue.get().id == sent.id for queue in queues)
                nodes[3].crash()
            print(threading.active_count())
            """
        )
        assert out == "1\n"


class Loner(GossipSub):
    """Passes nothing on."""

    __slots__ = ()

    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return []


class TestSettings:
    def test_a_router_of_ones_own_decides(self, lab: Lab, until: Until) -> None:
        nodes = [
            lab.start_node("n0", pubsub="p2plab"),
            lab.start_node("n1", pubsub="p2plab", router=Loner),
            lab.start_node("n2", pubsub="p2plab"),
        ]
        lab.wire("line")
        queues = [node.subscribe("news") for node in nodes]
        until(lambda: all(len(node.topic_peers("news")) == len(node.peers()) for node in nodes))
        sent = nodes[0].publish("news", b"x")
        assert queues[1].get(timeout=WAIT).id == sent.id
        lab.run_until(lambda: bool(queues[2].messages), timeout=0.3)
        assert queues[2].messages == []

    def test_it_needs_p2plabs_pubsub(self, lab: Lab) -> None:
        with pytest.raises(NotInThisWorldError, match=r"py-libp2p's own routers, not with Loner; take pubsub='p2plab'"):
            lab.start_node("alice", router=Loner)
        with pytest.raises(NotInThisWorldError, match="not with Loner"), Lab("real", router=Loner):
            pass
        assert lab.nodes == []

    def test_the_labs_setting_is_every_nodes_unless_it_has_its_own(self) -> None:
        with Lab("real", pubsub="p2plab", router=Loner) as lab:
            assert isinstance(pubsub_of(lab.start_node("alice")).manager.router, Loner)
            with pytest.raises(NotInThisWorldError):
                lab.start_node("bob", pubsub="libp2p")
            lab.start_node("bob", pubsub="libp2p", router="gossipsub")

    def test_signing_ids_and_sizes_are_p2plabs_to_set(self, lab: Lab, until: Until) -> None:
        settings: Any = {"signing": "StrictNoSign", "message_id": lambda message: message.data, "max_message_size": 500}
        alice, bob = (lab.start_node(name, pubsub="p2plab", **settings) for name in ("alice", "bob"))
        alice.connect(bob)
        news = bob.subscribe("news")
        until(lambda: alice.topic_peers("news"))
        sent = alice.publish("news", b"anonymous")
        got = news.get(timeout=WAIT)
        assert (got.id, got.sender, got.seqno) == (b"anonymous".hex(), None, None)
        assert sent.id == got.id
        with pytest.raises(ValidationError, match="the limit is 500"):
            alice.publish("news", bytes(500))
        for name, value in settings.items():
            with pytest.raises(NotInThisWorldError, match=f"{name}=.* is not for py-libp2p's pubsub"):
                lab.start_node("carol", **{name: value})

    def test_parameters_can_be_changed_while_it_runs(self, lab: Lab, alice: Node) -> None:
        alice.params = alice.params.replace(D=8, heartbeat_interval=0.1)
        assert pubsub_of(alice).manager.router.heartbeat_interval == 0.1
        assert [event.node for event in lab.events.filter(kind="pubsub.params")] == ["alice"]

    def test_there_are_two_to_choose_from(self, lab: Lab) -> None:
        with pytest.raises(ValidationError, match="take 'libp2p', py-libp2p's own, or 'p2plab'"):
            lab.start_node("alice", pubsub="mine")

    def test_floodsub(self, lab: Lab, until: Until) -> None:
        alice = lab.start_node("alice", pubsub="p2plab", router="floodsub")
        bob, carol = lab.start_node("bob", router="floodsub"), lab.start_node("carol")
        alice.connect(bob)
        alice.connect(carol)
        queues = [node.subscribe("news") for node in (alice, bob, carol)]
        until(lambda: len(alice.topic_peers("news")) == 2 and bob.topic_peers("news") and carol.topic_peers("news"))
        for node in (alice, bob, carol):
            node.publish("news", node.name)
        until(lambda: all(len(queue.messages) == 3 for queue in queues))
        assert alice.mesh("news") == []
        assert alice.protocols().count("/floodsub/1.0.0") == 1
        assert OURS not in alice.protocols()

    def test_parameters_hold_in_full(self, lab: Lab, until: Until) -> None:
        params = replace(GossipSubParams.spec(), D=2, D_low=1, D_high=3, D_score=1, D_out=0)
        nodes = [lab.start_node(f"n{number}", pubsub="p2plab", gossipsub=params) for number in range(7)]
        lab.wire("full")
        queues = [node.subscribe("news") for node in nodes]
        until(lambda: all(1 <= len(node.mesh("news")) <= 3 for node in nodes))
        sent = nodes[0].publish("news", b"x")
        until(lambda: all(queue.messages for queue in queues))
        assert {queue.messages[0].id for queue in queues} == {sent.id}
