"""One answer to each exercise of lesson 13. There are others."""

from __future__ import annotations

from collections.abc import Container

from p2plab import Lab
from p2plab.pubsub import GossipSub
from p2plab.pubsub.gossipsub.peers import Peer
from p2plab.pubsub.message import Publication

__all__ = ["Hermit", "ToHalf", "answer_1", "answer_2", "answer_3"]


class ToHalf(GossipSub):
    """Passes messages on to every other mesh peer."""

    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return super().recipients(publication, sender)[::2]


class Hermit(GossipSub):
    """Grafts nobody, and refuses everybody."""

    def candidates(self, topic: str, exclude: Container[int], now: int) -> list[int]:
        return []

    def refuse_graft(self, entry: Peer, topic: str, now: int) -> str | None:
        return "a hermit"


def answer_1() -> Lab:
    """Copies to half of a mesh that is as large as ever."""
    lab = Lab(seed=131)
    nodes = lab.start_nodes(30, router=ToHalf)
    lab.wire("random", degree=8)
    for node in nodes:
        node.subscribe("news")
    lab.run(5)
    nodes[0].publish("news", "hello")
    lab.run(5)
    return lab


def answer_2() -> Lab:
    """A node that is in no mesh, and lives on what others tell of."""
    lab = Lab(seed=132)
    lab.start_nodes(12)
    lab.start_node("hermit", router=Hermit)
    lab.wire("random", degree=6)
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(5)
    lab["n0"].publish("news", "is anybody there?")
    lab.run(5)
    return lab


def answer_3() -> type[GossipSub]:
    """The class."""
    return ToHalf
