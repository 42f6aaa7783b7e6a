"""Ping, over streams in memory."""

from __future__ import annotations

import random
from functools import partial

import pytest

from p2plab.constants import PING_SIZE
from p2plab.errors import ProtocolViolation
from p2plab.protocols.ping import answer_ping, ping
from p2plab.stream import NetStream, StreamError, check_handler, serve
from tests.unit.stream.toy import ToyRuntime, stream_pair


def test_the_round_trip_is_what_the_clock_says() -> None:
    runtime = ToyRuntime()
    ours, theirs = stream_pair(runtime)

    async def slow_echo() -> None:
        payload = await theirs.read_exactly(PING_SIZE)
        await runtime.sleep(0.25)
        await theirs.write(payload)

    assert runtime.run(partial(ping, ours, runtime, random.Random(1)), slow_echo)[0] == 0.25


def test_a_stream_serves_ping_after_ping_until_it_is_closed() -> None:
    runtime = ToyRuntime()
    ours, theirs = stream_pair(runtime, cut=lambda held: 7)

    async def several() -> None:
        for _ in range(3):
            await ping(ours, runtime, random.Random(1))
        await ours.close()

    runtime.run(several, partial(serve, check_handler(answer_ping), theirs))
    assert theirs.bytes_in == theirs.bytes_out == 3 * PING_SIZE
    assert theirs.state == "closed"


def test_other_bytes_are_a_violation() -> None:
    runtime = ToyRuntime()
    ours, theirs = stream_pair(runtime)
    with pytest.raises(ProtocolViolation, match="other bytes"):
        runtime.run(partial(ping, ours, runtime, random.Random(1)), partial(theirs.write, bytes(PING_SIZE)))


def test_half_a_payload_is_an_error_of_the_dialler() -> None:
    runtime = ToyRuntime()
    ours, theirs = stream_pair(runtime)
    runtime.run(partial(ours.write, bytes(5)), ours.close_write)
    with pytest.raises(StreamError, match="5 bytes into 32"):
        runtime.run(partial(answer_ping, theirs))


def test_payloads_are_random_and_repeatable() -> None:
    runtime = ToyRuntime()
    seen = []
    for seed in (1, 1, 2):
        ours, theirs = stream_pair(runtime)

        async def take(stream: NetStream) -> None:
            payload = await stream.read_exactly(PING_SIZE)
            seen.append(payload)
            await stream.write(payload)

        runtime.run(partial(ping, ours, runtime, random.Random(seed)), partial(take, theirs))
    assert seen[0] == seen[1] != seen[2]
