"""What is asked of mock nodes' admission where no handshake or stream is played: for wired connections, and for the
DHT's requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from p2plab.host.connections.admission import remote_of
from p2plab.host.names import Target
from p2plab.stream.errors import StreamError
from p2plab.typing import Direction

if TYPE_CHECKING:
    from p2plab.admission.ledger import Admitted
    from p2plab.mock.basis import MockBasis
    from p2plab.mock.connections.connection import MockConnection


@contextmanager
def admitted(host: MockBasis, other: MockBasis, direction: Direction, protocol: str) -> Iterator[None]:
    """Around a request and its answer whose stream is not played, nor its connection where there is none (the DHT's):
    what they take, and what the admission of one end says to them. RefusedError; StreamError of kind ``refused`` or
    ``limit``."""
    control = host.admission_control
    if control is None:
        yield
        return
    from p2plab.admission.core import Remote

    connection = stream = None
    ends = host.connected.get(other.index)
    try:
        if not ends:
            connection = (
                control.dial(other.peer_id, other.address) if direction == "outbound" else control.accept(other.address)
            )
            control.proved(connection, other.peer_id, other.address)
        remote = remote_of(ends[0]) if ends else Remote(-1, other.peer_id, other.address)
        if direction == "outbound":
            stream, _ = control.outgoing(remote, [protocol], host.world.stream_window)
        else:
            stream = control.incoming(remote, host.world.stream_window)
        control.agreed(stream, remote, protocol)
        yield
    finally:
        control.ended(stream)
        control.ended(connection)


def may_speak(end: MockConnection, protocol: str) -> bool:
    """Whether both nodes' admission lets one end of a wired connection open its pubsub stream, which is not played
    either."""
    here, there = end.host, end.remote.host
    try:
        with admitted(here, there, "outbound", protocol), admitted(there, here, "inbound", protocol):
            return True
    except StreamError:  # on record
        return False


def admit_wired(dialler: MockBasis, listener: MockBasis) -> tuple[Admitted | None, Admitted | None]:
    """Ask both nodes' admission about a connection that is set up without its handshakes. DialError where one
    refuses."""
    from p2plab.admission.request import RefusedError

    out = None
    try:
        if dialler.admission_control is not None:
            out = dialler.admission_control.dial(listener.peer_id, listener.address)
        if listener.admission_control is None:
            return out, None
        into = listener.admission_control.accept(dialler.address)
        listener.admission_control.proved(into, dialler.peer_id, dialler.address)
        return out, into
    except RefusedError as error:
        if dialler.admission_control is not None:
            dialler.admission_control.ended(out)
        by_itself = out is None and dialler.admission_control is not None
        why = str(error) if by_itself else "handshake failed: the listener closed the connection"
        events = dialler.world.events
        target = Target(listener.name, listener.peer_id, ())
        with events.because(-1 if error.event is None else error.event):
            failed = dialler.reach.failed(target, listener.index, [(listener.address, 0.0, why)])
        raise failed from error
