"""DAG-CBOR (ipld.io/specs/codecs/dag-cbor/spec): maps with text keys, lists, bytes, text, whole numbers of 64 bits,
floats of 64 bits, links (``Cid``), true, false and null.

Reading is strict, since what is read comes from peers: shortest forms only, definite lengths only, no key twice, keys
in order, no tag but 42, no NaN or infinity, nothing after the end, and no deeper than ``depth``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, Final

from p2plab.errors import ValidationError
from p2plab.identity.cid import Cid, as_cid

__all__ = ["MAX_DEPTH", "decode", "encode"]

MAX_DEPTH: Final = 16
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _TAG, _SIMPLE = 0, 1, 2, 3, 4, 5, 6, 7
_LINK: Final = 42  # the tag of a CID
_DOUBLE: Final = 0xFB
_SIMPLES: Final[dict[int, bool | None]] = {20: False, 21: True, 22: None}


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes((major << 5 | number,))
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes((major << 5 | extra,)) + number.to_bytes(size, "big")
    raise ValueError(f"{number} does not fit 64 bits")


def encode(value: Any) -> bytes:
    """The one encoding of a value. TypeError for what DAG-CBOR cannot hold, ValueError for numbers that it cannot."""
    if value is None or isinstance(value, bool):
        return bytes((_SIMPLE << 5 | (22 if value is None else 20 + value),))
    if isinstance(value, int):
        return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number that DAG-CBOR has")
        return bytes((_DOUBLE,)) + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    if isinstance(value, Cid):
        return _head(_TAG, _LINK) + encode(b"\0" + value.to_bytes())
    if isinstance(value, str):
        data = value.encode()
        return _head(_TEXT, len(data)) + data
    if isinstance(value, (list, tuple)):
        return _head(_LIST, len(value)) + b"".join(encode(item) for item in value)
    if isinstance(value, Mapping):
        keys = sorted((encode(key), item) for key, item in _text_keys(value))
        ordered = sorted(keys, key=lambda pair: (len(pair[0]), pair[0]))
        return _head(_MAP, len(ordered)) + b"".join(key + encode(item) for key, item in ordered)
    raise TypeError(f"{type(value).__name__} cannot be written in DAG-CBOR")


def _text_keys(value: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"the keys of a DAG-CBOR map are text, not {key!r}")
    return list(value.items())


def decode(data: bytes, depth: int = MAX_DEPTH) -> Any:
    """The value of an encoding. ValueError for bytes that are not the one encoding of something, or that nest deeper
    than ``depth``."""
    value, end = _decode(data, 0, depth)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes are left after the end")
    return value


def _decode(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """``depth``: how many levels more there may be."""
    if depth < 0:
        raise ValueError("it is nested too deep")
    if data[at : at + 1] == bytes((_DOUBLE,)):
        return _decode_float(data, at + 1)
    major, number, at = _read_head(data, at)
    if major == _UNSIGNED:
        return number, at
    if major == _NEGATIVE:
        return -1 - number, at
    if major in (_BYTES, _TEXT):
        chunk = data[at : at + number]
        if len(chunk) < number:
            raise ValueError("it is cut off")
        return (chunk.decode() if major == _TEXT else chunk), at + number
    if major == _SIMPLE and number in _SIMPLES:
        return _SIMPLES[number], at
    if major != _TAG and number > len(data) - at:
        raise ValueError("it names more items than it has bytes")
    if major == _LIST:
        items = []
        for _ in range(number):
            item, at = _decode(data, at, depth - 1)
            items.append(item)
        return items, at
    if major == _MAP:
        return _decode_map(data, at, number, depth)
    if major == _TAG and number == _LINK:
        return _decode_link(data, at)
    raise ValueError("it holds something that DAG-CBOR does not have")


def _decode_float(data: bytes, at: int) -> tuple[float, int]:
    if at + 8 > len(data):
        raise ValueError("it is cut off")
    value: float = struct.unpack(">d", data[at : at + 8])[0]
    if not math.isfinite(value):
        raise ValueError("it holds a NaN or an infinity")
    return value, at + 8


def _decode_link(data: bytes, at: int) -> tuple[Cid, int]:
    value, end = _decode(data, at, 0)
    if not isinstance(value, bytes) or value[:1] != b"\0":
        raise ValueError("a link is bytes that begin with zero")
    try:
        return as_cid(value[1:]), end
    except ValidationError as error:
        raise ValueError(f"a link to what is no CID: {error}") from error


def _decode_map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    before = (0, b"")
    for _ in range(count):
        start = at
        key, at = _decode(data, at, depth - 1)
        if not isinstance(key, str):
            raise ValueError("the key of a map is not text")
        place = (at - start, data[start:at])
        if place <= before:
            raise ValueError("the keys of a map are not in order, or one is there twice")
        before = place
        found[key], at = _decode(data, at, depth - 1)
    return found, at


def _read_head(data: bytes, at: int) -> tuple[int, int, int]:
    if at >= len(data):
        raise ValueError("it is cut off")
    major, number = data[at] >> 5, data[at] & 31
    if number < 24:
        return major, number, at + 1
    if number > 27 or major == _SIMPLE:
        raise ValueError("it holds something that DAG-CBOR does not have")
    size = 1 << (number - 24)
    value = int.from_bytes(data[at + 1 : at + 1 + size], "big")
    if at + 1 + size > len(data):
        raise ValueError("it is cut off")
    if value < (24 if size == 1 else 1 << 4 * size):
        raise ValueError("a number is not in its shortest form")
    return major, value, at + 1 + size
