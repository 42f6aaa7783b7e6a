"""What is said of a lab with ``always`` and ``eventually``, and looked at after every event.

An invariant only looks on: with it the lab goes the same way as without, until it does not hold. Then the run stops,
and the verb that was letting the lab run raises InvariantError. After that the invariant is looked at no more, so that
the lab can be examined, and run on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial

from p2plab.api.arguments import check_seconds
from p2plab.errors import InvariantError, ValidationError
from p2plab.events import Chain
from p2plab.text import RAISABLE, said_by
from p2plab.worlds import World

__all__ = ["Invariant"]

Predicate = Callable[..., object]


class Invariant:
    """Something said of a lab: always or, with ``within`` (seconds from now), eventually.

    ``state`` is ``watched``, ``violated``, ``fulfilled`` (an eventually that came true) or ``cancelled``.
    """

    def __init__(self, world: World, lab: object, name: str, predicate: Predicate, within: float | None = None) -> None:
        if not isinstance(name, str) or not name:
            raise ValidationError(f"an invariant needs a name, such as 'all delivered', not {name!r}")
        self.name = name
        self.state = "watched"
        self._world = world
        self._predicate = _of_nothing(predicate, lab)
        self._within = None if within is None else check_seconds(within, "within")
        self._deadline = None if self._within is None else world.now + self._within
        self._unwatch: Callable[[], None] = lambda: None
        self._recorded = self._count()
        world.read(self._look)
        if self.state == "watched":
            self._unwatch = world.watch(self._look, self._deadline)

    def cancel(self) -> None:
        """Look no more; harmless when that is over."""
        self._end("cancelled")

    def _end(self, state: str) -> None:
        if self.state == "watched":
            self.state = state
            self._unwatch()

    def _look(self) -> None:
        """Inside the lab, after an event or at the deadline."""
        if self.state != "watched":
            return
        try:
            holds = bool(self._predicate())
        except RAISABLE as error:
            raise self._violation(f"could not be looked at ({type(error).__name__}: {said_by(error)})") from error
        if self._deadline is None and not holds:
            raise self._violation("does not hold")
        if self._deadline is not None and holds:
            self._end("fulfilled")
        elif self._deadline is not None and self._world.now >= self._deadline:
            raise self._violation(f"did not come to hold within {self._within:g} s")
        self._recorded = self._count()

    def _violation(self, what: str) -> InvariantError:
        self._end("violated")
        chain = self._noticed_after()
        message = f"{self!s} {what}, at {self._world.now:.4f} s"
        error = InvariantError(f"{message}, after\n{chain}" if chain else message, self.name, chain)
        error.event = chain[-1].seq if chain else None
        return error

    def _noticed_after(self) -> Chain | None:
        """The last event since the last look or, where nothing was recorded since, what led to what happened."""
        log = self._world.events
        event = log[-1] if len(log) and self._count() > self._recorded else log.by_seq(log.cause)
        return None if event is None else log.chain(event)

    def _count(self) -> int:
        log = self._world.events
        return log.dropped + len(log)

    def __str__(self) -> str:
        return f"{'always' if self._within is None else 'eventually'} {self.name!r}"

    def __repr__(self) -> str:
        return f"<{self!s}, {self.state}>"


def _of_nothing(predicate: Predicate, lab: object) -> Callable[[], object]:
    """The predicate as a function of nothing: it may take the lab."""
    if not callable(predicate) or inspect.iscoroutinefunction(predicate):
        raise ValidationError(f"a predicate is a plain function of nothing or of the lab, not {predicate!r}")
    try:
        parameters = inspect.signature(predicate).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not say
        return predicate
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one.name for one in parameters if one.default is one.empty and one.kind in positional]
    if len(needed) > 1:
        raise ValidationError(f"a predicate takes nothing or the lab; {predicate!r} needs {', '.join(needed)}")
    return partial(predicate, lab) if needed else predicate
