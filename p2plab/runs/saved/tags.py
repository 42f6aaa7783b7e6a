"""Values of commands as JSON, and back: data only, so that nothing runs by being read.

JSON's own values stand for themselves. Everything else is an object with one key that begins with ``$``:

    {"$bytes": base64}  {"$tuple": [...]}  {"$map": [[key, value], ...]}  {"$float": "inf"}
    {"$peer": [peer id, name]}  {"$ref": "node alice"}  {"$made": 7}  (what command 7 gave)  {"$part": "network"}
    {"$stream": [number, direction]}  {"$world": true}
    {"$object": "module:Class", "fields": {...}}  parameters, a dataclass of p2plab's
    {"$enum": "module:Class", "name": ...}
    {"$face": "module:Class", "has": {...}}  a Node, or lab.network: a face of p2plab's over what it names
    {"$method": "module:qualname", "of": ...}  a verb of p2plab's, bound to such a face
    {"$function": "module:qualname"}  one of p2plab's, or one that can be imported
    {"$source": text, "name": ..., "sha256": ...}  any other: what it says and which it was

A function is not looked up by being read: ``Functions`` says which may be, when its command is given again.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import importlib
import inspect
import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import FunctionType, MethodType
from typing import Any, Final

from p2plab.errors import SnapshotError
from p2plab.errors.frames import Faced
from p2plab.mock.history.packing import Name
from p2plab.runs.saved.allowed import class_of_ours, function_of_ours, method_of_ours, verb_of_face
from p2plab.typing import PeerId

__all__ = ["Functions", "Named", "decode", "encode"]

MAX_DEPTH: Final = 64
OURS: Final = "p2plab."


@dataclass(frozen=True, slots=True)
class Named:
    """In place of an object of a lab: the name by which another lab finds its own."""

    name: Name


class Functions:
    """Which functions of a file may be had. ``given`` has some by name (qualified, or the last part of it);
    ``run_code`` allows what can be imported, and the source texts, to run."""

    def __init__(self, given: Mapping[str, Callable[..., Any]] | None = None, run_code: bool = False) -> None:
        self._given = dict(given or {})
        self.run_code = run_code

    def importable(self, path: str) -> Any:
        """The function or class at ``module:qualname``. SnapshotError where it may not be had, or is not there."""
        module, _, qualname = path.partition(":")
        found = self._by_name(qualname)
        if found is not None:
            return found
        if path.startswith(OURS) and not self.run_code:
            return function_of_ours(path)
        if not self.run_code:
            raise SnapshotError(
                f"it uses the function {path}, and nothing in a file runs by itself: open it with "
                f"functions={{{qualname!r}: f}}, or with run_code=True if you trust whoever made it"
            )
        return _imported(module, qualname)

    def from_source(self, text: str, name: str, sha256: str) -> Any:
        """The function that a source text says. SnapshotError where it may not run."""
        found = self._by_name(name)
        if found is not None:
            return found
        last = name.rpartition(".")[2]
        if not self.run_code:
            raise SnapshotError(
                f"it uses the function {name}, and nothing in a file runs by itself: open it with "
                f"functions={{{last!r}: f}}{', or with run_code=True if you trust whoever made it' if text else ''}"
            )
        if not text:
            raise SnapshotError(f"the source of {name} is not in the file: open it with functions={{{last!r}: f}}")
        if hashlib.sha256(text.encode()).hexdigest() != sha256:
            raise SnapshotError(f"the source of {name} is not the one that was saved: it was changed afterwards")
        space: dict[str, Any] = {}
        try:
            exec(compile(text, f"<saved: {name}>", "exec"), space)
        except Exception as error:
            raise SnapshotError(f"the source of {name} cannot be run: {type(error).__name__}: {error}") from error
        if last not in space:
            raise SnapshotError(f"the source of {name} defines no {last}")
        return space[last]

    def _by_name(self, name: str) -> Any:
        last = name.rpartition(".")[2]
        found = self._given.get(name, self._given.get(last))
        if isinstance(found, FunctionType) and found.__name__ != last:
            copy = FunctionType(found.__code__, found.__globals__, last, found.__defaults__, found.__closure__)
            copy.__kwdefaults__ = found.__kwdefaults__
            return copy  # under the name that the run's log has
        return found


def _imported(module: str, qualname: str) -> Any:
    try:
        found: Any = importlib.import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise SnapshotError(f"it uses {module}:{qualname}, which is not here: {error}") from error
    return found


# -- writing


def encode(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A value as JSON's own. SnapshotError says what cannot be written."""
    if depth < 0:
        raise SnapshotError("it is nested too deep")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind in (bytes, bytearray):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, PeerId):
        return {"$peer": [str.__str__(value), value.name]}
    if kind is list:
        return [encode(item, depth - 1) for item in value]
    if kind is tuple:
        return {"$tuple": [encode(item, depth - 1) for item in value]}
    if kind is dict:
        return _encode_map(value, depth)
    if isinstance(value, Named):
        return _encode_name(value.name)
    if isinstance(value, enum.Enum) and kind.__module__.startswith(OURS):
        return {"$enum": _path(kind), "name": value.name}
    if is_dataclass(value) and not isinstance(value, type) and kind.__module__.startswith(OURS):
        given = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        return {"$object": _path(kind), "fields": {name: encode(item, depth - 1) for name, item in given.items()}}
    if isinstance(value, Faced) and kind.__module__.startswith(OURS):
        return {"$face": _path(kind), "has": {name: encode(item, depth - 1) for name, item in vars(value).items()}}
    if isinstance(value, MethodType) and isinstance(value.__self__, (Named, Faced)):
        return {"$method": _path_of_verb(value), "of": encode(value.__self__, depth - 1)}
    if isinstance(value, type) or inspect.isroutine(value):
        return _encode_function(value)
    raise SnapshotError(f"a {kind.__module__}.{kind.__qualname__} cannot be written as data")


def _path_of_verb(verb: MethodType) -> str:
    """Where a verb is found: of a face by the face's class, wherever in its bases it is written."""
    kind = type(verb.__self__)
    if isinstance(verb.__self__, Faced) and kind.__module__.startswith(OURS):
        return f"{_path(kind)}.{verb.__name__}"
    return _path(verb.__func__)


def _encode_map(value: dict[Any, Any], depth: int) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: encode(item, depth - 1) for key, item in value.items()}
    return {"$map": [[encode(key, depth - 1), encode(item, depth - 1)] for key, item in value.items()]}


def _encode_name(name: Name) -> dict[str, Any]:
    kind, *rest = name
    if kind == "world":
        return {"$world": True}
    if kind in ("ref", "made", "part"):
        return {f"${kind}": rest[0]}
    return {"$stream": list(rest)}


def _path(kind: Any) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _encode_function(value: Any) -> dict[str, Any]:
    path = _path(value)
    module, _, qualname = path.partition(":")
    if module != "__main__" and "<" not in qualname:
        try:
            if _imported(module, qualname) is value:
                return {"$function": path}
        except SnapshotError:
            pass  # it is written as its source below
    text = _source(value)
    return {"$source": text, "name": qualname, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _source(value: Any) -> str:
    """What a function's file says of it; empty where that is not enough to make it again: a lambda, one that uses
    names of the function around it, one that was typed where no file is."""
    if getattr(value, "__closure__", None) or getattr(value, "__name__", "") == "<lambda>":
        return ""
    try:
        return textwrap.dedent(inspect.getsource(value))
    except (OSError, TypeError):
        return ""


# -- reading


def decode(value: Any, functions: Functions, depth: int = MAX_DEPTH) -> Any:
    """The value of such JSON, with ``Named`` in place of what belongs to a lab. SnapshotError for what is none."""
    if depth < 0:
        raise SnapshotError("it is nested too deep")
    if isinstance(value, list):
        return [decode(item, functions, depth - 1) for item in value]
    if not isinstance(value, dict):
        return value
    tag = next((key for key in value if key.startswith("$")), None)
    if tag is None:
        return {key: decode(item, functions, depth - 1) for key, item in value.items()}
    read = _READERS.get(tag)
    if read is None:
        raise SnapshotError(f"{tag!r} is no tag that this p2plab knows")
    try:
        return read(value, functions, depth - 1)
    except SnapshotError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise SnapshotError(f"a {tag} that makes no sense: {type(error).__name__}: {error}") from error


def _of(value: dict[str, Any], tag: str, kind: Any) -> Any:
    if not isinstance(value[tag], kind) or isinstance(value[tag], bool) != (kind is bool):
        raise ValueError(f"{value[tag]!r}")
    return value[tag]


def _read_object(value: dict[str, Any], functions: Functions, depth: int) -> Any:
    kind: Any = class_of_ours(value["$object"])
    path = value["$object"]
    if not hasattr(kind, "__dataclass_fields__"):
        raise SnapshotError(f"{path!r} has no fields to be made of")
    given = {str(name): decode(item, functions, depth) for name, item in value["fields"].items()}
    known = {field.name for field in fields(kind) if field.init}
    unknown = sorted(set(given) - known)
    if unknown:
        raise SnapshotError(f"{path} has no {unknown[0]!r} in this p2plab")
    return kind(**given)


def _read_enum(value: dict[str, Any], functions: Functions, depth: int) -> Any:
    kind = class_of_ours(value["$enum"])
    if not issubclass(kind, enum.Enum):
        raise SnapshotError(f"{value['$enum']!r} is no enumeration")
    return kind[str(value["name"])]


def _read_peer(value: dict[str, Any], functions: Functions, depth: int) -> PeerId:
    text, name = _of(value, "$peer", list)
    if not isinstance(text, str) or not (name is None or isinstance(name, str)):
        raise ValueError(f"{text!r}")
    return PeerId(text, name)


def _read_face(value: dict[str, Any], functions: Functions, depth: int) -> Any:
    kind = class_of_ours(value["$face"])
    if not issubclass(kind, Faced):
        raise SnapshotError(f"{value['$face']!r} is no face of p2plab's")
    face = object.__new__(kind)
    vars(face).update({str(name): decode(item, functions, depth) for name, item in value["has"].items()})
    return face


def _read_method(value: dict[str, Any], functions: Functions, depth: int) -> Any:
    path, of = _of(value, "$method", str), decode(value["of"], functions, depth)
    if not isinstance(of, (Named, Faced)):
        raise SnapshotError(f"{path!r} is a verb of something of the lab's")
    return MethodType(verb_of_face(type(of), path) if isinstance(of, Faced) else method_of_ours(path), of)


def _read_source(value: dict[str, Any], functions: Functions, depth: int) -> Any:
    text, name, sha256 = (_of(value, key, str) for key in ("$source", "name", "sha256"))
    return functions.from_source(text, name, sha256)


def _read_stream(value: dict[str, Any], functions: Functions, depth: int) -> Named:
    number, direction = _of(value, "$stream", list)
    if not isinstance(number, int) or direction not in ("outbound", "inbound"):
        raise ValueError(f"{number!r} {direction!r}")
    return Named(("stream", number, direction))


_READERS: Final[dict[str, Callable[[dict[str, Any], Functions, int], Any]]] = {
    "$bytes": lambda value, functions, depth: base64.b64decode(_of(value, "$bytes", str), validate=True),
    "$tuple": lambda value, functions, depth: tuple(
        decode(item, functions, depth) for item in _of(value, "$tuple", list)
    ),
    "$map": lambda value, functions, depth: {
        decode(key, functions, depth): decode(item, functions, depth) for key, item in _of(value, "$map", list)
    },
    "$float": lambda value, functions, depth: float(_of(value, "$float", str)),
    "$peer": _read_peer,
    "$ref": lambda value, functions, depth: Named(("ref", _of(value, "$ref", str))),
    "$made": lambda value, functions, depth: Named(("made", _of(value, "$made", int))),
    "$part": lambda value, functions, depth: Named(("part", _of(value, "$part", str))),
    "$world": lambda value, functions, depth: Named(("world",)),
    "$stream": _read_stream,
    "$object": _read_object,
    "$enum": _read_enum,
    "$face": _read_face,
    "$method": _read_method,
    "$function": lambda value, functions, depth: functions.importable(_of(value, "$function", str)),
    "$source": _read_source,
}
