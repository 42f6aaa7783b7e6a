"""Connections that are there at once (``lab.wire``): no handshake is played, but what has a say in one is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.mock.connections.admission import admit_wired, may_speak
from p2plab.mock.connections.connection import join
from p2plab.mock.connections.transports import common

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost

__all__ = ["wire"]


def wire(dialler: MockHost, listener: MockHost) -> None:
    """Connect two nodes that are not connected. DialError where they have no transport in common, a NAT box is in the
    way, or the admission of one refuses; then nothing has changed."""
    transport = common(dialler, listener)
    route = None if dialler.ways is None else dialler.ways.wired(listener, transport)
    out = into = None
    if dialler.admission_control is not None or listener.admission_control is not None:
        out, into = admit_wired(dialler, listener)
    end = join(dialler, listener, dialler.world.next_number(), transport)
    if route is not None:
        route(end)
    dialler.handshake_done(end, "wired", out)
    listener.handshake_done(end.remote, "wired", into)
    protocol = next((one for one in dialler.pubsub.router.protocols if one in listener.pubsub.router.protocols), None)
    if protocol is not None:
        for one in (end, end.remote):
            if (out is None and into is None) or may_speak(one, protocol):
                one.pubsub_opened(protocol)
