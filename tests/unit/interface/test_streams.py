"""Handlers and streams, for cells that block and for code that awaits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from p2plab import AsyncNode, Lab, Node
from p2plab.errors import DialError, UnknownNodeError
from p2plab.stream import BlockingStream, NetStream, StreamError

Wait = Callable[[Callable[[], object]], None]
ECHO = "/echo/1.0.0"


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


@pytest.fixture
def stream(alice: Node, bob: Node) -> BlockingStream:
    """From alice to bob, who echoes."""
    bob.handle(ECHO, echo)
    return alice.open_stream(bob, [ECHO])


def test_a_stream_carries_bytes_there_and_back(stream: BlockingStream) -> None:
    stream.write(b"x")
    assert stream.read() == b"x"
    stream.close()


def test_open_stream_dials_and_says_what_was_agreed(lab: Lab, alice: Node, bob: Node, stream: BlockingStream) -> None:
    assert lab.edges() == [("alice", "bob")]
    assert (stream.protocol, stream.direction, stream.state) == (ECHO, "outbound", "open")
    assert stream.peer == bob.peer_id
    assert stream.connection == alice.connections()[0]
    assert repr(stream) == f"<BlockingStream {ECHO} outbound {stream.peer!r}, open>"


def test_the_first_protocol_that_the_peer_answers_is_taken(alice: Node, bob: Node) -> None:
    bob.handle("/echo/1.0.0", echo)
    bob.handle("/echo/1.1.0", echo)
    stream = alice.open_stream(bob, ["/echo/2.0.0", "/echo/1.1.0", "/echo/1.0.0"])
    assert stream.protocol == "/echo/1.1.0"
    assert alice.open_stream(bob, "/echo/1.0.0").protocol == "/echo/1.0.0"


def test_a_read_gives_at_most_what_was_asked_for_and_keeps_the_rest(stream: BlockingStream) -> None:
    stream.write(b"abcdef")
    assert stream.read_exactly(4) == b"abcd"
    assert stream.read(1) == b"e"
    assert stream.read() == b"f"


def test_the_end_of_a_stream_reads_as_nothing(stream: BlockingStream) -> None:
    stream.write(b"last words")
    stream.close_write()
    assert stream.read_exactly(10) == b"last words"
    assert stream.read() == b""
    assert stream.read() == b""


def test_more_than_any_window_gets_through(alice: Node, bob: Node) -> None:
    async def count(stream: NetStream) -> None:
        total = 0
        while data := await stream.read():
            total += len(data)
        await stream.write_message(str(total).encode())

    bob.handle("/count/1.0.0", count)
    stream = alice.open_stream(bob, "/count/1.0.0")
    stream.write(bytes(1_000_000))
    stream.close_write()
    assert stream.read_message() == b"1000000"
    assert stream.bytes_out == 1_000_000


def test_messages_and_lines_keep_their_bounds(stream: BlockingStream) -> None:
    stream.write_message(b"one")
    stream.write_message(b"")
    stream.write(b"a line\nand more")
    assert stream.read_message() == b"one"
    assert stream.read_message() == b""
    assert stream.read_until() == b"a line\n"


def test_a_stream_is_closed_when_its_block_ends_and_reset_when_it_raises(alice: Node, bob: Node) -> None:
    bob.handle(ECHO, echo)
    with alice.open_stream(bob, ECHO) as stream:
        stream.write(b"x")
    assert stream.state == "closed"
    with pytest.raises(ZeroDivisionError), alice.open_stream(bob, ECHO) as stream:
        raise ZeroDivisionError
    assert stream.state == "reset"


def test_closing_again_changes_nothing_and_a_closed_stream_takes_nothing(stream: BlockingStream) -> None:
    stream.close()
    stream.close()
    for use in (lambda: stream.write(b"x"), stream.read):
        with pytest.raises(StreamError) as raised:
            use()
        assert raised.value.kind == "closed"


def test_a_reset_reaches_the_other_end(lab: Lab, alice: Node, bob: Node, wait: Wait) -> None:
    failures: list[StreamError] = []

    async def listen(stream: NetStream) -> None:
        try:
            await stream.read()
        except StreamError as error:
            failures.append(error)
            raise

    bob.handle("/listen/1.0.0", listen)
    stream = alice.open_stream(bob, "/listen/1.0.0")
    wait(lambda: [stream for stream in bob.streams() if stream.protocol == "/listen/1.0.0"])
    stream.reset()
    wait(lambda: failures)
    assert failures[0].kind == "reset"
    (reset,) = lab.events.filter(kind="stream.reset", node=bob)
    assert (reset.peer, reset.reason) == ("alice", "reset by peer")
    command, cause = list(lab.why(reset))[-3:-1]
    assert (command.kind, (command.data or {})["verb"]) == ("lab.command", "reset")
    assert (cause.node, cause.kind, cause.reason) == ("alice", "stream.reset", "reset here")
    assert not lab.events.filter(kind="error")


def test_streams_are_listed_while_they_are_open(alice: Node, bob: Node, stream: BlockingStream, wait: Wait) -> None:
    assert [(each.protocol, each.direction) for each in alice.streams()] == [(ECHO, "outbound")]
    wait(lambda: [(each.protocol, each.direction) for each in bob.streams()] == [(ECHO, "inbound")])
    stream.close()
    wait(lambda: not alice.streams() and not bob.streams())


def test_the_end_of_a_connection_is_the_end_of_its_streams(
    lab: Lab, alice: Node, bob: Node, stream: BlockingStream, wait: Wait
) -> None:
    wait(lambda: bob.streams(protocol=ECHO))  # while identify may still be under way on another
    alice.disconnect(bob)
    wait(lambda: not alice.streams() and not bob.streams())
    assert stream.state == "reset"
    with pytest.raises(StreamError) as raised:
        stream.write(b"x")
    assert raised.value.kind == "reset"
    for node in (alice, bob):
        resets = lab.events.filter(kind="stream.reset", node=node)
        (reset,) = [event for event in resets if (event.data or {})["protocol"] == ECHO]
        assert reset.reason == "connection closed"


def test_a_protocol_that_the_peer_does_not_answer_is_refused(lab: Lab, alice: Node, bob: Node) -> None:
    with pytest.raises(StreamError, match=r"/nothing/1\.0\.0") as raised:
        alice.open_stream(bob, ["/nothing/1.0.0", "/less/1.0.0"])
    assert raised.value.kind == "protocol not supported"
    assert lab.why(raised.value)[-1].kind == "stream.refused"
    assert alice.streams() == []
    assert alice.ping(bob) > 0


def test_a_handler_that_raises_resets_its_stream_and_harms_nothing_else(lab: Lab, alice: Node, bob: Node) -> None:
    async def fail(stream: NetStream) -> None:
        await stream.read()
        raise ZeroDivisionError("on purpose")

    bob.handle("/fail/1.0.0", fail)
    bob.handle(ECHO, echo)
    healthy = alice.open_stream(bob, ECHO)
    stream = alice.open_stream(bob, "/fail/1.0.0")
    stream.write(b"x")
    with pytest.raises(StreamError) as raised:
        stream.read()
    assert raised.value.kind == "reset"
    (error,) = lab.events.filter(kind="error")
    assert (error.node, error.peer, error.reason) == ("bob", "alice", "handler")
    assert error.data is not None
    assert (error.data["type"], error.data["text"]) == ("ZeroDivisionError", "on purpose")
    reasons = [(event.node, event.kind, event.reason) for event in lab.why(raised.value)]
    assert reasons[0][:2] == ("alice", "lab.command")
    assert reasons[-3:] == [
        ("bob", "error", "handler"),
        ("bob", "stream.reset", "reset here"),
        ("alice", "stream.reset", "reset by peer"),
    ]
    healthy.write(b"still here")
    assert healthy.read() == b"still here"
    assert alice.ping(bob) > 0


def test_the_stream_is_closed_when_its_handler_returns(alice: Node, bob: Node) -> None:
    async def greet(stream: NetStream) -> None:
        await stream.write(b"hello")

    bob.handle("/greet/1.0.0", greet)
    stream = alice.open_stream(bob, "/greet/1.0.0")
    assert stream.read_exactly(5) == b"hello"
    assert stream.read() == b""


def test_a_handler_registered_again_replaces_the_one_before(alice: Node, bob: Node) -> None:
    async def shout(stream: NetStream) -> None:
        await stream.write((await stream.read()).upper())

    bob.handle(ECHO, echo)
    bob.handle(ECHO, shout)
    stream = alice.open_stream(bob, ECHO)
    stream.write(b"x")
    assert stream.read() == b"X"


def test_a_handler_that_was_removed_is_not_found(alice: Node, bob: Node) -> None:
    bob.handle(ECHO, echo)
    assert ECHO in bob.protocols()
    assert bob.remove_handler(ECHO) is True
    assert bob.remove_handler(ECHO) is False
    assert ECHO not in bob.protocols()
    with pytest.raises(StreamError, match=ECHO):
        alice.open_stream(bob, ECHO)


def test_a_handler_may_be_a_class_of_which_each_stream_gets_its_own(alice: Node, bob: Node) -> None:
    class Count:
        def __init__(self) -> None:
            self.seen = 0

        async def handle(self, stream: NetStream) -> None:
            while await stream.read_until():
                self.seen += 1
                await stream.write(b"%d\n" % self.seen)

    bob.handle("/count/1.0.0", Count)
    one, other = alice.open_stream(bob, "/count/1.0.0"), alice.open_stream(bob, "/count/1.0.0")
    one.write(b"a\nb\n")
    other.write(b"a\n")
    assert one.read_until() + one.read_until() == b"1\n2\n"
    assert other.read_until() == b"1\n"


def test_a_handler_knows_its_node_and_its_peer(lab: Lab, alice: Node, bob: Node) -> None:
    met: list[Any] = []

    async def note(stream: NetStream) -> None:
        met.append((stream.node, stream.peer))

    bob.handle("/note/1.0.0", note)
    alice.open_stream(bob, "/note/1.0.0").read()
    ((node, peer),) = met
    assert isinstance(node, AsyncNode)
    assert str(node) == "bob"
    assert node in lab
    assert peer == alice.peer_id


def test_a_lazy_stream_assumes_its_protocol(alice: Node, bob: Node) -> None:
    bob.handle(ECHO, echo)
    stream = alice.open_stream(bob, ECHO, lazy=True)
    stream.write(b"x")
    assert stream.read() == b"x"


def test_a_lazy_stream_is_refused_with_its_first_read(alice: Node, bob: Node) -> None:
    stream = alice.open_stream(bob, "/nothing/1.0.0", lazy=True)
    with pytest.raises(StreamError) as raised:
        stream.read()
    assert raised.value.kind == "protocol not supported"


def test_a_deadline_ends_a_read_that_waits(stream: BlockingStream) -> None:
    stream.set_deadline(0.05)
    with pytest.raises(StreamError) as raised:
        stream.read()
    assert raised.value.kind == "deadline"
    stream.set_deadline(None)
    stream.write(b"x")
    assert stream.read() == b"x"


def test_a_stream_to_nobody_is_refused(alice: Node) -> None:
    with pytest.raises(UnknownNodeError, match="'carol'"):
        alice.open_stream("carol", ECHO)
    with pytest.raises(DialError, match="itself"):
        alice.open_stream(alice, ECHO)
    assert alice.streams() == []
