"""Mock nodes under limits: whatever is opened and closed, no limit is passed, runs repeat and can be replayed."""

from __future__ import annotations

import contextlib
import random

import pytest

from p2plab import Lab, Node
from p2plab.admission import Gate, Limit, Limits, Request, Watermarks
from p2plab.errors import LabError
from p2plab.stream import NetStream
from p2plab.stream.flow.window import WINDOW

LIMITS = Limits(
    node=Limit(connections=5, connections_inbound=3, streams=20, memory=18 * WINDOW),
    peer=Limit(connections=1, streams=6, streams_inbound=4),
    protocol=Limit(streams=8),
    protocols={"/echo/1.0.0": Limit(streams_inbound=2)},
)


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


def no_limit_is_passed(lab: Lab) -> bool:
    return all(row.limit is None or row.used <= row.limit for node in lab.nodes for row in node.usage())


def push_and_shove(lab: Lab, seed: int, steps: int) -> None:
    """Nodes that connect, open streams, talk, hang up and crash, as the seed will have it."""
    draw = random.Random(seed)
    nodes = lab.start_nodes(7)
    for node in nodes:
        node.handle("/echo/1.0.0", echo)
    held: list[object] = []
    for _ in range(steps):
        one, other = draw.sample(nodes, 2)
        with contextlib.suppress(LabError):
            act(draw, one, other, held)


def act(draw: random.Random, one: Node, other: Node, held: list[object]) -> None:
    what = draw.randrange(10)
    if what < 4:
        one.connect(other)
    elif what < 7:
        held.append(one.open_stream(other, "/echo/1.0.0"))
    elif what == 7 and held:
        held.pop(draw.randrange(len(held))).close()  # type: ignore[attr-defined]
    elif what == 8:
        one.disconnect(other)
    elif one.running and draw.randrange(4) == 0:
        one.crash()
        one.restart()


@pytest.mark.dear
@pytest.mark.parametrize("seed", range(4))
def test_no_limit_is_ever_passed(seed: int) -> None:
    with Lab(seed=seed, limits=LIMITS, watermarks=Watermarks(low=2, high=4, grace=0.5)) as lab:
        lab.always("no limit is passed", no_limit_is_passed)
        push_and_shove(lab, seed, 60)
        assert lab.events.filter(reason="limit")
        for node in lab.nodes:
            if node.running:
                node.stop()
        assert not any(row.used for node in lab.nodes for row in node.usage())


def test_runs_repeat_and_can_be_replayed_and_restored() -> None:
    def predicate(request: Request) -> bool:
        return request.protocol != "/secret/1.0.0"

    def scenario(lab: Lab) -> None:
        nodes = lab.start_nodes(4, gate=Gate(predicate=predicate), limits=LIMITS)
        nodes[0].tag(nodes[1], "storage", 3)
        nodes[0].protect("n2", "friend")
        lab.wire("full", nodes=nodes)
        nodes[0].watermarks = Watermarks(low=1, high=2, grace=1)
        nodes[3].block("n1")
        lab.run(3)

    with Lab(seed=7) as lab:
        lab.check(scenario)
        scenario(lab)
        digest = lab.events.digest()
        assert lab.events.filter(kind="connection.trimmed")
        with Lab.replay(lab.history()) as again:
            assert again.events.digest() == digest
        with Lab.restore(lab.snapshot()) as again:
            assert again["n0"].protections("n2") == ["friend"]
            for one in (lab, again):
                one.run(1)
            assert again.events.digest() == lab.events.digest()
        names: dict[str, Lab] = {}
        exec(compile(str(lab.history()), "history", "exec"), names)
        with names["lab"] as told:
            assert told["n0"].watermarks == Watermarks(low=1, high=2, grace=1)
            assert told.edges() == lab.edges()


def test_what_becomes_superfluous_does_not_wait_for_what_is_new() -> None:
    with Lab(seed=7) as lab:
        alice, old, new = lab.start_node("alice", watermarks=Watermarks(low=1, high=1, grace=5)), *lab.start_nodes(2)
        alice.connect(old)
        alice.protect(old, "friend")
        lab.run(6)
        alice.connect(new)
        lab.run(1)
        assert len(alice.peers()) == 2
        alice.unprotect(old, "friend")
        lab.run(1)
        assert [peer.name for peer in alice.peers()] == ["n1"]
