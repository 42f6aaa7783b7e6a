"""What a handler or a validator raised is found from either end, with the peer named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.admission import Gate
from p2plab.errors import DialError, ValidationError
from p2plab.kademlia import DhtParams
from p2plab.kademlia.params import LibraryDhtParams
from p2plab.stream import NetStream, StreamError


def chain_of(lab: Lab, subject: object) -> list[tuple[str | None, str, str | None]]:
    return [(event.node, event.kind, event.peer) for event in lab.why(subject)]


async def at_once(stream: NetStream) -> None:
    raise KeyError("colour")


async def after_reading(stream: NetStream) -> None:
    await stream.read()
    raise KeyError("colour")


async def after_answering(stream: NetStream) -> None:
    await stream.write(b"an")
    await stream.read()
    raise KeyError("colour")


@pytest.mark.parametrize("handler", [at_once, after_reading, after_answering], ids=lambda each: each.__name__)
def test_the_error_of_a_reader_leads_to_what_the_handler_raised_at_the_other_end(
    lab: Lab, alice: Node, bob: Node, handler: Any
) -> None:
    bob.handle("/x/1.0.0", handler)
    stream = alice.open_stream(bob, "/x/1.0.0")
    with pytest.raises(StreamError) as caught:
        stream.write(b"hello")
        while stream.read():
            continue
    assert ("bob", "error", "alice") in chain_of(lab, caught.value)
    assert lab.why(caught.value).answer == "handler of /x/1.0.0 of bob raised KeyError: 'colour'"
    assert "bob" in str(caught.value)


def test_it_is_found_from_the_end_at_which_it_was_raised(
    lab: Lab, alice: Node, bob: Node, wait: Callable[..., None]
) -> None:
    bob.handle("/x/1.0.0", after_reading)
    alice.open_stream(bob, "/x/1.0.0").write(b"hello")
    wait(lambda: lab.events.filter(kind="stream.reset", node="bob", peer="alice"))
    (raised,) = lab.events.filter(kind="error")
    assert (raised.node, raised.peer, (raised.data or {})["type"]) == ("bob", "alice", "KeyError")
    (reset,) = lab.events.filter(kind="stream.reset", node="bob", peer="alice")
    assert raised in list(lab.why(reset))


def test_a_request_that_the_other_side_could_not_answer_says_what_was_raised_there(
    lab: Lab, alice: Node, bob: Node
) -> None:
    async def broken(request: bytes, peer: Any) -> bytes:
        raise KeyError("colour")

    bob.handle_request("/x/1.0.0", broken)
    with pytest.raises(StreamError) as caught:
        alice.request(bob, "/x/1.0.0", b"hello")
    assert ("bob", "error", "alice") in chain_of(lab, caught.value)


@pytest.mark.parametrize("pubsub", ["p2plab", "libp2p"])
@pytest.mark.parametrize("slow", [False, True], ids=["at once", "later"])
def test_what_a_validator_raised_names_the_peer_whose_message_it_was(
    new_lab: Callable[..., Lab], backend: str, pubsub: str, slow: bool
) -> None:
    if backend == "mock":
        lab = new_lab()
    else:
        lab = new_lab(pubsub=pubsub)
    alice, bob = lab.start_node("alice"), lab.start_node("bob")

    def broken(message: Any) -> bool:
        raise KeyError("shape")

    async def broken_later(message: Any) -> bool:
        raise KeyError("shape")

    bob.add_validator("news", broken_later if slow else broken)
    bob.subscribe("news")
    alice.connect(bob)
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=20)
    message = alice.publish("news", "x")
    assert lab.run_until(lambda: bool(lab.events.filter(kind="pubsub.ignore", node="bob")), timeout=20)
    (raised,) = lab.events.filter(kind="error")
    assert (raised.node, raised.peer, raised.topic, raised.reason) == ("bob", "alice", "news", "validator")
    assert raised in list(lab.why(message, node=bob))
    assert "KeyError" in str(lab.why(message, node=bob).answer)


def test_a_validator_that_raises_at_the_publisher_itself_names_no_peer(lab: Lab, alice: Node) -> None:
    def broken(message: Any) -> bool:
        raise KeyError("shape")

    alice.add_validator("news", broken)
    alice.subscribe("news")
    alice.publish("news", "x")
    (raised,) = lab.events.filter(kind="error")
    assert (raised.node, raised.peer, raised.topic) == ("alice", None, "news")


class Mute(Exception):
    """One whose text cannot be had."""

    def __str__(self) -> str:
        raise KeyError("text")


class Records:
    """Takes every record, until ``raises`` is set."""

    raises: type[BaseException] | None = None

    def validate(self, key: bytes, value: bytes, now: float = 0.0) -> None:
        if self.raises is not None:
            raise self.raises()

    def select(self, key: bytes, values: Sequence[bytes]) -> int:
        return 0


@pytest.mark.parametrize("raises", [SystemExit, Mute])
@pytest.mark.parametrize("pubsub", ["p2plab", "libp2p"])
def test_a_validator_that_leaves_python_or_says_nothing_ends_no_lab(
    new_lab: Callable[..., Lab], backend: str, pubsub: str, raises: type[BaseException]
) -> None:
    lab = new_lab(**({} if backend == "mock" else {"pubsub": pubsub}))
    alice, bob = lab.start_node("alice"), lab.start_node("bob")

    def leave(message: Any) -> bool:
        raise raises()

    bob.add_validator("news", leave)
    bob.subscribe("news")
    alice.connect(bob)
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=20)
    alice.publish("news", "x")
    assert lab.run_until(lambda: bool(lab.events.filter(kind="error", node="bob")), timeout=20)
    (raised,) = lab.events.filter(kind="error")
    assert (raised.data or {})["type"] == raises.__name__
    assert alice.ping(bob) > 0


@pytest.mark.parametrize("raises", [SystemExit, Mute])
@pytest.mark.parametrize("own", [True, False], ids=["p2plab", "libp2p"])
def test_a_validator_of_records_that_raises_is_the_reason_of_the_lookup(
    new_lab: Callable[..., Lab], backend: str, own: bool, raises: type[BaseException]
) -> None:
    dht = DhtParams if own or backend == "mock" else LibraryDhtParams
    lab, broken = new_lab(), Records()
    for name, records in (("alice", Records()), ("bob", broken)):
        lab.start_node(name, dht=dht(protocol="/my/kad/1.0.0", validators={"v": records}))
    alice, bob = lab["alice"], lab["bob"]
    alice.connect(bob)
    assert lab.run_until(lambda: len(bob.dht.routing_table()) == 1 == len(alice.dht.routing_table()), timeout=20)
    alice.dht.put("/v/x", b"1")
    broken.raises = raises
    lookup = bob.dht.get("/v/x")
    assert lookup.value is None
    for told in (lookup.why(), lab.why(lookup).answer):
        assert "values refused" in told or "1 value refused" in told
        assert f"raised {raises.__name__}" in told
    with pytest.raises(ValidationError, match=f"its validator Records raised {raises.__name__}"):
        bob.dht.put("/v/x", b"2")
    assert {(event.data or {})["type"] for event in lab.events.filter(kind="error", node="bob")} == {raises.__name__}
    assert len(bob.dht.routing_table()) == 1


def test_what_a_validator_raised_is_the_reason_of_the_lookup_too() -> None:
    with Lab(seed=7) as lab:
        broken = Records()
        for name, records in (("alice", Records()), ("bob", broken)):
            lab.start_node(name, dht=DhtParams(protocol="/my/kad/1.0.0", validators={"v": records}))
        alice, bob = lab["alice"], lab["bob"]
        alice.connect(bob)
        lab.run(1)
        bob.dht.put("/v/x", b"1")
        broken.raises = Mute
        lookup = alice.dht.get("/v/x")
        assert "Records.validate of bob raised Mute" in lab.why(lookup).answer


@pytest.mark.parametrize("judge", ["predicate", "authorize"])
def test_what_a_gate_or_an_authorizer_raised_refuses_and_is_told_though_it_says_nothing(
    lab: Lab, alice: Node, bob: Node, judge: str
) -> None:
    def broken(request: Any) -> bool:
        raise Mute

    bob.handle("/x/1.0.0", after_reading)
    if judge == "predicate":
        bob.gate = Gate(predicate=broken)
    else:
        bob.authorize = broken
    with pytest.raises((DialError, StreamError)) as caught:
        alice.open_stream(bob, "/x/1.0.0")
    assert "Mute" in lab.why(caught.value).answer
    raised = lab.events.filter(kind="error")
    assert {(event.node, (event.data or {})["what"], (event.data or {})["type"]) for event in raised} == {
        ("bob", f"{judge} of bob", "Mute")
    }
