"""Which frames an error shows: where one of p2plab's leaves a public verb, p2plab's own are cut, so that a mistake
costs a person one sentence.

``Faced`` wraps the verbs of whatever is derived from it. What is cut is kept: ``error.full_traceback`` has all frames,
and ``p2plab.tracebacks("full")`` has errors raised with them. Frames of the user's own (a predicate's, a handler's)
stay; an error of another kind, as what such code raises, is left as it is.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import sysconfig
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import FunctionType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

__all__ = ["Faced", "Framed", "UnknownVerbError", "faced", "shown", "users_lines"]

F = TypeVar("F", bound=Callable[..., Any])

_HERE: Final = Path(__file__).parents[1]
# Where no code of the user's lies: p2plab, the widgets, what is installed, Python itself.
_NOT_THE_USERS: Final = tuple(
    f"{folder}/"
    for folder in {
        _HERE.as_posix(),
        (_HERE.parent / "p2plab_widgets").as_posix(),
        (_HERE.parent / "widgets" / "p2plab_widgets").as_posix(),
        *(Path(sysconfig.get_path(name)).as_posix() for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)
_OURS: Final = ("p2plab", "p2plab_widgets")
_SHOWN_TOO: Final = ("__init__", "__getitem__", "__contains__")  # verbs that Python calls
_mode: Literal["short", "full"] = "short"


def shown(mode: Literal["short", "full"] | None = None) -> str:
    """Set which frames errors show from now on, None for no change; returns what held before."""
    global _mode
    before = _mode
    _mode = mode or before
    return before


class Framed(Exception):
    """An error whose frames are cut. ``full_traceback`` has all of them, once it has left a public verb."""

    full_traceback: TracebackType | None = None

    def __reduce__(self) -> Any:
        made: Any = super().__reduce__()  # with its attributes third, where it has any; frames cannot be pickled
        if len(made) < 3:
            return made
        return *made[:2], {name: value for name, value in made[2].items() if name != "full_traceback"}

    @property
    def _render_traceback_(self) -> Callable[[], list[str]]:
        """What IPython shows of it: the sentence, then the user's own lines. AttributeError where tracebacks are full;
        IPython then shows one as of any other error."""
        if _mode == "full":
            raise AttributeError("_render_traceback_")
        return lambda: [f"{type(self).__name__}: {self}", *users_lines(self)]


class UnknownVerbError(Framed, AttributeError):
    """What a user holds has no verb or property of this name."""


def faced(verb: F) -> F:
    """The verb, whose errors are cut as a face's are."""
    wrapped: F = _wrapped(verb)
    return wrapped


class Faced:
    """What a user holds: where an error of p2plab's leaves one of its public verbs, p2plab's own frames are cut."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Called for a name that there is not. UnknownVerbError, an AttributeError, says the likely one."""
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):
                near = get_close_matches(name, [one for one in dir(type(self)) if not one.startswith("_")], n=1)
                text += f"; did you mean {near[0]}?" if near and near[0] != name else ""
            raise UnknownVerbError(text)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, value in list(vars(cls).items()):
            if name.startswith("_") and name not in _SHOWN_TOO:
                continue
            if isinstance(value, FunctionType):
                setattr(cls, name, _wrapped(value))
            elif isinstance(value, (classmethod, staticmethod)):
                setattr(cls, name, type(value)(_wrapped(value.__func__)))
            elif isinstance(value, property) and value.fget is not None:
                changed = value.fset and _wrapped(value.fset)
                setattr(cls, name, property(_wrapped(value.fget), changed, value.fdel, value.__doc__))


def _wrapped(verb: Any) -> Any:
    around = _around_awaited if inspect.iscoroutinefunction(verb) else _around
    made = around(verb, _is_cut, _cut)
    # With the verb's own globals, by which doctest and annotations find what belongs to its module.
    wrapper = FunctionType(made.__code__, verb.__globals__, verb.__name__, None, made.__closure__)
    return functools.update_wrapper(wrapper, verb)


def _around(verb: Any, is_cut: Any, cut: Any) -> Any:
    def face(*args: Any, **kwargs: Any) -> Any:
        try:
            return verb(*args, **kwargs)
        except Exception as error:
            __tracebackhide__ = True  # pytest shows the user's line last, not this
            if not is_cut(error):
                raise
            raise cut(error, verb, args, kwargs)  # p2plab.tracebacks("full") shows all frames

    return face


def _around_awaited(verb: Any, is_cut: Any, cut: Any) -> Any:
    async def face(*args: Any, **kwargs: Any) -> Any:
        try:
            return await verb(*args, **kwargs)
        except Exception as error:
            __tracebackhide__ = True  # pytest shows the user's line last, not this
            if not is_cut(error):
                raise
            raise cut(error, verb, args, kwargs)  # p2plab.tracebacks("full") shows all frames

    return face


def _is_cut(error: Exception) -> bool:
    """Whether it is an error of p2plab's, a TimeoutError that p2plab raised, or a call that no verb takes."""
    if _is_wrong_call(error):
        return True
    if _mode == "full" or not isinstance(error, (Framed, TimeoutError)):
        return False
    *_, (innermost, _, _) = _entries(error.__traceback__)
    return isinstance(error, Framed) or not _is_users(innermost)


def _is_wrong_call(error: Exception) -> bool:
    """Whether Python refused to call the verb, so that no line of it was reached."""
    return isinstance(error, TypeError) and error.__traceback__ is not None and error.__traceback__.tb_next is None


def _cut(error: Exception, verb: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception:
    """The error with the frames of the user's code alone, and all of them in ``full_traceback``."""
    if _is_wrong_call(error):  # by name: it stands on the errors, which stand on this module
        wrong: Exception = import_module("p2plab.errors.calls").explained(error, verb, args, kwargs)
        wrong.__suppress_context__ = _mode == "short"
        return wrong
    entries = _entries(error.__traceback__)
    if isinstance(error, Framed):
        error.full_traceback = _chained([*entries, *_entries(error.full_traceback)])
    # What a library raised underneath says nothing that the sentence does not say; what the user's code raised does.
    for under in (error.__cause__, error.__context__):
        if under is not None and not any(_is_users(frame) for frame, _, _ in _entries(under.__traceback__)):
            if under is error.__cause__:
                error.__cause__ = None
            error.__suppress_context__ = True
    return error.with_traceback(_chained([entry for entry in entries if _is_users(entry[0])]))


def _is_users(frame: Any) -> bool:
    name = frame.f_code.co_filename.replace("\\", "/")
    module = str(frame.f_globals.get("__name__", "")).partition(".")[0]  # what dataclasses write is of no file
    return module not in _OURS and not name.startswith(_NOT_THE_USERS) and not name.startswith("<frozen ")


def _entries(traceback: TracebackType | None) -> list[tuple[Any, int, int]]:
    entries = []
    while traceback is not None:
        entries.append((traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno))
        traceback = traceback.tb_next
    return entries


def _chained(entries: list[tuple[Any, int, int]]) -> TracebackType | None:
    chain = None
    for frame, instruction, line in reversed(entries):
        chain = TracebackType(chain, frame, instruction, line)
    return chain


def users_lines(error: BaseException) -> list[str]:
    """The lines of the user's own code that led to an error, as text with their places, the outermost first."""
    lines = []
    for frame, _, line in _entries(error.__traceback__):
        name = frame.f_code.co_filename
        if _is_users(frame) and "IPython" not in name and frame.f_code.co_name != "run_code":
            where = "this cell" if "ipykernel" in name or name.startswith("<ipython-input") else name
            text = linecache.getline(name, line, frame.f_globals).strip()
            lines.append(f"  {where}, line {line}" + (f":  {text}" if text else ""))
    return lines
