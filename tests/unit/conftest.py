"""No unit test passes or fails by the clock: Hypothesis's deadline for an example is off. And what tests of interrupts
need of the process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

# Under CI every version of Hypothesis repeats the same examples every time; elsewhere it goes on looking for new ones.
settings.register_profile("unhurried", settings.default, deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("unhurried")


class RealNodes(pytest.Directory):
    """The folder ``real``, where py-libp2p is not installed."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        pytest.skip("py-libp2p is not installed")


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> RealNodes | None:
    if path == Path(__file__).parent / "real" and find_spec("libp2p") is None:
        return RealNodes.from_parent(parent, path=path)
    return None


@pytest.fixture(scope="module")
def interruptible() -> Iterator[None]:
    """Python's own handler of SIGINT, also for the processes that are started meanwhile. A test run that was started in
    the background or under nohup ignores SIGINT, and its children with it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
