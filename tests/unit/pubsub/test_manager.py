from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from p2plab.errors import ValidationError
from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.pubsub import Message, TopicValidator, ValidationResult
from p2plab.pubsub.message import Publication, signed_bytes
from p2plab.pubsub.rpc import RPC, RpcLimits
from tests.unit.pubsub.harness import Net


def pair(**options: Any) -> Net:
    net = Net()
    net.add(name="alice", **options)
    net.add(name="bob", **options)
    net.connect(0, 1)
    return net


def test_a_published_message_reaches_subscribers_with_its_particulars() -> None:
    net = pair()
    news = net.nodes[1].subscribe("news")
    net.run()
    sent = net.nodes[0].publish("news", b"hello")
    net.run()
    (got,) = news.messages
    assert (got.topic, got.data, got.id, got.seqno) == ("news", b"hello", sent.id, 1)
    assert got.sender == got.received_from == net.identities[0].peer_id
    assert got.received_at == pytest.approx(1.010)
    assert got.sender is not None
    assert got.sender.name == "alice"


def test_the_message_id_is_author_and_seqno() -> None:
    net = pair()
    sent = net.nodes[0].publish("news", b"hello")
    assert bytes.fromhex(sent.id) == peer_id_bytes(net.identities[0].peer_id) + (1).to_bytes(8, "big")


def test_publishing_delivers_to_own_subscriptions_too() -> None:
    net = pair()
    news = net.nodes[0].subscribe("news")
    sent = net.nodes[0].publish("news", "grüß")
    assert news.messages == [sent]
    assert sent.data == "grüß".encode()
    assert sent.received_from == net.identities[0].peer_id


def test_publishing_without_peers_does_not_fail_and_the_event_says_so() -> None:
    net = Net()
    net.add().publish("news", b"x")
    (event,) = net.events("pubsub.publish")
    assert event.reason == "no peers"


def test_publishing_with_peers_gives_no_such_reason() -> None:
    net = pair()
    net.nodes[1].subscribe("news")
    net.run()
    net.nodes[0].publish("news", b"x")
    assert net.events("pubsub.publish")[0].reason is None


@pytest.mark.parametrize("topic", [None, b"news", "", 7, "x" * 1_025, "\ud800"])
def test_what_is_no_topic_is_an_error_and_changes_nothing(topic: Any) -> None:
    net = pair()
    for verb in (net.nodes[0].subscribe, lambda name: net.nodes[0].publish(name, b"x")):
        with pytest.raises(ValidationError, match="topic"):
            verb(topic)
    assert net.nodes[0].topics() == []
    assert len(net.log) == 0


@pytest.mark.parametrize("data", [None, 7, ["x"], "\ud800", bytes(2**20 + 1)])
def test_what_is_no_message_is_an_error_and_changes_nothing(data: Any) -> None:
    net = pair()
    with pytest.raises(ValidationError, match="message"):
        net.nodes[0].publish("news", data)
    assert len(net.log) == 0
    assert net.nodes[0].publish("news", b"x").seqno == 1


def test_a_message_just_over_the_limit_of_its_rpc_is_an_error() -> None:
    net = Net()
    node = net.add(max_message_size=1_000)
    with pytest.raises(ValidationError, match="the limit is 1000"):
        node.publish("news", bytes(990))


def test_subscriptions_are_independent() -> None:
    net = pair()
    one, two = net.nodes[1].subscribe("news"), net.nodes[1].subscribe("news")
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    assert net.runtime.wait_for(lambda: one.receive(1.0)).data == b"x"
    assert (one.waiting, two.waiting) == (0, 1)
    one.close()
    net.nodes[0].publish("news", b"y")
    net.run()
    assert [message.data for message in two.messages] == [b"x", b"y"]
    assert [message.data for message in one.messages] == [b"x"]


def test_only_the_first_subscription_is_announced_and_only_the_last_end_of_one() -> None:
    net = pair()
    one, two = net.nodes[1].subscribe("news"), net.nodes[1].subscribe("news")
    net.run()
    assert net.nodes[0].topic_peers("news") == [1]
    net.nodes[1].unsubscribe(one)
    net.run()
    assert net.nodes[0].topic_peers("news") == [1]
    net.nodes[1].unsubscribe(two)
    net.nodes[1].unsubscribe(two)
    net.run()
    assert net.nodes[0].topic_peers("news") == []
    kinds = ["pubsub.subscribe", "pubsub.peer_subscribed", "pubsub.unsubscribe", "pubsub.peer_unsubscribed"]
    assert [event.kind for event in net.log] == kinds


def test_a_new_peer_is_told_the_subscriptions() -> None:
    net = Net()
    net.add_many(2)
    net.nodes[0].subscribe("a")
    net.nodes[0].subscribe("b")
    net.connect(0, 1)
    net.run()
    assert net.nodes[1].topic_peers("a") == net.nodes[1].topic_peers("b") == [0]
    assert len(net.sent) == 1


def test_a_peer_that_left_is_forgotten() -> None:
    net = pair()
    net.nodes[1].subscribe("news")
    net.run()
    net.disconnect(0, 1)
    assert net.nodes[0].topic_peers("news") == []
    net.connect(0, 1)
    net.run()
    assert net.nodes[0].topic_peers("news") == [1]


def test_subscriptions_of_one_peer_are_bounded() -> None:
    net = pair()
    limit = RpcLimits().subscriptions
    net.nodes[0].receive(1, RPC(subscriptions=tuple((True, f"t{number}") for number in range(limit + 1))))
    assert len(net.nodes[0].router.topics) == limit
    (event,) = net.events("pubsub.drop")
    assert (event.reason, event.peer, event.topic) == ("too many topics", "bob", f"t{limit}")
    net.nodes[0].receive(1, RPC(subscriptions=((False, "t0"), (True, "one more"))))
    assert net.nodes[0].topic_peers("one more") == [1]


def test_a_full_queue_is_logged() -> None:
    net = pair(queue_limit=1)
    net.nodes[1].subscribe("news")
    net.run()
    first = net.nodes[0].publish("news", b"1")
    net.nodes[0].publish("news", b"2")
    net.run()
    (event,) = net.events("pubsub.drop")
    assert (event.reason, event.node, event.ref, event.data) == (
        "queue full", "bob", first.id, {"limit": 1, "dropped": 1},
    )  # fmt: skip


def test_stopping_closes_the_subscriptions_without_a_word() -> None:
    net = pair()
    queue = net.nodes[1].subscribe("news")
    net.run()
    sent = len(net.sent)
    net.nodes[1].stop()
    assert queue.closed
    assert len(net.sent) == sent


def test_each_event_of_a_message_has_the_one_before_as_its_cause() -> None:
    net = Net()
    net.add_many(3)
    net.connect(0, 1)
    net.connect(1, 2)
    for node in net.nodes[1:]:
        node.subscribe("news")
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    (delivery,) = net.events("pubsub.deliver", node="n2")
    chain = net.log.chain(delivery)
    steps = [("pubsub.publish", "n0"), ("pubsub.receive", "n1"), ("pubsub.receive", "n2"), ("pubsub.deliver", "n2")]
    assert [(event.kind, event.node) for event in chain] == steps


# -- signing policies


def forged(net: Net, **changes: Any) -> Publication:
    author, sign = peer_id_bytes(net.identities[0].peer_id), net.identities[0].sign
    fields: dict[str, Any] = {"topic": "news", "data": b"x", "author": author, "seqno": bytes(8)}
    true = Publication(**fields, sign=sign)
    return Publication(**{**fields, "signature": true.signature, **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": b"y"}, "bad signature"),
        ({"signature": bytes(64)}, "bad signature"),
        ({"signature": b"short"}, "bad signature"),
        ({"author": b"\x12\x20" + bytes(32)}, "bad signature"),
        ({"author": b"no peer id"}, "bad signature"),
        ({"key": b"no key"}, "bad signature"),
        ({"signature": b""}, "missing signature"),
        ({"seqno": b""}, "missing signature"),
        ({"author": b""}, "missing signature"),
    ],
)
def test_strict_sign_rejects(changes: dict[str, Any], reason: str) -> None:
    net = pair()
    queue = net.nodes[1].subscribe("news")
    net.nodes[1].receive(0, RPC((forged(net, **changes),)))
    assert [event.reason for event in net.events("pubsub.reject")] == [reason]
    assert queue.messages == []


def test_a_forged_copy_does_not_keep_the_true_message_out() -> None:
    net = pair()
    queue = net.nodes[1].subscribe("news")
    net.nodes[1].receive(0, RPC((forged(net, signature=bytes(64)),)))
    net.nodes[1].receive(0, RPC((forged(net),)))
    assert [message.data for message in queue.messages] == [b"x"]


def test_a_signature_is_verified_once_for_all_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    import p2plab.pubsub.message as signing

    verified: list[Publication] = []
    true_verify = signing.verify

    def counting(publication: Publication) -> bool:
        verified.append(publication)
        return true_verify(publication)

    monkeypatch.setattr(signing, "verify", counting)
    net = Net()
    net.add_many(6)
    net.connect_all()
    for node in net.nodes:
        node.subscribe("news")
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    assert len(net.events("pubsub.deliver")) == 6
    assert len(verified) == 1


def test_a_key_that_is_not_in_the_peer_id_is_taken_from_the_message_and_must_fit_it() -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from p2plab.identity.keys import marshal_public_key, peer_id_of

    private = rsa.generate_private_key(65537, 2048)
    key = marshal_public_key(0, private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    author = peer_id_bytes(peer_id_of(key))
    unsigned = Publication("news", b"x", author, bytes(8), key=key)
    signature = private.sign(signed_bytes(unsigned), padding.PKCS1v15(), hashes.SHA256())
    net = pair()
    queue = net.nodes[1].subscribe("news")
    net.nodes[1].receive(0, RPC((Publication("news", b"x", author, bytes(8), signature),)))
    net.nodes[1].receive(
        0, RPC((Publication("news", b"x", author, bytes(8), signature, net.identities[0].public_key),))
    )
    assert [event.reason for event in net.events("pubsub.reject")] == ["bad signature", "bad signature"]
    net.nodes[1].receive(0, RPC((Publication("news", b"x", author, bytes(8), signature, key),)))
    (message,) = queue.messages
    assert message.sender == peer_id_of(key)


def test_a_message_in_anothers_name_with_ones_own_key_and_signature_is_rejected() -> None:
    net = pair()
    queue = net.nodes[1].subscribe("news")
    eve, author = Identity.derive(666, "eve"), peer_id_bytes(net.identities[0].peer_id)
    unsigned = Publication("news", b"x", author, bytes(8), key=eve.public_key)
    signature = eve.sign(signed_bytes(unsigned))
    net.nodes[1].receive(0, RPC((Publication("news", b"x", author, bytes(8), signature, eve.public_key),)))
    assert [event.reason for event in net.events("pubsub.reject")] == ["bad signature"]
    assert queue.messages == []


def test_strict_no_sign_sends_nothing_about_the_author_and_ids_are_of_the_content() -> None:
    net = pair(policy="StrictNoSign")
    queue = net.nodes[1].subscribe("news")
    net.run()
    sent = net.nodes[0].publish("news", b"x")
    net.run()
    assert (sent.sender, sent.seqno) == (None, None)
    (publication,) = net.rpcs(0, 1)[-1].publish
    fields = ("author", "seqno", "signature", "key")
    assert [getattr(publication, field) for field in fields] == [b""] * 4
    assert queue.messages[0].received_from == net.identities[0].peer_id
    assert net.nodes[0].publish("news", b"x").id == sent.id
    assert [event.reason for event in net.events("pubsub.ignore")] == ["already published"]


@pytest.mark.parametrize("field", ["author", "seqno", "signature", "key"])
def test_strict_no_sign_rejects_what_is_signed(field: str) -> None:
    net = pair(policy="StrictNoSign")
    queue = net.nodes[1].subscribe("news")
    net.nodes[1].receive(0, RPC((Publication("news", b"x", **{field: b"something"}),)))  # type: ignore[arg-type]
    assert [event.reason for event in net.events("pubsub.reject")] == ["unexpected signature"]
    assert queue.messages == []


def test_an_unknown_policy_is_an_error() -> None:
    with pytest.raises(ValidationError, match="take one of StrictSign, StrictNoSign"):
        Net().add(policy="sometimes")


def test_messages_survive_their_bytes() -> None:
    net = Net(encoded=True)
    net.add_many(4)
    for node in range(3):
        net.connect(node, node + 1)
    queues = [node.subscribe("news") for node in net.nodes]
    net.run()
    sent = net.nodes[0].publish("news", b"x")
    net.run()
    assert [[message.id for message in queue.messages] for queue in queues] == [[sent.id]] * 4
    assert queues[3].messages[0].sender == net.identities[0].peer_id


# -- ids, sizes, the seen cache


def test_a_message_id_function_of_ones_own_is_used() -> None:
    net = pair(message_id=lambda publication: publication.data[:4])
    queue = net.nodes[1].subscribe("news")
    net.run()
    assert net.nodes[0].publish("news", b"1234-one").id == b"1234".hex()
    net.nodes[0].publish("news", b"1234-two")
    net.nodes[0].publish("news", b"5678-one")
    net.run()
    assert [message.data for message in queue.messages] == [b"1234-one", b"5678-one"]


def test_a_message_over_the_receivers_limit_is_rejected() -> None:
    net = Net()
    net.add()
    net.add(max_message_size=500)
    net.connect(0, 1)
    queue = net.nodes[1].subscribe("news")
    net.run()
    net.nodes[0].publish("news", bytes(600))
    net.run()
    assert [event.reason for event in net.events("pubsub.reject")] == ["too large"]
    assert queue.messages == []


def test_a_message_is_delivered_once_within_the_time_the_seen_cache_keeps_it() -> None:
    net = pair(seen_ttl=5.0)
    queue = net.nodes[1].subscribe("news")
    rpc = RPC((forged(net),))
    for _ in range(5):
        net.nodes[1].receive(0, rpc)
        net.run(0.999)
    assert len(queue.messages) == 1
    assert len(net.events("pubsub.duplicate")) == 4
    net.run(0.01)
    net.nodes[1].receive(0, rpc)
    assert len(queue.messages) == 2
    net.run(10)
    net.nodes[0].publish("other", b"")
    assert len(net.nodes[1].seen) == 1  # expired entries go when the next message is met
    net.nodes[1].publish("other", b"")
    assert len(net.nodes[1].seen) == 1


def test_messages_on_topics_not_subscribed_to_and_own_ones_coming_back_are_ignored() -> None:
    net = pair()
    net.nodes[1].receive(0, RPC((forged(net),)))
    net.nodes[0].subscribe("news")
    net.nodes[0].receive(1, RPC((forged(net),)))
    assert [(event.node, event.reason) for event in net.events("pubsub.ignore")] == [
        ("bob", "not subscribed"),
        ("alice", "own message"),
    ]


# -- validators


ANSWERS: list[tuple[Any, str]] = [
    (True, "accept"),
    ("accept", "accept"),
    (ValidationResult.ACCEPT, "accept"),
    (False, "reject"),
    ("reject", "reject"),
    (ValidationResult.REJECT, "reject"),
    (None, "ignore"),
    ("ignore", "ignore"),
    (ValidationResult.IGNORE, "ignore"),
    (1, "raised"),
    ("perhaps", "raised"),
    (RuntimeError("broken"), "raised"),
]
OUTCOMES = {
    "accept": (1, []),
    "reject": (0, [("pubsub.reject", "validator said reject")]),
    "ignore": (0, [("pubsub.ignore", "validator said ignore")]),
    "raised": (0, [("error", "validator"), ("pubsub.ignore", "validator raised")]),
}


def validated(validator: Any) -> tuple[Net, int, list[tuple[str, str | None]]]:
    net = pair()
    queue = net.nodes[1].subscribe("news")
    net.nodes[1].add_validator("news", validator)
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    assert net.runtime.errors == []
    kinds = ("pubsub.reject", "pubsub.ignore", "error")
    return net, len(queue.messages), [(event.kind, event.reason) for event in net.log if event.kind in kinds]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS, ids=[repr(answer) for answer, _ in ANSWERS])
@pytest.mark.parametrize("style", ["sync", "async", "delayed"])
def test_a_validators_answer_decides(style: str, answer: Any, outcome: str) -> None:
    def check(message: Message) -> Any:
        assert message.data == b"x"
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def check_slowly(message: Message) -> Any:
        await net_sleep(0.1)
        return check(message)

    async def net_sleep(seconds: float) -> None:
        await nets[0].runtime.sleep(seconds)

    validator: Any = {"sync": check, "async": check_slowly, "delayed": TopicValidator(check, delay=0.1)}[style]
    nets: list[Net] = []
    net = pair()
    nets.append(net)
    queue = net.nodes[1].subscribe("news")
    net.nodes[1].add_validator("news", validator)
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run(0.05)
    if style != "sync":
        assert queue.messages == []
    net.run()
    delivered, events = OUTCOMES[outcome]
    kinds = ("pubsub.reject", "pubsub.ignore", "error")
    assert len(queue.messages) == delivered
    assert [(event.kind, event.reason) for event in net.log if event.kind in kinds] == events
    assert net.runtime.errors == []


def test_a_validators_error_is_an_event_that_names_it() -> None:
    def check(message: Message) -> bool:
        raise RuntimeError("broken")

    net, _, _ = validated(check)
    (event,) = net.events("error")
    assert event.data == {"what": "validator check", "type": "RuntimeError", "text": "broken"}
    assert event.node == "bob"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ((True, True), None),
        ((None, True), "validator said ignore"),
        ((True, None, False), "validator said reject"),
        ((None, False), "validator said reject"),
        ((1, None), "validator raised"),
    ],
)
@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_one_reject_outweighs_everything_and_an_ignore_outweighs_accepts(
    answers: tuple[Any, ...], reason: str | None, delay: float
) -> None:
    net = pair()
    queue = net.nodes[1].subscribe("news")

    def answering(answer: Any) -> Callable[[Message], Any]:
        return lambda message: answer

    for number, answer in enumerate(answers):
        net.nodes[1].add_validator("news", TopicValidator(answering(answer), delay=delay * number))
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    events = [*net.events("pubsub.reject"), *net.events("pubsub.ignore")]
    assert [event.reason for event in events] == ([] if reason is None else [reason])
    assert len(queue.messages) == (reason is None)


def test_a_removed_validator_is_asked_no_more() -> None:
    net = pair()
    queue = net.nodes[1].subscribe("news")

    def check(message: Message) -> bool:
        return False

    net.nodes[1].add_validator("news", check)
    assert net.nodes[1].remove_validator("news", check)
    assert not net.nodes[1].remove_validator("news", check)
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    assert len(queue.messages) == 1


def test_own_messages_are_validated_too() -> None:
    net = pair()
    queue = net.nodes[0].subscribe("news")
    net.nodes[0].add_validator("news", lambda message: False)
    net.nodes[1].subscribe("news")
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    assert queue.messages == []
    assert [(event.node, event.peer) for event in net.events("pubsub.reject")] == [("alice", None)]
    assert net.events("pubsub.receive") == []


@pytest.mark.dear
def test_messages_in_validation_at_once_are_bounded() -> None:
    from p2plab.pubsub.shell.validation_queue import MAX_VALIDATING

    net = pair()
    queue = net.nodes[1].subscribe("news")

    async def check(message: Message) -> bool:
        await net.runtime.sleep(1.0)
        return True

    net.nodes[1].add_validator("news", check)
    net.run()
    for _ in range(MAX_VALIDATING + 2):
        net.nodes[0].publish("news", b"x")
    net.run(3)
    assert [event.reason for event in net.events("pubsub.ignore")] == ["validation queue full"] * 2
    assert queue.received == MAX_VALIDATING


@pytest.mark.parametrize("bad", [None, "check", 7])
def test_what_is_no_validator_is_an_error(bad: Any) -> None:
    with pytest.raises(ValidationError, match="a validator is a function"):
        Net().add().add_validator("news", bad)


@pytest.mark.parametrize("delay", [-1, "1", float("inf"), True])
def test_a_delay_that_is_no_duration_is_an_error(delay: Any) -> None:
    with pytest.raises(ValidationError, match="delay"):
        TopicValidator(lambda message: True, delay=delay)
