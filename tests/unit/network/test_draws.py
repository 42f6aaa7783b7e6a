"""Random numbers by purpose: each purpose has its own stream, and the seed fixes them all."""

from __future__ import annotations

from p2plab.network import Draws


def test_a_purpose_has_one_stream() -> None:
    draws = Draws(7)
    assert draws.stream("latency") is draws.stream("latency")


def test_the_seed_fixes_the_numbers_of_every_python() -> None:
    """If this changes, every recorded run and every digest changes with it."""
    stream = Draws(7).stream("topology")
    assert [stream.randrange(1000) for _ in range(6)] == [847, 583, 997, 98, 327, 658]


def test_other_seeds_and_other_purposes_give_other_numbers() -> None:
    streams = [Draws(seed).stream(purpose) for seed in (0, 1, -1, 2**80) for purpose in ("a", "b", "a/b")]
    assert len({tuple(stream.randrange(1 << 30) for _ in range(4)) for stream in streams}) == len(streams)


def test_drawing_for_one_purpose_does_not_shift_another() -> None:
    undisturbed, disturbed = Draws(7), Draws(7)
    for _ in range(1000):
        disturbed.stream("loss").random()
    assert [undisturbed.stream("latency").random() for _ in range(10)] == [
        disturbed.stream("latency").random() for _ in range(10)
    ]
