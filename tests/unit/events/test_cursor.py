"""The cursor: a moment and a selection for all views of one log."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from p2plab import Lab
from p2plab.errors import ValidationError


def test_it_is_one_for_a_lab_whichever_face_is_asked() -> None:
    with Lab() as lab:
        assert lab.cursor is lab.aio.cursor is lab.events.cursor


def test_steps_go_from_moment_to_moment_and_stop_at_both_ends() -> None:
    with Lab(seed=1) as lab:
        lab.start_nodes(2)
        lab.run(1)
        lab["n0"].connect("n1")
        times = sorted({event.t for event in lab.events})
        cursor = lab.cursor
        assert cursor.live
        assert [cursor.back() for _ in times] == [*times[-2::-1], times[0]]
        assert cursor.state().edges == []
        assert [cursor.step() for _ in times] == [*times[1:], times[-1]]
        assert cursor.state().edges == [("n0", "n1")]
        cursor.to_live()
        assert cursor.time is None


@pytest.mark.parametrize("beyond", [1e3, 1e9])
def test_moments_beyond_the_end_between_ticks_and_of_many_rows_are_found(beyond: float) -> None:
    with Lab(seed=1) as lab:
        lab.start_nodes(30)  # many rows of one tick
        lab.run(1)
        lab["n0"].connect("n1")
        times = sorted({event.t for event in lab.events})
        cursor = lab.cursor
        cursor.at(beyond)
        assert cursor.step(-1) == times[-2]
        cursor.at((times[0] + times[1]) / 2 + 0.00003)  # between two ticks
        assert cursor.here()[-1].t == times[0]
        assert cursor.step(len(times)) == times[-1]
        for t in times:
            cursor.at(t)
            assert cursor.here()[-1].t == t


def test_one_listener_that_raises_keeps_no_other_from_hearing() -> None:
    heard: list[str] = []
    with Lab() as lab:
        lab.cursor.observe(lambda change: heard[5])  # type: ignore[arg-type]
        lab.cursor.observe(heard.append)
        with pytest.raises(IndexError):
            lab.cursor.at(0.5)
    assert heard == ["time"]


def test_it_tells_what_happened_here() -> None:
    with Lab(seed=1) as lab:
        lab.start_nodes(3)
        assert [event.kind for event in lab.cursor.here()] == ["lab.command", *["node.started"] * 3]
        lab.run(1)
        lab["n0"].crash()
        assert [event.kind for event in lab.cursor.here()] == ["lab.command", "node.crashed"]
        lab.cursor.at(0.5)
        assert [event.kind for event in lab.cursor.here(2)] == ["node.started"] * 2


def test_looking_back_changes_nothing_in_the_lab() -> None:
    with Lab(seed=1) as lab:
        lab.start_nodes(3)
        lab.run(1)
        before = lab.now, lab.events.digest()
        lab.cursor.at(0.2)
        lab.cursor.state()
        lab.cursor.step(-2)
        lab.cursor.selection = {"kind": "node", "id": "n0"}
        assert (lab.now, lab.events.digest()) == before


def test_listeners_hear_of_each_change_once_until_they_leave() -> None:
    with Lab() as lab:
        lab.start_node("a")
        heard: list[str] = []
        leave = lab.cursor.observe(heard.append)
        lab.cursor.at(0)
        lab.cursor.at(0)
        lab.cursor.selection = {"kind": "node", "id": "a"}
        lab.cursor.speed = 2
        leave()
        lab.cursor.selection = None
        assert heard == ["time", "selection", "speed"]


def test_playing_runs_to_the_end_and_is_live_there() -> None:
    import threading

    with Lab() as lab:
        lab.start_node("a")
        lab.run(100)
        lab["a"].subscribe("x")
        there = threading.Event()
        times: list[float | None] = []

        def listen(change: str) -> None:
            times.append(lab.cursor.time)
            if change == "playing" and not lab.cursor.playing:
                there.set()

        lab.cursor.observe(listen)
        lab.cursor.play(speed=1000)
        assert there.wait(30)
        assert lab.cursor.live
        moments = [time for time in times if time is not None]
        assert moments == sorted(moments)
        assert moments[0] == 0


def test_marks_are_the_faults_publications_and_errors_and_never_many() -> None:
    with Lab(seed=1) as lab:
        a, _ = lab.start_nodes(2)
        for _ in range(2000):
            a.publish("t", b"x")
            lab.run(0.1)
        a.crash()
        marks = lab.cursor.marks()
        assert len(marks) <= 300
        assert sum(mark.count for mark in marks if mark.what == "publication") == 2000
        assert [(mark.kind, mark.count) for mark in marks if mark.what == "fault"] == [("node.crashed", 1)]
        assert [mark.t for mark in marks] == sorted(mark.t for mark in marks)


@pytest.mark.parametrize("wrong", [{"kind": "planet", "id": 1}, {"kind": "node"}, "n0", 3])
def test_what_cannot_be_selected_is_refused(wrong: object) -> None:
    with Lab() as lab, pytest.raises(ValidationError, match="a selection is"):
        lab.cursor.selection = wrong  # type: ignore[assignment]


@pytest.mark.parametrize("wrong", [-1, True, float("nan"), "now"])
def test_what_is_no_moment_is_refused(wrong: object) -> None:
    with Lab() as lab, pytest.raises(ValidationError, match="seconds of lab time"):
        lab.cursor.at(wrong)  # type: ignore[arg-type]


def test_what_the_cursor_and_the_log_are_asked_with_that_makes_no_sense_costs_a_sentence() -> None:
    with Lab() as lab:
        lab.start_node("alice")
        cursor, log = lab.cursor, lab.events
        wrong: list[Callable[[], object]] = [
            lambda: cursor.back("2"),  # type: ignore[arg-type]
            lambda: cursor.step(1.5),  # type: ignore[arg-type]
            lambda: cursor.here(-1),
            lambda: cursor.at(math.inf),
            lambda: cursor.observe(5),  # type: ignore[arg-type]
            lambda: log.state(at=math.inf),
            lambda: log.by_seq("0"),  # type: ignore[arg-type]
            lambda: log.follow(["error"], limit=0),
        ]
        for ask in wrong:
            with pytest.raises(ValidationError):
                ask()
        assert cursor.live
        cursor.at(1e9)
        assert cursor.here()
