"""Start-time fair queueing: shares, latency under load, no starvation, and the same order every time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.constants import PING_ID
from p2plab.errors import ValidationError
from p2plab.stream.priorities import WEIGHTS, FairQueue, Priorities, weight_of

frames = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 300), st.integers(1, 70_000)), max_size=60)


@given(frames)
def test_everything_is_served_once_and_each_flow_in_its_order(pushed: list[tuple[int, int, int]]) -> None:
    queue: FairQueue[tuple[int, int]] = FairQueue()
    for number, (flow, weight, size) in enumerate(pushed):
        queue.push(flow, weight, size, (flow, number))
    served = [queue.pop() for _ in range(len(queue))]
    assert sorted(number for _, number in served) == list(range(len(pushed)))
    for flow in range(5):
        numbers = [number for of, number in served if of == flow]
        assert numbers == sorted(numbers)
    assert len(queue) == 0


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 4), st.integers(1, 4))
def test_busy_flows_share_by_weight(one: int, other: int, size: int, other_size: int) -> None:
    queue: FairQueue[int] = FairQueue()
    sizes = {1: size * 1000, 2: other_size * 1000}
    for _ in range(400):
        queue.push(1, one, sizes[1], 1)
        queue.push(2, other, sizes[2], 2)
    sent = {1: 0, 2: 0}
    last = 0
    while queue.queued(1) and queue.queued(2):
        last = queue.pop()
        sent[last] += sizes[last]
    # Goyal et al., theorem 1: while both wait, weighted service differs by at most the two largest frames.
    assert abs(sent[1] / one - sent[2] / other) <= sizes[1] / one + sizes[2] / other + 1


def test_a_ping_under_a_bulk_transfer_waits_for_one_frame_at_most() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(150):
        queue.push(1, weight_of("bulk"), 65536, "bulk")
    assert queue.pop() == "bulk"
    queue.push(2, weight_of("control"), 32, "ping")
    order = [queue.pop() for _ in range(3)]
    assert order.index("ping") <= 1


def test_nothing_starves_under_a_flood_of_control() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push(1, weight_of("bulk"), 1000, "bulk")
    queue.push(1, weight_of("bulk"), 1000, "bulk")
    served = []
    for _ in range(3000):
        queue.push(2, weight_of("control"), 1000, "control")
        served.append(queue.pop())
    assert served.count("bulk") == 2


def test_a_flow_that_was_idle_has_saved_nothing_up_and_owes_nothing() -> None:
    queue: FairQueue[int] = FairQueue()
    for _ in range(100):
        queue.push(1, 1, 1000, 1)
    for _ in range(50):
        queue.pop()
    for _ in range(50):
        queue.push(2, 1, 1000, 2)
    order = [queue.pop() for _ in range(20)]
    assert 8 <= order.count(1) <= 12


@given(frames, st.integers(0, 4))
def test_a_flow_can_be_taken_out(pushed: list[tuple[int, int, int]], gone: int) -> None:
    queue: FairQueue[int] = FairQueue()
    for number, (flow, weight, size) in enumerate(pushed):
        queue.push(flow, weight, size, number)
    removed = queue.remove(gone)
    assert removed == [number for number, (flow, _, _) in enumerate(pushed) if flow == gone]
    assert queue.queued(gone) == 0
    left = [queue.pop() for _ in range(len(queue))]
    assert sorted(left) == [number for number, (flow, _, _) in enumerate(pushed) if flow != gone]


def test_what_has_to_come_last_waits_for_the_others_of_its_connection() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(3):
        queue.push("a", 1, 1000, "data of a", "connection")
        queue.push("b", 100, 1000, "data of b", "connection")
    queue.push("end", 100, 0, "end", "connection", last=True)
    queue.push("other", 1, 5000, "other connection", "other")
    order = [queue.pop() for _ in range(8)]
    assert order.index("end") > max(place for place, item in enumerate(order) if item.startswith("data"))
    assert order.index("other connection") < order.index("end")


def test_the_bytes_that_wait_are_known() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push(7, 1, 100, "a")
    queue.push(7, 1, 50, "b")
    assert (queue.queued(7), queue.queued(8)) == (150, 0)
    queue.pop()
    assert queue.queued(7) == 50


def test_the_same_pushes_are_served_in_the_same_order() -> None:
    def play() -> list[int]:
        draw, queue, served = random.Random(1), FairQueue[int](), []
        for number in range(2000):
            queue.push(draw.randrange(20), draw.randrange(1, 50), draw.randrange(1, 5000), number)
            if draw.random() < 0.5:
                served.append(queue.pop())
        return served

    assert play() == play()
    assert sum(number * place for place, number in enumerate(play())) == 404_394_325


def test_a_queue_that_is_never_idle_does_not_remember_every_flow() -> None:
    queue: FairQueue[int] = FairQueue()
    queue.push("busy", 1, 1000, 0)
    for flow in range(10_000):
        queue.push("busy", 1, 1000, 0)
        queue.push(flow, 1, 10, flow, group=flow)
        queue.pop()
        queue.pop()
    assert len(queue) == 1
    assert len(queue._finish) + len(queue._latest) < 2500


def test_an_idle_queue_keeps_nothing() -> None:
    queue: FairQueue[int] = FairQueue()
    for flow in range(100):
        queue.push(flow, 1, 10, flow)
        queue.pop()
    assert not queue._finish
    assert not queue._queued
    with pytest.raises(IndexError):
        queue.pop()


class TestPriorities:
    def test_a_class_or_a_number_is_a_weight(self) -> None:
        assert [weight_of("control"), weight_of("interactive"), weight_of("bulk")] == list(WEIGHTS.values())
        assert weight_of(7) == 7

    @pytest.mark.parametrize("priority", ["urgent", 0, -1, 1001, True, None, 1.5])
    def test_anything_else_is_refused(self, priority: object) -> None:
        with pytest.raises(ValidationError, match="'control', 'interactive', 'bulk'"):
            weight_of(priority)  # type: ignore[arg-type]

    def test_each_protocol_has_one(self) -> None:
        priorities = Priorities()
        priorities.set("/file/1.0.0", "bulk")
        assert [priorities[name] for name in (PING_ID, "/chat/1.0.0", "/file/1.0.0")] == [
            "control",
            "interactive",
            "bulk",
        ]
        with pytest.raises(ValidationError):
            priorities.set("/file/1.0.0", 0)
        assert priorities["/file/1.0.0"] == "bulk"


@given(frames, st.integers(0, 4), st.sets(st.integers(0, 59)))
def test_taking_items_out_leaves_what_would_be_there_without_them(
    pushed: list[tuple[int, int, int]], flow: int, unwanted: set[int]
) -> None:
    queue: FairQueue[int] = FairQueue()
    without: FairQueue[int] = FairQueue()
    for number, (of, weight, size) in enumerate(pushed):
        weight = of + 1  # a flow has one weight
        queue.push(of, weight, size, number)
        if of != flow or number not in unwanted:
            without.push(of, weight, size, number)
    queue.refit(flow, lambda number: None if number in unwanted else pushed[number][2])
    assert [queue.queued(of) for of in range(5)] == [without.queued(of) for of in range(5)]
    assert [queue.pop() for _ in range(len(queue))] == [without.pop() for _ in range(len(without))]


def test_items_that_shrink_let_others_of_their_flow_go_earlier() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push(1, 1, 1_000, "large")
    queue.push(1, 1, 10, "behind it")
    queue.push(2, 1, 500, "other")
    queue.push(2, 1, 500, "other's second")
    queue.refit(1, {"large": 100, "behind it": 10}.get)
    assert queue.queued(1) == 110
    assert [queue.pop() for _ in range(4)] == ["large", "other", "behind it", "other's second"]
