"""The transports, security protocols and muxers that a real node can be started with, by name.

Rules they live by:
- Order is preference. A node's first transport is the first that it dials a peer by, and its first address; its first
  security protocol and muxer are the ones it proposes first.
- ``transports`` alone has a node listen at the loopback, once by each; ``listen`` alone has it use the transports of
  those addresses. Given both, every address needs its transport; transports without an address are for dialling.
- QUIC, WebTransport and WebRTC secure and multiplex by themselves: ``security``, ``muxers`` and ``psk`` are for the
  others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from p2plab.address import parse_address
from p2plab.errors import ValidationError

__all__ = [
    "MUXERS",
    "SECURITY",
    "TRANSPORTS",
    "Kind",
    "check_listen",
    "check_muxers",
    "check_security",
    "check_transports",
    "loopback",
    "transport_of",
    "transports_of",
]


class Kind(NamedTuple):
    """A transport. ``shape``: an address that it listens at; ``upgraded``: whether security and a muxer are negotiated
    over it, of those the node has."""

    what: str
    shape: str
    upgraded: bool


TRANSPORTS: Final[dict[str, Kind]] = {
    "tcp": Kind("TCP", "/ip4/127.0.0.1/tcp/0", True),
    "ws": Kind("WebSocket", "/ip4/127.0.0.1/tcp/0/ws", True),
    "wss": Kind("secure WebSocket", "/ip4/127.0.0.1/tcp/0/tls/ws", True),
    "quic-v1": Kind("QUIC", "/ip4/127.0.0.1/udp/0/quic-v1", False),
    "webtransport": Kind("WebTransport", "/ip4/127.0.0.1/udp/0/quic-v1/webtransport", False),
    "memory": Kind("in memory, within one lab", "/memory/0", True),
}
SECURITY: Final[dict[str, str]] = {"noise": "Noise XX", "tls": "TLS 1.3", "plaintext": "none, for lessons"}
MUXERS: Final[dict[str, str]] = {"yamux": "Yamux", "mplex": "Mplex"}

_ALSO: Final = {"websocket": "ws", "quic": "quic-v1", "webrtc": "webrtc-direct"}


def check_transports(value: object) -> tuple[str, ...]:
    """Names of transports, those preferred first. ValidationError."""
    names = [value] if isinstance(value, str) else value
    if isinstance(names, (list, tuple)):
        names = [_ALSO.get(name, name) if isinstance(name, str) else name for name in names]
    return _names("transports", value, names, TRANSPORTS)


def check_security(value: object) -> tuple[str, ...]:
    """Names of security protocols, those preferred first. ValidationError."""
    return _names("security", value, [value] if isinstance(value, str) else value, SECURITY)


def check_muxers(value: object) -> tuple[str, ...]:
    """Names of muxers, those preferred first. ValidationError."""
    return _names("muxers", value, [value] if isinstance(value, str) else value, MUXERS)


def _names(setting: str, value: object, names: object, known: Iterable[str]) -> tuple[str, ...]:
    known = list(known)
    if not isinstance(names, (list, tuple)) or not names or any(name not in known for name in names):
        raise ValidationError(f"{setting}={value!r}: take some of {', '.join(known)}, those preferred first")
    return tuple(dict.fromkeys(names))


def check_listen(listen: object) -> tuple[str, ...]:
    """Multiaddrs to listen at. AddressError or ValidationError."""
    wanted = [listen] if isinstance(listen, str) else listen
    example = TRANSPORTS["tcp"].shape
    if not isinstance(wanted, (list, tuple)) or not wanted:
        raise ValidationError(f"listen is a multiaddr such as {example!r}, or a list of them, not {listen!r}")
    addresses = [parse_address(address) for address in wanted]
    for address in addresses:
        kind = TRANSPORTS.get(address.transport or "")
        names = [name for name, _ in address.parts]
        placed = address.ip is not None or address.transport == "memory"
        if kind is None or address.peer_id is not None or not placed or names[1:] not in _tails(address.transport):
            shapes = ", ".join(kind.shape for kind in TRANSPORTS.values())
            raise ValidationError(f"{address} is no address to listen at; those that are look like {shapes}")
    return tuple(address.base for address in addresses)


def _tails(transport: str | None) -> list[list[str]]:
    """The protocols that may follow the first of an address to listen at."""
    shape = [name for name, _ in parse_address(TRANSPORTS[str(transport)].shape).parts][1:]
    return [shape, ["tcp", "wss"]] if transport == "wss" else [shape]


def loopback(transports: Iterable[str]) -> tuple[str, ...]:
    """An address of the loopback for each of these, with a port to be found."""
    return tuple(TRANSPORTS[name].shape for name in transports)


def transport_of(address: str) -> str:
    """The name of the transport by which an address is reached; ``""`` where it names none."""
    return parse_address(address).transport or ""


def transports_of(listen: Iterable[str]) -> tuple[str, ...]:
    """The transports of some addresses, in that order."""
    return tuple(dict.fromkeys(transport_of(address) for address in listen))
