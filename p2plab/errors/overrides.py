"""Routers and DHT cores of a user's making: what an overriding method raises is reported, and harms nothing else.

A method that only decides is then decided by the class it overrides. One that takes an input has done nothing: what it
had begun cannot be begun again. Where somebody waits for what the input was about, that is ended.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from p2plab.text import RAISABLE

__all__ = ["guard_overrides", "takes"]


def guard_overrides(
    cls: type, inputs: Mapping[str, Callable[[], Any]], ends: Mapping[str, Callable[..., Any]] | None = None
) -> None:
    """Guard what ``cls`` overrides, where it is not one of p2plab's: its objects have ``raised(what, error)``, or None
    where whoever uses them wants the exception. ``inputs`` gives, by the name of a method that takes an input, what it
    answers when it has done nothing; ``ends``, by name too, what ends that which the input was about: called with what
    ``raised`` gave, the object and the arguments, it gives the answer."""
    if cls.__module__.partition(".")[0] == "p2plab":
        return
    for name, member in list(vars(cls).items()):
        overridden = next((vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)), None)
        if not name.startswith("_") and inspect.isfunction(member) and callable(overridden):
            setattr(cls, name, _guarded(member, overridden, inputs.get(name), (ends or {}).get(name)))


def _guarded(
    member: Callable[..., Any],
    overridden: Callable[..., Any],
    nothing: Callable[[], Any] | None,
    end: Callable[..., Any] | None,
) -> Callable[..., Any]:
    @wraps(member)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return member(self, *args, **kwargs)
        except RAISABLE as error:
            if self.raised is None:
                raise
            event = self.raised(f"{type(self).__name__}.{member.__name__}", error)
            if end is not None:
                return end(event, self, *args, **kwargs)
            return overridden(self, *args, **kwargs) if nothing is None else nothing()

    return guarded


def takes(function: Any, count: int) -> bool:
    """Whether a function can be called with so many positional arguments."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return True
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in positional for kind in kinds) >= count
