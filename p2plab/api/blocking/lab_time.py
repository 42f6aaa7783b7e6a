# Made of p2plab/api/aio/lab_time.py by `python p2plab/api/generate.py`: change that file and run it again.

"""The verbs of a lab that let its time pass."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from p2plab.api.arguments import check_seconds, check_timeout
from p2plab.api.differences import LabOnly
from p2plab.errors import ValidationError

__all__ = ["LabTime"]


class LabTime(LabOnly):
    """What a ``Lab`` has for time: ``run``, ``run_until``, ``expect``, ``step``."""

    def run(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: how much lab time

        Example:
            >>> before = lab.now
            >>> lab.run(2.5)
            >>> round(lab.now - before, 6)
            2.5
        """
        wait = check_seconds(seconds, "seconds")
        with self._time_passes(wait):
            self._world.run(self._world.sleep, wait)

    def run_until(self, condition: Callable[[], object] | float, timeout: float | None = None) -> bool:
        """Let time pass until a condition holds, or a moment has come.

        Args:
            condition: a function without arguments, which is asked after every event; or a moment of lab time, seconds
            timeout: seconds of lab time after which it is given up; left out, it is waited for as long as the lab
                goes on, until the cell is interrupted (the kernel's stop button; the lab can be used as before)

        Returns:
            Whether it came to hold in time.

        Raises:
            LabError: without a timeout, and nothing is left to happen in a mock lab, or nothing but heartbeats without
                effect for a day of its time.

        Example:
            >>> news = bob.subscribe("news")
            >>> lab.run_until(lambda: alice.topic_peers("news"), timeout=10)
            True
        """
        if callable(condition):
            if inspect.iscoroutinefunction(condition):  # its coroutine would stand for a yes
                raise ValidationError(f"a condition is a plain function, which answers at once, not {condition!r}")
            limit = check_timeout(timeout)
            with self._time_passes(limit):
                return self._world.run(self._world.until, condition, limit)
        wait, in_time = self._wait_until(condition, timeout)
        self.run(wait)
        return in_time

    def expect(self, expectation: str) -> Any:
        """Hold the lab to an expectation, and let time pass until it comes true.

        Args:
            expectation: as in scripts: ``"delivered to n3, n4 within 5s"``, ``"delivered >= 99% within 5s"``,
                ``"duplicates below 40"``, ``"recall above 90%"``, ``"connected(alice, bob)"``; of all that happened in
                the lab so far. Without ``within`` it has to hold now

        Returns:
            What was measured.

        Raises:
            ExpectationError: it did not come true; it is an AssertionError too, and says what was measured.
            ValidationError: a text that is no expectation.

        Example:
            >>> lab.expect("connected(alice, bob)")
            True
        """
        from p2plab.commands.scripts.expectations import Judging

        judging = Judging.of(self, expectation)
        while judging.goes_on():
            self.run(judging.wait)
        return judging.result()

    def step(self, count: int = 1) -> int:
        """Let the next events of a mock lab happen.

        Args:
            count: how many, a whole number from 1 up

        Returns:
            How many there were.
        """
        return self._step(count)
