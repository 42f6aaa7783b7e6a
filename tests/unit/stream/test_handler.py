"""Handlers in all their forms, and what becomes of a stream when its handler is done."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from p2plab.errors import ValidationError
from p2plab.events import EventLog
from p2plab.stream import NetStream, check_handler, serve
from tests.unit.stream.toy import ToyRuntime, raw_pair


async def echo(stream: NetStream) -> None:
    await stream.write(await stream.read())


class Echo:
    async def handle(self, stream: NetStream) -> None:
        await echo(stream)


class Callable:
    async def __call__(self, stream: NetStream) -> None:
        await echo(stream)


@pytest.mark.parametrize(
    "handler",
    [echo, Echo, Echo(), Callable(), partial(echo), lambda stream: echo(stream)],
    ids=["function", "class", "object", "callable object", "partial", "lambda"],
)
def test_every_form_of_handler_answers(handler: Any) -> None:
    runtime = ToyRuntime()
    ours, theirs = raw_pair(runtime)
    asker, answerer = NetStream(ours, runtime), NetStream(theirs, runtime)

    async def ask() -> bytes:
        await asker.write(b"hello")
        return await asker.read_exactly(5)

    assert runtime.run(partial(serve, check_handler(handler), answerer), ask)[1] == b"hello"
    assert answerer.state == "closed"
    assert runtime.run(asker.read) == [b""]


def test_a_class_has_an_object_for_every_stream() -> None:
    made = []

    class Counter:
        def __init__(self) -> None:
            made.append(self)

        async def handle(self, stream: NetStream) -> None:
            await stream.write(b"x")

    runtime = ToyRuntime()
    for _ in range(2):
        raw, _other = raw_pair(runtime)
        runtime.run(partial(serve, check_handler(Counter), NetStream(raw, runtime)))
    assert len(made) == 2


def plain(stream: NetStream) -> None:
    """Not a coroutine function."""


class Mute:
    """No handler."""


class Plain:
    def handle(self, stream: NetStream) -> None:
        """Not a coroutine function."""


def test_what_is_no_handler_is_refused_when_it_is_registered() -> None:
    problems: list[tuple[object, str]] = [
        (plain, "write `async def plain`"),
        (Plain(), "write `async def handle`"),
        (Plain, "the class Plain has no `async def handle"),
        (Mute, "the class Mute has no `async def handle"),
        (Mute(), "a handler is `async def handler"),
        (None, "not None"),
        (5, "not 5"),
    ]
    for handler, problem in problems:
        with pytest.raises(ValidationError, match=problem):
            check_handler(handler)


class TestWhatItRaises:
    def serve(self, handler: Any) -> tuple[EventLog, NetStream, NetStream, ToyRuntime]:
        runtime = ToyRuntime()
        log = EventLog(10_000, runtime.ticks)
        alice, bob = log.register("alice"), log.register("bob")
        ours, theirs = raw_pair(runtime)
        answerer = NetStream(theirs, runtime, log=log, me=bob, peer_index=alice)
        asker = NetStream(ours, runtime)
        runtime.run(partial(serve, check_handler(handler), answerer, log, bob, alice))
        return log, answerer, asker, runtime

    def test_an_exception_is_an_event_and_resets_the_stream(self) -> None:
        async def broken(stream: NetStream) -> None:
            raise KeyError("mistake")

        log, answerer, _, _ = self.serve(broken)
        assert answerer.state == "reset"
        (error,) = log.filter(kind="error")
        assert (error.node, error.peer, error.reason) == ("bob", "alice", "handler")
        assert error.data == {"what": "handler of /test/1.0.0", "type": "KeyError", "text": "'mistake'"}

    def test_a_lambda_that_gives_no_coroutine_is_an_event(self) -> None:
        log, answerer, _, _ = self.serve(lambda stream: 5)
        assert answerer.state == "reset"
        assert "gave 5" in str(log.filter(kind="error")[0])

    def test_a_reset_under_the_handler_is_not_its_error(self) -> None:
        async def unlucky(stream: NetStream) -> None:
            stream.torn_down("connection closed")
            await stream.read()

        log, answerer, _, _ = self.serve(unlucky)
        assert answerer.state == "reset"
        assert log.filter(kind="error") == []
