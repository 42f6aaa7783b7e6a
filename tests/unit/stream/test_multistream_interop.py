"""multistream-select against py-libp2p's own, both ways, over a pair of streams in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("libp2p", reason="py-libp2p is not installed")

import trio
from libp2p.custom_types import TProtocol
from libp2p.io.abc import ReadWriteCloser
from libp2p.protocol_muxer.exceptions import MultiselectClientError, MultiselectError
from libp2p.protocol_muxer.multiselect import Multiselect
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from trio.testing import memory_stream_pair

from p2plab.stream.negotiation.multistream import Listener, ListRequest, Proposer

pytestmark = pytest.mark.real

Machine = Proposer | Listener | ListRequest


class Wire(ReadWriteCloser):
    """py-libp2p's end of the wire; keeps what it was sent."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.received = bytearray()

    async def read(self, n: int | None = None) -> bytes:
        data: bytes = await self.stream.receive_some(n)
        self.received += data
        return data

    async def write(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def close(self) -> None:
        await self.stream.aclose()

    def get_remote_address(self) -> tuple[str, int] | None:
        return None


def run(machine: Machine, theirs: Callable[[MultiselectCommunicator], Awaitable[Any]]) -> tuple[Any, bytes]:
    """Let a machine of ours and code of py-libp2p's talk; what theirs returns, and the bytes it was sent."""
    result: list[Any] = []

    async def main() -> bytes:
        our_stream, their_stream = memory_stream_pair()
        wire = Wire(their_stream)

        async def they() -> None:
            result.append(await theirs(MultiselectCommunicator(wire)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(they)
            await our_stream.send_all(machine.start())
            while not machine.done:
                answer = machine.receive(await our_stream.receive_some(5))
                if answer:
                    await our_stream.send_all(answer)
            await our_stream.send_eof()
        return bytes(wire.received)

    return (trio.run(main), result)[::-1]


def listening(*supported: str) -> Multiselect:
    muxer = Multiselect({})
    for name in supported:
        muxer.add_handler(TProtocol(name), None)
    return muxer


def test_our_dialler_agrees_with_their_listener() -> None:
    dialler = Proposer(["/nope/1", "/echo/1.0.0"])
    (answer,), sent = run(dialler, listening("/other", "/echo/1.0.0").negotiate)
    assert answer[0] == dialler.protocol == "/echo/1.0.0"
    assert sent == b"\x13/multistream/1.0.0\n\x08/nope/1\n\x0c/echo/1.0.0\n"


def test_their_dialler_agrees_with_our_listener_and_sends_the_bytes_that_ours_sends() -> None:
    listener = Listener(["/other", "/echo/1.0.0"])

    async def dial(wire: MultiselectCommunicator) -> str:
        return await MultiselectClient().select_one_of([TProtocol("/nope/1"), TProtocol("/echo/1.0.0")], wire)

    (answer,), _ = run(listener, dial)
    assert answer == listener.protocol == "/echo/1.0.0"
    ours = Proposer(["/nope/1", "/echo/1.0.0"])
    ours.start()
    ours.receive(b"\x13/multistream/1.0.0\n\x03na\n\x0c/echo/1.0.0\n")
    assert [line for way, line in ours.steps if way == "sent"] == [
        line for way, line in listener.steps if way == "received"
    ]


def test_their_refusal_is_understood() -> None:
    dialler = Proposer(["/nope/1"])

    async def refuse(wire: MultiselectCommunicator) -> None:
        with pytest.raises(MultiselectError):
            await listening("/echo/1.0.0").negotiate(wire)

    run(dialler, refuse)
    assert dialler.refused


def test_our_refusal_is_understood() -> None:
    listener = Listener(["/echo/1.0.0"])

    async def dial(wire: MultiselectCommunicator) -> str:
        with pytest.raises(MultiselectClientError, match="not supported"):
            await MultiselectClient().select_one_of([TProtocol("/nope/1")], wire)
        return await MultiselectClient().try_select(wire, TProtocol("/echo/1.0.0"))

    (answer,), _ = run(listener, dial)
    assert answer == "/echo/1.0.0"


def test_our_question_for_a_list_is_answered() -> None:
    question = ListRequest()

    async def answer(wire: MultiselectCommunicator) -> None:
        with pytest.raises(MultiselectError):  # it goes on waiting for a proposal, until the stream ends
            await listening("/echo/1.0.0", "/chat/1.0.0").negotiate(wire)

    run(question, answer)
    assert question.protocols == ["/echo/1.0.0", "/chat/1.0.0"]
