"""A hostile peer written by hand in a mock lab: what it writes to a pubsub stream is read by the wire format."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import p2plab
from p2plab import Lab, Node
from p2plab.pubsub.rpc import RPC, Control, encode_rpc
from p2plab.stream import NetStream, StreamError


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7) as lab:
        yield lab


@pytest.fixture
def alice(lab: Lab) -> Node:
    alice = lab.start_node("alice")
    alice.subscribe("news")
    return alice


@pytest.fixture
def eve(lab: Lab) -> Node:
    return lab.start_node("eve")


# RPC { subscriptions { subscribe: true, topicid: "news" } } as pubsub/README.md has it, by hand
SUBSCRIBES = bytes.fromhex("0a080801") + b"\x12\x04news"


def test_a_subscription_written_by_hand_is_heard(lab: Lab, alice: Node, eve: Node) -> None:
    stream = eve.open_stream(alice, ["/meshsub/1.2.0"])
    stream.write_message(SUBSCRIBES)
    assert lab.run_until(lambda: "eve" in map(str, alice.topic_peers("news")), timeout=5)
    (heard,) = lab.events.filter(kind="pubsub.peer_subscribed", node="alice", peer="eve")
    assert heard.topic == "news"


def test_control_messages_written_by_hand_are_judged_and_counted(lab: Lab, alice: Node, eve: Node) -> None:
    stream = eve.open_stream(alice, ["/meshsub/1.2.0"])
    stream.write_message(SUBSCRIBES)
    stream.write_message(encode_rpc(RPC(control=Control(graft=("news",)))))
    assert lab.run_until(lambda: "eve" in map(str, alice.mesh("news")), timeout=5)


@pytest.mark.parametrize(("bad", "reason"), [(b"\xff" * 40, "malformed"), (b"x" * 2_000_000, "too large")])
def test_what_is_no_rpc_is_a_violation_and_ends_the_stream(
    lab: Lab, alice: Node, eve: Node, bad: bytes, reason: str
) -> None:
    stream = eve.open_stream(alice, ["/meshsub/1.2.0"])
    with pytest.raises(StreamError, match="reset"):
        stream.write_message(bad)
        stream.read()
    (violation,) = lab.events.filter(kind="pubsub.violation", node="alice")
    assert (violation.peer, violation.reason) == ("eve", reason)


def test_two_writers_that_wait_for_each_other_are_told_so(lab: Lab, alice: Node, eve: Node) -> None:
    async def write_first(stream: NetStream) -> None:
        await stream.write(b"y" * 1_000_000)

    alice.handle("/x/1.0.0", write_first)
    stream = eve.open_stream(alice, "/x/1.0.0")
    began = lab.now
    with pytest.raises(StreamError, match="both ends of the stream wait to write, and neither reads") as caught:
        stream.write(b"x" * 1_000_000)
    assert caught.value.kind == "deadline"
    assert lab.now - began == pytest.approx(60, abs=5)
    lab.run(1)
    assert lab.events.filter(kind="stream.reset", node="alice", peer="eve")


def test_a_reader_that_is_slow_is_waited_for(lab: Lab, alice: Node, eve: Node) -> None:
    async def much_later(stream: NetStream) -> None:
        await p2plab.sleep(300)
        while await stream.read():
            continue

    alice.handle("/x/1.0.0", much_later)
    stream = eve.open_stream(alice, "/x/1.0.0")
    stream.write(b"x" * 1_000_000)
    assert lab.now > 300


def test_two_that_write_and_read_by_turns_are_left_alone(lab: Lab, alice: Node, eve: Node) -> None:
    async def echo(stream: NetStream) -> None:
        while data := await stream.read():
            await stream.write(data)

    alice.handle("/x/1.0.0", echo)
    stream = eve.open_stream(alice, "/x/1.0.0")
    for _ in range(20):
        stream.write(b"x" * 100_000)
        got = 0
        while got < 100_000:
            got += len(stream.read())
    assert not lab.events.filter(kind="error")
