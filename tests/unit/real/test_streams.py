"""Streams over py-libp2p: bytes arrive whole, ends and resets are told apart, cancelled calls do no harm."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
import trio
import trio.testing

from p2plab import Lab, Node
from p2plab.identity.address import parse_address
from p2plab.real.host import RealHost
from p2plab.stream import NetStream, StreamError

ECHO = "/echo/1"
WAIT = 20.0


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


def pair(lab: Lab) -> tuple[Node, Node]:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    bob.handle(ECHO, echo)
    return alice, bob


def host_of(node: Node) -> RealHost:
    host = node.world.hosts()[node.name]
    assert isinstance(host, RealHost)
    return host


def errors(lab: Lab) -> list[str]:
    return [f"{event.reason}: {event.data}" for event in lab.events.filter(kind="error")]


@pytest.mark.parametrize("size", [1, 1000, 1_000_000])
def test_what_is_written_comes_back(lab: Lab, size: int) -> None:
    alice, bob = pair(lab)
    stream = alice.open_stream(bob, [ECHO])
    sent = bytes(number % 251 for number in range(size))
    writer = lab.aio["alice"]

    async def both() -> bytes:
        async def write() -> None:
            await inner.write(sent)
            await inner.close_write()

        inner = await writer.open_stream("bob", ECHO)
        whole = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            while data := await inner.read():
                whole += data
        await inner.close()
        return whole

    assert lab.world.run(both) == sent
    stream.close()


def test_half_closing_leaves_the_other_direction(lab: Lab) -> None:
    alice, bob = pair(lab)

    async def count(stream: NetStream) -> None:
        total = 0
        while data := await stream.read():
            total += len(data)
        await stream.write(str(total).encode())

    bob.handle("/count/1", count)
    stream = alice.open_stream(bob, "/count/1")
    stream.write(b"12345")
    stream.write(b"678")
    stream.close_write()
    assert stream.read() == b"8"
    assert stream.read() == b""


def test_a_reset_is_an_error_at_the_far_end_and_not_its_end(lab: Lab) -> None:
    alice, bob = pair(lab)
    met: list[StreamError] = []

    async def listen(stream: NetStream) -> None:
        try:
            while await stream.read():
                pass
        except StreamError as error:
            met.append(error)

    bob.handle("/listen/1", listen)
    stream = alice.open_stream(bob, "/listen/1")
    stream.write(b"x")
    stream.reset()
    assert lab.run_until(lambda: bool(met), timeout=WAIT)
    assert met[0].kind == "reset"
    assert lab.events.filter(kind="stream.reset", node="bob")[0].reason == "reset by peer"


def test_a_handler_that_raises_resets_its_stream_and_harms_nothing_else(lab: Lab) -> None:
    alice, bob = pair(lab)

    async def broken(stream: NetStream) -> None:
        await stream.read()
        raise LookupError("a bug of the student's")

    bob.handle("/broken/1", broken)
    stream = alice.open_stream(bob, "/broken/1")
    stream.write(b"x")
    with pytest.raises(StreamError) as caught:
        stream.read()
    assert caught.value.kind == "reset"
    (event,) = lab.events.filter(kind="error", node="bob")
    assert event.reason == "handler"
    assert event.data is not None
    assert event.data["type"] == "LookupError"
    assert alice.ping(bob) > 0


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_not_even_a_handler_that_leaves_python_takes_the_lab_down(lab: Lab, kind: Callable[[], BaseException]) -> None:
    alice, bob = pair(lab)

    async def leave(stream: NetStream) -> None:
        raise kind()

    bob.handle("/leave/1", leave)
    with pytest.raises(StreamError):
        alice.open_stream(bob, "/leave/1").read()
    assert alice.ping(bob) > 0
    assert len(lab.events.filter(kind="error", node="bob")) == 1


def test_a_connection_that_goes_fails_its_streams(lab: Lab) -> None:
    alice, bob = pair(lab)
    stream = alice.open_stream(bob, ECHO)
    stream.write(b"x")
    assert stream.read() == b"x"
    assert bob.disconnect(alice)
    with pytest.raises(StreamError) as caught:
        stream.read()
    assert caught.value.kind == "reset"
    assert lab.run_until(lambda: not alice.streams() and not bob.streams(), timeout=WAIT)


def test_a_protocol_that_nobody_answers_is_refused(lab: Lab) -> None:
    alice, bob = pair(lab)
    with pytest.raises(StreamError, match="/nobody/1") as caught:
        alice.open_stream(bob, ["/nobody/1", "/nothing/1"])
    assert caught.value.kind == "protocol not supported"
    assert caught.value.event is not None
    assert alice.open_stream(bob, ["/nobody/1", ECHO]).protocol == ECHO


def test_a_lazy_stream_is_open_before_the_peer_has_agreed(lab: Lab) -> None:
    alice, bob = pair(lab)
    stream = alice.open_stream(bob, ECHO, lazy=True)
    stream.write(b"early")
    assert stream.read() == b"early"
    refused = alice.open_stream(bob, "/nobody/1", lazy=True)
    with pytest.raises(StreamError) as caught:
        refused.read()
    assert caught.value.kind == "protocol not supported"


def test_a_cancelled_read_loses_nothing(lab: Lab) -> None:
    alice, bob = pair(lab)
    inside = lab.aio["alice"]

    async def read_and_give_up() -> bytes:
        stream = await inside.open_stream("bob", ECHO)
        for _ in range(10):
            with trio.move_on_after(0.001):
                await stream.read()
        await stream.write(b"still here")
        data = await stream.read()
        await stream.close()
        return data

    assert lab.world.run(read_and_give_up) == b"still here"
    assert alice.ping(bob) > 0


def test_a_cancelled_write_resets_its_stream_and_no_more(lab: Lab) -> None:
    alice, bob = pair(lab)
    inside, met = lab.aio["alice"], list[StreamError]()

    async def hold(stream: NetStream) -> None:
        await stream.read_exactly(4)
        await released.wait()
        try:
            while await stream.read():
                pass
        except StreamError as error:
            met.append(error)

    async def write_and_give_up() -> None:
        stream = await inside.open_stream("bob", "/hold/1")
        await stream.write(b"head")
        with trio.move_on_after(0.1):
            await stream.write(bytes(64_000_000))  # more than every window and buffer on the way holds
        assert stream.state != "closed"
        released.set()

    released = trio.Event()
    bob.handle("/hold/1", hold)
    lab.world.run(write_and_give_up)
    assert lab.run_until(lambda: bool(met), timeout=WAIT)
    assert met[0].kind == "reset"
    stream = alice.open_stream(bob, ECHO)  # the connection is as good as before
    stream.write(b"x")
    assert stream.read() == b"x"
    assert len(alice.connections()) == 1


def test_opening_and_giving_up_leaves_the_connection_sound(lab: Lab) -> None:
    alice, bob = pair(lab)
    inside = lab.aio["alice"]
    alice.connect(bob)

    async def open_and_give_up() -> None:
        for checkpoints in range(40):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(inside.open_stream, "bob", ECHO)
                    for _ in range(checkpoints):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()

    lab.world.run(open_and_give_up)
    assert alice.ping(bob) > 0
    assert len(alice.connections()) == 1
    assert errors(lab) == []


def test_a_reset_here_ends_a_read_here(lab: Lab) -> None:
    alice, bob = pair(lab)
    inside = lab.aio["alice"]

    async def reset_under_a_read() -> str:
        stream = await inside.open_stream("bob", ECHO)
        kinds: list[str] = []

        async def read() -> None:
            try:
                await stream.read()
            except StreamError as error:
                kinds.append(error.kind)

        with trio.fail_after(WAIT):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                await trio.testing.wait_all_tasks_blocked()
                await stream.reset()
        return kinds[0]

    assert lab.world.run(reset_under_a_read) == "cancelled"
    assert alice.ping(bob) > 0


def test_bytes_that_are_no_negotiation_end_their_stream_only(lab: Lab) -> None:
    alice, bob = pair(lab)
    alice.connect(bob)

    async def garbage() -> None:
        link = next(host_of(alice).each_connection())
        stream = await link.library.new_stream()
        await stream.write(b"\x05\xff\xfe\xfd\xfc\n" * 3)
        with trio.fail_after(WAIT):
            with pytest.raises(Exception):  # noqa: B017, PT011  # the library's, of one kind or another
                while await stream.read(100):
                    pass

    lab.world.run(garbage)
    assert alice.ping(bob) > 0
    assert bob.running
    assert len(alice.connections()) == 1


def test_strangers_who_are_no_libp2p_are_an_event(lab: Lab) -> None:
    _, bob = pair(lab)
    port = parse_address(bob.addresses[0]).port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as stranger:
        stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert lab.run_until(lambda: bool(lab.events.filter(kind="connection.failed", node="bob")), timeout=WAIT)
    assert lab["alice"].ping(bob) > 0


@pytest.mark.slow  # the library gives up after five seconds; this has to take longer
def test_a_reader_may_take_its_time(lab: Lab) -> None:
    _, bob = pair(lab)
    inside, got = lab.aio["alice"], bytearray()

    async def slow(stream: NetStream) -> None:
        await trio.sleep(6)
        while data := await stream.read():
            got.extend(data)

    async def write() -> None:
        stream = await inside.open_stream("bob", "/slow/1")
        await stream.write(bytes(4_000_000))
        await stream.close_write()

    bob.handle("/slow/1", slow)
    lab.world.run(write)
    assert lab.run_until(lambda: len(got) == 4_000_000, timeout=60)
