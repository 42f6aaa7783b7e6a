"""From what a chart was given to the event log that it draws, and what is to be said of that log below the chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from p2plab.charts.painters.text import plain
from p2plab.errors import ValidationError
from p2plab.errors.likely import did_you_mean, in_words
from p2plab.events import Event, EventLog
from p2plab.text import plural

__all__ = ["LogSource", "source_of"]

LEVELS = ("counters", "decisions", "messages", "all")


@dataclass(frozen=True, slots=True)
class LogSource:
    """An event log, and the part of it that is asked for: a topic, and seconds of lab time, both ends included."""

    log: EventLog
    world: str  # "mock lab, seed 7"; "event log" where there is no lab
    topic: str | None = None
    since: float | None = None
    until: float | None = None

    def events(self, kind: str, *, whole: bool = False) -> list[Event]:
        """The events of a kind in the part asked for; with ``whole``, from the beginning of the log."""
        return self.log.filter(kind=kind, topic=self.topic, since=None if whole else self.since, until=self.until)

    def records(self, level: str) -> bool:
        """Whether the log is kept at this level or a finer one."""
        return LEVELS.index(self.log.level) >= LEVELS.index(level)

    def within(self, t: float) -> bool:
        """Whether a moment lies in the part asked for."""
        return (self.since is None or t >= self.since) and (self.until is None or t <= self.until)

    def span(self) -> tuple[float, float]:
        """The first and the last moment of the part asked for, in seconds; the last of a running lab is now."""
        first = self.log[0].t if len(self.log) else 0.0
        last = max(self.log[-1].t, self.log.now) if len(self.log) else 0.0
        low = first if self.since is None else self.since
        high = last if self.until is None else min(self.until, max(last, low))
        return low, max(low, high)

    def notes(self, *more: str) -> tuple[str, ...]:
        """What a reader has to know of the run: world, level, what was dropped, and its assumptions."""
        nodes = len({event.node for event in self.log.filter(kind="node.started")})
        parts = [self.world, *([plural(nodes, "node")] if nodes else []), f"recording level {self.log.level}"]
        if self.topic is not None:
            parts.append(f"topic {plain(self.topic, 40)}")
        if self.since is not None or self.until is not None:
            low, high = self.span()
            parts.append(f"from {low:g} to {high:g} s")
        said = ["; ".join(parts)]
        if self.log.dropped:
            said.append(f"the first {self.log.dropped:,} rows of the log were dropped and are not in this chart")
        assumed = getattr(self.log, "assumptions", None)
        if assumed:
            said += [plain(line, 200) for line in _lines(assumed)]
        return (*said, *(note for note in more if note))


def _lines(assumptions: Any) -> list[str]:
    if isinstance(assumptions, str):
        return assumptions.splitlines()
    if isinstance(assumptions, dict):
        return [f"{name}: {value}" for name, value in assumptions.items()]
    return [str(one) for one in assumptions]


def source_of(
    chart: str, source: object, topic: str | None = None, since: float | None = None, until: float | None = None
) -> LogSource:
    """Check what a chart was given. ValidationError names what it takes instead, and the likely topic."""
    log = source if isinstance(source, EventLog) else getattr(source, "events", None)
    if not isinstance(log, EventLog):
        raise ValidationError(
            f"{chart} takes a lab, an event log or what p2plab.open gave, not {type(source).__name__} {source!r}"[:300]
        )
    for name, value in (("since", since), ("until", until)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value != value):
            raise ValidationError(f"{name} is a number of seconds of lab time, not {value!r}")
    if since is not None and until is not None and until < since:
        raise ValidationError(f"until={until:g} lies before since={since:g}; both are seconds of lab time")
    if topic is not None:
        _check_topic(log, topic)
    backend, seed = getattr(source, "backend", None), getattr(source, "seed", None)
    world = (
        "event log" if backend in (None, "log") else f"{backend} lab" + (f", seed {seed}" if seed is not None else "")
    )
    return LogSource(log, world, topic, since, until)


def _check_topic(log: EventLog, topic: object) -> None:
    if not isinstance(topic, str):
        raise ValidationError(f"topic is the name of a topic (str) or None for all, not {topic!r}")
    known = log.topics()
    if topic not in known:
        meant = did_you_mean(topic, known) or f"it has {in_words(sorted(known)) or 'none'}"
        raise ValidationError(f"the log has no topic {topic!r}; {meant}".rstrip())
