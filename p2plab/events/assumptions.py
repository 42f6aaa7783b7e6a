"""Sentences about what figures rest on, as they stand below tables and charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from p2plab.constants import MODEL_VERSION

__all__ = ["ENOUGH_SEEDS", "ONE_SEED", "REAL", "few_seeds", "other_model", "read_assumptions", "together"]

ENOUGH_SEEDS: Final = 10
ONE_SEED: Final = "One run with one seed: p2plab.sweep(scenario, seeds=range(10)) shows how far figures vary with it."
REAL: Final = "Real nodes share this machine: times are its processors' and the loopback's, and differ from run to run."
_MOST, _LONGEST = 20, 300


def few_seeds(seeds: int) -> str:
    """What is to be said of means over so few seeds; nothing ("") where they are enough."""
    if seeds >= ENOUGH_SEEDS:
        return ""
    return f"Means over {seeds} {'seed' if seeds == 1 else 'seeds'}: below {ENOUGH_SEEDS}, intervals are rough."


def other_model(model: int) -> str:
    """What is to be said of a run that another version of the model computed."""
    return f"Computed by model {model}; this p2plab has model {MODEL_VERSION}, whose figures may differ (CHANGELOG.md)."


def together(runs: Iterable[Sequence[str]], seeds: int) -> tuple[str, ...]:
    """What several runs rest on: each sentence once, in order; of seeds, how many there are in all. Counts of one run
    ("3 of 5 messages left ...") stand without them."""
    found: dict[str, None] = {}
    for sentences in runs:
        for sentence in sentences:
            head, of, rest = sentence.partition(" of ")
            if of and head.removeprefix("At least ").isdigit() and " left within" in rest:
                sentence = f"Some messages{rest[rest.index(' left within') :]}"
            if sentence != ONE_SEED:
                found[sentence] = None
    few = few_seeds(seeds)
    return (*found, *([few] if few else []))


def read_assumptions(said: Any) -> tuple[str, ...]:
    """What a file brings as its run's assumptions, bounded; what is no text is left out."""
    if not isinstance(said, list):
        return ()
    return tuple(one[:_LONGEST] for one in said[:_MOST] if isinstance(one, str))
