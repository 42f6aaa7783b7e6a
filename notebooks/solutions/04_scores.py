"""Lesson 04: an answer to each exercise."""

from __future__ import annotations

from p2plab import Lab
from p2plab.teaching.lessons.scores import besieged, spammed


def how_many() -> int:
    """04.1: count until the worst score is below the graylist threshold, -2500."""
    for count in range(1, 20):
        lab = spammed(count)
        if any(lab[peer.name].scores()["n11"]["score"] <= -2500 for peer in lab["n11"].peers()):
            return count
    raise AssertionError("twenty are not enough")


def fallen() -> Lab:
    """04.2: a spammer in a network of its own making."""
    lab = Lab(seed=40)
    lab.start_nodes(8)
    lab.wire("ring")
    for node in lab.nodes:
        node.subscribe("news")
        if node.name != "n3":
            node.add_validator("news", lambda message: len(message.data) < 10)
    lab.run(2)
    for number in range(5):
        lab["n3"].publish("news", f"far too long a message, number {number}")
        lab.run(1)
    return lab


def unseen() -> Lab:
    """04.3: an address for each sybil."""
    lab: Lab = besieged(sybils=20, addresses=20)
    return lab
