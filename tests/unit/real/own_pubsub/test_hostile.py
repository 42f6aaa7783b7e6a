"""Peers that forge, send garbage, do not read, or have it already: none harms anybody but itself."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from p2plab import Lab, Node
from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.pubsub import GossipSubParams, ScoreParams, Subscription, TopicScoreParams
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control, encode_rpc
from p2plab.real.pubsub.rpc_queue import RpcQueue
from p2plab.stream import StreamError
from tests.unit.real.own_pubsub.scene import OURS, WAIT, Until, pubsub_of, speak

THRESHOLDS: Any = {"gossip_threshold": -1.0, "publish_threshold": -2.0, "graylist_threshold": -3.0}


def forged(author: str, seqno: int = 1) -> bytes:
    """An RPC with a message that its author never signed."""
    message = Publication("news", b"forged", peer_id_bytes(author), seqno.to_bytes(8, "big"), bytes(64))
    return encode_rpc(RPC((message,)))


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
