"""Negotiations as a table, drawn from the event log."""

from __future__ import annotations

from functools import partial

import pytest

from p2plab.events import EventLog
from p2plab.stream import NetStream
from p2plab.stream.metrics import NegotiationStats, negotiations
from p2plab.stream.negotiation.negotiate import accept, select
from tests.unit.stream.toy import ToyRaw, ToyRuntime, raw_pair


def test_time_and_failures_are_told_by_protocol() -> None:
    runtime = ToyRuntime()
    log = EventLog(10_000, runtime.ticks)
    alice, bob = log.register("alice"), log.register("bob")

    async def dial(raw: ToyRaw, delay: float) -> None:
        stream = await select(raw, ["/echo"], runtime)
        NetStream(stream, runtime, log=log, me=alice, peer_index=bob, took=stream.took)

    async def listen(raw: ToyRaw, delay: float) -> None:
        await runtime.sleep(delay)
        stream = await accept(raw, ["/echo"], runtime)
        NetStream(stream, runtime, log=log, me=bob, peer_index=alice, took=stream.took)

    for delay in (0.5, 1.5):
        ours, theirs = raw_pair(runtime)
        runtime.run(partial(dial, ours, delay), partial(listen, theirs, delay))
    log.record("stream.refused", alice, bob, reason="protocol not supported", data={"protocols": ["/echo", "/nope"]})

    expected = [NegotiationStats("/echo", 2, 1, 1.0, 1.5), NegotiationStats("/nope", 0, 1, 0.0, 0.0)]
    assert negotiations(log) == expected
    assert negotiations(log, "alice") == expected
    assert negotiations(log, "bob") == []


def test_every_message_is_told_as_it_comes() -> None:
    runtime = ToyRuntime()
    ours, theirs = raw_pair(runtime)
    heard: list[tuple[str, str]] = []
    runtime.run(
        partial(select, ours, ["/nope", "/echo"], runtime, on_step=lambda way, text: heard.append((way, text))),
        partial(accept, theirs, ["/echo"], runtime),
    )
    assert heard == [
        ("sent", "/multistream/1.0.0"),
        ("sent", "/nope"),
        ("received", "/multistream/1.0.0"),
        ("received", "na"),
        ("sent", "/echo"),
        ("received", "/echo"),
    ]


@pytest.mark.parametrize("lazy", [True, False])
def test_a_lazy_negotiation_costs_no_time(lazy: bool) -> None:
    runtime = ToyRuntime()
    ours, theirs = raw_pair(runtime)

    async def listen() -> None:
        await runtime.sleep(0.25)
        await accept(theirs, ["/echo"], runtime)

    stream = runtime.run(partial(select, ours, ["/echo"], runtime, lazy), listen)[0]
    assert stream.took == (0.0 if lazy else 0.25)
