"""Versions, features and priorities of protocols, and what peers can find out about them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import Lab, Node
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.protocols.capabilities import CAPABILITIES_ID, Capability
from p2plab.stream import NetStream, StreamError

Wait = Callable[[Callable[[], object]], None]


async def tell_version(stream: NetStream) -> None:
    """Says which version was agreed."""
    await stream.write(stream.protocol.encode())


def test_a_range_serves_every_version_in_it(alice: Node, bob: Node) -> None:
    bob.handle("/chat/1.x", tell_version)
    for version in ("1.0.0", "1.4.2"):
        assert alice.open_stream(bob, f"/chat/{version}").read() == f"/chat/{version}".encode()
    with pytest.raises(StreamError) as raised:
        alice.open_stream(bob, "/chat/2.0.0")
    assert raised.value.kind == "protocol not supported"


@pytest.mark.parametrize("protocol", ["/meshsub/1.1.0", "/floodsub/1.0.0"])
def test_what_publish_subscribe_answers_no_handler_takes_from_it(bob: Node, protocol: str) -> None:
    with pytest.raises(ConfigurationError, match="bob's publish-subscribe answers"):
        bob.handle(protocol, tell_version)


def test_the_dialler_gets_the_highest_version_that_both_speak(alice: Node, bob: Node) -> None:
    for version in ("1.0.0", "1.9.0", "1.10.0", "2.0.0"):
        bob.handle(f"/chat/{version}", tell_version)
    assert alice.open_stream(bob, "/chat/1.x").protocol == "/chat/1.10.0"
    assert alice.open_stream(bob, "/chat/>=1.2 <3").protocol == "/chat/2.0.0"
    assert alice.open_stream(bob, ["/chat/3.x", "/chat/~1.9.0"]).protocol == "/chat/1.9.0"


def test_two_ranges_meet_at_a_version_that_the_dialler_knows(alice: Node, bob: Node) -> None:
    bob.handle("/chat/1.x", tell_version)
    alice.handle("/chat/1.3.0", tell_version)
    assert alice.open_stream(bob, "/chat/^1.1").protocol == "/chat/1.3.0"
    assert alice.open_stream(bob, "/chat/^1.4").protocol == "/chat/1.4.0"


def test_a_handler_added_after_the_introduction_is_heard_of(alice: Node, bob: Node, wait: Wait) -> None:
    alice.connect(bob)
    bob.handle("/late/1.2.0", tell_version)
    wait(lambda: "/late/1.2.0" in alice.peers()[0].protocols)
    assert alice.open_stream(bob, "/late/1.x").protocol == "/late/1.2.0"
    bob.remove_handler("/late/1.2.0")
    wait(lambda: "/late/1.2.0" not in alice.peers()[0].protocols)


def test_capabilities_tell_versions_and_features(alice: Node, bob: Node) -> None:
    bob.handle("/chat/1.x", tell_version, features=["rooms", "emoji"])
    bob.handle("/chat/2.0.0", tell_version, features=["voice"])
    known = {capability.name: capability for capability in alice.capabilities(bob)}
    assert known["/chat"] == Capability("/chat", ("1.x", "2.0.0"), ("emoji", "rooms", "voice"))
    assert known["/ipfs/ping"].versions == ("1.0.0",)


def test_capabilities_are_asked_once_and_again_after_a_push(lab: Lab, alice: Node, bob: Node, wait: Wait) -> None:
    def asked() -> int:
        return len(lab.events.filter(kind="capabilities.received", node=alice))

    alice.capabilities(bob)
    alice.capabilities(bob)
    assert asked() == 1
    before = len(lab.events.filter(kind="identify.received", node=alice))
    bob.handle("/chat/1.0.0", tell_version, features=["rooms"])
    wait(lambda: len(lab.events.filter(kind="identify.received", node=alice)) > before)
    assert Capability("/chat", ("1.0.0",), ("rooms",)) in alice.capabilities(bob)
    assert asked() == 2


def test_of_a_peer_that_knows_no_capabilities_identify_is_believed(alice: Node, bob: Node, wait: Wait) -> None:
    bob.handle("/chat/1.0.0", tell_version, features=["rooms"])
    alice.connect(bob)
    bob.remove_handler(CAPABILITIES_ID)
    wait(lambda: CAPABILITIES_ID not in alice.peers()[0].protocols)
    assert Capability("/chat", ("1.0.0",)) in alice.capabilities(bob)
    assert alice.ping(bob) > 0


def test_streams_are_listed_by_peer_protocol_and_connection(lab: Lab, alice: Node, bob: Node) -> None:
    async def wait_for_more(stream: NetStream) -> None:
        await stream.read()

    carol = lab.start_node("carol")
    for node in (bob, carol):
        node.handle("/a/1.0.0", wait_for_more)
        node.handle("/b/1.0.0", wait_for_more)
    one = alice.open_stream(bob, "/a/1.0.0").aio
    two = alice.open_stream(bob, "/b/1.0.0").aio
    three = alice.open_stream(carol, "/a/1.0.0").aio
    ours = [stream for stream in alice.streams() if stream.protocol in ("/a/1.0.0", "/b/1.0.0")]
    assert ours == [one, two, three]
    assert [stream for stream in alice.streams(carol) if stream in ours] == [three]
    assert alice.streams(protocol="/a/1.0.0") == [one, three]
    assert alice.streams(bob, "/b/1.0.0", alice.connections(bob)[0]) == [two]


def test_a_priority_is_a_class_or_a_weight(alice: Node, bob: Node) -> None:
    bob.handle("/chat/1.0.0", tell_version, priority="bulk")
    assert alice.open_stream(bob, "/chat/1.0.0", priority=7).read() == b"/chat/1.0.0"
    for wrong in ("urgent", 0):
        with pytest.raises(ValidationError, match="priority"):
            bob.handle("/chat/2.0.0", tell_version, priority=wrong)  # type: ignore[arg-type]
        with pytest.raises(ValidationError, match="priority"):
            alice.open_stream(bob, "/chat/1.0.0", priority=wrong)  # type: ignore[arg-type]
    assert "/chat/2.0.0" not in bob.protocols()


@pytest.mark.parametrize("features", [[""], [5], ["x" * 200]])
def test_features_are_words(bob: Node, features: list[str]) -> None:
    with pytest.raises(ValidationError, match="feature"):
        bob.handle("/chat/1.0.0", tell_version, features=features)
    assert "/chat/1.0.0" not in bob.protocols()


def test_a_range_that_nothing_is_in_is_refused(alice: Node, bob: Node) -> None:
    with pytest.raises(ValidationError, match="no version"):
        alice.open_stream(bob, "/chat/>1.2.3 <1.2.4")
