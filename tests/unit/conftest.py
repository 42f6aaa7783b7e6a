"""No unit test passes or fails by the clock: Hypothesis's deadline for an example is off. And what tests of interrupts
need of the process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Under CI every version of Hypothesis repeats the same examples every time; elsewhere it goes on looking for new ones.
settings.register_profile("unhurried", settings.default, deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("unhurried")


@pytest.fixture(scope="module")
def interruptible() -> Iterator[None]:
    """Python's own handler of SIGINT, also for the processes that are started meanwhile. A test run that was started in
    the background or under nohup ignores SIGINT, and its children with it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
