"""What the HTML page of the graph plays is what the fold says, at every moment, and not too large."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab
from p2plab.errors import LabError
from p2plab.events import NetworkState
from p2plab.events.state import Changes
from p2plab_widgets.graph.frames import CopyLook, NodeLook, Tag, unpack
from p2plab_widgets.graph.recording import tape


def eventful(**settings: Any) -> Lab:
    """A run with everything that changes a network."""
    lab = Lab(seed=9, **settings)
    nodes = lab.start_nodes(7)
    lab.wire("random", degree=3)
    draw = random.Random(9)
    for node in nodes:
        node.subscribe("news")
    for _ in range(50):
        node = nodes[draw.randrange(7)]
        try:
            draw.choice(
                [
                    lambda node=node: node.crash(silent=draw.random() < 0.3),
                    lambda node=node: node.restart(state=draw.choice(["kept", "lost"])),
                    lambda node=node: node.subscribe("sport"),
                    lambda node=node: node.publish("news", b"x"),
                    lambda node=node: node.connect(nodes[draw.randrange(7)], timeout=1),
                    lambda: lab.network.partition(nodes[:3], nodes[3:]),
                    lab.network.heal,
                ]
            )()
        except LabError:
            pass  # what a lab in this state refuses changes nothing
        lab.run(draw.choice([0.1, 1.0, 20.0]))
    return lab


def played(recorded: dict[str, Any], until: float) -> tuple[set[Any], ...]:
    """Nodes that run, edges, subscriptions and meshes after the records up to a moment, by name."""
    names = [node[0] for node in recorded["nodes"]]
    topics = ["", *[topic[0] for topic in recorded["topics"]]]
    running, edges, subscriptions, meshes = set[str](), set[Any](), set[Any](), set[Any]()
    tick = 0
    records = unpack(base64.b64decode(recorded["records"]))
    for step, record in zip(recorded["times"], records, strict=True):
        tick += step
        if tick > round(until * recorded["resolution"]):
            break
        a, b, topic = names[record.a], names[record.b], topics[record.topic]
        if record.tag == Tag.NODE:
            (running.add if record.look == NodeLook.RUNNING else running.discard)(a)
        elif record.tag == Tag.EDGE:
            (edges.add if record.look else edges.discard)((min(a, b), max(a, b)))
        elif record.tag == Tag.TOPIC:
            (subscriptions.add if record.look else subscriptions.discard)((topic, a))
        elif record.tag == Tag.MESH:
            (meshes.add if record.look else meshes.discard)((topic, a, b))
    return running, edges, subscriptions, meshes


def told(state: NetworkState) -> tuple[set[Any], ...]:
    """The same of a state."""
    return (
        set(state.nodes) - set(state.down),
        set(state.edges),
        {(topic, name) for topic, names in state.subscriptions.items() for name in names},
        {(topic, a, b) for topic, meshes in state.meshes.items() for a, peers in meshes.items() for b in peers},
    )


def test_the_records_come_to_what_the_fold_says_at_every_moment() -> None:
    with eventful() as lab:
        recorded = tape(lab.events, [], [])
        for number in range(30):
            t = round(lab.now * number / 29, 4)
            assert played(recorded, t) == told(lab.events.state(at=t)), t
        copies = [r for r in unpack(base64.b64decode(recorded["records"])) if r.tag == Tag.COPY]
        delivered = [e for e in lab.events.filter(kind="pubsub.deliver") if e.peer not in (None, e.node)]
        assert sum(r.look == CopyLook.FIRST for r in copies) == len(delivered)


def test_a_log_that_forgot_its_beginning_is_played_from_what_that_came_to() -> None:
    with eventful(log_limit=64) as lab:
        assert lab.events.dropped > 0
        recorded = tape(lab.events, [], [])
        assert played(recorded, lab.now) == told(lab.events.state())


def test_changes_followed_row_by_row_are_the_whole_of_it() -> None:
    with eventful() as lab:
        rows, _ = lab.events.rows()
        changes = Changes()
        there: set[Any] = set()
        for row in rows:
            for change in changes.apply(row):
                if change[0] in ("edge", "topic", "mesh"):
                    (there.add if change[-1] else there.discard)(change[:-1])
        now = {change[:-1] for change in changes.whole() if change[0] in ("edge", "topic", "mesh")}
        assert there == now


def test_the_live_picture_forgets_what_a_node_forgot(lab: Lab) -> None:
    graph = lab.graph()
    lab["alice"].subscribe("news")
    lab["alice"].crash()
    lab["alice"].restart(state="lost")
    graph._catch_up()
    assert not graph._scene(None).subscribers.get(1)
    graph.close()


@pytest.mark.slow
def test_a_page_of_a_hundred_thousand_events_is_below_five_megabytes(tmp_path: Path) -> None:
    with Lab(seed=1) as lab:
        nodes = lab.start_nodes(100)
        lab.wire("random", degree=8)
        for node in nodes:
            node.subscribe("news")
        lab.run(3)
        while len(lab.events) < 100_000:
            nodes[len(lab.events) % 100].publish("news", b"hello")
            lab.run(0.5)
        graph = lab.graph(topic="news")
        page = graph.save(tmp_path / "run.html")
        graph.close()
        assert page.stat().st_size < 5_000_000
        packed = re.search(r'id="run">([^<]+)<', page.read_text())
        assert packed is not None
        recorded = json.loads(gzip.decompress(base64.b64decode(packed.group(1))))
        assert played(recorded["tape"], lab.now) == told(lab.events.state())
