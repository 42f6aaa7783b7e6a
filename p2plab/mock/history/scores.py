"""The scores that nodes gave their peers at a moment that is over: the run is done again up to there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import SnapshotError
from p2plab.mock.history.replay import MakeWorld, replayed
from p2plab.mock.world import MockWorld

__all__ = ["scores_then"]

Scores = dict[str, dict[str, Any]]


def scores_then(world: MockWorld, make: MakeWorld) -> Callable[[int, bool], Scores | None]:
    """What gives all scores as they were at the end of a tick, or are now; None for a run that cannot be done again."""
    there = ref(world)

    def scores(tick: int, is_now: bool) -> Scores | None:
        original = there()
        if original is None or (original.closed and is_now):
            return None
        if is_now:
            return _of(original)
        try:
            again = replayed(make, original.history(), tick / TICKS_PER_SECOND)
        except SnapshotError:
            return None
        try:
            return _of(again)
        finally:
            again.close()

    return scores


def _of(world: MockWorld) -> Scores:
    return {name: host.scores() for name, host in world.read(world.hosts).items() if host.running}
