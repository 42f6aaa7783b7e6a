"""Yamux frames as bytes: their header, and how a stream of bytes is cut into them (yamux/README.md, "Framing").

Written for onlookers: what a frame does to its stream is the muxer's business.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from p2plab.text import plural

__all__ = ["HEADER_SIZE", "MAX_KEPT", "FrameCutter", "Header", "frame", "parse_header"]

HEADER_SIZE: Final = 12
MAX_KEPT: Final = 1 << 20  # bytes of a frame's body beyond which only its header is kept; py-libp2p sends 65,524
TYPES: Final = ("data", "window update", "ping", "go away")
FLAGS: Final = ("SYN", "ACK", "FIN", "RST")
_HEADER: Final = struct.Struct("!BBHII")
_DATA: Final = 0


class Header(NamedTuple):
    """``type`` is one of ``data``, ``window update``, ``ping`` and ``go away``; ``length`` the bytes of a data frame's
    body, the credit of a window update, a ping's value or the reason of a go away."""

    type: str
    flags: tuple[str, ...]
    stream: int
    length: int

    @property
    def body(self) -> int:
        """The bytes that follow."""
        return self.length if self.type == TYPES[_DATA] else 0

    def __str__(self) -> str:
        flags = "".join(f" {flag}" for flag in self.flags)
        number = f" {self.length}" if self.type != TYPES[_DATA] else f" {plural(self.length, 'byte')}"
        return f"{self.type}{flags} stream {self.stream}{number}"


def parse_header(data: bytes) -> Header | None:
    """The header at the beginning of a frame; None where there is none of version 0."""
    if len(data) < HEADER_SIZE:
        return None
    version, kind, flags, stream, length = _HEADER.unpack_from(data)
    if version != 0 or kind >= len(TYPES):
        return None
    return Header(TYPES[kind], tuple(name for bit, name in enumerate(FLAGS) if flags >> bit & 1), stream, length)


def frame(kind: str, stream: int, flags: tuple[str, ...] = (), length: int = 0, body: bytes = b"") -> bytes:
    """A frame as bytes; ``length`` is its body's unless it is given."""
    bits = sum(1 << FLAGS.index(flag) for flag in flags)
    return _HEADER.pack(0, TYPES.index(kind), bits, stream, length or len(body)) + body


class FrameCutter:
    """Cuts what is read from a connection into frames. It keeps its place also while nobody wants them."""

    __slots__ = ("_begun", "_left", "_parts", "offset")

    def __init__(self) -> None:
        self.offset = 0  # bytes before the frame under way
        self._begun = b""  # of a header
        self._left = 0  # bytes of its body that are still to come
        self._parts: list[bytes] | None = None  # None where it began unwanted, or is too large to be kept

    def skip(self, data: bytes) -> None:
        """Keep its place in what nobody wants. Muxers read a header, then its body: that is made to cost little."""
        count, left = len(data), self._left
        if 0 < count <= left:
            self._left = left - count
            self._parts = None
        elif count == HEADER_SIZE and not left and not self._begun:
            self._left = left = 0 if data[1] else int.from_bytes(data[8:], "big")
            self.offset += HEADER_SIZE + left
        else:
            self.feed(data, False)

    def feed(self, data: bytes, wanted: bool) -> list[tuple[int, bytes]]:
        """The frames that end in ``data``, each with the offset at which it begins, as far as they are ``wanted``."""
        ended: list[tuple[int, bytes]] = []
        at, count = 0, len(data)
        while at < count:
            if self._left:
                piece = data[at : at + self._left]
                self._left -= len(piece)
                if self._parts is not None:
                    self._parts.append(piece)
            else:
                piece = data[at : at + HEADER_SIZE - len(self._begun)]
                self._begun += piece
                if len(self._begun) == HEADER_SIZE:
                    self._begin(wanted)
            at += len(piece)
            if not self._left and not self._begun:
                if self._parts is not None:
                    frame = b"".join(self._parts)
                    ended.append((self.offset - len(frame), frame))
                    self._parts = None
        return ended

    def _begin(self, wanted: bool) -> None:
        head, self._begun = self._begun, b""
        self._left = int.from_bytes(head[8:], "big") if head[1] == _DATA else 0
        self._parts = [head] if wanted and self._left <= MAX_KEPT else None
        self.offset += HEADER_SIZE + self._left
