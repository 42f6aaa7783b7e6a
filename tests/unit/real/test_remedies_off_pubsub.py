"""Each remedy of pubsub turned off: the fault it is for is there; see ``test_remedies_off``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

import pytest
import trio
from libp2p.host.exceptions import StreamFailure
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pb import rpc_pb2

from p2plab import Lab, Node
from p2plab.errors import ProtocolViolation
from p2plab.pubsub import GossipSubParams, Message
from p2plab.real.pylibp2p.remedies import OUTBOUND_QUEUE, Remedies
from p2plab.real.pylibp2p.stack import Stack
from p2plab.real.pylibp2p_pubsub.pubsub import LabPubsub, _Heard
from p2plab.real.pylibp2p_pubsub.routers import LabGossipSub
from p2plab.real.pylibp2p_pubsub.topics import NodeTopics
from tests.unit.real.test_remedies_off import host_of, lab_without, peer_of
from tests.unit.real.without import without

__all__ = ["lab_without"]

WAIT = 20.0
BOTH = pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
Make = Callable[..., Lab]


def stack_of(node: Node) -> Stack:
    return host_of(node).stack


def pubsub_of(node: Node) -> LabPubsub:
    return cast(NodeTopics, host_of(node).pubsub).running.pubsub


def router_of(node: Node) -> LabGossipSub:
    return cast(LabGossipSub, pubsub_of(node).router)


def pair(make: Make, name: str, on: bool) -> tuple[Lab, Node, Node]:
    """Two nodes, connected, with the remedy or without."""
    lab = make(*([] if on else [name]))
    alice, bob = lab.start_nodes(2)
    alice.connect(bob)
    return lab, alice, bob


@without("heartbeat")
@BOTH
def test_the_heartbeat(lab_without: Make, on: bool) -> None:
    node = lab_without(*([] if on else ["heartbeat"])).start_node("alice")
    assert (router_of(node).heartbeat_interval == 120) is not on


@without("room in the queues")
@BOTH
def test_a_burst_is_lost(lab_without: Make, on: bool) -> None:
    lab, alice, bob = pair(lab_without, "room in the queues", on)
    queue = bob.subscribe("news")
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=WAIT)
    size = pubsub_of(alice).peer_queues[peer_of(bob)]._queue.max_size
    assert size == (OUTBOUND_QUEUE if on else 32)
    assert queue.messages == []


@without("one record a stream")
@BOTH
def test_every_rpc_carries_the_record(lab_without: Make, on: bool) -> None:
    lab, alice, bob = pair(lab_without, "one record a stream", on)
    stream, written = pubsub_of(alice).peers[peer_of(bob)], list[bytes]()

    async def write(data: bytes) -> None:
        written.append(data)

    record = b"the sender's signed record"
    cast(Any, stream).write = write
    lab.world.run(pubsub_of(alice).write_msg, stream, rpc_pb2.RPC(senderRecord=record))
    assert any(record in data for data in written) is not on


@without("IDONTWANT for large messages")
@BOTH
def test_small_messages_are_announced(lab_without: Make, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_without(*([] if on else ["IDONTWANT for large messages"]))
    router = router_of(lab.start_node("alice"))
    announced: list[bytes] = []

    async def announce(self: GossipSub, message_id: bytes, topics: Any) -> None:
        announced.append(message_id)

    monkeypatch.setattr(GossipSub, "_emit_idontwant_for_message", announce)
    small = rpc_pb2.Message(data=b"small", from_id=b"a", seqno=b"1", topicIDs=["news"])
    monkeypatch.setattr(router.mcache, "get", lambda message_id: small)
    lab.world.run(router._emit_idontwant_for_message, b"id", ["news"])
    assert (announced == [b"id"]) is not on


@without("no lost announcements")
@BOTH
def test_a_subscription_made_during_the_greeting(lab_without: Make, on: bool) -> None:
    lab = lab_without(*([] if on else ["no lost announcements"]))
    alice, bob = lab.start_nodes(2)
    host, pubsub = stack_of(alice).host, pubsub_of(alice)
    new_stream = host.new_stream

    async def opened(*args: Any) -> Any:
        stream: Any = await new_stream(*args)
        write = stream.write

        async def write_and_subscribe(data: bytes) -> None:
            stream.write = write
            await write(data)
            await pubsub.subscribe("late")

        stream.write = write_and_subscribe
        return stream

    cast(Any, host).new_stream = opened
    alice.connect(bob)
    alice.subscribe("after")  # what is announced later arrives later
    assert lab.run_until(lambda: bob.topic_peers("after"), timeout=WAIT)
    assert bool(bob.topic_peers("late")) is on


@without("greeted in the end")
@BOTH
def test_a_greeting_that_failed(lab_without: Make, on: bool) -> None:
    lab, alice, bob = pair(lab_without, "greeted in the end", on)
    stack = stack_of(alice)

    async def opened(*args: Any) -> Any:
        raise StreamFailure("the connection went")

    cast(Any, stack.host).new_stream = opened
    del pubsub_of(alice).peers[peer_of(bob)]
    # The library tries again after a SwarmException, as long as there is a connection, and after nothing else.
    with pytest.raises(SwarmException if on else StreamFailure):
        lab.world.run(pubsub_of(alice)._handle_new_peer, peer_of(bob))


@without("grafted when greeted")
@BOTH
def test_a_subscription_that_came_before_the_greeting(lab_without: Make, on: bool) -> None:
    _, alice, bob = pair(lab_without, "grafted when greeted", on)
    pubsub, router, peer = pubsub_of(alice), router_of(alice), peer_of(bob)

    async def greet() -> bool:
        await router.join("news")
        router.remove_peer(peer)
        pubsub.peer_queues.pop(peer).close()
        del pubsub.peers[peer]
        pubsub.peer_topics["news"] = {peer}  # bob would graft back, if he had subscribed in truth
        await pubsub._handle_new_peer(peer)
        return peer in router.mesh["news"]

    assert alice.world.run(greet) is on


@without("subscriptions of another connection")
@BOTH
def test_what_is_subscribed_to_on_another_stream(lab_without: Make, on: bool) -> None:
    lab, alice, bob = pair(lab_without, "subscriptions of another connection", on)
    bob.subscribe("news")
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=WAIT)
    lab.world.read(pubsub_of(alice)._handle_dead_peer, peer_of(bob))
    assert bool(pubsub_of(alice).peer_topics.get("news")) is on


@without("one writer a stream")
@BOTH
def test_two_writers_at_once(lab_without: Make, on: bool) -> None:
    lab, alice, bob = pair(lab_without, "one writer a stream", on)
    pubsub = pubsub_of(alice)
    stream, inside, most = pubsub.peers[peer_of(bob)], 0, 0

    async def write(data: bytes) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await trio.lowlevel.checkpoint()
        inside -= 1

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(pubsub.write_msg, stream, rpc_pb2.RPC())

    cast(Any, stream).write = write
    lab.world.run(both)
    assert most == (1 if on else 2)


@without("no spam protection")
@BOTH
def test_spam_protection(lab_without: Make, on: bool) -> None:
    _, alice, bob = pair(lab_without, "no spam protection", on)
    router = router_of(alice)
    message = rpc_pb2.Message(topicIDs=["news"])
    allowed = [router._check_spam_protection(peer_of(bob), message) for _ in range(30)]
    assert all(allowed) is on


@without("no adaptive extras")
@BOTH
def test_adaptive_extras(lab_without: Make, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_without(*([] if on else ["no adaptive extras"]))
    router = router_of(lab.start_node("alice"))
    kept: list[str] = []

    async def maintain(self: GossipSub, topic: str) -> None:
        kept.append(topic)

    monkeypatch.setattr(GossipSub, "_maintain_mesh_quality", maintain)
    lab.world.run(router._maintain_mesh_quality, "news")
    assert (kept == ["news"]) is not on
    assert router.adaptive_gossip_enabled is router.eclipse_protection_enabled is not on


@without("whole meshes")
@BOTH
def test_who_was_pruned_may_be_grafted_again(lab_without: Make, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, alice, bob = pair(lab_without, "whole meshes", on)
    router = router_of(alice)
    monkeypatch.setattr(GossipSub, "mesh_heartbeat", lambda self: ({}, {peer_of(bob): ["news"]}))
    lab.world.read(router.mesh_heartbeat)
    assert lab.world.read(router._check_back_off, peer_of(bob), "news") is on


@without("control messages of one's own")
@BOTH
def test_control_messages_pile_up(lab_without: Make, on: bool) -> None:
    lab = lab_without(*([] if on else ["control messages of one's own"]))
    router, sent = router_of(lab.start_node("alice")), list[list[str]]()

    async def emit(control: rpc_pb2.ControlMessage, peer: ID) -> None:
        sent.append([graft.topicID for graft in control.graft])

    cast(Any, router).emit_control_message = emit
    lab.world.run(router._emit_control_msgs, {ID(b"a"): ["one"], ID(b"b"): ["two"]}, {}, {})
    assert sent == ([["one"], ["two"]] if on else [["one"], ["one", "two"]])


@without("no sweeper thread")
@BOTH
def test_a_thread_outlives_its_pubsub(lab_without: Make, on: bool) -> None:
    lab = lab_without(*([] if on else ["no sweeper thread"]))
    before = threading.active_count()
    node = lab.start_node("alice")
    sweeper = pubsub_of(node).seen_messages
    node.stop()
    assert threading.active_count() - before == (0 if on else 1)
    sweeper.stop()


@without("validated once")
@BOTH
def test_a_copy_that_comes_during_the_validation(lab_without: Make, on: bool) -> None:
    lab = lab_without(*([] if on else ["validated once"]))
    a, b, c = lab.start_nodes(3)
    lab.wire("full")
    queue = c.subscribe("news")
    seen: list[str] = []

    async def slow(message: Message) -> bool:
        seen.append(message.id)
        copies = lambda: lab.events.filter(kind="pubsub.duplicate", node="n2") or len(seen) > 1  # noqa: E731
        await lab.world.until(copies, WAIT)
        return True

    c.add_validator("news", slow)
    b.subscribe("news")
    a.subscribe("news")
    assert lab.run_until(lambda: len(a.mesh("news")) == len(b.mesh("news")) == 2, timeout=WAIT)
    a.publish("news", b"x")
    queue.get(timeout=WAIT)
    assert len(seen) == (1 if on else 2)


def test_params_and_remedies_go_together() -> None:
    lab = Lab("real", gossipsub=GossipSubParams(), remedies=Remedies.without("no spam protection"))
    with lab:
        assert router_of(lab.start_node("alice", remedies={})).spam_protection_enabled is False


@without("gossip during a backoff")
@BOTH
def test_who_was_pruned_is_told_of_no_message(lab_without: Make, on: bool) -> None:
    lab, alice, bob = pair(lab_without, "gossip during a backoff", on)
    alice.subscribe("news")
    bob.subscribe("news")
    assert lab.run_until(lambda: alice.mesh("news"), timeout=WAIT)
    router, peer = router_of(alice), peer_of(bob)

    def gossip() -> object:
        router.mesh["news"].discard(peer)
        router._add_back_off(peer, "news", False)
        router.mcache.put(rpc_pb2.Message(data=b"x", from_id=b"a", seqno=b"1", topicIDs=["news"]))
        return router.gossip_heartbeat()

    assert (peer in cast(Any, lab.world.call(gossip))) is on


@without("no number twice")
@BOTH
def test_a_node_that_comes_back_is_not_heard(lab_without: Make, on: bool) -> None:
    lab, alice, bob = pair(lab_without, "no number twice", on)
    news = bob.subscribe("news")
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=WAIT)
    count = 100  # more than the seconds until it is back
    before = {alice.publish("news", b"before").seqno for _ in range(count)}
    assert lab.run_until(lambda: len(news.messages) == count, timeout=WAIT)
    alice.crash()
    alice.restart()
    assert lab.run_until(lambda: bool(lab.events.filter(kind="node.restarted")), timeout=WAIT)
    alice.connect(bob)
    assert (alice.publish("news", b"again").seqno in before) is not on


@without("bounded RPCs")
@BOTH
def test_what_one_rpc_may_hold(lab_without: Make, on: bool) -> None:
    pubsub = pubsub_of(lab_without(*([] if on else ["bounded RPCs"])).start_node("alice"))
    rpc = rpc_pb2.RPC(subscriptions=[rpc_pb2.RPC.SubOpts(subscribe=True, topicid="x" * 900_000)]).SerializeToString()
    peer = ID.from_string("12D3KooWCM6VemNSVVa8QWfFospV1rwdyvtFbaqhHjTUaqcXb7Hr")
    with pytest.raises(ProtocolViolation, match="topic") if on else nullcontext():
        pubsub._received(peer, _Heard(), rpc)


@without("silence about unknown topics")
@BOTH
def test_a_graft_for_a_topic_that_nobody_knows(lab_without: Make, on: bool) -> None:
    lab, alice, bob = pair(lab_without, "silence about unknown topics", on)
    router, sent = router_of(alice), []

    async def note(topic: str, peer: ID, *rest: Any) -> None:
        sent.append(topic)

    router.emit_prune = note  # type: ignore[method-assign, assignment]
    lab.world.run(router.handle_graft, rpc_pb2.ControlGraft(topicID="unknown"), peer_of(bob))
    assert sent == ([] if on else ["unknown"])
