"""What a hostile peer says of itself, and of topics, to real nodes with py-libp2p's own router."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.identity.varint import encode_varint
from p2plab.stream import StreamError

MESHSUB = ["/meshsub/1.1.0"]
WAIT = 20.0


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("real", seed=7) as made:
        yield made


def framed(rpc: bytes) -> bytes:
    return encode_varint(len(rpc)) + rpc


def field(number: int, value: bytes) -> bytes:
    return encode_varint(number << 3 | 2) + encode_varint(len(value)) + value


def subscription(topic: bytes) -> bytes:
    return field(1, b"\x08\x01" + field(2, topic))


def grafts(count: int) -> bytes:
    return field(3, b"".join(field(3, field(1, b"unknown-%d" % number)) for number in range(count)))


def say(lab: Lab, frames: list[bytes]) -> bool:
    """Have mallory send these to alice on one stream; whether alice reset it."""

    async def speak() -> bool:
        stream = await lab.aio["mallory"].open_stream("alice", MESHSUB)
        try:
            for frame in frames:
                await stream.write(frame)
            await stream.write(framed(b""))
            await stream.read()
        except StreamError:
            return True
        return False

    return bool(lab.world.run(speak))


@pytest.fixture
def alice(lab: Lab) -> Node:
    node = lab.start_node("alice")
    lab.start_node("mallory", pubsub="p2plab").connect(node)
    return node


@pytest.mark.parametrize("topic", [b"\xff\xfe", b"x" * 900_000, b""], ids=["no UTF-8", "900 kB", "empty"])
def test_a_topic_that_is_none_resets_the_stream_and_is_remembered_by_nobody(
    lab: Lab, alice: Node, topic: bytes
) -> None:
    assert say(lab, [framed(subscription(topic))])
    (event,) = lab.events.filter(kind="pubsub.violation", node=alice)
    assert (event.peer, event.reason) == ("mallory", "malformed")
    assert not lab.events.filter(kind="pubsub.peer_subscribed", node=alice, peer="mallory")
    assert lab.events.digest()
    assert lab["mallory"].ping(alice) > 0


def test_a_flood_of_grafts_for_unknown_topics_is_bounded_in_events_and_answers(lab: Lab, alice: Node) -> None:
    before = len(lab.events)
    reset = say(lab, [framed(grafts(2_000)) for _ in range(20)])
    assert reset
    assert len(lab.events) - before < 100
    bob = lab.start_node("bob")
    assert bob.ping(alice) > 0


def test_grafts_within_the_bound_are_not_answered_and_told_of_only_so_often(lab: Lab, alice: Node) -> None:
    say_nothing = [framed(grafts(500)) for _ in range(4)]

    async def speak() -> None:
        stream = await lab.aio["mallory"].open_stream("alice", MESHSUB)
        for frame in say_nothing:
            await stream.write(frame)

    lab.world.run(speak)
    assert lab.run_until(lambda: bool(lab.events.filter(kind="pubsub.graft_refused", node=alice)), timeout=WAIT)
    lab["mallory"].ping(alice)
    refused = lab.events.filter(kind="pubsub.graft_refused", node=alice)
    assert {event.reason for event in refused} == {"not subscribed"}
    assert len(refused) <= 3 * 32
    assert lab.events.counts_of("alice").get("pubsub.rpc_sent", 0) < 100


def test_a_peer_whose_identify_is_no_utf_8_can_be_attached_and_saved(lab: Lab, tmp_path: Any) -> None:
    async def lie(stream: Any) -> None:
        said = field(6, b"evil\xff\x1b[2J") + field(3, b"/x\xff") + field(5, b"\xfe")
        await stream.write(framed(said))
        await stream.close()

    with Lab("real", seed=8) as elsewhere:
        mallory = elsewhere.start_node("mallory")
        host: Any = elsewhere.world.hosts()["mallory"]
        elsewhere.world.read(lambda: host.stack.host.set_stream_handler("/ipfs/id/1.0.0", lie))
        ext = lab.attach(mallory.addresses[0], name="ext")
        assert ext.info.agent_version == "evil\ufffd\x1b[2J"
        assert ext.info.protocols == ["/x\ufffd"]
        assert lab.events.digest()
        lab.events.save(tmp_path / "run.jsonl")
        assert "\x1b" not in str(lab.events[-1])
