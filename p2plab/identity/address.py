"""Addresses: multiaddrs taken apart into what a dialler needs (libp2p/specs addressing/README.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from p2plab.errors import AddressError
from p2plab.errors.likely import did_you_mean
from p2plab.identity.keys import parse_peer_id
from p2plab.typing import PeerId

__all__ = ["Address", "address_from_bytes", "parse_address", "well_formed"]

_HOSTS: Final = ("ip4", "ip6", "dns", "dns4", "dns6", "dnsaddr")
# The transport is named by the last of these that the address has: /tcp/…/ws is WebSocket, not TCP.
_TRANSPORTS: Final = ("tcp", "quic", "quic-v1", "ws", "wss", "webrtc-direct", "webtransport", "memory")
_LONGEST: Final = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """A multiaddr in canonical form. ``parts`` are its (protocol, value) pairs; ``peer_id`` that of a ``/p2p/<id>`` at
    its end, which is then in neither ``parts`` nor ``base``."""

    parts: tuple[tuple[str, str | None], ...]
    peer_id: PeerId | None = None

    @property
    def base(self) -> str:
        """The text without the ``/p2p/<id>`` at the end."""
        return "".join(f"/{name}" if value is None else f"/{name}/{value}" for name, value in self.parts)

    def __str__(self) -> str:
        return f"{self.base}/p2p/{self.peer_id}" if self.peer_id else self.base

    def with_peer(self, peer_id: str | None) -> Address:
        """The same address with another ``/p2p/<id>`` at its end, or with none."""
        return Address(self.parts, parse_peer_id(peer_id) if peer_id else None)

    @property
    def host(self) -> str | None:
        """The IP address or DNS name it begins with, if it does."""
        name, value = self.parts[0] if self.parts else ("", None)
        return value if name in _HOSTS else None

    @property
    def ip(self) -> str | None:
        """The IP address it begins with; None for a DNS name."""
        name, value = self.parts[0] if self.parts else ("", None)
        return value if name in ("ip4", "ip6") else None

    @property
    def port(self) -> int | None:
        """The first TCP or UDP port, if there is one."""
        return next((int(value) for name, value in self.parts if name in ("tcp", "udp") and value), None)

    @property
    def transport(self) -> str | None:
        """``tcp``, ``ws``, ``wss``, ``quic-v1``, ``webtransport``, ``webrtc-direct``, ``memory``; ``p2p-circuit`` where
        it goes through a relay; None where it names no transport."""
        names = [name for name, _ in self.parts]
        if "p2p-circuit" in names:
            return "p2p-circuit"
        if "ws" in names and "tls" in names:
            return "wss"
        return next((name for name in reversed(names) if name in _TRANSPORTS), None)

    @property
    def relayed(self) -> bool:
        """Whether it goes through a relay."""
        return self.transport == "p2p-circuit"

    def to_bytes(self) -> bytes:
        """The binary form, as identify and peer records carry it."""
        text = str(self)
        try:
            from multiaddr import Multiaddr
        except ImportError:
            from p2plab.identity import plain_multiaddr

            return plain_multiaddr.encode(text)
        return bytes(Multiaddr(text).to_bytes())


def parse_address(text: str) -> Address:
    """Take a multiaddr's text apart. AddressError says what is wrong with it."""
    if not isinstance(text, str):
        raise AddressError(f"an address is text such as /ip4/127.0.0.1/tcp/4001, not {text!r}")
    if len(text) > _LONGEST:
        raise AddressError(f"{text[:60]!r}… is no address: it has {len(text)} characters, over the {_LONGEST} allowed")
    if not text.startswith("/") or text == "/":
        raise AddressError(f"{text!r} is not an address: one begins with /, as in /ip4/127.0.0.1/tcp/4001")
    try:
        address = _address(text)
        canonical = str(address)
        if canonical != text and not _reads_as(canonical, address):
            raise ValueError(f"it would be written {canonical}, which is another address, or none")
    except Exception as error:  # multiaddr has errors of its own that are no ValueError, and lets others through
        raise AddressError(f"{text!r} is not an address: {_reason(error, text)}") from error
    return address


def address_from_bytes(data: bytes) -> Address:
    """The address of a binary multiaddr, which may come from a peer. Raises AddressError."""
    if len(data) > _LONGEST:
        raise AddressError(f"an address of {len(data)} bytes: none may have over {_LONGEST}")
    try:
        try:
            from multiaddr import Multiaddr
        except ImportError:
            from p2plab.identity import plain_multiaddr

            text = plain_multiaddr.decode(data)
        else:
            text = str(Multiaddr(data))
        address = parse_address(text)
        again = address.to_bytes()
    except Exception as error:  # whatever a peer's bytes make the library raise: it is that one address's fault
        raise AddressError(f"{data[:48].hex()} is not an address in binary: {_reason(error, '')}") from error
    if again != data:  # multiaddr 0.2 takes values that are cut off
        raise AddressError(f"{data[:48].hex()} is not an address in binary: it is not how {text!r} is encoded")
    return address


def well_formed(texts: Iterable[object]) -> list[str]:
    """Those of another library's addresses, as text, that can be read here; the others are left out."""
    found = []
    for one in texts:
        try:
            text = str(one)
            parse_address(text)
        except Exception:  # noqa: BLE001, S112  # a library reads its addresses when they are written, and raises what it likes
            continue
        found.append(text)
    return found


def _address(text: str) -> Address:
    parts = _split(text)
    if parts and parts[-1][0] == "p2p" and parts[-1][1]:
        return Address(tuple(parts[:-1]), parse_peer_id(parts[-1][1]))
    return Address(tuple(parts))


def _split(text: str) -> list[tuple[str, str | None]]:
    try:
        from multiaddr import Multiaddr
    except ImportError:
        from p2plab.identity import plain_multiaddr

        return plain_multiaddr.split(text)
    return [(protocol.name, value) for protocol, value in Multiaddr(text).items()]


def _reads_as(text: str, address: Address) -> bool:
    try:
        return _address(text) == address
    except Exception:  # noqa: BLE001  # multiaddr raises what it likes
        return False


_USUAL: Final = (  # protocols of addresses that people write
    *(
        "ip4",
        "ip6",
        "dns",
        "dns4",
        "dns6",
        "dnsaddr",
        "tcp",
        "udp",
        "quic-v1",
        "ws",
        "wss",
        "tls",
        "p2p",
        "p2p-circuit",
    ),
    *("webtransport", "webrtc-direct", "certhash", "memory"),
)
_WANTED: Final = {
    "tcp": "a port from 0 to 65535",
    "udp": "a port from 0 to 65535",
    "ip4": "an IPv4 address such as 127.0.0.1",
    "ip6": "an IPv6 address such as ::1",
    "p2p": "a peer id, as node.peer_id gives it",
}


def _wrong_part(text: str) -> str | None:
    """Which part of a multiaddr's text cannot be read, in words; None where each can, taken by itself."""
    words = text.split("/")[1:]
    at = 0
    while at < len(words):
        name = words[at]
        if _is_read(f"/{name}"):
            at += 1
            continue
        if not _is_known(name):
            if not name:
                return "nothing stands between two slashes"
            meant = f"; {did_you_mean(name, _USUAL)}".rstrip("; ")  # nothing where no name is like it
            return f"there is no protocol {name[:40]!r} for addresses{meant}"
        wanted = _WANTED.get(name, "its value")
        if at + 1 == len(words) or not words[at + 1]:
            return f"behind /{name} stands {wanted}, and nothing does"
        if not _is_read(f"/{name}/{words[at + 1]}"):
            return f"behind /{name} stands {wanted}, which {words[at + 1][:60]!r} is not"
        at += 2
    return None


def _is_read(text: str) -> bool:
    try:
        return bool(_address(text).parts) or _address(text).peer_id is not None
    except Exception:  # noqa: BLE001  # multiaddr raises what it likes
        return False


def _is_known(protocol: str) -> bool:
    try:
        from multiaddr.protocols import protocol_with_name
    except ImportError:
        from p2plab.identity.plain_multiaddr import knows

        return knows(protocol)
    try:
        protocol_with_name(protocol)
    except Exception:  # noqa: BLE001  # multiaddr raises what it likes
        return False
    return True


def _reason(error: Exception, text: str) -> str:
    """What is wrong with the very part that is wrong; else what the parser found, without the text of the address that
    it wraps its finding in."""
    wrong = _wrong_part(text) if text and not _is_read(text) else None
    if wrong is not None:
        return wrong
    said = str(error).replace(f"Invalid MultiAddr {text!r}: ", "").replace(f" (string: {text})", "")
    return said or type(error).__name__
