"""Subscribing, publishing, receiving, validating: in both worlds, and in the real one on either router."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import p2plab
from p2plab import Lab, Node
from p2plab.errors import ClosedError
from p2plab.pubsub import GossipSubParams, Message, Subscription
from tests.unit.interface.conftest import BACKENDS

Wait = Callable[[Callable[[], object]], None]


@pytest.fixture(params=[*BACKENDS, pytest.param("real p2plab", id="real-p2plab", marks=pytest.mark.real)])
def world(request: pytest.FixtureRequest) -> list[str]:
    """A backend and, for one of them, whose pubsub."""
    name: str = request.param
    return name.split()


@pytest.fixture
def backend(world: list[str]) -> str:
    return world[0]


@pytest.fixture
def defaults(world: list[str]) -> dict[str, Any]:
    return {"pubsub": world[1]} if len(world) > 1 else {}


@pytest.fixture
def news(lab: Lab, alice: Node, bob: Node, wait: Wait) -> Subscription:
    """Bob's subscription, of which alice knows."""
    alice.connect(bob)
    subscription = bob.subscribe("news")
    wait(lambda: alice.topic_peers("news"))
    return subscription


def test_a_message_arrives_as_it_was_published(alice: Node, bob: Node, news: Subscription) -> None:
    sent = alice.publish("news", b"hello")
    got = news.get()
    assert (got.topic, got.data, got.id, got.seqno) == ("news", b"hello", sent.id, sent.seqno)
    assert (got.sender, got.received_from) == (alice.peer_id, alice.peer_id)
    assert got.received_at > 0
    assert bytes.fromhex(got.id)
    assert (sent.sender, sent.received_from) == (alice.peer_id, alice.peer_id)


def test_text_is_sent_as_utf_8(alice: Node, news: Subscription) -> None:
    alice.publish("news", "žluťoučký")
    assert news.get().data == "žluťoučký".encode()


@pytest.mark.parametrize("data", [b"", bytearray(b"ab"), memoryview(b"ab"), bytes(200_000)])
def test_every_kind_of_bytes_gets_through(alice: Node, news: Subscription, data: bytes) -> None:
    alice.publish("news", data)
    assert news.get().data == bytes(data)


def test_the_publisher_s_own_subscriptions_get_it_too(alice: Node) -> None:
    own = alice.subscribe("news")
    alice.publish("news", b"to myself")
    assert own.get().data == b"to myself"


def test_publishing_without_peers_is_no_error_and_is_told(lab: Lab, alice: Node) -> None:
    message = alice.publish("news", b"anybody?")
    (event,) = lab.events.filter(kind="pubsub.publish", node=alice)
    assert (event.ref, event.reason, event.size) == (message.id, "no peers", 8)


def test_each_subscription_gets_every_message_once(alice: Node, bob: Node, news: Subscription) -> None:
    second = bob.subscribe("news")
    for number in range(3):
        alice.publish("news", b"%d" % number)
    for subscription in (news, second):
        assert [subscription.get().data for _ in range(3)] == [b"0", b"1", b"2"]
        with pytest.raises(TimeoutError, match=r"no message on 'news' within 0\.05 s"):
            subscription.get(timeout=0.05)


def test_getting_does_not_drain_the_history(alice: Node, news: Subscription) -> None:
    alice.publish("news", b"one")
    first = news.get()
    assert news.messages == [first]
    alice.publish("news", b"two")
    second = news.get()
    assert news.messages == [first, second]


def test_a_topic_reaches_only_those_who_subscribe_to_it(lab: Lab, alice: Node, bob: Node, news: Subscription) -> None:
    other = bob.subscribe("sport")
    alice.publish("news", b"x")
    news.get()
    assert other.messages == []
    assert bob.topics() == ["news", "sport"]


def test_a_message_crosses_nodes_in_between(lab: Lab, wait: Wait) -> None:
    nodes = lab.start_nodes(4)
    lab.wire("line")
    subscriptions = [node.subscribe("news") for node in nodes]
    wait(lambda: all(len(node.mesh("news")) == len(node.peers()) for node in nodes))
    message = nodes[0].publish("news", b"far")
    got = [subscription.get() for subscription in subscriptions]
    assert [each.id for each in got] == [message.id] * 4
    assert [each.received_from.name for each in got] == ["n0", "n0", "n1", "n2"]
    assert {each.sender for each in got} == {nodes[0].peer_id}


def test_get_waits_for_a_message_that_comes_later(lab: Lab, alice: Node, bob: Node, news: Subscription) -> None:
    async def publish_on_demand(stream: object) -> None:
        await p2plab.sleep(0.05)
        alice.publish("news", b"late")

    alice.handle("/publish/1.0.0", publish_on_demand)
    bob.open_stream(alice, "/publish/1.0.0")
    assert news.get(timeout=None).data == b"late"


def test_a_subscription_that_was_closed_gives_what_it_has_and_then_says_so(
    alice: Node, bob: Node, news: Subscription, wait: Wait
) -> None:
    alice.publish("news", b"x")
    wait(lambda: news.messages)
    news.close()
    news.close()
    assert news.closed
    assert news.get().data == b"x"
    with pytest.raises(ClosedError, match="subscription to 'news' is closed"):
        news.get()
    assert bob.topics() == []
    wait(lambda: not alice.topic_peers("news"))


def test_the_topic_is_left_with_the_last_subscription(alice: Node, bob: Node, news: Subscription) -> None:
    second = bob.subscribe("news")
    news.close()
    assert bob.topics() == ["news"]
    alice.publish("news", b"x")
    assert second.get().data == b"x"


def test_topic_peers_are_those_who_subscribe(lab: Lab, alice: Node, bob: Node, news: Subscription) -> None:
    assert [str(peer) for peer in alice.topic_peers("news")] == ["bob"]
    assert alice.topic_peers("sport") == bob.topic_peers("news") == []


def test_the_way_of_a_message_can_be_walked_back_to_its_publication(
    lab: Lab, alice: Node, bob: Node, news: Subscription
) -> None:
    alice.publish("news", b"x")
    chain = lab.why(news.get())
    stations = ["lab.command", "pubsub.publish", "pubsub.receive", "pubsub.deliver"]
    steps = [(event.kind, event.node) for event in chain if event.kind in stations]
    assert steps == list(zip(stations, ["alice", "alice", "bob", "bob"], strict=True))
    assert [later.cause for later in list(chain)[1:]] == [earlier.seq for earlier in list(chain)[:-1]]
    assert "pubsub.publish" in str(chain)
    assert "└ pubsub.publish</td>" in chain._repr_html_()


Verdicts = list[tuple[object, str | None]]
VERDICTS: Verdicts = [
    (True, None),
    ("accept", None),
    (False, "pubsub.reject"),
    ("reject", "pubsub.reject"),
    (None, "pubsub.ignore"),
    ("ignore", "pubsub.ignore"),
]


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize(("verdict", "kind"), VERDICTS, ids=lambda value: str(value))
def test_validators_decide(
    lab: Lab, alice: Node, bob: Node, news: Subscription, wait: Wait, verdict: object, kind: str | None, is_async: bool
) -> None:
    asked: list[Message] = []

    def check(message: Message) -> object:
        asked.append(message)
        return verdict

    async def check_later(message: Message) -> object:
        await p2plab.sleep(0.01)
        return check(message)

    bob.add_validator("news", check_later if is_async else check)
    message = alice.publish("news", b"x")
    if kind is None:
        assert news.get().id == message.id
    else:
        wait(lambda: lab.events.filter(kind=kind, node=bob))
        assert news.messages == []
        (event,) = lab.events.filter(kind=kind, node=bob)
        assert (event.ref, event.peer) == (message.id, "alice")
        assert event.reason == f"validator said {kind.partition('.')[2]}"
    assert [each.id for each in asked] == [message.id]
    assert asked[0].received_from.name == "alice"


def test_a_validator_that_raises_is_told_and_its_message_ignored(
    lab: Lab, alice: Node, bob: Node, news: Subscription, wait: Wait
) -> None:
    def check(message: Message) -> bool:
        raise ZeroDivisionError("on purpose")

    bob.add_validator("news", check)
    message = alice.publish("news", b"x")
    wait(lambda: lab.events.filter(kind="pubsub.ignore", node=bob))
    (error,) = lab.events.filter(kind="error")
    assert (error.node, error.reason) == ("bob", "validator")
    assert error.data is not None
    assert (error.data["type"], error.data["text"]) == ("ZeroDivisionError", "on purpose")
    reasons = lab.why(message, at=bob)
    assert reasons.answer.endswith("did not deliver it: validator raised ZeroDivisionError: on purpose")
    assert [event.kind for event in reasons][-3:] == ["pubsub.receive", "error", "pubsub.ignore"]
    assert news.messages == []
    assert alice.ping(bob) > 0


def test_a_validator_of_the_publisher_s_own_that_raises_is_told_as_well(
    lab: Lab, alice: Node, bob: Node, news: Subscription, wait: Wait
) -> None:
    async def check(message: Message) -> bool:
        raise LookupError

    alice.add_validator("news", check)
    message = alice.publish("news", b"x")
    wait(lambda: lab.events.filter(kind="pubsub.ignore", node=alice))
    reasons = lab.why(message, at=bob)
    assert reasons.answer.endswith("alice published it, and did not send it: validator raised LookupError")
    assert [event.kind for event in reasons][-3:] == ["pubsub.publish", "error", "pubsub.ignore"]


def test_a_validator_that_raises_is_not_blamed_for_what_another_says(
    lab: Lab, alice: Node, bob: Node, news: Subscription, wait: Wait
) -> None:
    def check(message: Message) -> bool:
        raise ZeroDivisionError("on purpose")

    bob.add_validator("news", check)
    bob.add_validator("news", lambda message: False)
    message = alice.publish("news", b"x")
    wait(lambda: lab.events.filter(kind="pubsub.reject", node=bob))
    reasons = lab.why(message, at=bob)
    assert reasons.answer.endswith("did not deliver it: validator said reject")
    assert [event.kind for event in reasons][-2:] == ["pubsub.receive", "pubsub.reject"]


def test_a_validator_s_meaningless_answer_is_told(
    lab: Lab, alice: Node, bob: Node, news: Subscription, wait: Wait
) -> None:
    bob.add_validator("news", lambda message: "maybe")
    alice.publish("news", b"x")
    wait(lambda: lab.events.filter(kind="error", node=bob))
    assert "maybe" in str(lab.events.filter(kind="error", node=bob)[0].data)
    assert news.messages == []


def test_why_tells_how_a_peer_stands_and_what_its_score_is(
    alice: Node, bob: Node, news: Subscription, wait: Wait
) -> None:
    alice.subscribe("news")
    wait(lambda: alice.mesh("news"))
    said = str(alice.why(bob, topic="news"))
    assert "bob is in alice's mesh of 'news'" in said
    assert "Last: graft at" in said
    assert ". Score " in said


def test_why_a_message_did_not_arrive_and_how_a_peer_stands(
    lab: Lab, alice: Node, bob: Node, news: Subscription, wait: Wait
) -> None:
    good = alice.publish("news", b"good")
    wait(lambda: news.messages)
    assert "bob did get it" in lab.why(good, at=bob).answer
    bob.add_validator("news", lambda message: message.data != b"bad")
    bad = alice.publish("news", b"bad")
    wait(lambda: lab.events.filter(kind="pubsub.reject", node="bob"))
    chain = lab.why(bad, at=bob)
    assert chain.answer == "bob received it and did not deliver it: validator said reject"
    assert chain[-1].kind == "pubsub.reject"
    standing = bob.why(alice).answer
    assert "Last: " in standing
    assert "Score " in standing


def test_a_node_tells_its_parameters(alice: Node) -> None:
    assert alice.params == GossipSubParams.spec()
    assert alice.params.source("D") == "gossipsub-v1.0.md, Parameters"
