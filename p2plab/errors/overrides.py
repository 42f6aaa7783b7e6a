"""Routers and DHT cores of a user's making: what an overriding method raises, or answers wrongly, is reported, and
harms nothing else.

A method that only decides is then decided by the class it overrides. One that takes an input has done nothing: what it
had begun cannot be begun again. Where somebody waits for what the input was about, that is ended.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple

from p2plab.errors import ValidationError
from p2plab.text import RAISABLE

__all__ = ["answer_of", "guard_overrides", "takes"]


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
    rules = _Rules(inputs, ends or {}, answers or {})
    of_a_users = (base for base in cls.__mro__ if base is not object and not _is_ours(base))
    for name in dict.fromkeys(name for base in of_a_users for name in vars(base)):
        if name.startswith("_"):
            continue
        member, *overridden = (vars(base)[name] for base in cls.__mro__ if name in vars(base))
        ours = _method_of_ours(cls, name)
        if not overridden or ours is None or member is ours or hasattr(member, "guards"):
            continue
        _check_callable(cls, name, member)
        setattr(cls, name, _guarded(name, member, overridden[0], rules.of(name, ours)))
    if not hasattr(cls.__setattr__, "guards"):
        cls.__setattr__ = _guarding(cls.__setattr__, rules)  # type: ignore[method-assign]


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "p2plab"


def _method_of_ours(cls: type, name: str) -> Any:
    """The method of this name that the nearest class of p2plab's has; None where that is no method."""
    found = next((vars(base)[name] for base in cls.__mro__ if _is_ours(base) and name in vars(base)), None)
    return found if inspect.isfunction(found) else None


def _check_callable(cls: type, name: str, member: Any) -> None:
    if not callable(member) and not isinstance(member, (staticmethod, classmethod)):
        raise ValidationError(
            f"{cls.__name__}.{name} is {member!r}, and p2plab calls the method of this name; give it another name"
        )


class _Rule(NamedTuple):
    """What a method answers when it has done nothing, what ends what it was about, and what checks its answer."""

    nothing: Callable[[], Any] | None
    end: Callable[..., Any] | None
    check: Callable[[Any, Any], object] | None


class _Rules(NamedTuple):
    inputs: Mapping[str, Callable[[], Any]]
    ends: Mapping[str, Callable[..., Any]]
    answers: Mapping[str, Callable[[Any, Any], object]]

    def of(self, name: str, ours: Any) -> _Rule:
        """The rule of a method, where ``ours`` is p2plab's own."""
        check = self.answers.get(name) or self.answers.get(str(ours.__annotations__.get("return")))
        return _Rule(self.inputs.get(name), self.ends.get(name), check)


def _guarded(name: str, member: Any, overridden: Any, rule: _Rule) -> Callable[..., Any]:
    bind = getattr(member, "__get__", None)

    @wraps(member if callable(member) else member.__func__)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = member if bind is None else bind(self, type(self))
        return _called(self, name, call, overridden, rule, args, kwargs)

    guarded.guards = member  # type: ignore[attr-defined]  # so that it is guarded once
    return guarded


def _called(owner: Any, name: str, call: Any, overridden: Any, rule: _Rule, args: Any, kwargs: Any) -> Any:
    try:
        answer = call(*args, **kwargs)
        if rule.check is not None:
            rule.check(owner, answer)
        return answer
    except RAISABLE as error:
        if owner.raised is None:
            raise
        event = owner.raised(f"{type(owner).__name__}.{name}", error)
        if rule.end is not None:
            return rule.end(event, owner, *args, **kwargs)
        return overridden.__get__(owner, type(owner))(*args, **kwargs) if rule.nothing is None else rule.nothing()


def _guarding(setting: Any, rules: _Rules) -> Callable[..., None]:
    """The ``__setattr__`` of a user's class: what takes a method's place on one object is guarded as an override is."""

    @wraps(setting)
    def guarding(self: Any, name: str, value: Any) -> None:
        ours = None if name.startswith("_") else _method_of_ours(type(self), name)
        if ours is not None and not isinstance(value, _OnObject):
            _check_callable(type(self), name, value)
            value = _OnObject(self, name, value)
        setting(self, name, value)

    guarding.guards = setting  # type: ignore[attr-defined]
    guarding.rules = rules  # type: ignore[attr-defined]
    return guarding


class _OnObject:
    """A callable that a user has set in a method's place. It holds no function of p2plab's, so that it can be pickled
    where the user's can."""

    def __init__(self, owner: Any, name: str, call: Callable[..., Any]) -> None:
        self.owner, self.name, self.call = owner, name, call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        cls: Any = type(self.owner)
        rule = cls.__setattr__.rules.of(self.name, _method_of_ours(cls, self.name))
        return _called(self.owner, self.name, self.call, inspect.getattr_static(cls, self.name), rule, args, kwargs)


def answer_of(*types: type) -> Callable[[Any, object], None]:
    """For ``answers``: what raises TypeError for an answer of none of these types."""

    def check(owner: Any, answer: object) -> None:
        if not isinstance(answer, types):
            names = " or ".join("None" if one is type(None) else one.__name__ for one in types)
            raise TypeError(f"it is told as {names}, not as {answer!r}")

    return check


def takes(function: Any, count: int) -> bool:
    """Whether a function can be called with so many positional arguments."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return True
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in positional for kind in kinds) >= count
