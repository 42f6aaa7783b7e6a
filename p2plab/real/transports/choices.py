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

import importlib.util
import itertools
from collections.abc import Iterable
from typing import Final, NamedTuple

from p2plab.errors import ValidationError
from p2plab.identity.address import parse_address

__all__ = [
    "MUXERS",
    "SECURITY",
    "TRANSPORTS",
    "TransportKind",
    "available",
    "check_listen",
    "check_muxers",
    "check_security",
    "check_transports",
    "combinations",
    "loopback",
    "missing",
    "transport_of",
    "transports_of",
]


class TransportKind(NamedTuple):
    """A transport. ``shape``: an address that it listens at; ``own``: its own security and muxer, where those are not
    negotiated over it; ``note``: what it cannot do, or what was set right for it to do it."""

    what: str
    shape: str
    own: tuple[str, str] | None = None
    note: str = ""

    @property
    def upgraded(self) -> bool:
        """Whether security and a muxer are negotiated over it, of those the node has."""
        return self.own is None


TRANSPORTS: Final[dict[str, TransportKind]] = {
    "tcp": TransportKind("TCP", "/ip4/127.0.0.1/tcp/0"),
    "ws": TransportKind(
        "WebSocket", "/ip4/127.0.0.1/tcp/0/ws", note="p2plab's own, for addresses that last over a restart"
    ),
    "wss": TransportKind(
        "secure WebSocket",
        "/ip4/127.0.0.1/tcp/0/tls/ws",
        note="p2plab's own; a certificate made for the process, which diallers do not check: the handshake inside "
        "proves who the peer is",
    ),
    "quic-v1": TransportKind(
        "QUIC",
        "/ip4/127.0.0.1/udp/0/quic-v1",
        ("tls", "quic"),
        "windows, ends and resets of streams mended; where nobody listens, a dial ends with its timeout",
    ),
    "webtransport": TransportKind(
        "WebTransport",
        "/ip4/127.0.0.1/udp/0/quic-v1/webtransport",
        ("noise", "quic"),
        "the stall above 64 kB mended, windows, ends and resets of streams too; addresses have hashes of certificates, "
        "which a node keeps over a restart",
    ),
    "webrtc-direct": TransportKind(
        "WebRTC-Direct",
        "/ip4/127.0.0.1/udp/0/webrtc-direct",
        ("noise", "webrtc"),
        "needs aiortc (pip install 'libp2p[webrtc]'), and is refused at the start without; ends and resets mended; "
        "without windows, so that a stream with 16 MB unread is reset; a dialler uses a socket on every interface",
    ),
    "memory": TransportKind(
        "in memory", "/memory/0", note="p2plab's own, within one lab: links can be slow, lose and be cut"
    ),
}
SECURITY: Final[dict[str, str]] = {"noise": "Noise XX", "tls": "TLS 1.3", "plaintext": "none, for lessons"}
MUXERS: Final[dict[str, str]] = {
    "yamux": "Yamux",
    "mplex": "Mplex: the deadlock of a write beside a read mended; without windows, so that a reader that takes five "
    "seconds is reset",
}

_ALSO: Final = {"websocket": "ws", "quic": "quic-v1", "webrtc": "webrtc-direct"}


def check_transports(value: object) -> tuple[str, ...]:
    """Names of transports, those preferred first. Raises ValidationError."""
    names = [value] if isinstance(value, str) else value
    if isinstance(names, (list, tuple)):
        names = [_ALSO.get(name, name) if isinstance(name, str) else name for name in names]
    return _names("transports", value, names, TRANSPORTS)


def missing(transport: str) -> str:
    """What has to be installed for a transport; ``""`` where everything is."""
    if transport == "webrtc-direct" and not all(map(importlib.util.find_spec, ("aiortc", "aioice"))):
        return "aiortc, without which py-libp2p listens in vain and without a word: pip install 'libp2p[webrtc]'"
    return ""


def available() -> list[str]:
    """The transports for which everything is installed."""
    return [name for name in TRANSPORTS if not missing(name)]


def check_security(value: object) -> tuple[str, ...]:
    """Names of security protocols, those preferred first. Raises ValidationError."""
    return _names("security", value, [value] if isinstance(value, str) else value, SECURITY)


def check_muxers(value: object) -> tuple[str, ...]:
    """Names of muxers, those preferred first. Raises ValidationError."""
    return _names("muxers", value, [value] if isinstance(value, str) else value, MUXERS)


def _names(setting: str, value: object, names: object, known: Iterable[str]) -> tuple[str, ...]:
    known = list(known)
    if not isinstance(names, (list, tuple)) or not names or any(name not in known for name in names):
        raise ValidationError(f"{setting}={value!r}: take some of {', '.join(known)}, those preferred first")
    return tuple(dict.fromkeys(names))


def check_listen(listen: object) -> tuple[str, ...]:
    """Multiaddrs to listen at. Raises AddressError or ValidationError."""
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


def combinations() -> list[tuple[str, str, str]]:
    """Every transport, security protocol and muxer that go together, by name."""
    return [
        (name, security, muxer)
        for name, kind in TRANSPORTS.items()
        for security, muxer in ([kind.own] if kind.own else itertools.product(SECURITY, MUXERS))
    ]
