"""The part of DAG-CBOR that IPNS records are written in (ipld.io/specs/codecs/dag-cbor/spec): maps with text keys,
whole numbers, bytes, text, lists, true, false and null. Floats and links do not occur in them and are refused.

Reading is strict, since what is read comes from peers: shortest forms only, definite lengths only, no key twice, keys
in order, nothing after the end, and no deeper than ``MAX_DEPTH``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MAX_DEPTH", "decode", "encode"]

MAX_DEPTH: Final = 16
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _SIMPLE = 0, 1, 2, 3, 4, 5, 7
_SIMPLES: Final[dict[int, bool | None]] = {20: False, 21: True, 22: None}


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes((major << 5 | number,))
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes((major << 5 | extra,)) + number.to_bytes(size, "big")
    raise ValueError(f"{number} does not fit 64 bits")


def encode(value: Any) -> bytes:
    """The one encoding of a value. TypeError for what these records cannot hold."""
    if value is None or isinstance(value, bool):
        return bytes((_SIMPLE << 5 | (22 if value is None else 20 + value),))
    if isinstance(value, int):
        return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    if isinstance(value, str):
        data = value.encode()
        return _head(_TEXT, len(data)) + data
    if isinstance(value, (list, tuple)):
        return _head(_LIST, len(value)) + b"".join(encode(item) for item in value)
    if isinstance(value, Mapping):
        keys = sorted((encode(key), item) for key, item in _text_keys(value))
        ordered = sorted(keys, key=lambda pair: (len(pair[0]), pair[0]))
        return _head(_MAP, len(ordered)) + b"".join(key + encode(item) for key, item in ordered)
    raise TypeError(f"{type(value).__name__} cannot be written into an IPNS record")


def _text_keys(value: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"the keys of a DAG-CBOR map are text, not {key!r}")
    return list(value.items())


def decode(data: bytes) -> Any:
    """The value of an encoding. ValueError for bytes that are not the one encoding of something."""
    value, end = _decode(data, 0, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes are left after the end")
    return value


def _decode(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
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
    if number > len(data) - at:
        raise ValueError("it names more items than it has bytes")
    if major == _LIST:
        items = []
        for _ in range(number):
            item, at = _decode(data, at, depth + 1)
            items.append(item)
        return items, at
    if major == _MAP:
        return _decode_map(data, at, number, depth)
    raise ValueError("it holds something that these records do not")


def _decode_map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    before = (0, b"")
    for _ in range(count):
        start = at
        key, at = _decode(data, at, depth + 1)
        if not isinstance(key, str):
            raise ValueError("the key of a map is not text")
        place = (at - start, data[start:at])
        if place <= before:
            raise ValueError("the keys of a map are not in order, or one is there twice")
        before = place
        found[key], at = _decode(data, at, depth + 1)
    return found, at


def _read_head(data: bytes, at: int) -> tuple[int, int, int]:
    if at >= len(data):
        raise ValueError("it is cut off")
    major, number = data[at] >> 5, data[at] & 31
    if number < 24:
        return major, number, at + 1
    if number > 27 or major == _SIMPLE:
        raise ValueError("it holds something that these records do not")
    size = 1 << (number - 24)
    value = int.from_bytes(data[at + 1 : at + 1 + size], "big")
    if at + 1 + size > len(data):
        raise ValueError("it is cut off")
    if value < (24 if size == 1 else 1 << 4 * size):
        raise ValueError("a number is not in its shortest form")
    return major, value, at + 1 + size
