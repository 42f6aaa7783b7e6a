"""Multiaddrs in plain Python, for where the ``multiaddr`` package cannot be installed (a browser kernel).

Only the protocols that libp2p addresses use; text and bytes as multiformats/multiaddr and its protocols.csv have them.
"""

from __future__ import annotations

import base64
import ipaddress
from typing import Final, Literal

from p2plab.identity.keys import parse_peer_id, peer_id_bytes, peer_id_from_bytes
from p2plab.identity.varint import decode_varint, encode_varint

__all__ = ["decode", "encode", "knows", "split"]

_Value = Literal["", "ip4", "ip6", "port", "text", "peer", "multihash", "uint64"]

# name -> (code, what its value is); "" for protocols without one
_PROTOCOLS: Final[dict[str, tuple[int, _Value]]] = {
    "ip4": (0x04, "ip4"),
    "tcp": (0x06, "port"),
    "ip6": (0x29, "ip6"),
    "dns": (0x35, "text"),
    "dns4": (0x36, "text"),
    "dns6": (0x37, "text"),
    "dnsaddr": (0x38, "text"),
    "udp": (0x0111, "port"),
    "webrtc-direct": (0x0118, ""),
    "p2p-circuit": (0x0122, ""),
    "p2p": (0x01A5, "peer"),
    "tls": (0x01C0, ""),
    "sni": (0x01C1, "text"),
    "noise": (0x01C6, ""),
    "quic": (0x01CC, ""),
    "quic-v1": (0x01CD, ""),
    "webtransport": (0x01D1, ""),
    "certhash": (0x01D2, "multihash"),
    "ws": (0x01DD, ""),
    "wss": (0x01DE, ""),
    "memory": (0x0309, "uint64"),
}
_NAMES: Final = {code: name for name, (code, _) in _PROTOCOLS.items()}
_SIZES: Final = {"ip4": 4, "ip6": 16, "port": 2, "uint64": 8}

Part = tuple[str, "str | None"]


def split(text: str) -> list[Part]:
    """The (protocol, value) pairs of a multiaddr, values in canonical form. ValueError says what is wrong."""
    if not text.startswith("/"):
        raise ValueError("it does not begin with /")
    words = iter(text.rstrip("/").split("/")[1:])
    parts: list[Part] = []
    for name in words:
        name = "p2p" if name == "ipfs" else name
        if name not in _PROTOCOLS:
            raise ValueError(f"unknown protocol {name!r}")
        kind = _PROTOCOLS[name][1]
        if not kind:
            parts.append((name, None))
            continue
        value = next(words, None)
        if not value:
            raise ValueError(f"{name} needs a value")
        parts.append((name, _text_of(kind, _bytes_of(kind, value))))
    return parts


def knows(name: str) -> bool:
    """Whether there is a protocol of this name."""
    return name == "ipfs" or name in _PROTOCOLS


def encode(text: str) -> bytes:
    """A multiaddr in binary. Raises ValueError."""
    out = bytearray()
    for name, value in split(text):
        code, kind = _PROTOCOLS[name]
        out += encode_varint(code)
        if value is not None:
            data = _bytes_of(kind, value)
            out += data if kind in _SIZES else encode_varint(len(data)) + data
    return bytes(out)


def decode(data: bytes) -> str:
    """The text of a multiaddr in binary. Raises ValueError."""
    words = []
    at = 0
    while at < len(data):
        code, at = _number(data, at)
        name = _NAMES.get(code)
        if name is None:
            raise ValueError(f"unknown protocol code {code:#x}")
        words.append(name)
        kind = _PROTOCOLS[name][1]
        if not kind:
            continue
        size = _SIZES.get(kind)
        if size is None:
            size, at = _number(data, at)
        value = data[at : at + size]
        if len(value) < size:
            raise ValueError(f"the value of {name} is cut off")
        words.append(_text_of(kind, value))
        at += size
    return "/" + "/".join(words)


def _number(data: bytes, at: int) -> tuple[int, int]:
    number = decode_varint(data, at)
    if number is None:
        raise ValueError("it is cut off")
    return number


def _bytes_of(kind: _Value, text: str) -> bytes:
    if kind == "ip4":
        return ipaddress.IPv4Address(text).packed
    if kind == "ip6":
        return ipaddress.IPv6Address(text).packed
    if kind == "peer":
        return peer_id_bytes(text)
    if kind == "text":
        return text.encode()
    if kind == "multihash":
        if not text.startswith("u"):
            raise ValueError(f"{text!r} is not base64url with multibase's u in front")
        return base64.b64decode(text[1:] + "=" * (-(len(text) - 1) % 4), altchars=b"-_", validate=True)
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a number")
    size = _SIZES[kind]
    if int(text) >= 1 << 8 * size:
        raise ValueError(f"{text} is over {(1 << 8 * size) - 1}")
    return int(text).to_bytes(size, "big")


def _text_of(kind: _Value, data: bytes) -> str:
    if kind == "ip4":
        return str(ipaddress.IPv4Address(data))
    if kind == "ip6":
        address = ipaddress.IPv6Address(data)
        # Spelt out, since Python 3.13 writes these otherwise than the versions before it.
        return str(address) if address.ipv4_mapped is None else f"::ffff:{address.ipv4_mapped}"
    if kind == "peer":
        return str(parse_peer_id(peer_id_from_bytes(data)))
    if kind == "text":
        text = data.decode()
        if not text or "/" in text or not text.isprintable():
            raise ValueError(f"{text!r} is not a name")
        return text
    if kind == "multihash":
        return "u" + base64.urlsafe_b64encode(data).decode().rstrip("=")
    return str(int.from_bytes(data, "big"))
