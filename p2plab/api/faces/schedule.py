"""What happens in a lab by itself: actions at set times, conditions that are watched, time that plays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.api.arguments import check_seconds, check_timeout
from p2plab.api.faces.basis import LabBasis, N
from p2plab.api.faces.node import NodeFace
from p2plab.errors import ClosedError, ValidationError
from p2plab.typing import Timer
from p2plab.worlds import bare

if TYPE_CHECKING:
    from p2plab.api.invariants import Invariant

__all__ = ["LabSchedule"]


class LabSchedule(LabBasis[N]):
    """The verbs of time that both faces of a lab have and that take none."""

    def at(self, time: float, action: Callable[..., Any], *args: Any, **kwargs: Any) -> Timer:
        """Call something inside a mock lab at a moment of its time. What it raises becomes an ``error`` event.

        Args:
            time: seconds of lab time
            action: a verb of a node or of ``lab.network``, or a function of yours, plain or async
            args: what it is called with
            kwargs: what it is called with by name

        Returns:
            A timer, whose ``cancel()`` undoes it.

        Raises:
            ValidationError: the time has passed.
            NotInThisWorldError: in a real lab.

        Example:
            >>> timer = lab.at(lab.now + 12, alice.publish, "news", "hi")
        """
        return self._schedule(check_seconds(time, "at"), None, action, args, kwargs)

    def every(
        self, period: float, action: Callable[..., Any], *args: Any, start: float | None = None, **kwargs: Any
    ) -> Timer:
        """Call something inside a mock lab again and again.

        Args:
            period: seconds of lab time between two calls
            action: as for ``at``
            args: what it is called with
            start: seconds of lab time at which it is called first; left out, one period from now
            kwargs: what it is called with by name

        Returns:
            A timer, whose ``cancel()`` ends it.
        """
        if check_seconds(period, "every") <= 0:
            raise ValidationError("every needs a period above 0 seconds")
        first = self.now + period if start is None else check_seconds(start, "start")
        return self._schedule(first, float(period), action, args, kwargs)

    def _schedule(self, first: float, period: float | None, action: Any, args: Any, kwargs: Any) -> Timer:
        world = self._simulated("lab.at", "start a task of your own, or act between two lab.run_until")
        if not callable(action):
            raise ValidationError(f"at and every call a function or a verb, such as alice.publish, not {action!r}")
        if first < self.now:
            raise ValidationError(f"{first:g} s has passed: it is {self.now:g} s in this lab")
        owner = getattr(action, "__self__", None)
        if isinstance(owner, NodeFace) and owner.world is not bare(self._world):
            raise ValidationError(f"{owner} is a node of another lab, and this one has its own nodes act only")
        if isinstance(owner, NodeFace):  # inside the lab verbs are awaited, whichever face the action was taken from
            action = getattr(self._world.face(self._world.hosts()[owner.name]), action.__name__, action)
        return self._world.call(world.schedule, first, period, action, args, kwargs)

    def always(self, name: str, predicate: Callable[..., object]) -> Invariant:
        """Have something looked at after every event from now on, which is to hold always.

        The first time it does not hold, the run stops, and the verb that let it run raises InvariantError with the
        event and its causes.

        Args:
            name: what it is called in the error
            predicate: a function of nothing, or of the lab: true as long as all is well

        Returns:
            The Invariant; ``cancel()`` ends it.
        """
        from p2plab.api.invariants import Invariant

        return Invariant(self._world, self, name, predicate)

    def eventually(self, name: str, predicate: Callable[..., object], within: float) -> Invariant:
        """Have something looked at after every event, which is to hold once before some time is over.

        Args:
            name: what it is called in the error
            predicate: a function of nothing, or of the lab
            within: seconds of lab time from now

        Returns:
            The Invariant; ``cancel()`` ends it.
        """
        from p2plab.api.invariants import Invariant

        return Invariant(self._world, self, name, predicate, check_seconds(within, "within"))

    def play(self, speed: float = 1.0) -> None:
        """Let time pass by itself until ``pause``, at the wall clock's speed or another one; a real lab always does.

        Args:
            speed: lab seconds in a second, above 0

        Example:
            >>> lab.play(speed=10)
            >>> lab.pause()
        """
        if not isinstance(speed, (int, float)) or isinstance(speed, bool) or not 0 < speed <= 1e6:
            raise ValidationError(f"speed must be a number above 0 (1.0 is the wall clock's), not {speed!r}")
        if self.closed:
            raise ClosedError(f"this lab is closed; make a new one with {type(self).__name__}()")
        self._world.play(float(speed))

    def pause(self) -> None:
        """Hold the time of a mock lab that plays."""
        self._world.pause()

    @property
    def pace(self) -> float | None:
        """Lab seconds a second at which time passes by itself, as ``play`` set it; None while it is held."""
        return self._world.pace

    def _step(self, count: int) -> int:
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValidationError(f"step takes how many events are to happen, a whole number from 1 up, not {count!r}")
        return self._simulated("step", "use lab.run(seconds) or lab.run_until(condition)").step(count)

    def _wait_until(self, time: float, timeout: float | None) -> tuple[float, bool]:
        """How long to wait for a moment of lab time, and whether that is within the timeout."""
        wait = max(0.0, check_seconds(time, "run_until") - self.now)
        limit = check_timeout(timeout)
        return (wait, True) if limit is None or wait <= limit else (limit, False)
