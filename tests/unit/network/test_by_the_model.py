"""MODEL.md says all that decides: a program written from it delivers what a lab delivers, event for event."""

from __future__ import annotations

from typing import Any, Final

import pytest

from p2plab import Lab
from p2plab.api.topology import draw_for, pairs_of
from p2plab.pubsub import GossipSubParams
from tests.unit.mock.test_golden import gossip
from tests.unit.network.by_the_model import SECOND, Model
from tests.unit.network.gossip_by_the_model import Node

Row = tuple[int, int, int, int, int]  # tick, node, from whom, author, number of the author's message
Seen = tuple[list[Row], list[Row], list[list[int]]]  # deliveries, copies, meshes in the end

SPEC: Final = GossipSubParams.spec(score=None)
NARROW: Final = SPEC.replace(D=4, D_low=3, D_high=5, D_out=2, D_score=1, flood_publish=False)
SMALL: Final = [(number, 20) for number in range(5)]
BRIEF: Final = NARROW.replace(
    prune_backoff=2.0, unsubscribe_backoff=1.0, fanout_ttl=1.5, gossip_factor=0.5, D_lazy=1, mcache_len=3, seen_ttl=4.0,
    idontwant_message_threshold=100, max_ihave_messages=1, gossip_retransmission=1,
)  # fmt: skip
STEPS: Final = [(number, 99 + number % 2) for number in range(14)]
LARGE: Final = [(0, 20_000), (3, 2_000), (7, 200_000), (8, 50), (11, 50_000), (1, 90_000)]

SCENARIOS: Final[dict[str, dict[str, Any]]] = {
    "the specs' parameters": {"params": SPEC, "publish": SMALL},
    "messages while meshes come up": {"params": SPEC, "publish": SMALL, "degree": 12, "start": 0.4},
    "gossip": {"params": SPEC, "publish": SMALL, "degree": 16},
    "go's parameters": {"params": GossipSubParams.go(), "publish": SMALL, "degree": 16},
    "pruned meshes": {"params": NARROW, "publish": SMALL, "degree": 12, "late": 12},
    "leaving and coming back, backoffs that end": {
        "params": BRIEF.replace(backoff_slack=0.0),
        "publish": STEPS,
        "degree": 14,
        "late": 12,
        "gap": 0.7,
        "moves": {2: "-0 -1 -2 -3 -4 -5", 4: "0 1 2", 5: "-6 -7 -8 3", 7: "4 5 6 -9 -10", 8: "7 8 -11", 10: "9 10 11"},
    },
    "go's parameters, leaving": {
        "params": GossipSubParams.go(prune_backoff=2.0, unsubscribe_backoff=1.0, backoff_sweep=3),
        "publish": STEPS,
        "degree": 14,
        "late": 16,
        "gap": 0.7,
        "moves": {2: "-0 -1 -2 -3 -4 -5", 4: "0 1 2", 5: "-6 -7 -8 3", 7: "4 5 6 -9 -10", 8: "7 8 -11", 10: "9 10 11"},
    },
    "fanouts that are filled up, end and become meshes": {
        "params": BRIEF,
        "publish": [(29, 20), (29, 20), (28, 20), (29, 20), (27, 20), (29, 20), (28, 20), (27, 20)],
        "degree": 12,
        "never": 3,
        "gap": 0.6,
        "start": 1.0,
        "moves": {1: "-0 -1 -2 -3 -4 -5 -6 -7 -8 -9", 3: "0 1 2 28", 4: "3 4 -10 -11 -12 -13 -14", 6: "29"},
    },
    "QUIC on lines": {"params": GossipSubParams.go(), "publish": LARGE, "transport": "quic", "rate": 2_500_000},
    "TCP on lines, taken back": {"params": SPEC, "publish": LARGE, "transport": "tcp", "rate": 1_000_000},
    "lines alone": {"params": NARROW, "publish": LARGE, "rate": 1_000_000},
}


def run_lab(
    params: GossipSubParams,
    publish: list[tuple[int, int]],
    nodes: int = 30,
    degree: int = 6,
    transport: str = "ideal",
    rate: int = 0,
    start: float = 3.0,
    late: int = 0,
    never: int = 0,
    gap: float = 0.35,
    moves: dict[int, str] | None = None,
    seed: int = 7,
) -> tuple[list[tuple[str, str]], Seen]:
    """Who is wired to whom, and what came of it. The first message is published after 0.35 s, when ``late`` of the
    nodes subscribe at last; the others ``start`` seconds after that, and ``gap`` after each other. ``never``: as many
    do not subscribe by themselves. ``moves`` has, by the message after which they do, who leaves ("-3") and comes."""
    with Lab(seed=seed, latency=0.050, jitter=0.020, transport=transport, gossipsub=params) as lab:
        members = lab.start_nodes(nodes)
        for node in members if rate else ():
            lab.network.set_node(node, up=rate, down=rate)
        pairs = lab.wire("random", degree=degree)
        taken = {node: node.subscribe("news") for node in members[: nodes - late - never]}
        ids, count = {}, dict.fromkeys(range(nodes), 0)
        for at, (who, length) in enumerate(publish):
            lab.run(start if at == 1 else gap)
            count[who] += 1
            ids[members[who].publish("news", bytes(length)).id] = (who, count[who])
            for node in members[nodes - late - never : nodes - never] if at == 0 else ():
                taken[node] = node.subscribe("news")
            for move in (moves or {}).get(at, "").split():
                node = members[abs(int(move))]
                if move.startswith("-"):
                    taken[node].close()
                else:
                    taken[node] = node.subscribe("news")
        lab.run(6)
        place = {node.name: at for at, node in enumerate(members)}

        def rows(kind: str) -> list[Row]:
            events = [event for event in lab.events.filter(kind=kind) if event.peer is not None]
            return [
                (round(one.t * SECOND), place[str(one.node)], place[str(one.peer)], *ids[str(one.ref)])
                for one in events
            ]

        meshes = [[place[str(peer)] for peer in node.mesh("news")] for node in members]
        return pairs, (rows("pubsub.deliver"), rows("pubsub.duplicate"), meshes)


def run_model(
    pairs: list[tuple[str, str]],
    params: GossipSubParams,
    publish: list[tuple[int, int]],
    nodes: int = 30,
    degree: int = 6,
    transport: str = "ideal",
    rate: int = 0,
    start: float = 3.0,
    late: int = 0,
    never: int = 0,
    gap: float = 0.35,
    moves: dict[int, str] | None = None,
    seed: int = 7,
) -> Seen:
    """The same by the model."""
    model = Model(seed, params, 500, 200, transport, rate)
    members = [Node(model, f"n{number}") for number in range(nodes)]
    for a, b in pairs:
        dialler, listener = members[int(a[1:])], members[int(b[1:])]
        dialler.wired(listener, True)
        listener.wired(dialler, False)
    for node in members[: nodes - late - never]:
        node.subscribe("news")
    for at, (who, length) in enumerate(publish):
        model.run(round((start if at == 1 else gap) * SECOND))
        members[who].publish("news", length)
        for node in members[nodes - late - never : nodes - never] if at == 0 else ():
            node.subscribe("news")
        for move in (moves or {}).get(at, "").split():
            node = members[abs(int(move))]
            if move.startswith("-"):
                node.unsubscribe("news")
            else:
                node.subscribe("news")
    model.run(6 * SECOND)
    return model.deliveries, model.duplicates, [list(node.topic("news").mesh) for node in members]


@pytest.mark.dear
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_program_written_from_the_model_decides_the_same(name: str) -> None:
    pairs, (deliveries, duplicates, meshes) = run_lab(**SCENARIOS[name])
    by_the_model = run_model(pairs, **SCENARIOS[name])
    assert len(deliveries) > 100  # whatever is the same, is not the same for want of events
    assert by_the_model[0] == deliveries
    assert by_the_model[1] == duplicates
    assert by_the_model[2] == meshes


def test_it_decides_the_same_in_a_run_whose_digest_is_kept() -> None:
    lab = gossip()
    names = [node.name for node in lab.nodes]
    model = Model(3, GossipSubParams.spec(), 500, 200)  # it has no scores; in this run none is ever asked for
    members = {name: Node(model, name) for name in names}
    for a, b in pairs_of("random", names, 8, draw_for(3, 0)):
        members[a].wired(members[b], True)
        members[b].wired(members[a], False)
    for node in members.values():
        node.subscribe("news")
    model.run(3 * SECOND)
    for name in names[:5]:
        members[name].publish("news", len(name))
    model.run(5 * SECOND)
    for kind, found in (("pubsub.deliver", model.deliveries), ("pubsub.duplicate", model.duplicates)):
        rows = [
            (round(event.t * SECOND), names.index(str(event.node)), names.index(str(event.peer)))
            for event in lab.events.filter(kind=kind)
            if event.peer is not None
        ]
        assert rows
        assert [row[:3] for row in found] == rows
