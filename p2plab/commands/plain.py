"""Results as plain JSON: nothing but dict, list, str, int, float, bool and None, whatever a verb or a user gave."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final

from p2plab.errors import ValidationError

__all__ = ["MARKER", "Pictured", "bytes_of", "plain"]

MARKER: Final = "base64"  # {"base64": "aGk="} stands for bytes
DEEPEST: Final = 32


class Pictured(dict[str, Any]):
    """A result that can also be drawn: ``picture`` is SVG."""

    picture = ""


def plain(value: Any, depth: int = 0) -> Any:
    """The value as plain JSON. Bytes become ``{"base64": ...}``, a float that is no number None, dataclasses and
    objects with a ``to_dict`` their fields. ValidationError for what has no such form."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth >= DEEPEST:
        raise ValidationError(f"a result is nested more than {DEEPEST} deep, or contains itself")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {MARKER: base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Mapping):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((plain(item, depth + 1) for item in value), key=repr)
    if isinstance(value, Sequence):
        return [plain(item, depth + 1) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), depth + 1) for field in dataclasses.fields(value)}
    to_dict = getattr(value, "to_dict", None)
    if callable(to_dict):
        return plain(to_dict(), depth + 1)
    raise ValidationError(f"a command's result is plain JSON, bytes or dataclasses, not {type(value).__name__}")


def _key(key: Any) -> str:
    if key is None or isinstance(key, (str, int, float, bool)):
        return str(key)
    raise ValidationError(f"the keys of a result are text, not {type(key).__name__}")


def bytes_of(value: Any) -> Any:
    """Undo the marker: the bytes where ``value`` is ``{"base64": text}``, else the value. ValueError for bad base64."""
    if isinstance(value, Mapping) and len(value) == 1 and isinstance(value.get(MARKER), str):
        return base64.b64decode(value[MARKER], validate=True)
    return value
