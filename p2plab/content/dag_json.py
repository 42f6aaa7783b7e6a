"""DAG-JSON (ipld.io/specs/codecs/dag-json/spec): the same data as DAG-CBOR, in a form for people.

A link is ``{"/": "bafy…"}``, bytes are ``{"/": {"bytes": "…"}}`` in base64 without padding. Keys are sorted by their
bytes, there is no white space, and a map of the user's own may not look like one of these two.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any, Final

from p2plab.errors import ValidationError
from p2plab.identity.cid import Cid, as_cid

__all__ = ["MAX_DEPTH", "decode", "encode"]

MAX_DEPTH: Final = 128


def encode(value: Any) -> bytes:
    """The bytes of a value. TypeError and ValueError for what DAG-JSON cannot hold."""
    return json.dumps(
        _plain(value, MAX_DEPTH), ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=False
    ).encode("utf-8")


def _plain(value: Any, depth: int) -> Any:
    if depth < 0:
        raise ValueError("it is nested too deep")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number that DAG-JSON has")
        return value
    if isinstance(value, bytes):
        return {"/": {"bytes": base64.b64encode(value).decode().rstrip("=")}}
    if isinstance(value, Cid):
        return {"/": str(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            raise TypeError("the keys of a DAG-JSON map are text")
        if _is_reserved(value):
            raise ValueError("a map with the one key '/' means a link or bytes in DAG-JSON")
        return {key: _plain(value[key], depth - 1) for key in sorted(value, key=lambda key: key.encode())}
    raise TypeError(f"{type(value).__name__} cannot be written in DAG-JSON")


def _is_reserved(value: Mapping[str, Any]) -> bool:
    inner = value.get("/") if len(value) == 1 else None
    if isinstance(inner, str):
        return True
    return isinstance(inner, Mapping) and len(inner) == 1 and isinstance(inner.get("bytes"), str)


def decode(data: bytes) -> Any:
    """The value. ValueError for bytes that are no DAG-JSON."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_map, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    _plain(value, MAX_DEPTH)  # the bound on depth, and what text alone could not tell
    return value


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number that DAG-JSON has")


def _map(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in a map twice")
    if set(found) != {"/"}:
        return found
    inner = found["/"]
    if isinstance(inner, str):
        try:
            return as_cid(inner)
        except ValidationError as error:
            raise ValueError(f"a link to what is no CID: {error}") from error
    if isinstance(inner, dict) and set(inner) == {"bytes"} and isinstance(inner["bytes"], str):
        text = inner["bytes"]
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    return found
