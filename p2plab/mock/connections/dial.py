"""The handshakes of a connection, played step by step between two mock nodes.

TCP's three-way handshake, multistream-select for the security protocol, Noise XX, multistream-select for the muxer
(connections/README.md, noise/README.md); over QUIC, one round trip that does all of it. The negotiation is byte for
byte; Noise's messages have their real sizes and prove the peer id, without the cryptography.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from p2plab.admission.request import RefusedError
from p2plab.constants import NOISE_ID, YAMUX_ID
from p2plab.errors import ClosedError, DialError, ProtocolViolation
from p2plab.host.connections.switch import step_recorder
from p2plab.mock.connections.connection import MockConnection, join
from p2plab.mock.connections.stream import MockStream
from p2plab.mock.driver.tasks import Cancelled, Signal
from p2plab.mock.nat.pipes import RelayedPipe
from p2plab.stream import RawStream, StreamError
from p2plab.stream.negotiation.negotiate import accept, select

if TYPE_CHECKING:
    from p2plab.admission.ledger import Admitted
    from p2plab.mock.basis import MockBasis

SYN = 60  # bytes of a TCP SYN with its usual options
INITIAL = 1200  # bytes of QUIC's first datagrams, RFC 9000 section 14.1; TLS 1.3 and the peer id are proved in them
NOISE_XX = (34, 202, 170)  # bytes of the three XX messages with libp2p's identity payload and their length prefixes


async def dial(
    host: MockBasis,
    listener: MockBasis,
    expected: str | None,
    transport: str,
    entry: Admitted | None = None,
    route: Callable[[MockConnection], None] | None = None,
) -> MockConnection:
    """Connect two nodes; returns the dialler's end, upgraded. DialError says at which step it came to nothing.

    ``transport``: the model of the connection, where it goes over no relay. ``entry``: what the connection takes, where
    the dialler counts that; RefusedError where its admission refuses it. ``route`` sets the way that it goes, where
    that is not the straight one: past NAT boxes, or over a relay.
    """
    end = join(host, listener, host.world.next_number(), transport)
    if route is not None:
        route(end)
    begun = Signal(host.world.clock)
    try:
        await _shake_hands(end, expected, entry, begun)
        if not host.running:  # it went while it dialled
            raise ClosedError(f"{host.name} is not running")
        if end.is_closed:  # with the last word of the handshake came its end
            raise DialError("closed by peer: the connection was closed as soon as it was open")
    except BaseException as error:  # cancelled by a timeout, too: no half-open connection is left
        end.close("handshake failed")
        if host.admission_control is not None:
            host.admission_control.ended(entry)
        if isinstance(error, (StreamError, ProtocolViolation)):
            raise DialError(f"handshake failed: {error}") from error
        if isinstance(error, Cancelled) and begun.is_set:
            raise Cancelled("the handshake was under way") from error
        raise
    host.handshake_done(end, entry=entry)
    return end


async def introduced(end: MockConnection) -> MockConnection:
    """What was dialled, once the peer has said who it is. DialError where it is gone by then; a dial that is cut short
    here is closed, since nobody was given it."""
    try:
        await end.host.introduce(end)
    except BaseException as error:
        end.close("closed here")
        if isinstance(error, Cancelled):
            raise Cancelled("they were connected, and the peer had not said yet who it is") from error
        raise
    if end.is_closed:
        raise DialError("closed by peer: the connection was closed as soon as it was open")
    return end


async def _shake_hands(end: MockConnection, expected: str | None, entry: Admitted | None, begun: Signal) -> None:
    """The dialler's side. ``begun`` is set once something has come back."""
    host, world = end.host, end.host.world
    raw = _socket(end)
    if isinstance(end.out, RelayedPipe):
        _begin_relayed(end, raw)
    else:
        await _knock(end, raw)
    begun.set()
    if end.out.transport == "quic":
        _check_peer(end, expected, entry)
        host.note_step(end, "quic")
        return
    host.note_step(end, "p2p-circuit" if isinstance(end.out, RelayedPipe) else "tcp")
    on_step = step_recorder(host, end.peer, {"connection": end.id})
    secured = await select(raw, [NOISE_ID], world.runtime, timeout=None, on_step=on_step)
    host.note_step(end, "multistream-select " + NOISE_ID)
    await _noise(secured, initiator=True)
    _check_peer(end, expected, entry)
    host.note_step(end, "noise")
    await select(secured, [YAMUX_ID], world.runtime, timeout=None, on_step=on_step)
    host.note_step(end, "multistream-select " + YAMUX_ID)


def _check_peer(end: MockConnection, expected: str | None, entry: Admitted | None) -> None:
    listener, control = end.remote.host, end.host.admission_control
    if expected is not None and listener.peer_id != expected:
        raise DialError(f"wrong peer: it proved to be {listener.peer_id!r}, not the {expected} that was dialled")
    if control is not None and entry is not None:
        control.proved(entry, listener.peer_id, listener.address_over(end.out.transport))


async def _knock(end: MockConnection, raw: MockStream) -> None:
    """SYN and SYN-ACK, or QUIC's one round trip; the listener's side of the handshake starts with it."""
    listener = end.remote.host
    size = INITIAL if end.out.transport == "quic" else SYN
    answered = Signal(listener.world.clock)
    refused = ""

    def on_syn(_: object) -> None:
        if listener.running and listener.speaks(end.out.transport):
            try:
                entry = _let_in(end.remote)
            except RefusedError as error:
                listener.world.events.continue_from(-1 if error.event is None else error.event)
                end.remote.send(size, on_answer, "handshake failed: the listener closed the connection")
                return
            end.remote.send(size, on_answer, "")
            listener.handshake_begun(end.remote, lambda: _serve(end.remote, raw.twin, entry))
        elif not listener.silent:
            end.remote.send(size, on_answer, "refused: nobody listens there")

    def on_answer(no: str) -> None:
        nonlocal refused
        refused = no
        answered.set()

    end.send(size, on_syn, None)
    await answered.wait()
    if refused:
        raise DialError(refused)


def _begin_relayed(end: MockConnection, raw: MockStream) -> None:
    """The relay has joined the two: the listener's side of the handshake begins. Raises RefusedError, StreamError."""
    listener = end.remote.host
    try:
        control = listener.admission_control
        entry = None if control is None else control.accept(end.host.address)
    except RefusedError as error:
        raise StreamError("reset", "the listener closed the connection") from error
    listener.handshake_begun(end.remote, lambda: _serve(end.remote, raw.twin, entry))


def _let_in(end: MockConnection) -> Admitted | None:
    """Ask the listener's admission. Over QUIC the first flight brings the proof of who is there.
    Raises RefusedError."""
    control, dialler = end.host.admission_control, end.remote.host
    if control is None:
        return None
    where = dialler.address_over(end.out.transport)
    entry = control.accept(where)
    if end.out.transport == "quic":
        control.proved(entry, dialler.peer_id, where)
    return entry


async def _serve(end: MockConnection, raw: MockStream, entry: Admitted | None) -> None:
    """The listener's side. ``entry``: what the connection takes, where the listener counts that."""
    host, dialler, control = end.host, end.remote.host, end.host.admission_control
    if end.out.transport == "quic":
        host.handshake_over(end)
        host.handshake_done(end, entry=entry)
        return
    try:
        runtime, on_step = host.world.runtime, step_recorder(host, end.peer, {"connection": end.id})
        secured = await accept(raw, [NOISE_ID], runtime, on_step=on_step)
        await _noise(secured, initiator=False)
        if control is not None and entry is not None:
            control.proved(entry, dialler.peer_id, dialler.address_over(end.out.transport))
        await accept(secured, [YAMUX_ID], runtime, on_step=on_step)
    except RefusedError as error:
        host.world.events.continue_from(-1 if error.event is None else error.event)
        end.close("handshake failed")
    except (StreamError, ProtocolViolation) as error:
        host.note_failed_handshake(end, error)
        end.close("handshake failed")
    else:
        host.handshake_done(end, entry=entry)
    finally:
        host.handshake_over(end)
        if control is not None and not end.ready:
            control.ended(entry)


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


def _socket(end: MockConnection) -> MockStream:
    """Both ends of the bare byte stream under the handshake."""
    raw, twin = MockStream(end, 0, "outbound"), MockStream(end.remote, 0, "inbound")
    raw.twin, twin.twin = twin, raw
    end.add_stream(raw)
    end.remote.add_stream(twin)
    return raw
