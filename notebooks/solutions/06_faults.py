"""Lesson 06: an answer to each exercise."""

from __future__ import annotations

from p2plab import Lab
from p2plab.teaching.lessons.faults import long_cut


def slowed() -> Lab:
    """06.1: nine hops of 105 ms."""
    lab = Lab(seed=6, latency=0.105)
    lab.start_nodes(10)
    lab.wire("line")
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(2)
    lab["n0"].publish("news", "slowly")
    lab.run(2)
    return lab


def survives() -> Lab:
    """06.2: the same number of neighbours for nearly everybody."""
    lab = Lab(seed=6)
    lab.start_nodes(20)
    lab.wire("random", degree=4)
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(2)
    busiest = sorted(lab.nodes, key=lambda node: -len(node.peers()))[:3]
    for node in busiest:
        node.crash()
    lab.run(2)
    next(node for node in lab.nodes if node.running).publish("news", "still here")
    lab.run(2)
    return lab


def joined() -> Lab:
    """06.3: somebody dials."""
    lab: Lab = long_cut()
    lab["n0"].connect("n15")
    lab.run(2)
    lab["n0"].publish("news", "together again")
    lab.run(3)
    return lab


def weak_point() -> str:
    """06.4: both groups know n14 only."""
    return "n14"
