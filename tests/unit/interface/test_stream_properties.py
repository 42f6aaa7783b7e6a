"""What no order of verbs and no cut of the bytes may change, on streams of both worlds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2plab import Lab, Node
from p2plab.stream import BlockingStream, NetStream, StreamError

# One lab for all examples: they differ in what is done on a stream of its own, not in the network.
EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
OPERATIONS = ("read", "write", "close_read", "close_write", "close", "reset")
ORDER = {"open": 0, "read closed": 1, "write closed": 1, "closed": 2, "reset": 2}


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


@pytest.fixture
def ends(alice: Node, bob: Node) -> Callable[[], BlockingStream]:
    """Opens a stream to an echo."""
    bob.handle("/echo/1.0.0", echo)
    return lambda: alice.open_stream(bob, "/echo/1.0.0")


@EXAMPLES
@given(pieces=st.lists(st.binary(min_size=1, max_size=3000), max_size=6), size=st.integers(1, 4000))
def test_any_split_of_writes_and_reads_gives_the_same_bytes(
    ends: Callable[[], BlockingStream], pieces: list[bytes], size: int
) -> None:
    with ends() as stream:
        for piece in pieces:
            stream.write(piece)
        stream.close_write()
        got = b""
        while data := stream.read(size):
            assert len(data) <= size
            got += data
        assert got == b"".join(pieces)


@EXAMPLES
@given(steps=st.lists(st.sampled_from(OPERATIONS), max_size=8))
def test_any_order_of_verbs_ends_in_a_state_that_the_rules_allow(
    lab: Lab, ends: Callable[[], BlockingStream], steps: list[str]
) -> None:
    stream = ends()
    before = stream.state
    written = False
    for step in steps:
        with contextlib.suppress(StreamError):
            if step == "write":
                stream.write(b"x")
                written = True
            elif step == "read":
                # Only where an answer or an end must come.
                if written or stream.state != "open":
                    stream.read()
                    written = False
            else:
                getattr(stream, step)()
        state = stream.state
        assert ORDER[state] >= ORDER[before]
        assert state == before or ORDER[before] < 2
        before = state
    stream.reset()
    assert stream.state in ("closed", "reset")
    assert not lab.events.filter(kind="error")


@EXAMPLES
@given(messages=st.lists(st.binary(max_size=2000), max_size=6))
def test_messages_come_back_whole(ends: Callable[[], BlockingStream], messages: list[bytes]) -> None:
    with ends() as stream:
        for message in messages:
            stream.write_message(message)
        stream.close_write()
        got = []
        while (message_back := stream.read_message()) is not None:
            got.append(message_back)
        assert got == messages
