"""Credit windows: bounded buffers, no lost credit, no stream in another's way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import OverloadedError, ProtocolViolation, ValidationError
from p2plab.stream.flow.window import WINDOW, MemoryBudget, ReceiveWindow, SendWindow, check_window


@given(st.integers(1, 100), st.lists(st.tuples(st.booleans(), st.integers(1, 150)), max_size=60))
def test_a_slow_reader_bounds_what_is_sent_and_nothing_gets_stuck(size: int, steps: list[tuple[bool, int]]) -> None:
    sender, receiver = SendWindow(size), ReceiveWindow(size)
    sent = read = 0
    for writes, count in steps:
        if writes:
            granted = sender.take(count)
            receiver.arrived(granted)
            sent += granted
        else:
            count = min(count, receiver.queued)
            sender.update(receiver.read(count))
            read += count
        assert sent - read == receiver.queued <= size
    while receiver.queued:
        sender.update(receiver.read(1))
    assert sender.take(size) >= size // 2  # whoever has read everything can be written to again


@given(st.integers(2, 1000), st.lists(st.integers(1, 20), min_size=1, max_size=50))
def test_updates_come_in_lumps_of_half_a_window(size: int, reads: list[int]) -> None:
    sender, receiver = SendWindow(size), ReceiveWindow(size)
    for count in reads:
        receiver.arrived(sender.take(count))
        update = receiver.read(min(count, receiver.queued))
        sender.update(update)
        assert update == 0 or update * 2 >= size


def test_the_window_is_the_specs_by_default() -> None:
    assert SendWindow().take(10**9) == ReceiveWindow().size == WINDOW == 262144


def test_a_peer_that_ignores_the_window_is_caught() -> None:
    receiver = ReceiveWindow(10)
    receiver.arrived(10)
    with pytest.raises(ProtocolViolation, match="room for 0"):
        receiver.arrived(1)
    assert receiver.queued == 10


@pytest.mark.parametrize("delta", [-1, 1 << 31])
def test_an_update_that_cannot_be_meant_is_refused(delta: int) -> None:
    with pytest.raises(ProtocolViolation, match="window update"):
        SendWindow(10).update(delta)


def test_a_window_can_grow_and_not_shrink() -> None:
    receiver, sender = ReceiveWindow(10), SendWindow(10)
    sender.update(receiver.grow(30))
    assert sender.take(100) == 30
    receiver.arrived(30)
    with pytest.raises(ValidationError, match="cannot shrink"):
        receiver.grow(20)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None, 1 << 31])
def test_what_is_no_window_is_refused(size: object) -> None:
    with pytest.raises(ValidationError, match="window"):
        check_window(size)  # type: ignore[arg-type]


def test_a_connections_memory_is_bounded_and_comes_back() -> None:
    budget = MemoryBudget(100)
    budget.reserve(60)
    with pytest.raises(OverloadedError, match="limit of 100 bytes"):
        budget.reserve(50)
    budget.reserve(40)
    assert budget.reserved == 100
    budget.release(60)
    budget.reserve(50)
