"""One runner, one rule for causes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from p2plab.effects import FIRST, HERE, LAST, SEND, Note, Runner, WakeAt, check_effects
from p2plab.events import EventLog


@pytest.mark.parametrize(
    "wrong", [Note("error", 1), Note("error", -2), Note("error", size=-1), Note("error", size=1 << 60)]
)
def test_a_note_that_no_reader_of_the_log_could_read_is_no_answer(wrong: Note) -> None:
    peers = ["me"]
    check_effects([Note("error", 0, size=5)], (), peer_of=peers.__getitem__)
    with pytest.raises(TypeError, match=r"peer|size"):
        check_effects([wrong], (), peer_of=peers.__getitem__)


class Kept:
    """Keeps what it is to do, with the causes."""

    def __init__(self) -> None:
        self.done: list[tuple[object, int]] = []

    def send(self, peers: Sequence[int], message: Any, cause: int) -> None:
        self.done.append(((tuple(peers), message), cause))

    def perform(self, effect: Any, cause: int) -> None:
        self.done.append((effect, cause))


def log_at(level: str = "all") -> EventLog:
    log = EventLog(10_000, lambda: 0, level)
    log.register("me")
    return log


def causes(log: EventLog) -> list[int | None]:
    return [event.cause for event in log]


@pytest.mark.parametrize("given", [None, 0])
def test_a_note_follows_from_what_led_here_the_first_or_the_last(given: int | None) -> None:
    log, kept = log_at(), Kept()
    before = log.record("lab.command")
    runner = Runner(log, 0, kept)
    wake = WakeAt(5)
    with log.because(before if given is None else -1):
        last = runner.run(
            [
                (SEND, (1, 2), "early"),
                Note("pubsub.graft", after=FIRST),
                Note("pubsub.prune", after=LAST),
                (SEND, (1,), "rpc"),
                Note("pubsub.prune", after=FIRST),
                wake,
                Note("pubsub.prune", after=HERE),
            ],
            given,
        )
    assert causes(log) == [None, 0, 1, 1, 0]
    assert kept.done == [(((1, 2), "early"), 0), (((1,), "rpc"), 2), (wake, 3)]
    assert last == 4


def test_a_note_the_level_leaves_out_hands_its_own_cause_on() -> None:
    log, kept = log_at("counters"), Kept()
    Runner(log, 0, kept).run([Note("pubsub.graft"), (SEND, (1,), "rpc")], 7)
    assert (len(log), log.counts["pubsub.graft"], kept.done) == (0, 1, [(((1,), "rpc"), 7)])


def test_the_cause_is_what_it_was_after_an_error_too() -> None:
    log = log_at()
    log.cause = 3
    with pytest.raises(KeyError), log.because(5):
        assert log.cause == 5
        raise KeyError
    assert log.cause == 3
