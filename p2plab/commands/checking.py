"""Checking the arguments of a command with pydantic, and saying in words what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import pydantic

from p2plab.commands.table import CommandSpec
from p2plab.errors import ValidationError
from p2plab.worlds import World

_CONFIG = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True)
_models: WeakKeyDictionary[Any, type[pydantic.BaseModel]] = WeakKeyDictionary()  # by the command's function


def checked(command: CommandSpec, arguments: Mapping[str, Any], world: World | None = None) -> dict[str, Any]:
    """The arguments, each in the form its annotation asks for, defaults filled in.

    ValidationError names each argument that is wrong, its value, and what is allowed. ``world`` is the lab's, whose
    nodes alone may be given as objects.
    """
    try:
        model = _model(command).model_validate(dict(arguments), context={"world": world})
    except pydantic.ValidationError as error:
        raise ValidationError(f"{command.name}: {'; '.join(_in_words(command, arguments, error))}") from None
    return {parameter.name: getattr(model, _field(parameter.name)) for parameter in command.parameters}


def _model(command: CommandSpec) -> type[pydantic.BaseModel]:
    model = _models.get(command.function)
    if model is None:
        fields: dict[str, Any] = {}
        for parameter in command.parameters:
            default = ... if parameter.required else parameter.default
            fields[_field(parameter.name)] = (parameter.annotation, pydantic.Field(default, alias=parameter.name))
        model = pydantic.create_model(f"{command.name} arguments", __config__=_CONFIG, **fields)
        _models[command.function] = model
    return model


def _field(name: str) -> str:
    """A field's name that cannot clash with what a pydantic model has of its own, such as ``copy`` and ``json``."""
    return f"argument_{name}"


def _in_words(command: CommandSpec, given: Mapping[str, Any], error: pydantic.ValidationError) -> list[str]:
    abouts = {parameter.name: parameter.about.text for parameter in command.parameters}
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        if name in found:  # of a long list there may be as many problems as items; the first says enough
            continue
        if problem["type"] == "missing":
            found[name] = f"{name} is missing: {abouts.get(name, 'an argument')}"
        elif problem["type"] == "extra_forbidden":
            found[name] = _unknown(command, name, list(abouts))
        elif name in abouts:
            raised = problem.get("ctx", {}).get("error")
            what = str(raised) if raised is not None else problem["msg"]
            found[name] = f"{name}={shown(given.get(name))} is refused ({what}); it takes {abouts[name]}"
        else:
            found[name] = problem["msg"]
    return list(found.values())


def _unknown(command: CommandSpec, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    meant = f", did you mean {near[0]}?" if near else ""
    takes = ", ".join((["node"] if command.scope == "node" else []) + known) or "no arguments"
    return f"there is no argument {name[:80]!r}{meant} (it takes {takes})"


def shown(value: object, limit: int = 80) -> str:
    """A value in an error's message: its beginning, and never an error of its own."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001  a user's object, whose repr may do anything
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"
