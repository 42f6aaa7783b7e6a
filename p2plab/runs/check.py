"""``lab.check``: whether a scenario goes the same way twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from p2plab.errors import DivergenceError
from p2plab.events import EventLog
from p2plab.runs.scenario import Performance, Scenario, check_scenario, name_of, perform
from p2plab.text import plural

__all__ = ["Agreement", "check"]

ADVICE = (
    "Something that is not the lab's decides in it: a clock, random numbers without a seed of their own, hash() or the "
    "order of a set, or what an earlier run left behind in a variable."
)


@dataclass(frozen=True)
class Agreement:
    """Two runs of a scenario with the same ``seed`` were the same: so many events, with this digest. ``value`` is what
    the scenario returned."""

    scenario: str
    seed: int
    events: int
    digest: str
    value: Any

    def __repr__(self) -> str:
        return (
            f"<Agreement: {self.scenario} went the same way twice with seed {self.seed}, "
            f"{plural(self.events, 'event')}, digest {self.digest[:16]}…>"
        )


def check(scenario: Scenario, seed: int, settings: Mapping[str, Any], parameters: Mapping[str, Any]) -> Agreement:
    """Run the scenario in two fresh mock labs with everything recorded. DivergenceError shows where they part; what the
    scenario raises both times is raised."""
    settings = {**settings, "recording": "all"}
    check_scenario(scenario)
    first, second = (perform(scenario, "mock", seed, settings, parameters) for _ in range(2))
    _compare_events(first.events, second.events, seed)
    _compare_outcomes(first, second, seed)
    if first.error is not None:
        raise first.error
    log = first.events
    return Agreement(name_of(scenario), seed, log.dropped + len(log), log.digest(), first.value)


def _compare_events(first: EventLog, second: EventLog, seed: int) -> None:
    if first.dropped or second.dropped:
        _compare_digests(first, second, seed)
        return
    for one, other in zip_longest(first.rows()[0], second.rows()[0]):
        if one is None or other is None or first.line(one) != second.line(other):
            a, b = (None if row is None else log.event(row) for log, row in ((first, one), (second, other)))
            log, event = (first, a) if a is not None else (second, b)
            assert event is not None
            lines = [
                f"the two runs with seed {seed} part at event {event.seq}, {event.t:.4f} s:",
                f"  first:   {a or 'the run had ended'}",
                f"  second:  {b or 'the run had ended'}",
                "what led to it:" if event.cause is not None else "nothing in the lab led to it.",
                *(f"  {cause}" for cause in list(log.chain(event))[:-1]),
                ADVICE,
            ]
            raise DivergenceError("\n".join(lines), (a, b))


def _compare_digests(first: EventLog, second: EventLog, seed: int) -> None:
    if first.digest() != second.digest():
        raise DivergenceError(
            f"the two runs with seed {seed} differ; the event at which they part may be among the first "
            f"{max(first.dropped, second.dropped)}, which the log dropped: raise log_limit to see it. {ADVICE}",
            (None, None),
        )


def _compare_outcomes(first: Performance, second: Performance, seed: int) -> None:
    one, other = ("returned" if run.error is None else f"raised {type(run.error).__name__}" for run in (first, second))
    if one != other:
        raise DivergenceError(
            f"the two runs with seed {seed} had the same events, but the first {one} and the second {other}. {ADVICE}",
            (None, None),
        )
