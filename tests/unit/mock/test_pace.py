"""``play`` keeps to the wall clock. The wall clock of these tests is one that they set themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import Lab
from p2plab.errors import ClosedError
from p2plab.mock.driver.pace import Pace


class Wall:
    """A clock that moves by ``pace`` seconds whenever somebody looks at it."""

    def __init__(self, pace: float = 0.0) -> None:
        self.seconds = 1000.0
        self.pace = pace

    def __call__(self) -> float:
        self.seconds += self.pace
        return self.seconds


@pytest.mark.parametrize("speed", [0.1, 1.0, 60.0])
def test_what_is_due_follows_the_wall_clock(speed: float) -> None:
    wall = Wall()
    pace = Pace(speed, 500, wall=wall)
    assert pace.due() == 500
    wall.seconds += 2.0
    assert pace.due() == pytest.approx(500 + 2 * speed * 10_000, abs=1)
    wall.seconds += 3600.0
    assert pace.due() == pytest.approx(500 + 3602 * speed * 10_000, abs=1)


def test_it_says_how_long_a_tick_is_away() -> None:
    wall = Wall()
    pace = Pace(2.0, 0, wall=wall)
    assert pace.seconds_until(20_000) == 1.0
    wall.seconds += 0.75
    assert pace.seconds_until(20_000) == 0.25
    wall.seconds += 5
    assert pace.seconds_until(20_000) == 0.0


def test_it_does_not_drift_however_often_it_is_asked() -> None:
    wall = Wall(pace=0.001)
    pace = Pace(1.0, 0, wall=wall)
    began = wall.seconds
    tick = 0
    for _ in range(10_000):
        tick = pace.due()
        assert pace.give_in(tick) == 0.0
    assert tick == pytest.approx((wall.seconds - began) * 10_000, abs=30)
    assert pace.behind == 0.0


def test_a_little_lateness_is_caught_up_with() -> None:
    wall = Wall()
    pace = Pace(1.0, 0, wall=wall)
    wall.seconds += 10.2
    assert pace.give_in(100_000) == 0.0
    assert pace.due() == pytest.approx(102_000, abs=1)


def test_much_lateness_is_said_and_given_up_on() -> None:
    wall = Wall()
    pace = Pace(1.0, 0, wall=wall)
    wall.seconds += 12.0
    assert pace.give_in(100_000) == pytest.approx(2.0)
    assert pace.behind == pytest.approx(2.0)
    assert pace.due() == 100_000, "it starts anew from where it is"
    wall.seconds += 1.0
    assert pace.due() == 110_000
    assert pace.give_in(110_000) == 0.0


@pytest.fixture
def played(lab: Lab) -> Callable[[float, float], Wall]:
    """Has the lab play by a wall clock of ours; nothing runs by itself here, since there is no loop."""

    def play(speed: float, pace: float) -> Wall:
        wall = Wall(pace)
        lab.world.wall = wall  # type: ignore[attr-defined]  # a mock world's
        lab.play(speed)
        return wall

    return play


def test_a_blocking_verb_paces_while_the_lab_plays(lab: Lab, played: Callable[[float, float], Wall]) -> None:
    lab.every(0.01, lambda: None)
    wall = played(10.0, 0.0001)
    began = wall.seconds
    lab.run(5)
    assert lab.now == 5.0
    assert wall.seconds - began == pytest.approx(0.5, rel=0.02), "ten lab seconds a second"
    lab.pause()
    seconds = wall.seconds
    lab.run(10)
    assert wall.seconds == seconds, "paused: as fast as can be"


def test_a_lab_that_cannot_keep_up_says_so(lab: Lab, played: Callable[[float, float], Wall]) -> None:
    def slow() -> None:
        wall.seconds += 1.0

    lab.every(0.001, slow)
    wall = played(1.0, 0.0001)
    lab.run(0.01)
    behind = lab.events.filter(kind="lab.behind")
    assert behind
    assert {event.reason for event in behind} == {"cannot keep up"}
    assert all((event.data or {})["seconds"] > 0.25 for event in behind)


def test_nothing_happens_by_itself_without_a_loop(lab: Lab) -> None:
    lab.every(0.1, lambda: None)
    lab.play(1000.0)
    assert lab.now == 0.0
    lab.pause()
    lab.pause()


def test_a_closed_lab_does_not_play(lab: Lab) -> None:
    lab.close()
    with pytest.raises(ClosedError, match="this lab is closed"):
        lab.play()
