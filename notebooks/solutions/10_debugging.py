"""Lesson 10: an answer to each exercise."""

from __future__ import annotations

import tempfile
from pathlib import Path

import p2plab
from p2plab import Lab
from p2plab.events import Event
from p2plab.teaching.lessons.debugging import write_case


def opened(number: int) -> Lab:
    """The run of a case, opened from its file."""
    with tempfile.TemporaryDirectory() as folder:
        lab: Lab = p2plab.open(write_case(number, Path(folder) / "case.p2plab"))
    return lab


def cause() -> Event:
    """10.1: the chain of causes begins with the rule that n5 was given."""
    case = opened(2)
    last = case.events.filter(kind="pubsub.publish")[-1]
    return case.why(last.ref, at="n5")[0]


def node() -> str | None:
    """10.2: the node at which the chain of causes begins."""
    case = opened(3)
    last = case.events.filter(kind="pubsub.publish")[-1]
    return case.why(last.ref, at="n5")[0].node


def mended() -> Lab:
    """10.3: undo the partition, wait for what is sent again, publish anew."""
    case = opened(1)
    case.network.heal()
    case.run(5)
    case["n0"].publish("news", "all is well")
    case.run(1)
    return case


def planted() -> Lab:
    """10.4: a node whose validator takes nothing."""
    lab = Lab(seed=5)
    lab.start_nodes(6)
    lab.wire("ring")
    for each in lab.nodes:
        each.subscribe("news")
    lab.run(2)
    lab["n3"].add_validator("news", lambda message: False)
    lab["n0"].publish("news", "hello")
    lab.run(1)
    return lab
