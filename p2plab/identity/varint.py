"""Unsigned varints, as multiformats/unsigned-varint has them: seven bits a byte, least significant first, at most nine
bytes, and always the shortest form."""

from __future__ import annotations

__all__ = ["MAX_VARINT", "decode_varint", "encode_varint", "field_size", "varint_size"]

MAX_VARINT = (1 << 63) - 1


def encode_varint(value: int) -> bytes:
    """The shortest encoding of ``0 <= value <= MAX_VARINT``; ValueError for anything else."""
    if not 0 <= value <= MAX_VARINT:
        raise ValueError(f"{value} does not fit an unsigned varint (0 to 2**63 - 1)")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data: bytes | bytearray, start: int = 0) -> tuple[int, int] | None:
    """The value that begins at ``start`` and the index after it; None while bytes are still missing.

    ValueError for one that is too long or not in its shortest form: the bytes of a peer are never trusted to end.
    """
    value = 0
    for place in range(9):
        at = start + place
        if at >= len(data):
            return None
        byte = data[at]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if byte == 0 and place:
                raise ValueError("a varint is not in its shortest form")
            return value, at + 1
    raise ValueError("a varint is longer than nine bytes")


def varint_size(value: int) -> int:
    """Bytes that a value takes."""
    return 1 if value < 0x80 else 2 if value < 0x4000 else (value.bit_length() + 6) // 7


def field_size(length: int) -> int:
    """Bytes of a length-delimited protobuf field with a one-byte tag."""
    return 1 + varint_size(length) + length
