"""``help()`` of everything public says what it is: classes, functions, methods, properties and fields."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any, get_origin

ROOMS = (
    "p2plab", "p2plab.admission", "p2plab.attacks", "p2plab.charts", "p2plab.content", "p2plab.discovery",
    "p2plab.events", "p2plab.exports", "p2plab.identity", "p2plab.kademlia", "p2plab.kademlia.network", "p2plab.nat",
    "p2plab.pubsub", "p2plab.roles", "p2plab.routing", "p2plab.runs", "p2plab.stream", "p2plab.teaching",
    "p2plab.typing", "p2plab.views",
)  # fmt: skip


def silent_members(cls: type) -> Iterator[str]:
    """The public members of a class, of p2plab's, whose ``help()`` says nothing."""
    for name in dir(cls):
        owner = next((base for base in cls.__mro__ if name in vars(base)), None)
        if name.startswith("_") or owner is None or not owner.__module__.startswith("p2plab"):
            continue
        member = inspect.getattr_static(cls, name)
        if isinstance(member, (classmethod, staticmethod)):
            member = member.__func__
        if (inspect.isfunction(member) or isinstance(member, property)) and not inspect.getdoc(getattr(cls, name)):
            yield name


def silent_fields(cls: type) -> Iterator[str]:
    """The fields of a dataclass that neither its docstring nor a line at the field speaks of."""
    if not dataclasses.is_dataclass(cls):
        return
    told = " ".join(base.__doc__ or "" for base in cls.__mro__ if base.__module__.startswith("p2plab"))
    source = "".join(inspect.getsource(base) for base in cls.__mro__ if base.__module__.startswith("p2plab"))
    for entry in dataclasses.fields(cls):
        beside = re.search(rf'^    {entry.name}:.*(  # |= setting\(|\n    """)', source, re.MULTILINE)
        if not entry.name.startswith("_") and not re.search(rf"\b{entry.name}\b", told) and beside is None:
            yield entry.name


def public() -> dict[str, Any]:
    """Every public class and function, by its name, once."""
    found: dict[Any, str] = {}
    for room in ROOMS:
        module = importlib.import_module(room)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            an_alias = get_origin(value) is not None  # which Python 3.10 takes for a class
            if (inspect.isclass(value) and not an_alias) or inspect.isfunction(value):
                found.setdefault(value, f"{room}.{name}")
    return {name: value for value, name in found.items()}


def test_help_of_everything_public_says_what_it_is() -> None:
    silent = []
    for name, value in public().items():
        if not value.__doc__:
            silent.append(name)
        if inspect.isclass(value):
            silent += [f"{name}.{member}" for member in (*silent_members(value), *silent_fields(value))]
    assert silent == []


def test_the_first_paragraph_of_a_public_docstring_is_a_sentence() -> None:
    ends = (".", ":", "?", ")")
    first = {name: (inspect.getdoc(value) or "").split("\n\n")[0].rstrip() for name, value in public().items()}
    assert {name: text for name, text in first.items() if not text.endswith(ends)} == {}
