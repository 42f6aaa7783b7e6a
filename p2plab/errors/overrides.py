"""Routers and DHT cores of a user's making: what an overriding method raises, or answers wrongly, is reported, and
harms nothing else.

A method that only decides is then decided by the class it overrides. One that takes an input has done nothing: what it
had begun cannot be begun again. Where somebody waits for what the input was about, that is ended.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from p2plab.errors import ValidationError
from p2plab.text import RAISABLE

__all__ = ["guard_overrides", "takes"]


def guard_overrides(
    cls: type,
    inputs: Mapping[str, Callable[[], Any]],
    ends: Mapping[str, Callable[..., Any]] | None = None,
    answers: Mapping[str, Callable[[Any, Any], object]] | None = None,
) -> None:
    """Guard what ``cls`` overrides, where it is not one of p2plab's: its objects have ``raised(what, error)``, or None
    where whoever uses them wants the exception.

    Args:
        cls: a class of a user's, with what it takes from classes that are no routers or cores themselves
        inputs: by the name of a method that takes an input, what it answers when it has done nothing
        ends: by name too, what ends that which the input was about: called with what ``raised`` gave, the object and
            the arguments, it gives the answer
        answers: by the name of a method, or by what p2plab's own is annotated to return, what is called with the object
            and each answer, and raises TypeError for what is none

    Raises:
        ValidationError: an attribute has the name of a method and cannot be called.
    """
    if _is_ours(cls):
        return
    of_a_users = (base for base in cls.__mro__ if base is not object and not _is_ours(base))
    for name in dict.fromkeys(name for base in of_a_users for name in vars(base)):
        if name.startswith("_"):
            continue
        member, *overridden = (vars(base)[name] for base in cls.__mro__ if name in vars(base))
        ours = next((vars(base)[name] for base in cls.__mro__ if _is_ours(base) and name in vars(base)), None)
        if not overridden or not inspect.isfunction(ours) or member is ours or hasattr(member, "guards"):
            continue
        if not callable(member) and not isinstance(member, (staticmethod, classmethod)):
            raise ValidationError(
                f"{cls.__name__}.{name} is {member!r}, and p2plab calls the method of this name; give it another name"
            )
        nothing, end, checks = inputs.get(name), (ends or {}).get(name), answers or {}
        check = checks.get(name) or checks.get(str(ours.__annotations__.get("return")))
        setattr(cls, name, _guarded(name, member, overridden[0], nothing, end, check))


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "p2plab"


def _guarded(
    name: str,
    member: Any,
    overridden: Any,
    nothing: Callable[[], Any] | None,
    end: Callable[..., Any] | None,
    check: Callable[[Any, Any], object] | None,
) -> Callable[..., Any]:
    bind = getattr(member, "__get__", None)

    @wraps(member if callable(member) else member.__func__)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            answer = member(*args, **kwargs) if bind is None else bind(self, type(self))(*args, **kwargs)
            if check is not None:
                check(self, answer)
            return answer
        except RAISABLE as error:
            if self.raised is None:
                raise
            event = self.raised(f"{type(self).__name__}.{name}", error)
            if end is not None:
                return end(event, self, *args, **kwargs)
            return overridden.__get__(self, type(self))(*args, **kwargs) if nothing is None else nothing()

    guarded.guards = member  # type: ignore[attr-defined]  # so that it is guarded once
    return guarded


def takes(function: Any, count: int) -> bool:
    """Whether a function can be called with so many positional arguments."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return True
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in positional for kind in kinds) >= count
