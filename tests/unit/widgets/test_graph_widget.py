"""PeerGraph over a mock lab: what it sends, what it shows without a browser, how it ends."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import UnknownNodeError, ValidationError
from p2plab.widgets import PeerGraph
from p2plab_widgets.graph.frames import FrameRecord, Tag
from p2plab_widgets.publisher import SourceOutcome, publisher
from tests.unit.widgets.conftest import WAIT, Page

EDGES = [FrameRecord(Tag.EDGE, 1, a=0, b=1), FrameRecord(Tag.EDGE, 1, a=0, b=2), FrameRecord(Tag.EDGE, 1, a=1, b=2)]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page()
    monkeypatch.setattr("p2plab_widgets.view.seen.Seen.__bool__", lambda seen: True)  # somebody looks
    monkeypatch.setattr(PeerGraph, "send", lambda graph, content, buffers=(): page.send(content, buffers))
    return page


def tags(records: list[FrameRecord]) -> list[int]:
    return [record.tag for record in records]


def test_a_view_has_the_network_before_any_message(lab: Lab) -> None:
    lab["bob"].subscribe("news")
    network = lab.graph().opening["content"]["network"]
    assert [(name, look) for name, _, look in network["nodes"]] == [(name, 1) for name in ("alice", "bob", "carol")]
    assert network["edges"] == [0, 1, 0, 2, 1, 2]
    assert network["topics"] == [["news", None, [1]]]


def test_nothing_is_sent_while_nothing_changes(lab: Lab, page: Page) -> None:
    graph = lab.graph()
    graph.publish()  # whatever the publisher has not seen yet
    sent = len(page.looks)
    assert graph.publish().name == "NOTHING"
    assert page.frames == []
    assert len(page.looks) == sent


def test_the_time_that_passes_is_told_though_nothing_happens(lab: Lab, page: Page) -> None:
    graph = lab.graph()
    lab.run(60)
    page.wait_for(lambda _: any(look.get("bar", {}).get("end") == lab.now for look in page.looks))
    assert page.frames == []
    assert graph.cursor.live


def test_what_happens_is_sent_by_itself(lab: Lab, page: Page) -> None:
    lab.graph()
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(1)
    lab["alice"].publish("news", "hello")
    lab.run(1)
    page.wait_for(lambda frames: sum(tags(records).count(Tag.COPY) for _, records in frames) == 4)
    records = [record for _, records in page.frames for record in records]
    published = [record for record in records if record.tag == Tag.PUBLISH]
    copies = [record for record in records if record.tag == Tag.COPY]
    assert [(record.a, record.topic) for record in published] == [(0, 1)]
    assert {(record.a, record.b) for record in copies if record.look == 0} == {(0, 1), (0, 2)}
    assert {record.message for record in copies} == {published[0].message}


def test_until_a_page_has_said_hello_a_change_comes_with_the_whole_structure(lab: Lab, page: Page) -> None:
    graph = lab.graph()
    lab.start_node("dave")
    page.wait_for(lambda frames: frames)
    frame, records = page.frames[-1]
    assert frame["snapshot"] is True
    assert tags(records) == [Tag.NODE] * 4 + [Tag.EDGE] * 3
    graph._heard(graph, {"hello": True}, [])
    page.wait_for(lambda frames: len(frames) == 2)
    assert page.frames[-1][0]["snapshot"] is True
    lab["dave"].connect("alice")
    page.wait_for(lambda frames: len(frames) == 3)
    frame, records = page.frames[-1]
    assert (frame.get("snapshot"), frame["base"]) == (None, page.frames[-2][0]["version"])
    assert records == [FrameRecord(Tag.EDGE, 1, a=0, b=3)]


def test_what_a_page_says_otherwise_is_ignored(lab: Lab, page: Page) -> None:
    graph = lab.graph()
    for content in ({}, {"hello": "yes"}, {"frame": 1}):
        graph._heard(graph, content, [])
    assert page.frames == []


def test_the_text_says_who_is_there_now(lab: Lab) -> None:
    graph = lab.graph()
    assert repr(graph) == "<PeerGraph, mock: 3 nodes, 3 edges: alice, bob, carol>"
    lab.start_nodes(20)
    assert repr(graph) == (
        "<PeerGraph, mock: 23 nodes, 3 edges: alice, bob, carol, n0, n1, n2, n3, n4, n5, n6, n7, n8 and 11 more>"
    )


def test_the_faces_for_places_without_widgets_show_the_same_network(lab: Lab) -> None:
    graph = lab.graph()
    data, _ = graph._repr_mimebundle_()
    assert data["text/plain"] == repr(graph)
    texts = [
        text.text for text in ElementTree.fromstring(data["image/svg+xml"]).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert [*texts[:3], *texts[4:]] == [
        *("mock", "network", "3 nodes · 3 edges", "3 nodes, 3 connections."),
        *("alice", "bob", "carol"),
    ]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_what_a_face_has_seen_is_still_sent(lab: Lab, page: Page) -> None:
    graph = lab.graph()
    with graph._lock:  # the publisher waits
        lab.start_node("dave")
        assert "dave" in repr(graph)
    page.wait_for(lambda frames: any(name == "dave" for frame, _ in frames for _, name, _ in frame["nodes"]))


def test_selecting_a_node_tells_its_id_and_addresses(lab: Lab) -> None:
    graph = lab.graph()
    alice = lab["alice"]
    graph.selected = "alice"
    assert graph.selection == lab.cursor.selection == {"kind": "node", "id": "alice"}
    assert graph.details["short"] == alice.peer_id.short
    assert graph.details["addresses"] == alice.addresses
    graph.selected = ""
    assert graph.details == {}
    assert lab.cursor.selection is None
    graph.selected = "nobody"
    assert graph.details == {"name": "nobody", "error": "no node of this lab has this name"}


def test_what_is_selected_elsewhere_is_selected_here(lab: Lab) -> None:
    graph = lab.graph()
    lab.cursor.selection = {"kind": "node", "id": "bob"}
    assert graph.selected == "bob"
    assert graph.details["short"] == lab["bob"].peer_id.short
    lab.cursor.selection = {"kind": "edge", "id": ["alice", "bob"]}
    assert graph.selected == ""
    assert [term for term, _ in graph.details["rows"]] == ["at alice", "at bob"]


def test_another_moment_shows_the_network_as_it_was_and_leaves_the_lab_alone(lab: Lab) -> None:
    lab.run(1)
    lab["alice"].disconnect("bob")
    lab["carol"].crash()
    lab.run(1)
    graph, digest = lab.graph(), lab.events.digest()
    assert graph.facts(None) == ["3 nodes", "0 edges"]
    graph.at(0.5)
    assert repr(graph) == "<PeerGraph, mock: 3 nodes, 3 edges: alice, bob, carol>"
    network = graph.content(0.5)["network"]
    assert network["edges"] == [0, 1, 0, 2, 1, 2]
    assert [look for _, _, look in network["nodes"]] == [1, 1, 1]
    graph.live()
    assert [look for _, _, look in graph.content(graph.cursor.end)["network"]["nodes"]] == [1, 1, 0]
    assert lab.events.digest() == digest


def test_a_message_s_way_and_who_waits_for_it(lab: Lab) -> None:
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(1)
    graph = lab.graph()
    assert graph.sentence(None) == "3 nodes, 3 connections."
    message = lab["alice"].publish("news", "hello")
    assert graph.sentence(None) == "alice’s message on news: 0 of 2 subscribers have it; bob and carol do not."
    lab.run(1)
    slowest = lab.propagation(message).duration
    assert graph.sentence(None) == (
        f"alice’s message on news: all 2 subscribers have it, after {slowest:.3g} s and 1 hop."
    )
    wave = graph.content(None)["wave"]
    assert (wave["publisher"], wave["from"]) == (0, [-1, 0, 0])
    graph.message = "none"
    assert graph.content(None)["wave"] == {}


@pytest.mark.parametrize("by", ["auto", "identity", "delay", "hops", "degree", "score", "role", "region", "state"])
def test_every_colour_can_be_chosen_and_gives_a_picture(lab: Lab, by: str) -> None:
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(2)
    lab["alice"].publish("news", "hello")
    lab.run(1)
    graph = lab.graph(colour=by)
    paint = graph.content(None)["paint"]
    assert paint["by"] == ("identity" if by == "auto" else by)
    travels = paint["kind"] != "identity" and by not in ("delay", "hops")  # those are in the message's way
    assert len(paint["values"]) == (3 if travels else 0)
    ElementTree.fromstring(graph.svg())


@pytest.mark.parametrize("kind", ["circle", "line", "grid", "tree", "regions", "given"])
def test_every_layout_gives_each_node_a_place_of_its_own(lab: Lab, kind: str) -> None:
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(1)
    lab["alice"].publish("news", "hello")
    lab.run(1)
    given = {"alice": (0, 0), "bob": (1, 0)}
    graph = lab.graph(layout=kind, positions=given, regions=dict.fromkeys(("alice", "bob"), "here"))
    values = graph.content(None)["places"]["values"]
    assert len(set(zip(values[::2], values[1::2], strict=True))) == 3
    ElementTree.fromstring(graph.svg())


def test_a_partition_s_sides_have_a_ground_until_it_is_healed(lab: Lab) -> None:
    graph = lab.graph()
    lab.network.partition(["alice"], ["bob", "carol"])
    assert graph.refresh()
    sides = [{"label": "side 1", "nodes": [0]}, {"label": "side 2", "nodes": [1, 2]}]
    assert graph.content(None)["grounds"] == sides
    lab.run(1)
    lab.network.heal()
    graph.refresh()
    assert graph.content(None)["grounds"] == []
    assert graph.content(0.5)["grounds"] == sides


def test_topics_that_look_the_same_are_told_apart(lab: Lab) -> None:
    names = ["news", "new\u0455", "news\ufe0f", "news\u202e", "x" * 200 + "a", "x" * 200 + "b"]
    for name in names:
        lab["alice"].subscribe(name)
    topics = lab.graph().opening["content"]["network"]["topics"]
    labels = [label for label, _, _ in topics]
    assert len(set(labels)) == len(names)
    assert {"news", "new<U+0455>"} < set(labels)
    assert all(label.isprintable() and len(label) <= 120 for label in labels)
    for topic in names:
        graph = lab.graph(topic=topic)
        assert graph._topic_name() == topic


def test_a_log_has_the_same_picture_without_a_lab(lab: Lab, tmp_path: Path) -> None:
    lab.run(1)
    view = p2plab.open(lab.events.save(tmp_path / "run.jsonl"))
    graph = view.graph()
    assert repr(graph) == "<PeerGraph, log: 3 nodes, 3 edges: alice, bob, carol>"
    assert graph.content(None)["network"]["edges"] == [0, 1, 0, 2, 1, 2]
    graph.selected = "alice"
    assert graph.details == {"name": "alice"}


def test_a_closed_lab_is_seen_to_be_closed() -> None:
    lab = Lab(seed=7)
    seen = threading.Event()
    graph = lab.graph()
    graph.observe(lambda _: seen.set(), "note")
    lab.close()
    assert seen.wait(WAIT)
    assert graph.note == "the lab is closed; its log can still be looked at"
    assert lab.events._followers == ()


def test_bad_arguments_are_refused_and_leave_nothing_behind(lab: Lab) -> None:
    followers = len(lab.events._followers)
    with pytest.raises(ValidationError, match="-5 pixels"):
        lab.graph(height=-5)
    with pytest.raises(UnknownNodeError, match="no node is called 'nobody'; there are alice, bob, carol"):
        lab.graph(selected="nobody")
    assert len(lab.events._followers) == followers


def test_closing_the_picture_ends_the_following_and_the_thread(lab: Lab) -> None:
    graph = lab.graph()
    assert publisher.running
    graph.close()
    for thread in threading.enumerate():
        if thread.name == "p2plab widgets":
            thread.join(WAIT)
    assert not publisher.running
    assert lab.events._followers == ()


def test_a_picture_that_missed_changes_says_so(lab: Lab, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p2plab_widgets.graph.live.MAX_CHANGES", 2)
    graph = lab.graph()
    with graph._lock:
        lab.start_nodes(5)
    page.wait_for(lambda frames: frames)
    assert graph.note == "3 changes came too fast and are missing here; make a new lab.graph()"


def test_a_failure_stops_the_picture_and_is_shown(lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: object) -> None:
    shown = threading.Event()
    graph = lab.graph()
    graph.observe(lambda _: shown.set(), "note")

    def fail() -> None:
        raise ValueError("broken")

    monkeypatch.setattr(graph, "_catch_up", fail)
    graph.expect()
    assert shown.wait(WAIT)
    assert graph.note == "the picture stands still: ValueError: broken"


def test_a_widget_that_nobody_sees_sends_nothing_and_follows_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr("ipywidgets.Widget._send", lambda widget, content, buffers=None: sent.append(content))
    graph = lab.graph()
    for _ in range(3):
        lab["alice"].subscribe("news")
        lab.run(1)
        lab.cursor.at(0.5)
        lab.cursor.to_live()
        assert graph.publish() is SourceOutcome.NOTHING
    assert sent == []
    assert lab.events._followers == ()
    assert graph.facts(None) == ["3 nodes", "3 edges"]  # asked, it still answers
    graph._heard(graph, {"places": 1, "page": "a"}, [])
    assert any("frame" in content.get("content", {}) for content in sent)
    lab["bob"].subscribe("news")
    assert graph.publish() is SourceOutcome.SENT
    count = len(sent)
    graph._heard(graph, {"places": 0, "page": "a"}, [])
    lab.run(1)
    assert graph.publish() is SourceOutcome.NOTHING
    assert len(sent) == count


def test_a_lab_that_is_only_shown_is_collected_and_its_log_can_still_be_looked_at() -> None:
    lab = Lab(seed=7)
    lab.start_nodes(3)
    graph = lab.graph()
    alive = weakref.ref(lab)
    del lab
    gc.collect()
    assert alive() is None
    assert repr(graph) == "<PeerGraph, log: 3 nodes, 0 edges: n0, n1, n2>"
    graph.close()


def test_neighbours_in_the_dht_are_those_of_the_tables_at_that_moment(lab: Lab) -> None:
    assert lab.graph(layers=["neighbours"]).content(None)["neighbours"] == []
    lab.run(1)
    lab["alice"].dht.put("/lab/x", b"v")
    graph = lab.graph(layers=["connections", "neighbours"])
    tables = [(node.name, peer) for node in lab.nodes for peer in node.dht.routing_table()]
    names = {node.peer_id: node.name for node in lab.nodes}
    scene = [node.name for node in lab.nodes]
    pairs = {tuple(sorted((scene.index(name), scene.index(names[peer])))) for name, peer in tables}
    assert pairs
    assert graph.content(None)["neighbours"] == [index for pair in sorted(pairs) for index in pair]
    assert graph.content(0.5)["neighbours"] == []


def test_a_lab_that_records_too_little_has_a_picture_without_neighbours() -> None:
    lab = Lab(seed=7, recording="counters")
    lab.start_nodes(2)
    graph = lab.graph(layers=["neighbours"])
    assert graph.content(None)["neighbours"] == []
    assert graph.note == ""
