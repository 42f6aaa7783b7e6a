"""The timeline: what of a log is in sight, whatever its size."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.events import EventLog
from p2plab_widgets.timeline.index import SUBJECTS, TimelineIndex, subject_of
from p2plab_widgets.timeline.picture import Filter, TimelinePicture, Window

ALL = tuple(range(len(SUBJECTS)))


@pytest.fixture
def busy(lab: Lab) -> Lab:
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(1)
    lab["alice"].publish("news", "hello")
    lab.run(1)
    lab["bob"].dht.put("/lab/x", b"1")
    lab["carol"].crash()
    lab.run(1)
    return lab


def in_log(log: EventLog, since: float, until: float, name: str, subject: int) -> int:
    events = log.filter(since=since, until=until)
    return sum(event.node == name and subject_of(event.kind) == subject for event in events)


def test_the_index_counts_what_is_there(busy: Lab) -> None:
    log = busy.events
    index = TimelineIndex(log)
    assert index.update()
    assert not index.update()
    assert list(index.nodes.values()) == ["alice", "bob", "carol"]
    for node, name in index.nodes.items():
        for subject in ALL:
            for since, until in ((0.0, 3.0), (0.5, 1.2), (2.0, 2.0)):
                ticks = round(since * log.resolution), round(until * log.resolution)
                assert index.count([node], [subject], *ticks) == in_log(log, since, until, name, subject)
                assert len(index.numbers([node], [subject], *ticks)) == in_log(log, since, until, name, subject)


def test_the_index_goes_on_where_the_log_has_grown(busy: Lab) -> None:
    index = TimelineIndex(busy.events)
    index.update()
    busy["alice"].publish("news", "again")
    busy.run(1)
    assert index.update()
    fresh = TimelineIndex(busy.events)
    fresh.update()
    end = round(busy.now * busy.events.resolution)
    assert index.numbers(index.nodes, ALL, 0, end) == fresh.numbers(fresh.nodes, ALL, 0, end)


def test_bins_add_up_and_say_what_most_of_them_are_about(busy: Lab) -> None:
    index = TimelineIndex(busy.events)
    index.update()
    end = index.last + 1
    edges = [end * at // 50 for at in range(51)]
    for node in index.nodes:
        counts, subjects = index.bins(node, ALL, edges)
        assert sum(counts) == index.count([node], ALL, 0, end)
        for count, subject, start, after in zip(counts, subjects, edges[:-1], edges[1:], strict=True):
            if count:
                assert index.count([node], [subject], start, after - 1) * len(SUBJECTS) >= count


def test_an_arrow_goes_from_the_cause_at_another_node(busy: Lab) -> None:
    content = busy.timeline(message=busy.events.filter(kind="pubsub.publish")[0].ref).content(None)
    events, names = content["events"], [label for label, _, _ in content["lines"]]
    kinds = [events["kinds"][kind] for kind in events["kind"]]
    for at, seq in enumerate(events["seq"]):
        event = busy.events.by_seq(seq)
        assert event is not None
        assert names[events["line"][at]] == event.node
        if kinds[at] in ("pubsub.receive", "pubsub.duplicate"):
            assert names[events["from"][at]] == event.peer
            assert events["from_t"][at] < events["t"][at]
    assert kinds.count("pubsub.deliver") == 3


def test_too_many_events_are_a_density_and_a_small_window_shows_them_one_by_one(busy: Lab) -> None:
    picture = TimelinePicture(busy.events, TimelineIndex(busy.events))
    picture.limit = 20
    crowded = picture.content(Window(0.0, busy.now), Filter())
    assert "events" not in crowded
    log = [event for event in busy.events if event.node is not None and event.t < busy.now]
    assert sum(map(sum, crowded["density"]["rows"])) == len(log)
    window = Window(1.0, 1.01)
    seen = picture.content(window, Filter())["events"]["seq"]
    inside = busy.events.filter(since=window.start, until=window.end)
    assert seen == [event.seq for event in inside if event.node is not None]


def test_only_the_lines_in_sight_are_sent() -> None:
    with Lab(seed=7) as lab:
        lab.start_nodes(50)
        lab.wire("ring")
        content = TimelinePicture(lab.events, TimelineIndex(lab.events)).content(
            Window(-1, 1, top=10, lines=5), Filter()
        )
    assert [label for label, _, _ in content["lines"]] == ["n10", "n11", "n12", "n13", "n14"]
    assert set(content["events"]["line"]) == set(range(10, 15))
    assert content["total"] == 50


def test_the_selected_event_lights_its_causes_and_consequences(busy: Lab) -> None:
    timeline = busy.timeline()
    publish = busy.events.filter(kind="pubsub.publish")[0]
    deliver = busy.events.filter(kind="pubsub.deliver", node="bob")[0]
    busy.cursor.selection = {"kind": "event", "id": publish.seq}
    lit = timeline.content(None)["lit"]
    assert deliver.seq in lit["events"]["seq"]
    busy.cursor.selection = {"kind": "event", "id": deliver.seq}
    lit = timeline.content(None)["lit"]
    assert publish.seq in lit["causes"]
    assert timeline.sentence(None).startswith("bob pubsub.deliver with alice on news")
    busy.cursor.selection = {"kind": "event", "id": 10**9}
    assert timeline.content(None)["lit"] == {}


def test_what_is_chosen_decides_what_is_seen(busy: Lab) -> None:
    timeline = busy.timeline(protocols=["dht"])
    assert {kind.split(".")[0] for kind in timeline.content(None)["events"]["kinds"]} == {"dht"}
    lookup = busy.events.filter(kind="dht.lookup")[0].ref
    timeline.message = lookup
    bars = timeline.content(None)["bars"]
    done = busy.events.filter(kind="dht.done", ref=lookup)[0]
    assert [seq for *_, seq in bars] == [done.seq]
    timeline = busy.timeline(nodes="ALI")
    assert [label for label, _, _ in timeline.content(None)["lines"]] == ["alice"]
    timeline = busy.timeline(topic="news")
    assert {"pubsub.deliver"} <= set(timeline.content(None)["events"]["kinds"])
    assert not any(kind.startswith("connection") for kind in timeline.content(None)["events"]["kinds"])


def test_lines_are_ordered_by_first_receipt(busy: Lab) -> None:
    message = busy.events.filter(kind="pubsub.publish")[0]
    content = busy.timeline(message=message.ref, order="receipt").content(None)
    first = {event.node: event.seq for event in reversed(busy.events.filter(ref=message.ref))}
    assert [label for label, _, _ in content["lines"]] == sorted(first, key=lambda name: first[name])


def test_what_cannot_be_is_refused(busy: Lab) -> None:
    for options in ({"order": "random"}, {"protocols": ["http"]}, {"protocols": "dht"}, {"topic": 3}):
        with pytest.raises(ValidationError):
            busy.timeline(**options)
    with pytest.raises(ValidationError, match="must come before"):
        busy.timeline(since=2, until=1)


def test_what_a_page_asks_is_bounded(busy: Lab) -> None:
    timeline = busy.timeline()
    before = timeline.content(None)
    for asked in (
        None,
        {},
        {"start": "x", "end": 1, "top": 0, "lines": 3, "width": 9},
        {"start": 0, "end": 1, "top": 0},
    ):
        timeline.heard({"window": asked}, [])
    assert timeline.content(None)["window"] == before["window"]
    timeline.heard({"window": {"start": 1, "end": 2, "top": -5, "lines": 10**9, "width": 10**9}}, [])
    content = timeline.content(None)
    assert content["window"] == [1.0, 2.0]
    assert content["top"] == 0


def test_names_and_topics_of_a_peer_s_choice_are_shown_bounded_and_told_apart(lab: Lab) -> None:
    for topic in ("a\u202eb", "x" * 900 + "1", "x" * 900 + "2"):
        lab["alice"].subscribe(topic)
    lab.run(1)
    topics = lab.timeline().content(None)["topics"]
    labels = [label for label, _ in topics]
    assert len(set(labels)) == 3
    assert all(label.isprintable() and len(label) <= 120 for label in labels)
    timeline = lab.timeline(topic="x" * 900 + "2")
    assert timeline._topic_name() == "x" * 900 + "2"


def test_the_faces_and_a_log_without_a_lab(busy: Lab, tmp_path: Path) -> None:
    view = p2plab.open(busy.events.save(tmp_path / "run.jsonl"))
    timeline = view.timeline()
    assert repr(timeline).startswith("<Timeline, log: 3 nodes, ")
    root = ElementTree.fromstring(timeline.svg())
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"alice", "bob", "carol", "messages", "dht"} <= set(texts)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("node.crashed", "faults"),
        ("network.partition", "faults"),
        ("error", "faults"),
        ("node.started", "lab"),
        ("lab.command", "lab"),
        ("connection.opened", "connections"),
        ("link.arrived", "connections"),
        ("link.dropped", "faults"),
        ("pubsub.graft", "mesh"),
        ("pubsub.duplicate", "messages"),
    ],
)
def test_what_a_lab_is_told_to_do_is_no_fault(kind: str, subject: str) -> None:
    assert SUBJECTS[subject_of(kind)] == subject


def test_streams_slots_circuits_and_punches_are_bars_and_boxes_and_relays_have_signs() -> None:
    with Lab(seed=7) as lab:
        relay = lab.start_node("r", role="relay")
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        for node in (alice, bob):
            lab.network.add_nat(node, "restricted")
            node.connect(relay)
        lab.run(30)
        assert lab.reachability(attempt=True)[alice, bob].how == "punched"
        timeline = lab.timeline()
        content = timeline.content(None)
        kinds = {lab.events.by_seq(bar[4]).kind for bar in content["bars"]}  # type: ignore[union-attr]
        assert {"stream.closed", "relay.reserved"} <= kinds
        circuits = [bar for bar in content["bars"] if lab.events.by_seq(bar[4]).kind == "relay.ended"]  # type: ignore[union-attr]
        begun = [event.t for event in lab.events.filter(kind="relay.circuit", reason="OK")]
        assert all(start in begun and start < end for _, start, end, _, _ in circuits)
        assert content["signs"] == {"r": "◇", "alice": "⌂", "bob": "⌂"}
        assert content["reaches"] is True
        assert timeline.sentence(None).endswith("a hole punch ended: SUCCESS after 1 attempt.")
        assert "⌂ alice" in timeline.svg()
        assert "reachability" in timeline.svg()
        timeline.close()
    with Lab(seed=7) as lab:
        lab.start_nodes(2)
        plain = lab.timeline()
        assert plain.content(None)["signs"] == {}
        assert "reachability" not in plain.svg()
        assert "hole punch" not in plain.sentence(None)
        plain.close()
