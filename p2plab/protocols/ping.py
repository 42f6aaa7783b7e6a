"""Ping (libp2p/specs ping/ping.md): 32 random bytes, echoed; the round trip is what is measured."""

from __future__ import annotations

from typing import Final

from p2plab.constants import PING_SIZE
from p2plab.errors import ProtocolViolation
from p2plab.stream import NetStream, StreamError
from p2plab.typing import Chance, Runtime

__all__ = ["MAX_INBOUND_STREAMS", "answer_ping", "ping"]

MAX_INBOUND_STREAMS: Final = 2  # of one peer at one time: ping.md says SHOULD accept at most two


async def answer_ping(stream: NetStream) -> None:
    """The handler: echo every payload until the dialler has no more."""
    while True:
        try:
            payload = await stream.read_exactly(PING_SIZE)
        except StreamError as error:
            if error.kind == "closed" and stream.bytes_in % PING_SIZE == 0:
                return
            raise
        await stream.write(payload)


async def ping(stream: NetStream, runtime: Runtime, randomness: Chance) -> float:
    """One round trip in seconds of lab time; it may be called again on the same stream.

    ProtocolViolation where other bytes than the payload come back.
    """
    payload = randomness.randbytes(PING_SIZE)
    began = runtime.now()
    await stream.write(payload)
    answer = await stream.read_exactly(PING_SIZE)
    if answer != payload:
        raise ProtocolViolation(f"{stream.peer!r} answered a ping with other bytes than it was sent")
    return round(runtime.now() - began, 9)
