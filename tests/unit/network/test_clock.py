"""The clock: the order of calls, stopping and going on, who looks on, and what it is linked to."""

from __future__ import annotations

import heapq
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab.network import Clock
from p2plab.network.clock import TASKS, TIMERS


class Ambient:
    """Where a clock keeps the cause of the call it makes."""

    cause = -1


class Told:
    """A clock, and what its calls told."""

    def __init__(self) -> None:
        self.log = Ambient()
        self.clock = Clock(self.log)
        self.calls: list[tuple[int, Any]] = []

    def tell(self, what: Any, _: object = None) -> None:
        self.calls.append((self.clock.now, what))

    def at(self, tick: int, what: Any, cause: int = -1) -> None:
        self.clock.at(tick, self.tell, what, None, cause)

    @property
    def whats(self) -> list[Any]:
        return [what for _, what in self.calls]


def test_calls_are_made_in_order_of_tick_and_then_of_queueing() -> None:
    told = Told()
    for tick, what in ((5, "c"), (3, "a"), (5, "d"), (3, "b"), (9, "e")):
        told.at(tick, what)
    assert told.clock.run() is True
    assert told.calls == [(3, "a"), (3, "b"), (5, "c"), (5, "d"), (9, "e")]
    assert (told.clock.now, told.clock.steps) == (9, 5)


def test_what_a_call_queues_for_its_own_tick_comes_in_that_tick_behind_the_others() -> None:
    told = Told()

    def queue(what: str, _: object) -> None:
        told.tell(what)
        told.clock.soon(told.tell, what + "'")
        told.clock.after(0, told.tell, what + '"')
        told.clock.after(2, told.tell, what + " later")

    told.clock.at(1, queue, "a", None, -1)
    told.clock.at(1, queue, "b", None, -1)
    told.clock.run()
    assert told.calls[:6] == [(1, "a"), (1, "b"), (1, 'a"'), (1, 'b"'), (1, "a'"), (1, "b'")]  # timers, then tasks
    assert told.calls[6:] == [(3, "a later"), (3, "b later")]


def test_in_a_tick_frames_come_before_timers_before_tasks_before_heartbeats_by_node() -> None:
    told = Told()

    def beat(name: str) -> Callable[[Any, Any], object]:
        return lambda _, __: told.tell(name)

    told.clock.beat(3, 9, beat("node 9"))
    told.clock.beat(3, 2, beat("node 2"))
    told.clock.queue(TASKS, 3, told.tell, "task", None, -1)
    told.clock.queue(TIMERS, 3, told.tell, "timer", None, -1)
    told.at(3, "frame")
    told.clock.beat(3, 4, beat("node 4"))
    told.clock.run()
    assert told.whats == ["frame", "timer", "task", "node 2", "node 4", "node 9"]
    assert told.clock.next_tick() is None


def test_a_frame_of_the_tick_being_run_goes_ahead_of_what_is_left_of_it() -> None:
    told = Told()

    def queue(what: str, _: object) -> None:
        told.tell(what)
        told.at(3, f"frame of {what}")

    told.clock.queue(TIMERS, 3, queue, "a", None, -1)
    told.clock.queue(TIMERS, 3, told.tell, "b", None, -1)
    told.clock.beat(3, 1, lambda _, __: queue("beat", None))
    told.clock.beat(3, 2, lambda _, __: told.tell("last"))
    told.clock.run()
    assert told.whats == ["a", "frame of a", "b", "beat", "frame of beat", "last"]


def test_a_heartbeat_that_was_cancelled_does_not_come_and_others_of_its_tick_do() -> None:
    told = Told()
    for node in (3, 1, 2):
        told.clock.beat(5, node, lambda _, __, node=node: told.tell(node))  # type: ignore[misc]
    told.clock.forget_beat(5, 1)
    told.clock.run()
    assert told.whats == [2, 3]
    told.clock.beat(9, 1, lambda _, __: told.tell("no"))
    told.clock.forget_beat(9, 1)
    assert told.clock.next_tick() is None


def test_run_goes_up_to_a_tick_and_no_further() -> None:
    told = Told()
    for tick in (1, 2, 3):
        told.at(tick, tick)
    assert told.clock.run(2) is True
    assert (told.whats, told.clock.now) == ([1, 2], 2)
    assert told.clock.run(2) is True
    assert told.clock.next_tick() == 3
    assert told.clock.run(100) is True
    assert (told.whats, told.clock.now) == ([1, 2, 3], 100)
    assert told.clock.next_tick() is None


def test_time_does_not_go_back() -> None:
    told = Told()
    told.clock.run(10)
    told.clock.run(5)
    assert told.clock.now == 10


def test_a_limit_of_calls_ends_a_run_and_the_next_goes_on_from_there() -> None:
    told = Told()
    for what in range(7):
        told.at(1 + what // 3, what)
    whole = [told.clock.run(limit=2) for _ in range(4)]
    assert whole == [False, False, False, True]
    assert told.whats == list(range(7))
    assert told.clock.steps == 7


def test_a_stopped_run_returns_after_the_call_it_is_making_and_loses_nothing() -> None:
    told = Told()

    def stop(what: str, _: object) -> None:
        told.tell(what)
        told.clock.stop()

    told.at(1, "a")
    told.clock.at(1, stop, "b", None, -1)
    told.at(1, "c")
    told.at(2, "d")
    assert told.clock.run() is False
    assert (told.whats, told.clock.now) == (["a", "b"], 1)
    assert told.clock.stopped
    told.at(1, "queued while stopped")
    told.clock.resume()
    assert not told.clock.stopped
    assert told.clock.run() is True
    assert told.whats == ["a", "b", "c", "queued while stopped", "d"]


def test_what_a_call_raises_comes_out_and_the_run_can_go_on_behind_it() -> None:
    told = Told()

    def fail(_: object, __: object) -> None:
        raise ZeroDivisionError

    told.at(1, "a")
    told.clock.at(1, fail, None, None, 3)
    told.at(1, "b")
    with pytest.raises(ZeroDivisionError):
        told.clock.run()
    assert (told.whats, told.clock.steps, told.log.cause) == (["a"], 2, -1)
    assert told.clock.run() is True
    assert told.whats == ["a", "b"]


def test_the_cause_of_a_call_is_ambient_while_it_is_made_and_inherited_by_what_it_queues() -> None:
    told = Told()
    causes: list[tuple[str, int]] = []

    def note(what: str, _: object) -> None:
        causes.append((what, told.log.cause))
        if what == "a":
            told.clock.soon(note, "soon")
            told.clock.after(5, note, "after")
            told.log.cause = 9
            told.clock.after(6, note, "after a row")

    told.clock.at(1, note, "a", None, 4)
    told.clock.at(1, note, "b", None, 5)
    told.clock.run()
    assert causes == [("a", 4), ("b", 5), ("soon", 4), ("after", 4), ("after a row", 9)]
    assert told.log.cause == -1


def test_watchers_look_after_every_call_until_they_are_gone() -> None:
    told = Told()
    seen: list[tuple[str, int]] = []

    class Watcher:
        def __init__(self, name: str) -> None:
            self.name = name

        def look(self) -> None:
            seen.append((self.name, told.clock.steps))

    one, two = Watcher("one"), Watcher("two")
    told.clock.watch(one.look)
    told.clock.watch(two.look)
    for tick in range(1, 4):
        told.at(tick, tick)
    told.clock.run(1)
    told.clock.unwatch(one.look)
    told.clock.run(2)
    told.clock.unwatch(two.look)
    told.clock.run()
    assert seen == [("one", 1), ("two", 1), ("two", 2)]


def test_a_watcher_can_stop_the_run_after_the_very_call() -> None:
    told = Told()
    told.clock.watch(lambda: told.clock.stop() if len(told.calls) == 3 else None)
    for what in range(5):
        told.at(1, what)
    assert told.clock.run() is False
    assert told.whats == [0, 1, 2]


def test_a_watcher_that_comes_in_the_midst_of_a_run_looks_from_then_on() -> None:
    told = Told()
    seen: list[int] = []
    told.at(1, "a")
    told.clock.at(1, lambda _, __: told.clock.watch(lambda: seen.append(told.clock.steps)), None, None, -1)
    told.at(1, "b")
    told.clock.run()
    assert seen == [2, 3]


def test_time_need_not_stop_for_a_call_that_would_do_nothing() -> None:
    told = Told()
    told.at(5, "cancelled")
    told.clock.forget(5)
    assert told.clock.next_tick() is None
    told.clock.run()
    assert (told.calls, told.clock.now) == ([], 0)
    told.at(5, "again")
    told.clock.run()
    assert told.calls == [(5, "again")]


def test_of_several_calls_in_a_tick_one_may_be_forgotten() -> None:
    told = Told()
    told.at(5, "a")
    told.at(5, "b")
    told.clock.forget(5)
    assert told.clock.next_tick() == 5
    told.clock.forget(5)
    assert told.clock.next_tick() is None


class Heap:
    """The same order, kept the plain way."""

    def __init__(self) -> None:
        self.queue: list[tuple[int, int, Any]] = []
        self.count = 0
        self.now = 0

    def at(self, tick: int, what: Any) -> None:
        self.count += 1
        heapq.heappush(self.queue, (tick, self.count, what))


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=30))
def test_whatever_is_queued_and_however_it_is_run_the_order_is_that_of_a_heap(
    seed: int, runs: list[tuple[int, int]]
) -> None:
    """Calls queue more calls, at random; runs end at a tick, at a limit, or at a stop."""
    told, heap, draw = Told(), Heap(), random.Random(seed)
    expected: list[tuple[int, Any]] = []

    def call(what: int, _: object) -> None:
        told.tell(what)
        for tick, more in offspring(what, told.clock.now):
            told.clock.at(tick, call, more, None, -1)
        if what % 7 == 0:
            told.clock.stop()

    def offspring(what: int, now: int) -> list[tuple[int, int]]:
        own = random.Random(what)
        return [(now + own.randrange(4), what * 3 + number) for number in range(own.randrange(3)) if what < 10_000]

    for what in range(1, draw.randrange(2, 8)):
        tick = draw.randrange(20)
        told.clock.at(tick, call, what, None, -1)
        heap.at(tick, what)
    while heap.queue:
        tick, _, what = heapq.heappop(heap.queue)
        expected.append((tick, what))
        for later, more in offspring(what, tick):
            heap.at(later, more)
    for until, limit in runs:
        told.clock.resume()
        told.clock.run(until, limit)
    while not told.clock.run(None, sys.maxsize):
        told.clock.resume()
    assert told.calls == expected
