"""The whole state of a mock lab as bytes, and back: all nodes, connections, timers and what is on its way.

Rules:
- Every object of p2plab's that is equal to itself alone is written on its own and numbered, and what refers to it
  holds the number: nothing nests deep, however the nodes are linked.
- Functions, also those of notebooks, go through cloudpickle.
- A coroutine cannot be written. While one is suspended, there is no state, and the error says whose it is.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from types import CoroutineType
from typing import Any

from p2plab.errors import SnapshotError
from p2plab.mock.driver.tasks import Task

HOUSE = str(Path(__file__).parents[2])


def save_state(world: object) -> bytes:
    """SnapshotError says what cannot be written: a suspended coroutine, or an object that a handler holds."""
    from p2plab.mock.history.functions import FunctionPickler

    shelf: list[Any] = []
    numbers: dict[int, int] = {}

    class StatePickler(FunctionPickler):
        def persistent_id(self, obj: Any) -> tuple[int, type] | None:
            if isinstance(obj, CoroutineType):
                raise SnapshotError(_suspended(obj, "a coroutine"))
            if not _stands_alone(obj):
                return None
            number = numbers.get(id(obj))
            if number is None:
                number = numbers[id(obj)] = len(shelf)
                shelf.append(obj)
            return number, type(obj)

    file = io.BytesIO()
    pickler = StatePickler(file, protocol=5)
    try:
        pickler.dump(world)
        for at, obj in enumerate(shelf):  # which grows meanwhile
            if isinstance(obj, Task) and obj.suspended is not None:
                raise SnapshotError(_suspended(obj.suspended, repr(obj.what)))
            pickler.dump((at, obj.__reduce_ex__(2)[2]))
    except SnapshotError:
        raise
    except Exception as error:
        holder = f" (held by {type(shelf[at]).__name__})" if shelf else ""
        raise SnapshotError(f"{type(error).__name__}: {error}{holder}") from error
    pickler.dump(None)
    return file.getvalue()


def load_state(data: bytes) -> Any:
    """The world that was saved. For what ``save_state`` wrote, and by somebody trusted: it can run code."""
    made: dict[int, Any] = {}

    class StateUnpickler(pickle.Unpickler):
        def persistent_load(self, name: tuple[int, type]) -> Any:
            number, kind = name
            if number not in made:
                made[number] = object.__new__(kind)
            return made[number]

    unpickler = StateUnpickler(io.BytesIO(data))
    world = unpickler.load()
    while (record := unpickler.load()) is not None:
        number, state = record
        _set_state(made[number], state)
    world.events.wants_changed()  # nobody follows it any more
    return world


def _stands_alone(obj: Any) -> bool:
    """Whether an object is one of p2plab's, is equal to itself alone, and is copied by its attributes."""
    kind = type(obj)
    plain = all(getattr(kind, name) is getattr(object, name) for name in ("__hash__", "__reduce__", "__reduce_ex__"))
    return plain and any(base.__module__.startswith("p2plab.") for base in kind.__mro__)


def _set_state(obj: Any, state: Any) -> None:
    """What unpickling does with the state of an object."""
    if hasattr(obj, "__setstate__"):
        obj.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in {**(attributes or {}), **(slots or {})}.items():
        object.__setattr__(obj, name, value)


def _suspended(coroutine: Any, what: str) -> str:
    """Whose coroutine it is: the user's function that it waits in or, where it is in none, p2plab's own."""
    while isinstance(coroutine, CoroutineType):
        code = coroutine.cr_code
        if not code.co_filename.startswith(HOUSE):
            where = f"line {code.co_firstlineno} of {Path(code.co_filename).name}"
            return f"the coroutine {coroutine.__qualname__} ({where}) is suspended, in {what}"
        coroutine = coroutine.cr_await
    return f"{what} is under way, p2plab's own: let the lab run on a little"
