"""What py-libp2p's router lets see is recorded as the kinds that p2plab's own records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trio

from p2plab import Lab
from p2plab.identity.varint import encode_varint
from p2plab.pubsub import GossipSubParams
from p2plab.pubsub.rpc import RPC, Control, encode_rpc
from p2plab.real.taps.reads import ReadTap
from tests.unit.real.own_pubsub.scene import NO_MESH, speak

WAIT = 20.0


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("real", seed=7, recording="all") as lab:
        yield lab


def await_(lab: Lab, condition: Any) -> None:
    assert lab.run_until(condition, timeout=WAIT), "it never came to pass"


def test_every_rpc_is_seen_at_both_ends_whosever_routers_they_are(lab: Lab) -> None:
    nodes = [lab.start_node(f"n{number}", pubsub=("libp2p", "p2plab")[number % 2]) for number in range(4)]
    lab.wire("full")
    queues = [node.subscribe("news") for node in nodes]
    await_(lab, lambda: all(len(node.mesh("news")) == 3 for node in nodes))
    for node in nodes:
        node.publish("news", node.name)
    await_(lab, lambda: all(len(queue.messages) == 4 for queue in queues))

    def sent() -> list[tuple[Any, Any, Any]]:
        return sorted((event.node, event.peer, event.size) for event in lab.events.filter(kind="pubsub.rpc_sent"))

    def got() -> list[tuple[Any, Any, Any]]:
        return sorted((event.peer, event.node, event.size) for event in lab.events.filter(kind="pubsub.rpc_received"))

    await_(lab, lambda: sent() == got())
    assert {(a, b) for a, b, _ in sent()} == {(a.name, b.name) for a in nodes for b in nodes if a != b}
    counted = [
        [event.data for event in lab.events.filter(kind="pubsub.rpc_sent", node=name) if event.data]
        for name in ("n0", "n2")
    ]
    assert all(sum(data.get("messages", 0) for data in datas) >= 3 for datas in counted)
    assert sum(data.get("graft", 0) for datas in counted for data in datas) >= 1  # one of the two asked the other


@pytest.mark.parametrize("pubsub", ["libp2p", "p2plab"])
def test_rpcs_are_counted_where_they_are_not_shown(pubsub: str) -> None:
    with Lab("real", seed=7, pubsub=pubsub) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        news = bob.subscribe("news")
        await_(lab, lambda: alice.topic_peers("news"))
        alice.publish("news", b"x")
        assert news.get(timeout=WAIT).data == b"x"
        counts = lab.events.counts
        assert counts["pubsub.rpc_sent"] >= counts["pubsub.rpc_received"] >= 2
        assert lab.events.filter(kind="pubsub.rpc_sent") == []


def test_ihave_and_iwant(lab: Lab) -> None:
    alice = lab.start_node("alice", pubsub="p2plab", gossipsub=NO_MESH)
    bob, carol = lab.start_nodes(2, gossipsub=GossipSubParams.spec(D=1, D_low=1, D_high=2, D_out=0, D_score=0))
    for dialler, listener in ((bob, alice), (carol, alice), (bob, carol)):
        dialler.connect(listener)
    queues = [node.subscribe("news") for node in (alice, bob, carol)]
    await_(lab, lambda: all(len(node.topic_peers("news")) == 2 for node in (alice, bob, carol)))
    await_(lab, lambda: [[info.name for info in node.mesh("news")] for node in (bob, carol)] == [["n1"], ["n0"]])
    told = bob.publish("news", b"to carol, and by gossip to alice")
    assert queues[0].get(timeout=WAIT).id == told.id
    gossiped = lab.events.filter(kind="pubsub.gossip")[0]
    assert (gossiped.topic, gossiped.reason, gossiped.data and gossiped.data["peers"]) == ("news", "heartbeat", 1)
    served = [event for event in lab.events.filter(kind="pubsub.iwant_served") if event.ref == told.id]
    assert {event.peer for event in served} == {"alice"}
    asked = alice.publish("news", b"by gossip alone")
    await_(lab, lambda: lab.events.filter(kind="pubsub.iwant", ref=asked.id))
    event = lab.events.filter(kind="pubsub.iwant", ref=asked.id)[0]
    assert (event.peer, event.reason, event.data) == ("alice", "advertised", {"ids": 1})


def test_a_large_message_is_announced_and_not_sent_to_who_has_it(lab: Lab) -> None:
    nodes = lab.start_nodes(5)
    lab.wire("full")
    queues = [node.subscribe("news") for node in nodes]
    await_(lab, lambda: all(len(node.mesh("news")) == 4 for node in nodes))
    sent = nodes[0].publish("news", bytes(100_000))
    await_(lab, lambda: all(queue.messages for queue in queues))
    announced = lab.events.filter(kind="pubsub.idontwant", ref=sent.id)
    assert announced
    assert {event.reason for event in announced} == {"arrived"}
    for event in lab.events.filter(kind="pubsub.withheld", ref=sent.id):
        assert event.reason == "peer does not want it"


def test_how_an_own_message_went(lab: Lab) -> None:
    alice, bob = lab.start_nodes(2)
    alice.connect(bob)
    news = bob.subscribe("news")
    await_(lab, lambda: alice.topic_peers("news"))
    sent = alice.publish("news", b"x")
    assert news.get(timeout=WAIT).id == sent.id
    (route,) = lab.events.filter(kind="pubsub.route")
    assert (route.node, route.ref, route.reason) == (alice.name, sent.id, "fanout")
    assert route.data == {"peers": 1, "subscribers": 1, "mesh": 0}
    assert [event.kind for event in lab.why(route)][-2:] == ["pubsub.publish", "pubsub.route"]
    alice.subscribe("news")
    await_(lab, lambda: len(lab.events.filter(kind="pubsub.fanout")) == 2)
    entered, left = lab.events.filter(kind="pubsub.fanout")
    assert [(event.peer, event.reason) for event in (entered, left)] == [
        (bob.name, "chosen"), (bob.name, "joined the topic"),
    ]  # fmt: skip


def test_a_graft_that_is_not_followed(lab: Lab) -> None:
    alice = lab.start_node("alice")
    bob = lab.start_node("bob", pubsub="p2plab")
    bob.connect(alice)
    speak(lab, bob, alice, encode_rpc(RPC(control=Control(graft=("sport",)))))
    await_(lab, lambda: lab.events.filter(kind="pubsub.graft_refused"))
    (event,) = lab.events.filter(kind="pubsub.graft_refused")
    assert (event.node, event.peer, event.topic, event.reason) == ("alice", "bob", "sport", "not subscribed")


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_a_tap_shows_each_message_when_all_of_it_was_read(size: int) -> None:
    messages = [b"", b"x", b"y" * 300]
    waiting = bytearray(b"".join(encode_varint(len(message)) + message for message in messages))
    seen: list[bytes] = []

    class Stream:
        name = "it has whatever else the stream has"

        async def read(self, n: int) -> bytes:
            data = bytes(waiting[:n])
            del waiting[:n]
            return data

    async def read() -> None:
        tap = ReadTap(Stream(), seen.append)
        assert tap.name == Stream.name
        for message in messages:
            for _ in encode_varint(len(message)):
                await tap.read(1)
            left = len(message)
            while left:
                left -= len(await tap.read(min(size, left)))
            assert seen[-1] == message

    trio.run(read)
    assert seen == messages


def test_what_is_sent_again_to_a_late_subscriber_is_on_record() -> None:
    with Lab("real", seed=7) as lab:
        # A message is kept for three heartbeats.
        alice = lab.start_node("alice", gossipsub=GossipSubParams.spec(heartbeat_interval=WAIT))
        bob = lab.start_node("bob")
        message = alice.publish("late", "hello")
        news = bob.subscribe("late")
        bob.connect(alice)
        assert news.get(timeout=20).id == message.id
        (again,) = lab.events.filter(kind="pubsub.route", node="alice", peer="bob", topic="late")
        assert (again.reason, again.ref) == ("late subscriber", message.id)
