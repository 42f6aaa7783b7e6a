"""The settings of labs and nodes, declared once each: a dataclass a world, whose fields are made by ``setting``.

A field has the setting's name, type and default; ``setting`` adds what it is, in words, whose it is (a lab's, a node's
or both), and how a value is checked. Errors, completions and pages read all of it from there.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import textwrap
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from p2plab.errors import ValidationError

__all__ = ["Setting", "changed", "declared", "listed", "refuse_unknown", "setting"]

S = TypeVar("S")
Whose = Literal["lab", "node", "both"]
_MARK: Final = "p2plab setting"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``default`` is its default in words; ``whose``: whether a lab, a node or either takes it."""

    name: str
    type: str
    help: str
    default: str
    whose: Whose
    check: Callable[[Any], Any] | None = None

    def __str__(self) -> str:
        return f"{self.help} ({self.default})" if self.default else self.help


def setting(
    default: Any,
    help: str,
    whose: Whose = "both",
    *,
    check: Callable[[Any], Any] | None = None,
    factory: Callable[[], Any] | None = None,
    shown: str | None = None,
) -> Any:
    """Declare a setting, as the value of a dataclass's field.

    Args:
        default: its default
        help: what it is, in a line, with units
        whose: whether a lab takes it for all its nodes, a node, or both do
        check: a function that gives a value in the form it is used in, or raises ValidationError
        factory: makes the default, instead
        shown: the default in words, where its repr is none
    """
    if shown is None:
        shown = "none" if default is None else f"{default:,}" if type(default) is int else str(default)
    metadata = {_MARK: (help, whose, check, shown)}
    if factory is not None:
        return dataclasses.field(default_factory=factory, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def declared(settings: Any, whose: Literal["lab", "node"] | None = None) -> dict[str, Setting]:
    """The settings that a dataclass (or one of its values) declares, by name: a lab's, a node's, or all of them."""
    found = {}
    for entry in dataclasses.fields(settings):
        help, owner, check, shown = entry.metadata[_MARK]
        if whose is None or owner in (whose, "both"):
            found[entry.name] = Setting(entry.name, str(entry.type), help, shown, owner, check)
    return found


def listed(settings: Mapping[str, Setting], width: int = 108) -> str:
    """Settings as the lines of a docstring: each with what it is, and its default in parentheses."""
    lines: list[str] = []
    for name, one in settings.items():
        lines += textwrap.wrap(f"{name}: {one}", width, initial_indent="    ", subsequent_indent=" " * 8)
    return "\n".join(lines)


def refuse_unknown(
    given: Mapping[str, Any], known: Mapping[str, Setting], what: str, first: str = "", whole: Container[str] = ()
) -> None:
    """ValidationError for a setting that is not declared: it names those that are like it, and all there are; of one of
    ``whole``, which a whole lab takes, where it belongs."""
    unknown = sorted(given.keys() - known.keys())
    if not unknown:
        return
    others = re.findall(r"\w+", first.replace(" and ", " "))
    near = difflib.get_close_matches(unknown[0], [*known, *others], n=1)
    meant = f" (did you mean {near[0]}{f': {known[near[0]].help}' if near[0] in known else ''}?)" if near else ""
    if unknown[0] in whole:
        raise ValidationError(f"{unknown[0]}= is a setting of a whole lab, Lab({unknown[0]}=...), not of {what}{meant}")
    raise ValidationError(f"{what} has no setting {unknown[0]!r}{meant}; it takes {first}{', '.join(known)}")


def changed(settings: S, given: Mapping[str, Any]) -> S:
    """The same settings with some values changed, each checked. Raises ValidationError."""
    known = declared(settings)
    values = {}
    for name, value in given.items():
        check = known[name].check
        values[name] = value if check is None else check(value)
    result: S = dataclasses.replace(settings, **values)  # type: ignore[type-var]  # declared() has seen its fields
    return result
