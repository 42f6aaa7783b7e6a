"""Publish-subscribe over py-libp2p's GossipSub: delivery, independence of subscriptions, validators, causes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.host.exceptions import StreamFailure
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import MultiselectClientError
from multiaddr import Multiaddr

from p2plab import Lab, Node
from p2plab.errors import ValidationError
from p2plab.identity.keys import peer_id_bytes
from p2plab.pubsub import Message
from p2plab.real.host import RealHost
from p2plab.real.pylibp2p_pubsub.library_pubsub import LibraryPubsub
from p2plab.real.pylibp2p_pubsub.routers import LabGossipSub
from p2plab.real.pylibp2p_pubsub.topics import NodeTopics

WAIT = 20.0


def host_of(node: Node) -> RealHost:
    host = node.world.hosts()[node.name]
    assert isinstance(host, RealHost)
    return host


def library_of(node: Node) -> LibraryPubsub:
    topics = host_of(node).pubsub
    assert isinstance(topics, NodeTopics)
    return topics.running


def test_a_publish_right_after_a_subscribe_arrives(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    news = bob.subscribe("news")
    sent = alice.publish("news", "hello")
    got = news.get(timeout=WAIT)
    assert (got.id, got.data, got.sender, got.received_from, got.topic) == (
        sent.id, b"hello", alice.peer_id, alice.peer_id, "news",
    )  # fmt: skip


def test_it_arrives_over_hops_and_says_who_passed_it_on(lab: Lab) -> None:
    nodes = lab.start_nodes(4)
    lab.wire("line")
    queues = [node.subscribe("news") for node in nodes]
    sent = nodes[0].publish("news", b"along the line")
    got = queues[3].get(timeout=WAIT)
    assert got.sender == nodes[0].peer_id
    assert got.received_from == nodes[2].peer_id
    chain = lab.why(lab.events.filter(kind="pubsub.deliver", node="n3")[0])
    assert [(event.kind, event.node) for event in chain] == [
        ("lab.command", "n0"),
        ("pubsub.publish", "n0"),
        ("pubsub.receive", "n1"),
        ("pubsub.receive", "n2"),
        ("pubsub.receive", "n3"),
        ("pubsub.deliver", "n3"),
    ]
    assert {event.ref for event in chain if event.kind.startswith("pubsub")} == {sent.id}


def test_the_message_id_is_author_and_sequence_number(lab: Lab) -> None:
    alice = lab.start_node("alice")
    first, second = alice.publish("news", b"1"), alice.publish("news", b"2")
    assert first.seqno is not None
    assert first.id == (peer_id_bytes(alice.peer_id) + first.seqno.to_bytes(8, "big")).hex()
    assert second.seqno == first.seqno + 1


def test_ones_own_subscriptions_get_it_at_once_and_without_peers(lab: Lab) -> None:
    alice = lab.start_node("alice")
    news = alice.subscribe("news")
    sent = alice.publish("news", b"to myself")
    assert [message.id for message in news.messages] == [sent.id]
    assert news.get(timeout=0).received_from == alice.peer_id
    (event,) = lab.events.filter(kind="pubsub.publish")
    assert event.reason == "no peers"


def test_a_burst_arrives_whole_and_in_order(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    news = bob.subscribe("news")
    assert lab.run_until(lambda: bool(alice.topic_peers("news")), timeout=WAIT)
    sent = [alice.publish("news", b"%d" % number).id for number in range(500)]
    assert lab.run_until(lambda: len(news.messages) == 500, timeout=60)
    assert sorted(message.id for message in news.messages) == sorted(sent)
    assert news.dropped == 0


def test_subscriptions_are_independent_and_the_topic_ends_with_the_last(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    first, second = bob.subscribe("news"), bob.subscribe("news")
    alice.publish("news", b"1")
    assert first.get(timeout=WAIT).data == second.get(timeout=WAIT).data == b"1"
    first.close()
    alice.publish("news", b"2")
    assert second.get(timeout=WAIT).data == b"2"
    assert len(first.messages) == 1
    assert bob.topics() == ["news"]
    second.close()
    assert bob.topics() == []
    assert lab.run_until(lambda: not alice.topic_peers("news"), timeout=WAIT)


def test_topic_peers_are_those_who_said_so(lab: Lab) -> None:
    alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
    alice.connect(bob)
    alice.connect(carol)
    bob.subscribe("news")
    assert lab.run_until(lambda: [info.name for info in alice.topic_peers("news")] == ["bob"], timeout=WAIT)


class TestValidators:
    @pytest.mark.parametrize(("answer", "kind"), [(False, "pubsub.reject"), (None, "pubsub.ignore")])
    @pytest.mark.parametrize("slow", [False, True])
    def test_what_a_validator_does_not_accept_goes_no_further(
        self, lab: Lab, answer: bool | None, kind: str, slow: bool
    ) -> None:
        nodes = lab.start_nodes(3)
        lab.wire("line")
        queues = [node.subscribe("news") for node in nodes]

        def judge(message: Message) -> bool | None:
            return answer if message.data == b"bad" else True

        async def judge_slowly(message: Message) -> bool | None:
            await trio.sleep(0.01)
            return judge(message)

        nodes[1].add_validator("news", judge_slowly if slow else judge)
        nodes[0].publish("news", b"bad")
        nodes[0].publish("news", b"good")
        assert queues[2].get(timeout=WAIT).data == b"good"
        assert lab.run_until(lambda: lab.events.filter(kind=kind, node="n1"), timeout=WAIT)  # sent again, in any order
        assert [message.data for message in queues[1].messages] == [b"good"]
        (event,) = lab.events.filter(kind=kind, node="n1")
        assert event.peer == "n0"

    @pytest.mark.parametrize("slow", [False, True])
    def test_one_that_raises_is_an_event_and_no_opinion(self, lab: Lab, slow: bool) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)
        news = bob.subscribe("news")

        def broken(message: Message) -> bool:
            if message.data == b"bad":
                raise LookupError("a bug of the student's")
            return True

        async def broken_slowly(message: Message) -> bool:
            await trio.sleep(0)
            return broken(message)

        bob.add_validator("news", broken_slowly if slow else broken)
        alice.publish("news", b"bad")
        alice.publish("news", b"good")
        assert news.get(timeout=WAIT).data == b"good"
        assert lab.run_until(lambda: lab.events.filter(kind="pubsub.ignore", node="bob"), timeout=WAIT)
        (event,) = lab.events.filter(kind="error")
        assert (event.node, event.reason) == ("bob", "validator")
        assert lab.events.filter(kind="pubsub.ignore", node="bob")[0].reason == "validator raised"
        assert bob.running

    def test_copies_that_come_during_a_validation_are_duplicates(self, lab: Lab) -> None:
        # n0 and n3 have two ways between them, so that n3 gets every message twice.
        nodes = lab.start_nodes(4)
        lab.wire("ring")
        queues = [node.subscribe("news") for node in nodes]
        assert lab.run_until(lambda: all(len(node.topic_peers("news")) == 2 for node in nodes), timeout=WAIT)
        asked: list[str] = []
        first_copy, second_copy = trio.Event(), trio.Event()

        async def slow(message: Message) -> bool:
            asked.append(message.id)
            first_copy.set()
            await second_copy.wait()
            return True

        nodes[2].add_validator("news", slow)
        duplicates = lab.events.follow(["pubsub.duplicate"])
        sent = nodes[0].publish("news", b"twice")
        assert lab.run_until(lambda: any(event.node == "n2" for event in duplicates.drain()), timeout=WAIT)
        lab.world.call(second_copy.set)
        assert queues[2].get(timeout=WAIT).id == sent.id
        assert asked == [sent.id]
        lab.run_until(lambda: len(queues[2].messages) > 1, timeout=0.2)
        assert len(queues[2].messages) == 1

    def test_ones_own_messages_pass_ones_own_validators(self, lab: Lab) -> None:
        alice = lab.start_node("alice")
        news = alice.subscribe("news")
        alice.add_validator("news", lambda message: message.data != b"bad")
        alice.publish("news", b"bad")
        alice.publish("news", b"good")
        assert [message.data for message in news.messages] == [b"good"]


def test_a_forged_message_is_rejected(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    news = bob.subscribe("news")
    assert lab.run_until(lambda: bool(alice.topic_peers("news")), timeout=WAIT)

    async def forge() -> None:
        library, topics = library_of(alice), host_of(alice).pubsub
        assert isinstance(topics, NodeTopics)
        message = topics._signed(library, "news", b"true")
        message.data = b"forged"
        await library.router.publish(library.pubsub.my_id, message)

    lab.world.run(forge)
    assert lab.run_until(lambda: bool(lab.events.filter(kind="pubsub.reject", node="bob")), timeout=WAIT)
    assert lab.events.filter(kind="pubsub.reject", node="bob")[0].reason == "bad signature"
    assert news.messages == []


def test_garbage_on_the_pubsub_stream_harms_nobody(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    news = bob.subscribe("news")

    async def garble() -> None:
        stream = await lab.aio["alice"].open_stream("bob", "/meshsub/1.1.0")
        await stream.write(b"\x05\xff\xff\xff\xff\xff")
        assert await stream.read() == b""

    with pytest.raises(Exception):  # noqa: B017, PT011  # reset or ended, as the library likes
        lab.world.run(garble)
        raise LookupError("it ended")
    alice.publish("news", b"still here")
    assert news.get(timeout=WAIT).data == b"still here"
    assert bob.running


def test_meshes_are_believed_in_by_both_sides(lab: Lab) -> None:
    nodes = lab.start_nodes(9)
    for number, node in enumerate(nodes):  # 36 dials at once would not all be through in time on a busy machine
        lab.wire([(node, other) for other in nodes[:number]])
    for node in nodes:
        router = library_of(node).router
        assert isinstance(router, LabGossipSub)
        router.degree_low, router.degree, router.degree_high = 3, 4, 6  # fewer than the eight neighbours
    queues = [node.subscribe("news") for node in nodes]

    def meshes() -> dict[str, set[str]]:
        return {
            node.name: {
                str(lab.world.directory.peer(peer.to_bytes()).name)  # type: ignore[attr-defined]  # a RealWorld
                for peer in library_of(node).router.mesh.get("news", ())
            }
            for node in nodes
        }

    def agreed() -> bool:
        mesh = meshes()
        return all(1 <= len(peers) <= 6 for peers in mesh.values()) and all(
            name in mesh[peer] for name, peers in mesh.items() for peer in peers
        )

    assert lab.run_until(agreed, timeout=60)
    for number in range(20):
        nodes[number % 9].publish("news", b"%d" % number)
    assert lab.run_until(lambda: all(len(queue.messages) == 20 for queue in queues), timeout=60)


def test_a_peer_that_was_disconnected_and_dialled_again_hears_everything(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    news = bob.subscribe("news")
    for number in range(5):
        alice.connect(bob)
        sent = alice.publish("news", b"%d" % number)
        assert news.get(timeout=WAIT).id == sent.id
        alice.disconnect(bob)


def test_the_end_of_one_of_two_connections_costs_no_message(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    queues = [alice.subscribe("news"), bob.subscribe("news")]
    alice.connect(bob)
    swarm, peers = host_of(bob).stack.swarm, host_of(bob)
    address, bob_of_alice = alice.addresses[0].partition("/p2p/")[0], host_of(alice)

    async def dial_again() -> None:
        await swarm.dial_addr(Multiaddr(address), ID.from_string(alice.peer_id))

    lab.world.run(dial_again)
    assert lab.run_until(lambda: len(lab.events.filter(kind="identify.received")) >= 4, timeout=WAIT)
    first = next(peers.each_connection())
    lab.world.run(first.library.close)
    assert lab.run_until(
        lambda: len([*peers.each_connection()]) == len([*bob_of_alice.each_connection()]) == 1, timeout=WAIT
    )
    assert lab.run_until(lambda: bool(alice.topic_peers("news") and bob.topic_peers("news")), timeout=WAIT)
    alice.publish("news", b"from alice")
    bob.publish("news", b"from bob")
    for queue in queues:
        assert {queue.get(timeout=WAIT).data for _ in range(2)} == {b"from alice", b"from bob"}


def test_a_stream_that_fails_does_not_take_the_peers_subscriptions_along(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    news = alice.subscribe("news")
    alice.connect(bob)
    assert lab.run_until(lambda: bool(bob.topic_peers("news")), timeout=WAIT)
    # What the library does when it fails to write to a peer. That of alice's is not touched: she says nothing again.
    lab.world.call(library_of(bob).pubsub._handle_dead_peer, ID.from_string(alice.peer_id))
    assert [info.name for info in bob.topic_peers("news")] == ["alice"]
    bob.publish("news", b"still there?")
    assert news.get(timeout=WAIT).data == b"still there?"


def test_a_peer_whose_greeting_fails_is_greeted_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    news = alice.subscribe("news")
    library = host_of(bob).stack.host
    open_stream, failures = library.new_stream, [StreamFailure("the connection went")]

    async def new_stream(peer: ID, protocols: Sequence[TProtocol]) -> INetStream:
        if failures:
            raise failures.pop() from MultiselectClientError("handshake read failed")
        return await open_stream(peer, protocols)

    monkeypatch.setattr(library, "new_stream", new_stream)
    alice.connect(bob)
    assert lab.run_until(lambda: bob.topic_peers("news"), timeout=WAIT)
    bob.publish("news", b"hello")
    assert news.get(timeout=WAIT).data == b"hello"
    assert not failures


def test_a_message_that_does_not_fit_is_refused(lab: Lab) -> None:
    alice = lab.start_node("alice")
    with pytest.raises(ValidationError, match="does not fit"):
        alice.publish("news", bytes(1 << 20))
    assert lab.events.filter(kind="pubsub.publish") == []


def test_a_large_message_arrives(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    news = bob.subscribe("news")
    alice.publish("news", bytes(1_000_000))
    assert len(news.get(timeout=60).data) == 1_000_000
