"""Pipes: what is sent arrives once, in order, after the link's latency, while the pipe is open."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab import Lab
from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import DialError
from p2plab.events import EventLog
from p2plab.network import Clock, Draws, Link, Links, Pipe


class Net:
    """Links on a clock, and what arrived."""

    def __init__(self, seed: int = 7, level: str = "messages", **link: Any) -> None:
        self.log = EventLog(TICKS_PER_SECOND, lambda: self.clock.now, level)
        self.clock = Clock(self.log)
        self.links = Links(self.clock, self.log, Draws(seed), Link(**link))
        self.arrived: list[tuple[int, Any]] = []

    def pipe(self, source: int = 0, target: int = 1) -> Pipe:
        return Pipe(self.links, source, target)

    def send(self, pipe: Pipe, what: Any, size: int = 100) -> None:
        pipe.send(size, lambda got: self.arrived.append((self.clock.now, got)), what, -1)


def test_a_frame_arrives_after_the_latency() -> None:
    net = Net(latency=0.050)
    pipe = net.pipe()
    net.send(pipe, "a")
    net.clock.run(100)
    net.send(pipe, "b")
    net.clock.run()
    assert net.arrived == [(500, "a"), (600, "b")]


@settings(deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), gaps=st.lists(st.integers(0, 300), min_size=1, max_size=40))
def test_what_one_pipe_carries_arrives_in_the_order_sent_whatever_the_jitter(seed: int, gaps: list[int]) -> None:
    net = Net(seed=seed, latency=0.050, jitter=0.049)
    pipe = net.pipe()
    for number, gap in enumerate(gaps):
        net.clock.run(net.clock.now + gap)
        net.send(pipe, number)
    net.clock.run()
    assert [what for _, what in net.arrived] == list(range(len(gaps)))
    assert all(1 <= tick for tick, _ in net.arrived)


def test_jitter_stays_within_its_bounds_and_is_the_seed_s() -> None:
    def delays(seed: int) -> list[int]:
        net = Net(seed=seed, latency=0.050, jitter=0.020)
        for number in range(200):
            net.send(net.pipe(), number)
        net.clock.run()
        return sorted(tick for tick, _ in net.arrived)

    assert delays(1) == delays(1) != delays(2)
    assert delays(1)[0] >= 300
    assert delays(1)[-1] <= 700
    assert len(set(delays(1))) > 50


def test_a_closed_pipe_loses_what_is_on_its_way() -> None:
    net = Net(latency=0.050)
    pipe, other = net.pipe(), net.pipe()
    net.send(pipe, "lost")
    net.send(other, "kept")
    net.clock.run(100)
    pipe.close()
    net.send(pipe, "lost too")
    net.clock.run()
    assert [what for _, what in net.arrived] == ["kept"]


def test_each_direction_may_have_a_link_of_its_own() -> None:
    net = Net(latency=0.010)
    net.links.set_between(0, 1, Link(latency=0.200))
    net.send(net.pipe(0, 1), "there")
    net.send(net.pipe(1, 0), "back")
    net.clock.run()
    assert net.arrived == [(100, "back"), (2000, "there")]


def test_a_link_that_is_changed_holds_for_what_is_sent_from_then_on() -> None:
    net = Net(latency=0.010)
    pipe = net.pipe()
    net.send(pipe, "before")
    net.links.set_default(Link(latency=0.100))
    net.send(pipe, "after")
    net.clock.run()
    assert net.arrived == [(100, "before"), (1000, "after")]


@pytest.mark.parametrize("level", ["messages", "all"])
def test_recording_the_frames_changes_nothing_of_their_way(level: str) -> None:
    net = Net(level=level, latency=0.050, jitter=0.020)
    pipe = net.pipe(net.log.register("a"), net.log.register("b"))
    for number in range(20):
        net.send(pipe, number)
    net.clock.run()
    untraced = Net(latency=0.050, jitter=0.020)
    plain = untraced.pipe()
    for number in range(20):
        untraced.send(plain, number)
    untraced.clock.run()
    assert net.arrived == untraced.arrived
    assert len(net.log.filter(kind="link.arrived")) == (20 if level == "all" else 0)


def test_a_link_that_loses_nearly_all_makes_a_dial_time_out() -> None:
    """Timeouts double up to 120 s, and a packet is sent again fifteen times (RFC 6298 section 2.5, RFC 1122)."""
    with Lab(seed=1, recording="all") as lab:
        alice, bob = lab.start_nodes(2)
        lab.network.set_link(loss=0.999999)
        with pytest.raises(DialError, match="nothing came back"):
            alice.connect(bob)
        waits = [event.data["retransmission"] for event in lab.events.filter(kind="link.retransmitted") if event.data]
        assert waits[:15] == [min(0.2 * 2**tried, 120.0) for tried in range(15)]
        assert waits[15:16] in ([], [0.2])  # nothing is sent a sixteenth time
