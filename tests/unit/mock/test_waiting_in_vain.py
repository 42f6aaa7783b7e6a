"""``run_until`` without a timeout, for what never comes: it ends where nothing is left to happen, and not before."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import LabError
from p2plab.mock.driver import until


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(until, "QUIET", 600 * TICKS_PER_SECOND)
    lab = Lab(seed=1)
    lab.start_nodes(2)
    lab.wire("full")
    return lab


def test_a_lab_in_which_only_time_passes_ends_the_wait_and_goes_on(lab: Lab) -> None:
    a, b = lab.nodes
    news = b.subscribe("news")
    with pytest.raises(LabError, match=r"nothing has happened in the lab .*timeout=seconds"):
        lab.run_until(lambda: False)
    assert lab.now < 1000
    a.publish("news", b"x")
    assert news.get(timeout=5).data == b"x"
    with Lab.replay(lab.history()) as again:
        assert again.events.digest() == lab.events.digest()


def test_a_timeout_a_moment_or_an_event_to_come_is_waited_for_however_long_nothing_happens(lab: Lab) -> None:
    assert not lab.run_until(lambda: False, timeout=3000)
    came: list[int] = []
    lab.at(lab.now + 500, came.append, 1)
    lab.at(lab.now + 1000, came.append, 2)
    assert lab.run_until(lambda: len(came) == 2)


def test_an_empty_lab_says_at_once_that_nothing_is_left_to_happen() -> None:
    with Lab(seed=1) as lab, pytest.raises(LabError, match="nothing is left to happen"):
        lab.run_until(lambda: False)
