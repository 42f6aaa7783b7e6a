"""Request-response: a stream for each request, one message there, one message back, each with its length in front.

It is no protocol but the pattern of many, as rust-libp2p's and py-libp2p's modules of the same name have it. The length
is an unsigned varint; py-libp2p's own requests and responses are understood, and its defaults are the bounds here.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final

from p2plab.constants import MAX_REQUEST, MAX_RESPONSE
from p2plab.errors import ValidationError
from p2plab.stream import NetStream, StreamError
from p2plab.stream.handler import described
from p2plab.typing import PeerId

__all__ = ["MAX_AT_ONCE", "RequestHandler", "ask"]

MAX_AT_ONCE: Final = 128  # requests of one protocol that a node has in hand
PATIENCE: Final = 10.0  # seconds for a request to arrive, and for the requester to take the response

Answer = Callable[[bytes, PeerId], Awaitable["bytes | str"]]


async def ask(stream: NetStream, request: bytes, limit: int = MAX_RESPONSE) -> bytes:
    """Send a request and read its response: the stream is fresh, and closed afterwards. StreamError: of kind ``limit``
    for a response over ``limit`` bytes, ``closed`` or ``reset`` where none comes."""
    async with stream:
        await stream.write_message(request)
        await stream.close_write()
        response = await stream.read_message(limit)
        if response is None:
            raise StreamError("closed", f"{stream.peer!r} ended {stream.protocol} without a response")
        return response


class RequestHandler:
    """Answers a protocol with ``async def answer(request, peer)``, which returns the response: bytes, or str as UTF-8.

    What it raises resets the stream. A request over ``limit`` bytes, and one too many at a time, are refused.
    """

    def __init__(self, answer: Answer, limit: int = MAX_REQUEST) -> None:
        method = getattr(answer, "__call__", None)  # noqa: B004  # an object with an async __call__ will do too
        if not inspect.iscoroutinefunction(answer) and not inspect.iscoroutinefunction(method):
            raise ValidationError(
                f"a handler of requests is `async def answer(request, peer)`, not {described(answer)}"
            )
        self._answer = answer
        self._limit = limit
        self._in_hand = 0

    async def handle(self, stream: NetStream) -> None:
        if self._in_hand >= MAX_AT_ONCE:
            await self._refuse(stream, f"{MAX_AT_ONCE} requests are being answered already")
            return
        self._in_hand += 1
        try:
            stream.set_deadline(PATIENCE)
            try:
                request = await stream.read_message(self._limit)
            except StreamError as error:
                if error.kind not in ("limit", "deadline"):
                    raise
                await self._refuse(stream, str(error), error.kind)
                return
            stream.set_deadline(None)
            if request is None:
                return  # it asked nothing
            response = await self._answer(request, stream.peer)
            stream.set_deadline(PATIENCE)
            await stream.write_message(_checked(response))
        finally:
            self._in_hand -= 1

    async def _refuse(self, stream: NetStream, why: str, reason: str = "limit") -> None:
        data = {"protocol": stream.protocol, "text": why, "limit": self._limit, "in hand": self._in_hand}
        await stream.reset(stream.record("request.refused", reason=reason, data=data))


def _checked(response: Any) -> bytes:
    if isinstance(response, str):
        response = response.encode()
    if not isinstance(response, (bytes, bytearray, memoryview)):
        raise ValidationError(f"the handler of a request returns bytes or str, and this one gave {described(response)}")
    if len(response) > MAX_RESPONSE:
        raise ValidationError(f"a response of {len(response)} bytes is over the limit of {MAX_RESPONSE}")
    return bytes(response)
