"""Negotiating a protocol on a stream just opened, with the machines of ``multistream``.

A channel here is a ``RawStream`` on which nothing has been agreed yet. What these functions give back is the same
stream with the negotiation behind it, for a ``NetStream`` to stand on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Literal

from p2plab.errors import ProtocolViolation
from p2plab.stream.errors import StreamError
from p2plab.stream.interface import READ_SIZE
from p2plab.stream.negotiation.multistream import Listener, ListRequest, Proposer
from p2plab.stream.raw import RawStream
from p2plab.typing import Connection, Direction, Runtime

__all__ = ["NEGOTIATION_TIMEOUT", "Negotiated", "accept", "list_protocols", "select"]

NEGOTIATION_TIMEOUT: Final = 10.0  # seconds that a silent peer is waited for

OnStep = Callable[[Literal["sent", "received"], str], None]


async def select(
    channel: RawStream,
    protocols: Sequence[str],
    runtime: Runtime,
    lazy: bool = False,
    timeout: float | None = NEGOTIATION_TIMEOUT,
    on_step: OnStep | None = None,
) -> Negotiated:
    """Propose the protocols in this order, as the end that opened the stream; ``on_step`` is told every message.

    ``lazy`` gives the stream back at once, with the first protocol taken for granted; a refusal then shows in its first
    read. StreamError of kind ``protocol not supported``, ``deadline`` or ``reset``; the stream is reset then, except
    that one refused politely is closed. ProtocolViolation for a peer that does not play by the rules.
    """
    dialler = Proposer(protocols[:1] if lazy else protocols, lazy)
    dialler.on_step = on_step
    stream = Negotiated(channel, dialler, protocols[0])
    if lazy:
        await channel.send(dialler.start())
    else:
        await _bounded(stream, runtime, timeout)
    return stream


async def accept(
    channel: RawStream,
    supported: Callable[[str], str | None] | Iterable[str],
    runtime: Runtime,
    listing: Callable[[], Sequence[str]] | None = None,
    timeout: float | None = NEGOTIATION_TIMEOUT,
    on_step: OnStep | None = None,
) -> Negotiated:
    """Answer proposals, as the end at which the stream arrived, until one fits; see ``Listener`` for ``supported``.

    StreamError of kind ``protocol not supported`` where the peer gave up, ``deadline`` or ``reset``; ProtocolViolation.
    The stream is reset or closed then.
    """
    listener = Listener(supported)
    if listing is not None:
        listener.listing = listing
    listener.on_step = on_step
    stream = Negotiated(channel, listener, "")
    await _bounded(stream, runtime, timeout)
    return stream


async def list_protocols(
    channel: RawStream, runtime: Runtime, timeout: float | None = NEGOTIATION_TIMEOUT
) -> list[str]:
    """Ask which protocols the peer speaks (``ls``), on a stream of its own; the same errors as ``select``."""
    question = ListRequest()
    stream = Negotiated(channel, question, "")
    await _bounded(stream, runtime, timeout)
    await stream.end()
    await stream.stop()
    return question.protocols or []


async def _bounded(stream: Negotiated, runtime: Runtime, timeout: float | None) -> None:
    began = runtime.now()
    try:
        await runtime.within(timeout, partial(stream.negotiate, stream.machine.start()))
    except TimeoutError as error:
        await stream.reset()
        silent = f"{stream.connection.peer!r} was silent for {timeout} s in the negotiation"
        raise StreamError("deadline", silent) from error
    except ProtocolViolation:
        await stream.reset()
        raise
    stream.took = runtime.now() - began


class Negotiated:
    """A raw stream behind its negotiation; the first bytes after it are not lost.

    ``machine.steps`` tells what was said, ``took`` how many seconds it cost (0 for a lazy one).
    """

    def __init__(self, channel: RawStream, machine: Proposer | Listener | ListRequest, protocol: str) -> None:
        self._channel = channel
        self._early = b""
        self.machine = machine
        self.protocol = protocol
        self.took = 0.0

    @property
    def id(self) -> int:
        return self._channel.id

    @property
    def direction(self) -> Direction:
        return self._channel.direction

    @property
    def connection(self) -> Connection:
        return self._channel.connection

    @property
    def queued(self) -> int:
        return len(self._early) + self._channel.queued

    @property
    def credit(self) -> int:
        return self._channel.credit

    async def negotiate(self, opening: bytes = b"") -> None:
        """Go on until the machine is done."""
        machine = self.machine
        if opening:
            await self._channel.send(opening)
        while not machine.done:
            data = await self._channel.receive(READ_SIZE)
            if not data:
                raise await self._refused("the peer ended the stream in the middle of the negotiation")
            answer = machine.receive(data)
            if answer:
                await self._answer(answer)
        if isinstance(machine, Proposer) and machine.refused:
            raise await self._refused(f"the peer speaks none of {', '.join(machine.protocols)}")
        if not isinstance(machine, ListRequest) and machine.protocol is not None:
            self.protocol = machine.protocol
        self._early = machine.leftover

    async def _answer(self, answer: bytes) -> None:
        try:
            await self._channel.send(answer)
        except StreamError:
            # A dialler that needs no echo may be gone already; what it sent is still to be served.
            if not isinstance(self.machine, Listener) or not self.machine.done:
                raise

    async def _refused(self, what: str) -> StreamError:
        await self._channel.end()
        await self._channel.stop()
        return StreamError("protocol not supported", f"{self.connection.peer!r}: {what}")

    # -- RawStream

    async def receive(self, limit: int) -> bytes:
        if not self.machine.done:
            try:
                await self.negotiate()
            except ProtocolViolation as error:
                await self._channel.reset()
                broke = f"{self.connection.peer!r} broke the rules of negotiation: {error}"
                raise StreamError("reset", broke) from error
        if self._early:
            data, self._early = self._early[:limit], self._early[limit:]
            return data
        return await self._channel.receive(limit)

    async def send(self, data: bytes) -> None:
        await self._channel.send(data)

    async def end(self) -> None:
        await self._channel.end()

    async def stop(self) -> None:
        self._early = b""
        await self._channel.stop()

    async def reset(self) -> None:
        self._early = b""
        await self._channel.reset()
