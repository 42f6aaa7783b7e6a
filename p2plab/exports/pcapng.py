"""pcapng as a file of blocks (draft-ietf-opsawg-pcapng, sections 3 and 4): little-endian, one section.

Written here rather than by a library: of those on PyPI that write it, one has not been released for years and the other
brings a packet-crafting framework with it, for the four kinds of block that are needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from p2plab.text import shown

__all__ = ["ETHERNET", "TLS_KEY_LOG", "interface", "packet", "secrets", "section"]

ETHERNET: Final = 1  # LINKTYPE_ETHERNET
TLS_KEY_LOG: Final = 0x544C534B  # section 4.7: the NSS key log format
LARGEST_TEXT: Final = 4_000  # bytes of a comment or a name; an option may have 65,535

_SECTION, _INTERFACE, _PACKET, _SECRETS = 0x0A0D0D0A, 1, 6, 10
_COMMENT, _USER_APPLICATION = 1, 4
_NAME, _DESCRIPTION, _RESOLUTION = 2, 3, 9
_FLAGS: Final = 2
_NANOSECONDS: Final = b"\x09"  # ten to the minus nine

Option = tuple[int, bytes]


def section(application: str, comment: str = "") -> bytes:
    """The block that a file begins with."""
    options = [(_USER_APPLICATION, _text(application)), *([(_COMMENT, _text(comment))] if comment else [])]
    return _block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), options)


def interface(name: str, description: str = "") -> bytes:
    """An Ethernet interface whose packets have times in nanoseconds. They are numbered from 0, in their order."""
    options = [(_NAME, _text(name)), (_DESCRIPTION, _text(description)), (_RESOLUTION, _NANOSECONDS)]
    return _block(_INTERFACE, struct.pack("<HHI", ETHERNET, 0, 0), options)


def packet(number: int, time: int, data: bytes, inbound: bool, comment: str = "") -> bytes:
    """A packet on interface ``number`` at ``time``, in nanoseconds of unix time."""
    head = struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
    options = [(_FLAGS, struct.pack("<I", 1 if inbound else 2))]
    if comment:
        options.insert(0, (_COMMENT, _text(comment)))
    return _block(_PACKET, head + _padded(data), options)


def secrets(data: bytes, kind: int = TLS_KEY_LOG) -> bytes:
    """What later packets are decrypted with."""
    return _block(_SECRETS, struct.pack("<II", kind, len(data)) + _padded(data), ())


def _block(kind: int, body: bytes, options: Iterable[Option]) -> bytes:
    written = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    if written:
        written += bytes(4)  # opt_endofopt
    length = struct.pack("<I", len(body) + len(written) + 12)
    return struct.pack("<I", kind) + length + body + written + length


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _text(text: str) -> bytes:
    return shown(text, LARGEST_TEXT).encode("utf-8", "replace")[:LARGEST_TEXT].decode("utf-8", "ignore").encode()
