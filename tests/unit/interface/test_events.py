"""The event log as a user meets it: what is in it, what it was caused by, and that it leaves the process whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from p2plab import EventLog, Lab, Node
from p2plab.errors import ValidationError
from p2plab.events import KINDS, REASONS
from p2plab.stream import NetStream


@pytest.fixture
def busy(lab: Lab, alice: Node, bob: Node) -> Lab:
    """A lab in which something of everything has happened."""

    async def fail(stream: NetStream) -> None:
        await stream.read()
        raise ZeroDivisionError

    alice.connect(bob)
    bob.handle("/fail/1.0.0", fail)
    alice.open_stream(bob, "/fail/1.0.0").write(b"x")
    news = bob.subscribe("news")
    assert lab.run_until(lambda: alice.topic_peers("news") and lab.events.filter(kind="error"), timeout=20)
    alice.publish("news", b"x")
    news.get()
    alice.ping(bob)
    return lab


def test_what_happened_is_in_the_log_in_order(busy: Lab) -> None:
    kinds = [event.kind for event in busy.events]
    for kind in ("node.started", "connection.opened", "pubsub.subscribe", "pubsub.deliver", "ping.reply", "error"):
        assert kind in kinds
    assert kinds.index("node.started") < kinds.index("connection.dialled") < kinds.index("connection.opened")
    seqs = [event.seq for event in busy.events]
    assert seqs == sorted(seqs)
    times = [event.t for event in busy.events]
    assert times == sorted(times)


def test_every_kind_and_every_reason_is_documented(busy: Lab) -> None:
    assert {event.kind for event in busy.events} <= KINDS.keys()
    assert {event.reason for event in busy.events if event.reason} <= REASONS.keys()


def test_every_verb_from_outside_is_a_command_that_names_its_node(busy: Lab) -> None:
    commands = busy.events.filter(kind="lab.command")
    verbs = [((event.data or {})["target"], (event.data or {})["verb"]) for event in commands]
    assert [(target, verb) for target, verb in verbs if target.startswith(("lab", "node ")) and verb != "receive"] == [
        ("lab", "start_nodes"),
        ("lab", "start_nodes"),
        ("node alice", "connect"),
        ("node bob", "handle"),
        ("node alice", "open_stream"),
        ("node bob", "subscribe"),
        ("node alice", "publish"),
        ("node alice", "ping"),
    ]
    assert {"write", "receive"} <= {verb for _, verb in verbs}
    for event, (target, _) in zip(commands, verbs, strict=True):
        if target.startswith("node "):
            assert target == f"node {event.node}"


def test_causes_come_before_their_effects_and_commands_have_none(busy: Lab) -> None:
    for event in busy.events:
        assert event.cause is None or event.cause < event.seq
        if event.kind == "lab.command":
            assert event.cause is None


@pytest.mark.parametrize("kind", ["connection.opened", "ping.reply", "stream.opened", "error", "pubsub.deliver"])
def test_what_follows_from_a_command_leads_back_to_it(busy: Lab, kind: str) -> None:
    for event in busy.events.filter(kind=kind):
        chain = busy.why(event)
        assert chain[-1] == event
        assert chain[0].kind == "lab.command", str(chain)


def test_filter_takes_nodes_and_names(busy: Lab, alice: Node) -> None:
    assert busy.events.filter(node=alice) == busy.events.filter(node="alice")
    opened = busy.events.filter(kind="connection", node=alice, peer="bob")
    assert {event.kind for event in opened} <= {name for name in KINDS if name.startswith("connection.")}
    assert opened
    with pytest.raises(ValidationError, match="'connections'"):
        busy.events.filter(kind="connections")


def test_a_log_can_be_saved_and_read_again(busy: Lab, tmp_path: Path) -> None:
    busy.close()  # a real node's streams may end a moment later
    path = busy.events.save(tmp_path / "run.jsonl.gz")
    again = EventLog.load(path)
    assert list(again) == list(busy.events)
    assert again.digest() == busy.events.digest()


def test_why_takes_what_the_lab_knows_of(busy: Lab, new_lab: Callable[..., Lab]) -> None:
    for subject in (5, "alice", None, ZeroDivisionError()):
        with pytest.raises(ValidationError, match=r"why takes .* a connection, a stream or an error"):
            busy.why(subject)
