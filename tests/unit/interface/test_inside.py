"""What code inside the lab may do: handlers, validators and conditions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import p2plab
from p2plab import Lab, Node
from p2plab.errors import ClosedError, InsideLabError
from p2plab.pubsub import Message
from p2plab.stream import NetStream, StreamError

Inside = Callable[[Callable[[NetStream], Awaitable[Any]]], Any]


@pytest.fixture
def inside(lab: Lab, alice: Node, bob: Node) -> Inside:
    """Runs a coroutine function in a handler of bob's, and returns what it returned, or raises what it raised."""

    def run(action: Callable[[NetStream], Awaitable[Any]]) -> Any:
        results: list[tuple[Any, BaseException | None]] = []

        async def handler(stream: NetStream) -> None:
            try:
                results.append((await action(stream), None))
            except Exception as error:
                results.append((None, error))
                raise

        bob.handle("/inside/1.0.0", handler)
        alice.open_stream(bob, "/inside/1.0.0")
        assert lab.run_until(lambda: results, timeout=20)
        ((result, error),) = results
        if error is not None:
            raise error
        return result

    return run


def test_a_handler_may_await_its_node_s_verbs(lab: Lab, inside: Inside) -> None:
    lab.start_node("carol")

    async def action(stream: NetStream) -> tuple[float, str, str]:
        node = stream.node
        connection = await node.connect("carol")
        info = await node.identify("carol")
        return await node.ping("carol"), connection.peer.name, str(info)

    seconds, *names = inside(action)
    assert seconds > 0
    assert names == ["carol", "carol"]
    assert ("bob", "carol") in lab.edges()


def test_a_handler_may_await_any_verb_of_lab_aio(lab: Lab, inside: Inside) -> None:
    async def action(stream: NetStream) -> list[tuple[str, str]]:
        nodes = await lab.aio.start_nodes(2, prefix="new")
        await lab.aio.wire("line", nodes=nodes)
        await nodes[0].ping(nodes[1])
        return lab.aio.edges()

    assert ("new0", "new1") in inside(action)


def test_a_handler_may_open_streams_of_its_own(lab: Lab, alice: Node, inside: Inside) -> None:
    async def greet(stream: NetStream) -> None:
        await stream.write(b"hello " + await stream.read())

    alice.handle("/greet/1.0.0", greet)

    async def action(stream: NetStream) -> bytes:
        async with await stream.node.open_stream("alice", ["/greet/1.0.0"]) as other:
            await other.write(b"bob")
            return bytes(await other.read_exactly(9))

    assert inside(action) == b"hello bob"


def test_sleep_waits_in_lab_time(lab: Lab, inside: Inside) -> None:
    async def action(stream: NetStream) -> float:
        began = lab.now
        await p2plab.sleep(0.05)
        return lab.now - began

    assert inside(action) >= 0.0499


def test_verbs_that_take_no_time_work_as_they_are(lab: Lab, alice: Node, bob: Node, inside: Inside) -> None:
    async def action(stream: NetStream) -> list[Any]:
        news = bob.subscribe("news")
        bob.publish("news", b"from inside")
        bob.handle("/another/1.0.0", action)
        return [
            news.messages[0].data,
            [str(peer) for peer in bob.peers()],
            [str(node) for node in lab.nodes],
            lab.edges(),
            "/another/1.0.0" in bob.protocols(),
            len(alice.connections()),
        ]

    assert inside(action) == [b"from inside", ["alice"], ["alice", "bob"], [("alice", "bob")], True, 1]


def test_a_subscription_made_inside_can_be_awaited_there(alice: Node, inside: Inside) -> None:
    async def action(stream: NetStream) -> bytes:
        news = stream.node.subscribe("news")
        stream.node.publish("news", b"one")
        stream.node.publish("news", b"two")
        got = [(await news.get()).data]
        async for message in news:
            got.append(message.data)
            await news.close()
        return b" ".join(got)

    assert inside(action) == b"one two"


Verb = Callable[[Lab, Node], object]
BLOCKING: dict[str, tuple[Verb, str]] = {
    "connect": (lambda lab, node: node.connect("bob"), "await stream.node.connect"),
    "ping": (lambda lab, node: node.ping("bob"), "await stream.node.ping"),
    "run": (lambda lab, node: lab.run(1), "await p2plab.sleep"),
    "run_until": (lambda lab, node: lab.run_until(lambda: True), "await lab.aio.run_until"),
    "start_node": (lambda lab, node: lab.start_node("carol"), "await lab.aio.start_node"),
    "get": (lambda lab, node: node.subscribe("news").get(), "get"),
    "open_stream": (lambda lab, node: node.open_stream("bob", "/echo/1.0.0"), "await stream.node.open_stream"),
}


@pytest.mark.parametrize(("verb", "way_round"), BLOCKING.values(), ids=BLOCKING)
def test_a_verb_that_would_block_names_the_way_round(
    lab: Lab, alice: Node, bob: Node, inside: Inside, verb: Verb, way_round: str
) -> None:
    async def action(stream: NetStream) -> None:
        verb(lab, alice)

    with pytest.raises(InsideLabError, match="inside") as raised:
        inside(action)
    assert isinstance(raised.value, RuntimeError)
    if lab.backend == "mock":
        assert way_round in str(raised.value)
    (error,) = lab.events.filter(kind="error")
    assert (error.node, error.reason) == ("bob", "handler")
    assert alice.ping(bob) > 0


def test_a_blocking_stream_says_so_too(lab: Lab, alice: Node, bob: Node, inside: Inside) -> None:
    async def hold(stream: NetStream) -> None:
        await stream.read()

    bob.handle("/hold/1.0.0", hold)
    outside = alice.open_stream(bob, "/hold/1.0.0")

    async def action(stream: NetStream) -> None:
        outside.write(b"x")

    with pytest.raises(InsideLabError, match="write"):
        inside(action)


def test_the_blocking_verbs_work_again_after_one_was_refused(lab: Lab, alice: Node, bob: Node, inside: Inside) -> None:
    async def action(stream: NetStream) -> str:
        try:
            alice.ping("bob")
        except InsideLabError:
            return "refused"
        return "worked"

    assert inside(action) == "refused"
    assert alice.ping(bob) > 0


def test_validators_may_use_the_lab_s_verbs(lab: Lab, alice: Node, bob: Node) -> None:
    alice.connect(bob)
    news = bob.subscribe("news")

    async def check(message: Message) -> bool:
        return await lab.aio["bob"].ping(message.received_from) > 0

    bob.add_validator("news", check)
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=20)
    alice.publish("news", b"x")
    assert news.get().data == b"x"


def test_a_blocking_verb_in_a_validator_is_told_and_its_message_ignored(lab: Lab, alice: Node, bob: Node) -> None:
    alice.connect(bob)
    news = bob.subscribe("news")
    bob.add_validator("news", lambda message: alice.ping(bob) > 0)
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=20)
    alice.publish("news", b"x")
    assert lab.run_until(lambda: lab.events.filter(kind="error"), timeout=20)
    (error,) = lab.events.filter(kind="error")
    assert error.data is not None
    assert (error.reason, error.data["type"]) == ("validator", "InsideLabError")
    assert news.messages == []


def test_a_condition_may_look_but_not_wait(lab: Lab, alice: Node, bob: Node) -> None:
    alice.connect(bob)
    assert lab.run_until(lambda: bob.peers() and lab.edges() and alice.connections(), timeout=20)
    with pytest.raises(InsideLabError):
        lab.run_until(lambda: alice.ping(bob), timeout=1)
    assert alice.ping(bob) > 0


def test_a_lab_cannot_be_closed_from_inside(lab: Lab, alice: Node, bob: Node, inside: Inside) -> None:
    async def action(stream: NetStream) -> None:
        lab.close()

    with pytest.raises(InsideLabError, match="closed from inside"):
        inside(action)
    assert not lab.closed
    assert alice.ping(bob) > 0


def test_sleep_outside_a_lab_says_what_to_do() -> None:
    async def outside() -> None:
        await p2plab.sleep(1)

    with pytest.raises(InsideLabError, match=r"lab\.run\(seconds\)"):
        asyncio.run(outside())


def test_another_lab_s_blocking_verbs_work_inside_this_one(inside: Inside) -> None:
    with Lab("mock", seed=1) as other:
        nodes = other.start_nodes(2)

        async def action(stream: NetStream) -> float:
            return nodes[0].ping(nodes[1])

        assert inside(action) > 0


def test_a_handler_that_waits_when_the_lab_closes_gets_to_clean_up(lab: Lab, alice: Node, bob: Node) -> None:
    cleaned: list[str] = []

    async def hold(stream: NetStream) -> None:
        try:
            await stream.read()
        finally:
            cleaned.append("up")

    bob.handle("/hold/1.0.0", hold)
    alice.open_stream(bob, "/hold/1.0.0")
    assert lab.run_until(lambda: bob.streams(), timeout=20)
    lab.close()
    assert cleaned == ["up"]


def test_what_a_handler_holds_is_gone_once_the_lab_is_closed(lab: Lab, alice: Node, bob: Node) -> None:
    async def echo(stream: NetStream) -> None:
        await stream.write(await stream.read())

    bob.handle("/echo/1.0.0", echo)
    stream = alice.open_stream(bob, "/echo/1.0.0")
    lab.close()
    with pytest.raises((ClosedError, StreamError)):
        stream.read()
