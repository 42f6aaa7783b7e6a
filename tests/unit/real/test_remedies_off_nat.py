"""py-libp2p's own AutoNAT and relay (``nat="libp2p"``): each remedy turned off shows its fault; on, it is not there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import pytest

from p2plab import AsyncLab, Lab
from p2plab.errors import ValidationError
from p2plab.nat import RelayParams
from p2plab.nat.autonat_v1 import AUTONAT_V1_ID, DialBackStatus, ask_dial_back
from p2plab.nat.relay_messages import (
    HOP_ID,
    STOP_ID,
    HopMessage,
    HopType,
    RelayStatus,
    StopMessage,
    StopType,
    decode_hop,
    encode_hop,
    encode_stop,
)
from p2plab.real.pylibp2p.remedies import REMEDIES
from p2plab.stream import StreamError
from tests.unit.real.without import without

MOST = 4096
WAIT = 20
RELAY = [name for name, remedy in REMEDIES.items() if remedy.where == "pylibp2p_nat/relay"]


def awaited(test: Callable[[bool], Awaitable[None]]) -> Callable[[bool], None]:
    """A test that is a coroutine."""

    @wraps(test)
    def run(on: bool) -> None:
        async def whole() -> None:
            await test(on)

        asyncio.run(whole())

    return run


def test_whose_it_is_is_one_of_two() -> None:
    with pytest.raises(ValidationError, match=r"nat='go': take 'p2plab' .* 'libp2p' for servers of AutoNAT and relays"):
        Lab("real", nat="go")


class Parties:
    """A relay of the library's, bob, who has a slot there and echoes what comes over it, and alice."""

    def __init__(self, lab: AsyncLab) -> None:
        self.lab = lab
        self.heard = b""  # by bob, of all circuits

    async def ask(self, who: str, message: HopMessage) -> tuple[Any, HopMessage]:
        """A request of the relay, and its answer."""
        stream = await self.lab[who].open_stream("r", HOP_ID)
        await stream.write_message(encode_hop(message))
        said = await stream.read_message(MOST)
        assert said is not None
        return stream, decode_hop(said)

    async def connect(self) -> Any:
        """Alice's stream to bob, over the relay."""
        stream, answer = await self.ask("alice", HopMessage(HopType.CONNECT, self.lab["bob"].peer_id))
        assert answer.status == RelayStatus.OK
        return stream

    def ended(self) -> list[str | None]:
        return [event.reason for event in self.lab.events.filter(kind="relay.ended")]


async def parties(lab: AsyncLab, on: bool) -> Parties:
    async def echo(stream: Any) -> None:
        await stream.read_message(MOST)
        await stream.write_message(encode_stop(StopMessage(StopType.STATUS, status=RelayStatus.OK)))
        while data := await stream.read():
            found.heard += data
            await stream.write(data)

    found = Parties(lab)
    off = {} if on else dict.fromkeys(RELAY, False)
    r = await lab.start_node("r", role="relay", nat="libp2p", remedies=off)
    for name in ("alice", "bob", "carol"):
        await (await lab.start_node(name)).connect(r)
    lab["bob"].remove_handler(STOP_ID)
    lab["bob"].handle(STOP_ID, echo)
    stream, answer = await found.ask("bob", HopMessage(HopType.RESERVE))
    assert answer.status == RelayStatus.OK
    await stream.close()
    return found


@without("a full relay says so")
@without("limits each way")
@without("a reset over a limit")
@pytest.mark.parametrize("on", [True, False])
@awaited
async def test_a_relays_limits_count_each_way_and_end_in_a_reset(on: bool) -> None:
    async with AsyncLab("real", seed=7, relay=RelayParams(data=60_000, reservations=1)) as lab:
        all_of_them = await parties(lab, on)
        _, answer = await all_of_them.ask("carol", HopMessage(HopType.RESERVE))
        assert answer.status == (RelayStatus.RESERVATION_REFUSED if on else RelayStatus.RESOURCE_LIMIT_EXCEEDED)
        stream = await all_of_them.connect()
        await stream.write(bytes(40_000))
        if on:
            assert await stream.read_exactly(40_000) == bytes(40_000)
            await stream.write(bytes(30_000))
        with pytest.raises(StreamError):
            await stream.read_exactly(100_000)
        assert await lab.run_until(lambda: bool(all_of_them.ended()), timeout=WAIT)
        assert all_of_them.ended() == ["data limit"]
        status = encode_hop(HopMessage(HopType.STATUS, status=RelayStatus.RESOURCE_LIMIT_EXCEEDED))
        assert all_of_them.heard.endswith(status) is not on  # what alice never sent


@without("circuits apart")
@without("circuits that end in time")
@pytest.mark.parametrize("on", [True, False])
@awaited
async def test_circuits_end_each_by_itself_and_in_time(on: bool) -> None:
    async with AsyncLab("real", seed=7, relay=RelayParams(duration=4)) as lab:
        all_of_them = await parties(lab, on)
        first, second = await all_of_them.connect(), await all_of_them.connect()
        await first.close()
        if on:
            assert await lab.run_until(lambda: len(all_of_them.ended()) == 1, timeout=WAIT)
            await second.write(b"still there")
            assert await second.read_exactly(11) == b"still there"
            assert await lab.run_until(lambda: len(all_of_them.ended()) == 2, timeout=WAIT)
            assert all_of_them.ended() == ["closed by peer", "duration limit"]
        else:
            second.set_deadline(WAIT)
            assert await second.read() == b""  # though nobody has ended it
            await all_of_them.connect()
            await lab.run(4.5)
            assert "duration limit" not in all_of_them.ended()


@without("AutoNAT by a new connection")
@pytest.mark.parametrize("on", [True, False])
@awaited
async def test_autonat_tells_a_closed_port_from_an_open_one(on: bool) -> None:
    async with AsyncLab("real", seed=7) as lab:
        off = {} if on else {"AutoNAT by a new connection": False}
        server = await lab.start_node("server", nat="libp2p", remedies=off)
        alice = await lab.start_node("alice", nat="libp2p")
        await alice.connect(server)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            closed = f"/ip4/127.0.0.1/tcp/{taken.getsockname()[1]}"
        stream: Any = await alice.open_stream(server, AUTONAT_V1_ID)
        verdict = await ask_dial_back(stream, alice.peer_id, [closed])
        assert verdict.status == (DialBackStatus.E_DIAL_ERROR if on else DialBackStatus.OK)
        assert await lab.run_until(lambda: alice.reachability()[0].confidence > 0, timeout=WAIT)  # asked by itself
        assert alice.reachability()[0].by[0] == server.peer_id
        assert lab.events.filter(kind="error") == []
