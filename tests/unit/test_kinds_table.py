"""What a lab records is in the tables of kinds and reasons, and the page made of them is up to date."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import p2plab.events
from p2plab import Lab, Node
from p2plab.errors import LabError
from p2plab.events import KINDS, REASONS, EventLog
from p2plab.events.kinds import LEVELS, ROOMS
from p2plab.events.kinds.document import markdown
from p2plab.stream import NetStream

PAGE = Path(p2plab.events.__file__).with_name("KINDS.md")


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "python -m p2plab.events.kinds > p2plab/events/KINDS.md"


def test_no_kind_and_no_reason_is_explained_twice() -> None:
    kinds = Counter(name for room in ROOMS for name in room.KINDS)
    reasons = Counter(name for room in ROOMS for name in room.REASONS)
    assert {name for names in (kinds, reasons) for name, count in names.items() if count > 1} == set()


def test_kinds_are_dotted_lower_case_words_with_a_level_and_a_line() -> None:
    for name, kind in KINDS.items():
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", name), name
        assert kind.level in range(len(LEVELS)), name
        assert kind.text.strip() == kind.text != "", name
    for name, text in REASONS.items():
        assert name.strip() == name != "", name
        assert text.strip() == text != "", name
        assert "\n" not in name + text, name


async def echo(stream: NetStream) -> None:
    await stream.write(await stream.read())


async def fall_over(stream: NetStream) -> None:
    raise RuntimeError("over")


def exercise(lab: Lab) -> None:
    """A little of everything a lab can do, and of what can go wrong in it."""
    nodes = lab.start_nodes(12)
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    lab.wire("random", degree=4, nodes=nodes)
    alice.connect(bob)
    bob.connect(nodes[0])
    for node in nodes[:8]:
        node.subscribe("news")
    bob.add_validator("news", lambda message: message.data != b"bad")
    bob.subscribe("news")
    lab.run(3)
    for data in (b"good", b"bad"):
        nodes[9].publish("news", data)
        alice.publish("news", data)
    use_streams(alice, bob)
    lab.run(2)
    lab.network.drop(2)
    lab.network.hold(nodes[0], nodes[1])
    nodes[0].publish("news", b"kept back")
    lab.run(1)
    lab.network.release()
    lab.network.set_link(loss=0.05, duplicate=0.05)
    cut = lab.network.partition(nodes[:6], nodes[6:])
    nodes[2].publish("news", b"not for all")
    lab.run(45)
    cut.heal()
    lab.network.corrupt(1)
    nodes[1].publish("news", b"changed on its way")
    nodes[3].crash()
    nodes[4].crash(silent=True)
    lab.run(45)
    nodes[3].restart(state="lost")
    nodes[4].restart()
    attempt(lambda: alice.connect("/ip4/203.0.113.9/tcp/4001", timeout=1), lambda: alice.connect(alice))
    lab.at(lab.now + 1, bob.publish, "news", b"later")
    lab.run(10)


def use_streams(alice: Node, bob: Node) -> None:
    bob.handle("/echo/1.0.0", echo)
    bob.handle("/fall/1.0.0", fall_over)
    alice.ping(bob)
    alice.identify(bob)
    with alice.open_stream(bob, "/echo/1.0.0") as stream:
        stream.write(b"x")
        assert stream.read() == b"x"
    attempt(lambda: alice.open_stream(bob, "/fall/1.0.0").read(), lambda: alice.open_stream(bob, "/none/1.0.0"))


def attempt(*verbs: object) -> None:
    for verb in verbs:
        try:
            verb()  # type: ignore[operator]  # each takes nothing
        except (LabError, OSError):
            continue
        raise AssertionError("this was meant to fail")


def events_of_everything() -> EventLog:
    with Lab(seed=3, recording="all", jitter=0.01) as lab:
        exercise(lab)
        return lab.events


def test_everything_that_is_recorded_is_in_the_tables_and_plain_json() -> None:
    log = events_of_everything()
    assert len({event.kind for event in log}) > 25
    unknown = {event.reason for event in log if event.reason is not None} - REASONS.keys()
    assert not unknown
    assert len({event.reason for event in log}) > 15
    for event in log:
        assert event.data is None or json.loads(json.dumps(event.data)) == event.data, event


def test_every_cause_is_an_earlier_event_of_the_log() -> None:
    log = events_of_everything()
    for at, event in enumerate(log):
        assert event.seq == at
        assert event.cause is None or event.cause < at, event


def test_every_delivery_goes_back_to_a_publication() -> None:
    log = events_of_everything()
    delivered = log.filter(kind="pubsub.deliver")
    assert len(delivered) > 20
    for event in delivered:
        chain = log.chain(event)
        assert [link.ref for link in chain if link.kind == "pubsub.publish"] == [event.ref], str(chain)
        assert chain[0].kind in ("lab.command", "lab.action"), str(chain)
        assert not chain.note
