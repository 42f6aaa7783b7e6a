"""multistream-select over a mock stream: the state machines of ``p2plab.stream.multistream``, fed with its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from p2plab.errors import ProtocolViolation
from p2plab.mock.stream import MockStream
from p2plab.stream.errors import StreamError
from p2plab.stream.multistream import Dialler, Listener

CHUNK = 4096  # bytes asked for at a time; what comes after the negotiation is given back to the stream


async def propose(raw: MockStream, protocols: Sequence[str], lazy: bool = False) -> str:
    """Agree on one of ``protocols``, the most wanted first. StreamError of kind ``protocol not supported``.

    With ``lazy`` the one protocol is taken as agreed; the stream's first ``receive`` reads the answer.
    """
    machine = Dialler(protocols, lazy=lazy)
    await raw.send(machine.start())
    if lazy:
        raw.unconfirmed = machine
        raw.protocol = protocols[0]
    else:
        await confirm(raw, machine)
    return raw.protocol


async def confirm(raw: MockStream, machine: Dialler) -> None:
    """Read the listener's answers until a protocol is agreed."""
    await _converse(raw, machine)
    if machine.protocol is None:
        raise StreamError(
            "protocol not supported",
            f"{raw.connection.peer!r} speaks none of {', '.join(machine.protocols)}",
        )
    raw.protocol = machine.protocol


async def accept(raw: MockStream, supported: Callable[[str], str | None] | Iterable[str]) -> str:
    """Answer proposals until one is supported; returns the name it was matched with.

    StreamError of kind ``protocol not supported`` where the dialler gave up.
    """
    machine = Listener(supported)
    await raw.send(machine.start())
    await _converse(raw, machine)
    if machine.protocol is None or machine.matched is None:
        raise StreamError(
            "protocol not supported", f"{raw.connection.peer!r} ended the stream before a protocol was agreed"
        )
    raw.protocol = machine.protocol
    return machine.matched


async def _converse(raw: MockStream, machine: Dialler | Listener) -> None:
    while not machine.done:
        data = await raw.receive_raw(CHUNK)
        if not data:
            if isinstance(machine, Dialler):
                raise ProtocolViolation(f"{raw.connection.peer!r} ended the stream in the middle of the negotiation")
            return
        answer = machine.receive(data)
        if answer:
            await raw.send(answer)
    raw.unread(machine.leftover)
