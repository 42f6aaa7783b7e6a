"""The synchronous face: every verb is the asynchronous one, run in the world."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from p2plab.stream import BlockingStream, NetStream, StreamError
from tests.unit.stream.toy import ToyRuntime, stream_pair


class ToyWorld:
    """As much of a world as a blocking stream needs."""

    def __init__(self, runtime: ToyRuntime) -> None:
        self.runtime = runtime

    def run(self, verb: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return self.runtime.run(lambda: verb(*args))[0]

    def call(self, verb: Callable[..., Any], *args: Any) -> Any:
        return verb(*args)


def pair() -> tuple[BlockingStream, BlockingStream]:
    runtime = ToyRuntime()
    world: Any = ToyWorld(runtime)
    ours, theirs = stream_pair(runtime)
    return BlockingStream(ours, world), BlockingStream(theirs, world)


def test_every_verb_of_a_stream_is_there_without_await() -> None:
    ours, theirs = pair()
    ours.write(b"abc line\n")
    ours.write_message(b"message")
    ours.close_write()
    assert (theirs.read_exactly(4), theirs.read_until()) == (b"abc ", b"line\n")
    assert (theirs.read_message(), theirs.read()) == (b"message", b"")
    theirs.close()
    assert ours.read() == b""
    assert (ours.state, theirs.state) == ("closed", "closed")


def test_deadlines_and_resets_reach_the_caller() -> None:
    ours, theirs = pair()
    ours.set_deadline(2)
    with pytest.raises(StreamError, match="deadline"):
        ours.read()
    ours.reset()
    with pytest.raises(StreamError) as caught:
        theirs.read()
    assert caught.value.kind == "reset"


def test_a_block_closes_and_a_mistake_resets() -> None:
    ours, theirs = pair()
    with ours as stream:
        stream.write(b"x")
    assert (ours.state, theirs.read()) == ("closed", b"x")
    ours, theirs = pair()

    def mistake() -> None:
        with ours:
            raise KeyError

    with pytest.raises(KeyError):
        mistake()
    assert ours.state == "reset"


def test_closing_the_read_side_is_seen() -> None:
    ours, _ = pair()
    ours.close_read()
    assert ours.state == "read closed"


def test_it_says_what_it_is() -> None:
    ours, _ = pair()
    assert repr(ours) == "<BlockingStream /test/1.0.0 outbound bob (…of-bob), open>"
    for name in ("id", "protocol", "connection", "peer", "direction", "bytes_in", "bytes_out", "opened_at"):
        assert getattr(ours, name) == getattr(ours.aio, name)


def test_no_verb_of_the_stream_is_missing() -> None:
    hidden = {"torn_down", "node", "record", "reset_event"}
    public = {name for name, _ in inspect.getmembers(NetStream) if not name.startswith("_")} - hidden
    assert public <= {name for name, _ in inspect.getmembers(BlockingStream)}
