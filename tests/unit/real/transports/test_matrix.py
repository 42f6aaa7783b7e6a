"""Every combination of transport, security and muxer connects, says so at both ends, pings, identifies and echoes."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from p2plab import Lab
from p2plab.real.transports.choices import TRANSPORTS, available, combinations
from p2plab.stream import NetStream

QUICK = {
    ("tcp", "tls", "yamux"),
    ("tcp", "plaintext", "mplex"),
    ("ws", "noise", "yamux"),
    ("wss", "tls", "mplex"),
    ("quic-v1", "tls", "quic"),
    ("memory", "noise", "yamux"),
    ("webtransport", "noise", "quic"),
}


def marked() -> list[Any]:
    possible = [combination for combination in combinations() if combination[0] in available()]
    marks = {combination: [] if combination in QUICK else [pytest.mark.slow] for combination in possible}
    return [pytest.param(*each, id="+".join(each), marks=marks[each]) for each in marks]


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


def echoed(lab: Lab, sent: bytes) -> bytes:
    """What bob sends back of what alice sends him, written and read at the same time."""

    async def both() -> bytes:
        stream = await lab.aio["alice"].open_stream("bob", "/echo/1")
        whole = bytearray()

        async def write() -> None:
            await stream.write(sent)
            await stream.close_write()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            while data := await stream.read():
                whole += data
        await stream.close()
        return bytes(whole)

    return lab.world.run(both)


@pytest.mark.parametrize(("transport", "security", "muxer"), marked())
def test_a_combination_does_what_connections_are_for(transport: str, security: str, muxer: str) -> None:
    chosen: dict[str, Any] = {"transports": [transport]}
    if TRANSPORTS[transport].upgraded:
        chosen |= {"security": [security], "muxers": [muxer]}
    with Lab("real", seed=7, **chosen) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        bob.handle("/echo/1", echo)
        here = alice.connect(bob)
        (there,) = bob.connections()
        for end in (here, there):
            assert (end.transport, end.security, end.muxer) == (transport, security, muxer)
        assert here.id == there.id
        assert (here.local_address, here.remote_address) == (there.remote_address, there.local_address)
        (address,) = bob.addresses
        assert address.startswith(here.remote_address)
        assert alice.ping(bob) > 0
        said = alice.identify(bob)
        assert (said.peer_id, said.observed_address) == (bob.peer_id, here.local_address)
        for size in (1_000, 1_000_000):
            sent = bytes(number % 251 for number in range(size))
            assert echoed(lab, sent) == sent
        assert [event for kind in ("error", "identify.failed") for event in lab.events.filter(kind=kind)] == []
