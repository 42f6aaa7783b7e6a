"""The exercises of lesson 13: what is accepted, and what each hint says."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

from p2plab import Lab
from p2plab.pubsub import GossipSub, GossipSubParams
from p2plab.pubsub.gossipsub.peers import Peer
from p2plab.pubsub.message import Publication
from tests.unit.teaching.answers import accepted, each_right, each_wrong, rejected

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "13_change_the_protocol.py"))
ToHalf, Hermit = SOLUTIONS["ToHalf"], SOLUTIONS["Hermit"]


class ToThree(GossipSub):
    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return super().recipients(publication, sender)[:3]


class ByChance(GossipSub):
    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return self.choose(super().recipients(publication, sender), 3)


class ToThreeOfFive(GossipSub):
    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return [peer for at, peer in enumerate(super().recipients(publication, sender)) if at % 5 not in (1, 3)]


class ToTwoOfThree(GossipSub):
    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return [peer for at, peer in enumerate(super().recipients(publication, sender)) if at % 3 != 1]


class ToMostOf(GossipSub):
    def recipients(self, publication: Publication, sender: int) -> list[int]:
        found = super().recipients(publication, sender)
        return found[: max(3, len(found) // 2)]


class OthersOfFive(GossipSub):
    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return [peer for at, peer in enumerate(super().recipients(publication, sender)) if at % 5 not in (2, 3)]


class Named(ToHalf):  # type: ignore[misc, valid-type]  # a class that is made of another's
    """Thrift by inheritance."""


class ToNobody(GossipSub):
    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return []

    def publish_recipients(self, topic: str, now: int, effects: list[Any]) -> tuple[str, list[int]]:
        return "nobody", []

    def gossip_targets(self, candidates: list[int]) -> list[int]:
        return []


class LeaveItToGossip(GossipSub):
    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return []


class Broken(GossipSub):
    def recipients(self, publication: Publication, sender: int) -> list[int]:
        raise RuntimeError("not finished")


class RefusesOnly(GossipSub):
    def refuse_graft(self, entry: Peer, topic: str, now: int) -> str | None:
        return "a hermit"


class GraftsNobodyByChoice(RefusesOnly):
    def choose(self, candidates: list[int], count: int, purpose: str = "graft") -> list[int]:
        return super().choose(candidates, count, purpose) if purpose == "gossip" else []  # type: ignore[arg-type]


class GraftsNobody(GossipSub):
    def candidates(self, topic: str, exclude: Container[int], now: int) -> list[int]:
        return []


def news(
    router: type[GossipSub] = ToHalf, count: int = 30, *, publish: bool = True, after: float = 5, **more: Any
) -> Lab:
    lab = Lab(seed=131, **more)
    nodes = lab.start_nodes(count, router=router)
    lab.wire("random", degree=8)
    for node in nodes:
        node.subscribe("news")
    lab.run(5)
    if publish:
        nodes[0].publish("news", "hello")
        lab.run(after)
    return lab


def hermitage(
    router: type[GossipSub] = Hermit,
    *,
    degree: int = 6,
    subscribed: bool = True,
    publisher: str | None = "n0",
    after: float = 5,
    name: str = "hermit",
    **more: Any,
) -> Lab:
    lab = Lab(seed=132, **more)
    lab.start_nodes(12)
    lab.start_node(name, router=router)
    lab.wire("random", degree=degree)
    for node in lab.nodes:
        if subscribed or node.name != name:
            node.subscribe("news")
    lab.run(5)
    if publisher:
        lab[publisher].publish("news", "is anybody there?")
        lab.run(after)
    return lab


RIGHT: dict[str, list[Callable[[], Any]]] = {
    "13.1": [
        SOLUTIONS["answer_1"],
        lambda: news(ToHalf, 40),
        lambda: news(ToThree),
        lambda: news(ByChance),
        lambda: news(ToHalf, gossipsub=GossipSubParams.spec(flood_publish=False)),
    ],
    "13.2": [
        SOLUTIONS["answer_2"],
        lambda: hermitage(GraftsNobodyByChoice),
        lambda: hermitage(publisher="n5"),
        lambda: hermitage(degree=8),
        lambda: hermitage(gossipsub=GossipSubParams.spec(flood_publish=False), after=10),
    ],
    "13.3": [SOLUTIONS["answer_3"], lambda: ToHalf, lambda: ToThreeOfFive, lambda: OthersOfFive, lambda: Named],
}
WRONG: dict[str, list[tuple[Callable[[], Any], str]]] = {
    "13.1": [
        (lambda: None, "give the lab itself"),
        (lambda: news(count=12), "12 nodes subscribe to 'news'; at least 20"),
        (lambda: news(publish=False), "nothing was published"),
        (lambda: news(GossipSub), "duplicates a delivery are too many"),
        (lambda: news(after=0.01), "did not get the last message"),
        (lambda: news(ToNobody), "did not get the last message"),
        (lambda: news(Broken), "your router raises an error: Broken.recipients of"),
        (lambda: news(gossipsub=GossipSubParams.spec(D=3, D_low=2, D_high=4, D_score=2, D_out=0)), "the meshes have"),
    ],
    "13.2": [
        (lambda: Lab(seed=1), "no node called hermit"),
        (lambda: hermitage(name="recluse"), "no node called hermit"),
        (lambda: hermitage(GossipSub), "in its mesh: it grafts them"),
        (lambda: hermitage(RefusesOnly), "in its mesh: it grafts them"),
        (lambda: hermitage(GraftsNobody), "in its mesh: it grafts them, or accepts"),
        (lambda: hermitage(subscribed=False), "does not subscribe"),
        (lambda: hermitage(publisher=None), "nobody else has published"),
        (lambda: hermitage(publisher="hermit"), "nobody else has published"),
        (lambda: hermitage(after=0.01), "did not get the last message"),
        (lambda: hermitage(degree=2), "connections; it should have at least three"),
    ],
    "13.3": [
        (lambda: None, "give the class itself"),
        (lambda: "ToHalf", "give the class itself"),
        (lambda: dict, "no subclass of GossipSub"),
        (lambda: GossipSub, "100% of the original's duplicates"),
        (lambda: ToNobody, "of the nodes only"),
        (lambda: LeaveItToGossip, "of the nodes only"),
        (lambda: ToMostOf, "more than twice as long"),
        (lambda: ToTwoOfThree, "60% is the most that passes"),
        (lambda: Broken, "your router raises an error"),
    ],
}


@each_right(RIGHT)
def test_what_does_what_was_asked_is_accepted(name: str, answer: Callable[[], Any]) -> None:
    accepted(name, answer())


@each_wrong(WRONG)
def test_what_does_not_is_told_what_is_wrong(name: str, answer: Callable[[], Any], says: str) -> None:
    rejected(name, answer(), says)
