"""``p2plab.shrink``: of a run that fails, the fewest commands that fail still.

Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) over the commands of
a history, then over what single commands name (nodes to start, pairs to wire), then over the time between them. A
candidate is played loosely: each command at its time, and one that makes no sense any more does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from p2plab.api.backends import make_world
from p2plab.errors import SnapshotError, ValidationError
from p2plab.errors.frames import faced
from p2plab.mock.history.history import DRIVER
from p2plab.mock.history.packing import Name, unpack
from p2plab.progress import watched
from p2plab.runs.saved.opening import commands_of
from p2plab.runs.saved.tags import Named
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.api.blocking.lab import Lab

__all__ = ["shrink"]

LISTS: Final = ("start_nodes", "wire")  # verbs whose first argument is a list of which some may go


@dataclass(frozen=True, slots=True)
class _Step:
    """One command: when, on what, which verb, with what; ``index`` is its number in the history it came from."""

    index: int
    tick: int
    owner: Any
    verb: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    waits: bool


@faced
def shrink(
    lab_or_path: Any,
    still_fails: Callable[[Lab], object],
    progress: Callable[[int, int], None] | bool | None = None,
) -> Lab:
    """Make a failing run small.

    Args:
        lab_or_path: a mock lab, or the path of a saved run
        still_fails: a function of a lab that says whether it still fails; what it raises counts as no
        progress: as in ``p2plab.sweep``: a function of (commands left, commands at first), True or False

    Returns:
        A lab of the fewest commands, at its end; ``lab.save`` makes a file of it.

    Raises:
        ValidationError: the run does not fail to begin with, or cannot be made again.

    Example:
        >>> lab.run(5)
        >>> alice.crash()
        >>> lab.run(5)
        >>> small = p2plab.shrink(lab, lambda lab: "alice" in lab and not lab["alice"].running, progress=False)
        >>> for command in small.history():
        ...     print(command)
        0.0000s  lab  start_nodes(['alice'], {})
        0.0000s  node alice  crash(False)
    """
    if not callable(still_fails):
        raise ValidationError(f"still_fails={still_fails!r}: a function of a lab, as in lambda lab: not lab.edges()")
    lab = _lab(lab_or_path)
    history = commands_of(lab)
    steps = [
        _step(command) for command in history if command.target != DRIVER and (command.carried or not command.refused)
    ]
    search = _Search(history.seed, history.settings, history.tick, still_fails)
    if not search.fails(steps):
        raise ValidationError(
            f"still_fails says no of the run itself, played again ({plural(len(steps), 'command')}): "
            "there is nothing to shrink"
        )
    left = whole = len(steps)

    def tell(now: int) -> None:
        nonlocal left
        left = now
        if callable(progress):
            progress(now, whole)

    shown = False if callable(progress) else progress
    with watched("shrinking", whole, lambda: whole - left, " commands left out", shown):
        steps = search.fewest(steps, tell)
        steps = search.shorter_lists(steps)
        steps = search.fewest(steps, tell)
        steps = search.sooner(steps)
    return search.played(steps)


def _lab(given: Any) -> Any:
    from p2plab.views.opening import open as open_file

    return given if hasattr(given, "history") else open_file(given)


def _step(command: Any) -> _Step:
    if command.stuck:
        raise SnapshotError(f"{command} cannot be given again: {command.stuck}")
    owner, verb, args, kwargs = unpack(command.carried, Named)
    return _Step(command.index, command.tick, owner, verb, args, kwargs, command.waits)


class _Search:
    def __init__(self, seed: int, settings: bytes, end: int, still_fails: Callable[[Lab], object]) -> None:
        self._seed = seed
        self._settings = settings
        self._end = end
        self._still_fails = still_fails

    # -- playing

    def played(self, steps: Sequence[_Step]) -> Lab:
        """A lab in which these were done, at their times."""
        from p2plab.api.blocking.lab import Lab

        world: Any = make_world("mock", self._seed, unpack(self._settings, lambda name: name))
        lab = Lab._over(world)
        made: dict[int, Any] = {}
        for step in steps:
            self._pass_until(world, step.tick)
            try:
                find = _Finder(world, made)
                owner = find(step.owner)
                verb, args = getattr(owner, step.verb), find(step.args)
                kwargs = find(step.kwargs)
                made[step.index] = (world.run if step.waits else world.call)(verb, *args, **kwargs)
            except Exception:  # noqa: BLE001, S112  without the commands before it, it makes no sense: it does nothing
                continue
        self._pass_until(world, self._end)
        return lab

    @staticmethod
    def _pass_until(world: Any, tick: int) -> None:
        missing = tick - world.clock.now
        if missing > 0:
            world.run(world.sleep, missing / world.events.resolution)

    def fails(self, steps: Sequence[_Step]) -> bool:
        """Whether a run of these still fails."""
        lab = self.played(steps)
        try:
            return bool(self._still_fails(lab))
        except Exception:  # noqa: BLE001  of a lab that lacks what it asks for, it has no answer
            return False
        finally:
            lab.close()

    # -- searching

    def fewest(self, steps: list[_Step], tell: Callable[[int], None]) -> list[_Step]:
        """Delta debugging: leave out halves, quarters, ... single commands, until none can go."""
        parts = 2
        while len(steps) >= 2:
            size = -(-len(steps) // parts)
            chunks = [(at, min(at + size, len(steps))) for at in range(0, len(steps), size)]
            for begins, ends in reversed(chunks):  # what comes last is needed by fewest
                rest = steps[:begins] + steps[ends:]
                if rest and self.fails(rest):
                    steps, parts = rest, max(parts - 1, 2)
                    tell(len(steps))
                    break
            else:
                if parts >= len(steps):
                    break
                parts = min(parts * 2, len(steps))
        return steps

    def shorter_lists(self, steps: list[_Step]) -> list[_Step]:
        """Of nodes to start and pairs to wire, leave out those that are not needed."""
        for place, step in enumerate(steps):
            if step.verb not in LISTS or not step.args or not isinstance(step.args[0], (list, tuple)):
                continue
            kept = list(step.args[0])
            size = max(len(kept) // 2, 1)
            while size:
                at = 0
                while at < len(kept):
                    fewer = kept[:at] + kept[at + size :]
                    candidate = [*steps]
                    candidate[place] = replace(step, args=(fewer, *step.args[1:]))
                    if fewer and self.fails(candidate):
                        steps, kept = candidate, fewer
                    else:
                        at += size
                size //= 2
        return steps

    def sooner(self, steps: list[_Step]) -> list[_Step]:
        """Let less time pass: between commands, and after the last one."""
        for place in range(len(steps) + 1):
            before = steps[place - 1].tick if place else 0
            gap = (self._end if place == len(steps) else steps[place].tick) - before
            for less in (gap, gap // 2, gap // 4):
                if less and self._without(steps, place, less):
                    steps = _moved(steps, place, less)
                    self._end -= less
                    break
        return steps

    def _without(self, steps: list[_Step], place: int, ticks: int) -> bool:
        candidate = _moved(steps, place, ticks)
        self._end -= ticks
        try:
            return self.fails(candidate)
        finally:
            self._end += ticks


def _moved(steps: Sequence[_Step], place: int, ticks: int) -> list[_Step]:
    """The same, those from ``place`` on so many ticks earlier."""
    return [replace(step, tick=step.tick - (ticks if at >= place else 0)) for at, step in enumerate(steps)]


class _Finder:
    """Puts a lab's own in place of names. ``made`` has what earlier commands gave, by their numbers."""

    def __init__(self, world: Any, made: dict[int, Any]) -> None:
        self._world = world
        self._made = made

    def __call__(self, value: Any) -> Any:
        if isinstance(value, Named):
            return self._found(value.name)
        if isinstance(value, (list, tuple)):
            return type(value)(self(item) for item in value)
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        return value

    def _found(self, name: Name) -> Any:
        if name[0] == "made":
            return self._made[name[1]]
        return self._world.packer.find(name)
