"""The handshakes of a connection, played step by step between two mock nodes.

TCP's three-way handshake, multistream-select for the security protocol, Noise XX, multistream-select for the muxer
(connections/README.md, noise/README.md); over QUIC, one round trip that does all of it. The negotiation is byte for
byte; Noise's messages have their real sizes and prove the peer id, without the cryptography.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.constants import NOISE_ID, YAMUX_ID
from p2plab.errors import DialError, ProtocolViolation
from p2plab.mock.connection import End, join
from p2plab.mock.stream import MockStream
from p2plab.mock.switch import step_recorder
from p2plab.mock.tasks import Signal
from p2plab.stream import RawStream, StreamError
from p2plab.stream.negotiate import accept, select

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost

SYN = 60  # bytes of a TCP SYN with its usual options
INITIAL = 1200  # bytes of QUIC's first datagrams, RFC 9000 section 14.1; TLS 1.3 and the peer id are proved in them
NOISE_XX = (34, 202, 170)  # bytes of the three XX messages with libp2p's identity payload and their length prefixes


async def dial(host: MockHost, listener: MockHost, expected: str | None) -> End:
    """Connect two nodes; returns the dialler's end, upgraded. DialError says at which step it came to nothing."""
    world = host.world
    end = join(host, listener, world.next_number())
    raw = _socket(end)
    try:
        await _knock(end, raw)
        if world.transport == "quic":
            _check_peer(listener, expected)
            host.note_step(end, "quic")
            host.connection_opened(end)
            return end
        host.note_step(end, "tcp")
        on_step = step_recorder(host, end.peer, {"connection": end.id})
        secured = await select(raw, [NOISE_ID], world.runtime, timeout=None, on_step=on_step)
        host.note_step(end, "multistream-select " + NOISE_ID)
        await _noise(secured, initiator=True)
        _check_peer(listener, expected)
        host.note_step(end, "noise")
        await select(secured, [YAMUX_ID], world.runtime, timeout=None, on_step=on_step)
        host.note_step(end, "multistream-select " + YAMUX_ID)
    except BaseException as error:  # cancelled by a timeout, too: no half-open connection is left
        end.close("handshake failed")
        if isinstance(error, (StreamError, ProtocolViolation)):
            raise DialError(str(error)) from error
        raise
    host.connection_opened(end)
    return end


def _check_peer(listener: MockHost, expected: str | None) -> None:
    if expected is not None and listener.peer_id != expected:
        raise DialError(f"wrong peer: it proved to be {listener.peer_id!r}, not the {expected} that was dialled")


async def _knock(end: End, raw: MockStream) -> None:
    """SYN and SYN-ACK, or QUIC's one round trip; the listener's side of the handshake starts with it."""
    listener = end.remote.host
    size = INITIAL if listener.world.transport == "quic" else SYN
    answered = Signal(listener.world.clock)
    refused = False

    def on_syn(_: object) -> None:
        if listener.listening:
            end.remote.send(size, on_answer, False)
            listener.spawn(lambda: _serve(end.remote, raw.twin), f"{listener.name}'s side of a handshake")
        elif not listener.silent:
            end.remote.send(size, on_answer, True)

    def on_answer(no: bool) -> None:
        nonlocal refused
        refused = no
        answered.set()

    end.send(size, on_syn, None)
    await answered.wait()
    if refused:
        raise DialError("refused: nobody listens there")


async def _serve(end: End, raw: MockStream) -> None:
    """The listener's side."""
    if end.host.world.transport == "quic":
        end.host.connection_opened(end)
        return
    try:
        runtime, on_step = end.host.world.runtime, step_recorder(end.host, end.peer, {"connection": end.id})
        secured = await accept(raw, [NOISE_ID], runtime, on_step=on_step)
        await _noise(secured, initiator=False)
        await accept(secured, [YAMUX_ID], runtime, on_step=on_step)
    except (StreamError, ProtocolViolation) as error:
        end.host.note_failed_handshake(end, error)
        end.close("handshake failed")
    else:
        end.host.connection_opened(end)


async def _noise(raw: RawStream, initiator: bool) -> None:
    """The three messages of XX: to the listener, back, and to it again."""
    for number, size in enumerate(NOISE_XX):
        if (number % 2 == 0) == initiator:
            await raw.send(bytes(size))
        else:
            missing = size
            while missing:
                data = await raw.receive(missing)
                if not data:
                    raise ProtocolViolation(f"the connection ended in message {number + 1} of the Noise handshake")
                missing -= len(data)


def _socket(end: End) -> MockStream:
    """Both ends of the bare byte stream under the handshake."""
    raw, twin = MockStream(end, 0, "outbound"), MockStream(end.remote, 0, "inbound")
    raw.twin, twin.twin = twin, raw
    end.add_stream(raw)
    end.remote.add_stream(twin)
    return raw
