"""A scenario's steps, from a script, from YAML or from Python: each a command or an expectation, maybe with a time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from p2plab.commands.arguments import duration
from p2plab.commands.line import line_of, parse_line, parse_words, text_of, words_of
from p2plab.commands.scripts.expectations import Expectation, scalar
from p2plab.commands.table import find
from p2plab.errors import ValidationError

__all__ = ["MOST_STEPS", "Step", "header_of", "step_of", "steps_of_text"]

MOST_STEPS: Final = 100_000
BACKENDS: Final = ("mock", "real", "auto")
_TIMED: Final = re.compile(r"@\s*(\S+)\s+(.*)")
_WORDS: Final = ("at", "may_fail")  # beside the command, in a step written as a mapping


@dataclass(frozen=True)
class Step:
    """One step. ``at`` is seconds of lab time since the scenario began; a command that ``may_fail`` does not end it."""

    text: str
    at: float | None = None
    may_fail: bool = False
    expectation: Expectation | None = None
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] | None = None  # of a line, whose first value may or may not be a node
    where: str = ""

    def command(self, nodes: Collection[str]) -> tuple[str, dict[str, Any]]:
        """The command and its arguments, in a lab with these nodes."""
        if self.words is None:
            return self.name, self.arguments
        return self.name, parse_words(find(self.name), self.words, nodes)


def step_of(written: Any, where: str = "") -> Step:
    """A step from a line, or from a mapping such as ``{"publish": {"topic": "news", "message": "hi"}, "at": 2}``.

    ValidationError says what is wrong with it; ``where`` is the place it is reported at.
    """
    try:
        if isinstance(written, str):
            return _of_line(written, where)
        if isinstance(written, tuple) and len(written) == 2:  # (time, step)
            at, inner = written
            return _timed(step_of(inner), at, where)
        if isinstance(written, Mapping):
            return _of_mapping(written, where)
        raise ValidationError(f"a step is a line or a mapping, not {written!r}")
    except ValidationError as error:
        if not where or str(error).startswith(where):
            raise
        raise ValidationError(f"{where}: {error}") from None


def _timed(step: Step, at: Any, where: str) -> Step:
    return replace(step, at=_time(at), where=where or step.where)


def _of_line(line: str, where: str) -> Step:
    text = line.strip()
    at, may_fail = None, False
    timed = _TIMED.fullmatch(text)
    rest = text
    if timed:
        at, rest = _time(timed[1]), timed[2].strip()
    if rest.startswith("- "):
        may_fail, rest = True, rest[2:].strip()
    if rest.startswith("expect "):
        if may_fail:
            raise ValidationError("an expectation that may fail says nothing; take the '-' away")
        return Step(text, at, False, Expectation.parse(rest[len("expect ") :]), where=where)
    name, _ = parse_line(rest)
    return Step(text, at, may_fail, None, name, words=tuple(words_of(rest)[1:]), where=where)


def _of_mapping(written: Mapping[Any, Any], where: str) -> Step:
    names = [str(key) for key in written if key not in _WORDS]
    if len(names) != 1:
        raise ValidationError(
            f"a step has one command beside {' and '.join(_WORDS)}, and this has {', '.join(names) or 'none'}"
        )
    name, value = names[0], written[names[0]]
    at = None if written.get("at") is None else _time(written["at"])
    may_fail = written.get("may_fail", False)
    if not isinstance(may_fail, bool):
        raise ValidationError(f"may_fail is true or false, not {may_fail!r}")
    if name == "expect":
        if may_fail:
            raise ValidationError("an expectation that may fail says nothing; take may_fail away")
        expectation = Expectation.parse(value)
        return Step(f"expect {expectation.text}", at, False, expectation, where=where)
    command = find(name)
    if isinstance(value, Mapping):
        arguments = {str(key): item for key, item in value.items()}
        return Step(line_of(command, arguments), at, may_fail, None, name, arguments, where=where)
    if isinstance(value, str):
        words = words_of(value)
    elif isinstance(value, list):
        words = [text_of(item) for item in value]
    else:
        words = [] if value is None else [text_of(value)]
    parse_words(command, words)
    return Step(" ".join([name, *words]), at, may_fail, None, name, words=tuple(words), where=where)


def _time(value: Any) -> float:
    try:
        seconds = float(duration(value))
    except (TypeError, ValueError):
        raise ValidationError(f"{value!r} is no time: write seconds, or 200ms, 5s, 2m") from None
    if not 0 <= seconds < 1e9:
        raise ValidationError(f"a step's time is from 0 up, in seconds since the scenario began, not {value!r}")
    return seconds


def steps_of_text(text: str) -> tuple[dict[str, Any], list[Step]]:
    """The steps of a script, one a line, and what its first line says of the lab, if that begins with ``lab``."""
    settings: dict[str, Any] = {}
    steps: list[Step] = []
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"line {number}"
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if not steps and not settings and stripped.split()[0] == "lab":
            settings = header_of(words_of(stripped)[1:], where)
        else:
            steps.append(step_of(stripped, where))
    return settings, steps


def header_of(words: Iterable[str], where: str = "lab") -> dict[str, Any]:
    """What a lab is to be: its backend, and ``name=value`` for its seed and its settings."""
    settings: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign and word in BACKENDS:
            name, sign, value = "backend", "=", word
        if not sign or not name.isidentifier():
            raise ValidationError(f"{where}: {word!r} is no setting; write name=value, such as seed=7")
        settings[name] = scalar(value)
    return settings
