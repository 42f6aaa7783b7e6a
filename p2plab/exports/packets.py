"""Frames as the packets of TCP connections, so that Wireshark follows them: Ethernet II, IPv4 or IPv6, TCP.

Addresses, ports and offsets are the real ones. The rest is made up to be consistent: sequence numbers begin at 0, each
packet acknowledges all that was seen of the other direction, and nothing is lost or sent twice. What is longer than an
IP packet is cut into segments.
"""

from __future__ import annotations

import ipaddress
import struct
import sys
from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

from p2plab.errors import AddressError
from p2plab.identity.address import parse_address

__all__ = ["SEGMENT", "SocketAddress", "TcpConnection", "place_of"]

SEGMENT: Final = 65_460  # bytes of payload in one packet: with its headers it fits the 65,535 that readers go up to

FIN, SYN, PUSH, ACK = 1, 2, 8, 16
_IP4, _IP6, _TCP = 0x0800, 0x86DD, 6
_NOWHERE: Final = "0.0.0.0"


class SocketAddress(NamedTuple):
    """A socket. ``ip`` is in binary."""

    ip: bytes
    port: int

    @property
    def hardware(self) -> bytes:
        """A locally administered address that is this socket's alone: real nodes share one IP address."""
        return b"\x02" + self.ip[-3:] + struct.pack("!H", self.port)


def place_of(address: str, port: int = 0) -> SocketAddress:
    """The socket of a multiaddr; where there is no IP address in it, ``port`` of nobody's."""
    try:
        parsed = parse_address(address)
    except AddressError:
        return SocketAddress(ipaddress.ip_address(_NOWHERE).packed, port)
    return SocketAddress(ipaddress.ip_address(parsed.ip or _NOWHERE).packed, parsed.port or port)


class TcpConnection:
    """A TCP connection between two sockets; what is sent is told in the order of time."""

    def __init__(self, dialler: SocketAddress, listener: SocketAddress) -> None:
        same = len(dialler.ip) == len(listener.ip)
        nowhere = SocketAddress(bytes(len(dialler.ip)), listener.port)
        self._ends = (dialler, listener if same else nowhere)
        self._next = [0, 0]  # the sequence number that follows what was seen of each end
        self._ended = [False, False]
        self._idents = 0

    def send(self, by_dialler: bool, offset: int, data: bytes) -> Iterator[bytes]:
        """The packets of data that one end sent after ``offset`` bytes; of what was told already there are none. Where
        it is the first of all that the connection carries, the handshake is in front."""
        end = 0 if by_dialler else 1
        known = max(0, self._next[end] - 1 - offset)
        offset, data = offset + known, data[known:]
        if not data:
            return
        if offset == 0 and self._next == [0, 0]:
            yield from self._shake_hands()
        self._next[1 - end] = self._next[1 - end] or 1
        for start in range(0, len(data), SEGMENT):
            piece = data[start : start + SEGMENT]
            yield self._packet(end, 1 + offset + start, PUSH | ACK, piece)
        self._next[end] = 1 + offset + len(data)

    def close(self, by_dialler: bool, offset: int) -> Iterator[bytes]:
        """The packet that says that an end has ended, after ``offset`` bytes."""
        end = 0 if by_dialler else 1
        if self._next != [0, 0] and not self._ended[end]:
            self._ended[end] = True
            yield self._packet(end, 1 + offset, FIN | ACK, b"")
            self._next[end] = 2 + offset

    def _shake_hands(self) -> Iterator[bytes]:
        yield self._packet(0, 0, SYN, b"")
        self._next[0] = 1
        yield self._packet(1, 0, SYN | ACK, b"")
        self._next[1] = 1
        yield self._packet(0, 1, ACK, b"")

    def _packet(self, end: int, sequence: int, flags: int, data: bytes) -> bytes:
        source, target = self._ends[end], self._ends[1 - end]
        acknowledged = self._next[1 - end] if flags & ACK else 0
        head = struct.pack(
            "!HHIIBBHHH",
            *(source.port, target.port, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF),
            *(5 << 4, flags, 0xFFFF, 0, 0),
        )
        pseudo = source.ip + target.ip + struct.pack("!II", len(head) + len(data), _TCP)
        checksum = _checksum(pseudo + head + data)
        segment = head[:16] + struct.pack("!H", checksum) + head[18:] + data
        kind = _IP4 if len(source.ip) == 4 else _IP6
        return target.hardware + source.hardware + struct.pack("!H", kind) + self._ip(source, target, segment)

    def _ip(self, source: SocketAddress, target: SocketAddress, segment: bytes) -> bytes:
        if len(source.ip) == 16:
            return struct.pack("!IHBB", 6 << 28, len(segment), _TCP, 64) + source.ip + target.ip + segment
        self._idents = (self._idents + 1) & 0xFFFF
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), self._idents, 0x4000, 64, _TCP, 0)
        checksum = _checksum(head + source.ip + target.ip)
        return head[:10] + struct.pack("!H", checksum) + source.ip + target.ip + segment


def _checksum(data: bytes) -> int:
    """The Internet checksum, RFC 1071."""
    words = array("H", data + bytes(len(data) % 2))
    if sys.byteorder == "little":
        words.byteswap()
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
