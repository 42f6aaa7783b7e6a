"""Handlers: the code that answers a protocol, and how a host runs it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from p2plab.errors import ValidationError
from p2plab.stream.netstream import NetStream
from p2plab.text import RAISABLE, raised

if TYPE_CHECKING:
    from p2plab.events import EventLog

__all__ = ["ProtocolHandler", "StreamHandler", "check_handler", "described", "serve"]


class ProtocolHandler(Protocol):
    """A protocol as a class: ``handle`` is called for every stream that a peer opens."""

    async def handle(self, stream: NetStream) -> Any:
        """Speak the protocol on a stream that a peer opened; what it raises resets the stream and is an ``error``
        event."""


# A coroutine function, an object with ``handle``, or a class of such objects, of which each stream gets its own.
StreamHandler: TypeAlias = "Callable[[NetStream], Awaitable[Any]] | ProtocolHandler | type[ProtocolHandler]"


def described(value: object) -> str:
    """A value for a message to people: as it shows itself, without an address in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))[:200]


def check_handler(handler: object) -> Callable[[NetStream], Awaitable[Any]]:
    """The function that a handler in any of its forms stands for. Raises ValidationError."""
    if isinstance(handler, type):
        if not inspect.iscoroutinefunction(getattr(handler, "handle", None)):
            raise ValidationError(f"the class {handler.__name__} has no `async def handle(self, stream)`")
        make: Callable[[], Any] = handler
        return lambda stream: make().handle(stream)
    method = getattr(handler, "handle", handler)
    if not callable(method):
        raise ValidationError(
            f"a handler is `async def handler(stream)` or has such a method `handle`; not {described(handler)}"
        )
    if inspect.isroutine(method) and not inspect.iscoroutinefunction(method) and method.__name__ != "<lambda>":
        raise ValidationError(f"{method.__qualname__} is not a coroutine function: write `async def {method.__name__}`")
    return method


async def serve(
    handler: Callable[[NetStream], Awaitable[Any]],
    stream: NetStream,
    log: EventLog | None = None,
    me: int = -1,
    peer_index: int = -1,
) -> None:
    """Run a handler on a stream that a peer opened: closed when it returns, reset when it raises.

    What it raises becomes an ``error`` event and goes no further: a handler harms no other. That the stream was reset
    under it is no error of the handler's.
    """
    try:
        answer = handler(stream)
        if not inspect.isawaitable(answer):
            raise ValidationError(
                f"the handler of {stream.protocol} gave {described(answer)}; a handler is `async def`"
            )
        await answer
    except RAISABLE as error:
        if stream.state != "reset":
            cause = None
            if log is not None:
                what = raised(f"handler of {stream.protocol}", error)
                cause = log.record("error", me, peer_index, reason="handler", data=what)
            await stream.reset(cause)
    else:
        await stream.close()
