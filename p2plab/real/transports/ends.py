"""Where a connection begins and ends: its transport, and the addresses of its two ends."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Ends", "OverRelay", "Refused", "find_ends", "socket_ends", "udp_ends"]

Refused = Callable[[str, Exception], None]  # the address that a connection came from, and why it came to nothing

_TAILS = {"tcp": "", "ws": "/ws", "wss": "/tls/ws"}
# What the library's layers, from the muxer down to the socket, call the layer below them.
_BELOW = (
    *("secured_conn", "conn", "read_writer", "read_write_closer", "stream_writer", "raw_connection"),
    *("_conn", "stream", "socket"),
)
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class OverRelay:
    """The relay that a connection goes over, the peers at this end and the other (their ids), whether the relay limits
    the connection, and the stream to the relay: the number of its connection, and its own there."""

    relay: str
    me: str
    peer: str
    limited: bool
    stream: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ends:
    """``local`` and ``remote`` are multiaddrs; ``remote_socket`` is (host, port), or None where there is no such."""

    transport: str
    local: str
    remote: str
    remote_socket: tuple[str, int] | None = None
    over: OverRelay | None = None
    known_by: tuple[str, str] | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """What the connection is known by at this end; at the other it is the same the other way round."""
        return (self.local, self.remote) if self.known_by is None else self.known_by


def find_ends(muxed: Any) -> Ends:
    """The ends of a muxed connection, which its lowest layer knows; of an unknown transport where none does."""
    layer = muxed
    for _ in range(_DEEPEST):
        ends = getattr(layer, "ends", None)
        if isinstance(ends, Ends):
            return ends
        if hasattr(layer, "getsockname"):
            return socket_ends("tcp", layer)
        below = next((name for name in _BELOW if hasattr(layer, name)), None)
        if below is None:
            break
        layer = getattr(layer, below)
    return Ends("unknown", "", "")


def socket_ends(transport: str, stream: Any) -> Ends:
    """The ends of a TCP connection that carries ``transport``; empty where it is closed already."""
    socket = getattr(stream, "socket", stream)
    try:
        local, remote = socket.getsockname()[:2], socket.getpeername()[:2]
    except OSError:
        return Ends(transport, "", "")
    tail = _TAILS[transport]
    return Ends(
        transport, f"{_host(local[0])}/tcp/{local[1]}{tail}", f"{_host(remote[0])}/tcp/{remote[1]}{tail}", remote
    )


def udp_ends(transport: str, local: tuple[Any, ...], remote: tuple[Any, ...], tail: str) -> Ends:
    """The ends of what crosses a UDP socket. One bound to no address in particular, in order to reach the loopback, has
    the loopback's."""
    here = local[0]
    if ipaddress.ip_address(here).is_unspecified and ipaddress.ip_address(remote[0]).is_loopback:
        here = remote[0]
    return Ends(
        transport,
        f"{_host(here)}/udp/{local[1]}{tail}",
        f"{_host(remote[0])}/udp/{remote[1]}{tail}",
        (str(remote[0]), int(remote[1])),
    )


def _host(host: str) -> str:
    return f"/ip6/{host}" if ":" in host else f"/ip4/{host}"
