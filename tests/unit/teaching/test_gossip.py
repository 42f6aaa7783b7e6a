"""The exercises of lesson 03: what is accepted, and what each hint says."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx
import pytest

from p2plab import Lab
from p2plab.pubsub import GossipSubParams
from p2plab.teaching.exercises import find

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "03_gossip.py"))
THIN = GossipSubParams.spec(D=2, D_low=2, D_high=2, D_score=2, D_out=0, flood_publish=False)
QUIET: dict[str, Any] = {"D_lazy": 0, "gossip_factor": 0.0}  # no IHAVE at all


def network(
    count: int,
    shape: Any = "random",
    degree: int | None = None,
    *,
    publish: bool = True,
    after: float = 3.0,
    subscribers: int | None = None,
    seed: int = 3,
    **settings: Any,
) -> Lab:
    lab = Lab(seed=seed, **settings)
    nodes = lab.start_nodes(count)
    lab.wire(shape, degree=degree)
    for node in nodes[:subscribers]:
        node.subscribe("news")
    lab.run(5)
    if publish:
        nodes[0].publish("news", "hello")
        lab.run(after)
    return lab


def params(D: int, low: int, high: int, **changes: Any) -> GossipSubParams:
    return GossipSubParams.spec(D=D, D_low=low, D_high=high, D_score=min(2, D), D_out=0, **changes)


def closed(lab: Lab) -> Lab:
    lab.close()
    return lab


def crashed(lab: Lab, count: int, after: float = 5.0, spread: bool = False) -> Lab:
    peers = [lab.nodes[-1 - place] for place in range(count)] if spread else lab.nodes[0].mesh("news")[:count]
    for peer in peers:
        lab[peer.name].crash()
    lab.run(after)
    return lab


def strangers_crashed() -> Lab:
    lab = network(20, degree=12, publish=False)
    for node in lab.start_nodes(5, prefix="x"):
        node.crash()
    lab.run(3)
    return lab


def restarted() -> Lab:
    lab = crashed(network(20, degree=12, publish=False), 6)
    for node in lab.nodes:
        if not node.running:
            node.restart()
    lab.run(3)
    return lab


def of_two_topics() -> Lab:
    lab = network(14, "line", publish=False)
    for node in lab.nodes:
        node.subscribe("sport")
    lab.run(2)
    lab.nodes[3].publish("sport", "goal")
    lab.run(3)
    return lab


RIGHT: list[tuple[str, str, Callable[[], Any]]] = [
    ("03.1", "the solution", SOLUTIONS["without_duplicates"]),
    ("03.1", "a line", lambda: network(12, "line", router="floodsub")),
    ("03.1", "a tree", lambda: network(15, networkx.balanced_tree(2, 3), router="floodsub")),
    ("03.1", "a tree with gossipsub", lambda: network(13, "star")),
    ("03.1", "another topic", of_two_topics),
    ("03.1", "a closed lab", lambda: closed(network(12, "star"))),
    ("03.2", "the solution", SOLUTIONS["by_gossip"]),
    ("03.2", "twenty nodes", lambda: network(20, degree=8, gossipsub=THIN)),
    ("03.2", "more nodes", lambda: network(60, degree=10, gossipsub=THIN)),
    ("03.2", "few are told", lambda: network(50, degree=10, gossipsub=THIN.replace(D_lazy=2), after=8)),
    ("03.2", "no mesh at all", lambda: network(20, degree=8, gossipsub=params(0, 0, 0, flood_publish=False), after=9)),
    ("03.3", "the solution", SOLUTIONS["healed"]),
    ("03.3", "a full network", lambda: crashed(network(16, "full", publish=False), 6)),
    ("03.3", "more nodes", lambda: crashed(network(40, degree=12, publish=False), 6)),
    ("03.3", "any nodes", lambda: crashed(network(24, degree=16, publish=False), 12, spread=True)),
    ("03.3", "a closed lab", lambda: closed(crashed(network(20, degree=12, publish=False), 6))),
    ("03.4", "the solution", SOLUTIONS["fast_and_cheap"]),
    ("03.4", "a mesh of three", lambda: network(50, degree=10, latency=0.05, gossipsub=params(3, 3, 3))),
    (
        "03.4",
        "without flood publishing",
        lambda: network(50, degree=10, seed=8, latency=0.05, gossipsub=params(3, 3, 4, flood_publish=False, **QUIET)),
    ),
    ("03.4", "fewer connections", lambda: network(50, degree=8, seed=2, latency=0.05, gossipsub=params(3, 3, 3))),
    ("03.4", "more nodes", lambda: network(55, degree=10, latency=0.05, gossipsub=params(3, 2, 3))),
]

WRONG: list[tuple[str, str, Callable[[], Any]]] = [
    ("03.1", "the answer is a lab", lambda: None),
    ("03.1", "no message was published", lambda: network(12, "line", publish=False)),
    ("03.1", "has 11 nodes", lambda: network(11, "line")),
    ("03.1", "do not subscribe to 'news': n10, n11", lambda: network(12, "line", subscribers=10)),
    ("03.1", "some form rings", lambda: network(12, "ring", router="floodsub")),
    ("03.1", "did not reach n1, n2, n3, n4 and 7 more", lambda: network(12, "star", after=0.0)),
    ("03.2", "nobody had to ask", lambda: network(20, degree=6)),
    ("03.2", "is D_lazy 0", lambda: network(50, degree=10, gossipsub=THIN.replace(**QUIET))),
    ("03.2", "has 12 nodes", lambda: network(12, degree=8, gossipsub=THIN)),
    (
        "03.2",
        "make the meshes thinner",
        lambda: network(50, degree=10, seed=1, latency=0.05, gossipsub=params(3, 3, 3, flood_publish=False)),
    ),
    ("03.2", "do not subscribe", lambda: network(30, degree=8, gossipsub=THIN, subscribers=29)),
    ("03.3", "no node of this network has crashed", lambda: network(20, degree=12)),
    ("03.3", "take 5 or more", lambda: crashed(network(20, degree=12), 2)),
    ("03.3", "nodes are left", lambda: crashed(network(13, "full"), 5)),
    ("03.3", "let heartbeats pass", lambda: crashed(network(20, degree=12), 6, after=0.01)),
    ("03.3", "neighbours left", lambda: crashed(network(20, degree=4, publish=False), 6, spread=True)),
    ("03.3", "has crashed: node.crash()", restarted),
    ("03.3", "none had to heal", strangers_crashed),
    ("03.4", "at most 2.5 copies", lambda: network(50, degree=10, latency=0.05)),
    (
        "03.4",
        "cheap enough",
        lambda: network(50, degree=10, latency=0.05, gossipsub=params(2, 2, 3, flood_publish=False)),
    ),
    ("03.4", "too slow, with", lambda: network(50, degree=10, latency=0.1)),
    ("03.4", "links are faster", lambda: network(50, degree=10, gossipsub=params(3, 3, 3))),
    ("03.4", "is connected with 49 others", lambda: network(50, "star", latency=0.05)),
    ("03.4", "let two seconds pass", lambda: network(50, degree=10, latency=0.05, after=1)),
    ("03.4", "did not reach", lambda: network(50, degree=10, latency=0.05, gossipsub=THIN.replace(**QUIET))),
]


@pytest.mark.parametrize(("name", "kind", "build"), RIGHT, ids=[f"{name}: {kind}" for name, kind, _ in RIGHT])
def test_a_network_that_does_what_was_asked_is_accepted(name: str, kind: str, build: Callable[[], Any]) -> None:
    verdict = find(name)(build())
    assert verdict, f"{kind}: {verdict}"


@pytest.mark.parametrize(("name", "hint", "build"), WRONG, ids=[f"{name}: {hint}" for name, hint, _ in WRONG])
def test_a_network_that_does_not_is_told_what_is_wrong(name: str, hint: str, build: Callable[[], Any]) -> None:
    verdict = find(name)(build())
    assert not verdict, verdict
    assert hint in verdict.says


def test_the_open_exercise_shows_a_score_and_a_best_one() -> None:
    verdict = find("03.4")(SOLUTIONS["fast_and_cheap"]())
    assert verdict.score is not None
    assert verdict.best is not None
    assert verdict.best <= verdict.score <= 2.5
    assert "a good answer reaches" in str(verdict)


def test_a_check_changes_nothing_in_the_lab() -> None:
    lab = network(12, "ring")
    before = lab.events.digest()
    for place in (1, 2, 3, 4):
        find(f"03.{place}")(lab)
    assert lab.events.digest() == before
