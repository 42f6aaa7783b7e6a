"""A frame sent to many peers at once travels as one sent to each of them, draw for draw and call for call."""

from __future__ import annotations

import random
from typing import Any

import pytest

from p2plab.network import Link, Pipe
from p2plab.network.plain import send_to_each
from tests.unit.network.test_pipe import Net


class HalfConnection:
    """As much of an end as sending takes."""

    def __init__(self, name: str, out: Pipe) -> None:
        self.remote = self
        self.name = name
        self.out = out
        self.rpcs_sent = 0


def play(seed: int, at_once: bool, level: str = "messages", **link: Any) -> tuple[list[Any], list[int], int, str]:
    """What arrived, in order, the bytes sent of each end, how many ends were left to be sent to one by one, and the
    log's digest."""
    draw = random.Random(seed)
    net = Net(seed=seed, level=level, latency=0.05, **link)
    for number in range(7):
        net.log.register(f"node {number}")
    ends = [HalfConnection(f"end {number}", net.pipe(0, number + 1)) for number in range(6)]
    net.links.set_between(0, 3, Link(latency=0.01))
    one_by_one = 0

    def arrive(end: HalfConnection, what: Any) -> None:
        if end.out.is_open:
            net.arrived.append((net.clock.now, (end.name, what, net.log.cause)))

    def send(end: HalfConnection, what: Any, size: int, cause: int) -> None:
        nonlocal one_by_one
        one_by_one += 1
        end.rpcs_sent += size
        end.out.send(size, lambda got: arrive(end, got), what, cause)

    for number in range(60):
        chosen: list[Any] = draw.sample(ends, draw.randrange(7))
        if at_once:
            given = [(end, "another") if draw.random() < 0.2 else end for end in chosen]
            send_to_each(net.links, [None, *given, ()], 100, 0, arrive, number, number, send)
        else:
            for end in chosen:
                draw.random()
                send(end, number, 100, number)
        what = draw.randrange(12)
        if what == 0:
            net.links.set_between(0, draw.randrange(1, 7), Link(latency=draw.choice([0.0, 0.02]), jitter=0.0))
        elif what == 1:
            net.links.set_rates(0, draw.choice([None, 50_000]), None)
        elif what == 2:
            draw.choice(ends).out.close()
        net.clock.run(net.clock.now + draw.choice([0, 1, 40, 700]))
    net.clock.run()
    return net.arrived, [end.rpcs_sent for end in ends], one_by_one, net.log.digest()


@pytest.mark.parametrize("link", [{}, {"jitter": 0.05}, {"jitter": 0.01, "distribution": "pareto"}, {"loss": 0.1}])
def test_what_is_sent_to_many_at_once_arrives_as_if_sent_to_each(link: dict[str, Any]) -> None:
    hurried = 0
    for seed in range(6):
        many, each = play(seed, True, **link), play(seed, False, **link)
        assert many[:2] == each[:2], f"seed {seed}"
        assert many[0], f"seed {seed}"
        hurried += each[2] - many[2]
    assert hurried > 100, "most were sent at once"


def test_where_frames_are_recorded_the_rows_are_the_same_too() -> None:
    for seed in range(3):
        many, each = play(seed, True, level="all", jitter=0.02), play(seed, False, level="all", jitter=0.02)
        assert many[:2] == each[:2]
        assert many[3] == each[3]
        assert each[2] - many[2] > 20, "most were sent at once"
