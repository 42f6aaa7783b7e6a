"""How a value becomes a row, by the annotation of the verb that gives it."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[[Any], Any])


@dataclass(frozen=True, slots=True)
class Row:
    """How a value becomes a row, and the fields that the row always has, with their types."""

    make: Callable[[Any], Mapping[str, Any]]
    fields: Mapping[str, Any]


ROWS: dict[str, Row] = {}


def row_of(annotation: str) -> Callable[[F], F]:
    """Have a function make the row of what verbs return under an annotation, as it is written there. The function's own
    return annotation names a TypedDict of its module."""

    def registered(make: F) -> F:
        result = make.__globals__[make.__annotations__["return"]]
        fields = typing.get_type_hints(result)
        ROWS[annotation] = Row(make, {name: fields[name] for name in fields if name in result.__required_keys__})
        return make

    return registered
