"""The trail of causes from one host of a real lab to another."""

from __future__ import annotations

from p2plab.real.connections.trail import LENGTH, MessageSent, StreamOpened, StreamRefused, Trail


def test_each_kind_of_key_is_its_own_though_the_numbers_are_the_same() -> None:
    trail = Trail()
    trail.leave(StreamOpened(1, 2), 10)
    trail.leave(StreamRefused(1, 2), 11)
    assert trail.follow(StreamOpened(1, 2)) == 10
    assert trail.take(StreamRefused(1, 2)) == 11
    assert trail.follow(StreamRefused(1, 2)) == -1
    assert trail.follow(StreamOpened(2, 1)) == -1


def test_the_oldest_go() -> None:
    trail = Trail()
    for number in range(LENGTH + 1):
        trail.leave(MessageSent(b"x", number), number)
    assert trail.follow(MessageSent(b"x", 0)) == -1
    assert trail.follow(MessageSent(b"x", LENGTH)) == LENGTH
