"""PeerGraph over a mock lab: what it sends, what it shows without a browser, how it ends."""

from __future__ import annotations

import threading
from xml.etree import ElementTree

import pytest

from p2plab import Lab
from p2plab.errors import UnknownNodeError, ValidationError
from p2plab.widgets import PeerGraph
from p2plab_widgets.graph.frames import NodeLook, Record, Tag, unpack
from p2plab_widgets.publisher import publisher
from tests.unit.widgets.conftest import WAIT, Page

EDGES = [Record(Tag.EDGE, 1, a=0, b=1), Record(Tag.EDGE, 1, a=0, b=2), Record(Tag.EDGE, 1, a=1, b=2)]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page()
    monkeypatch.setattr(PeerGraph, "send", lambda graph, content, buffers: page.send(content, buffers))
    return page


def tags(records: list[Record]) -> list[int]:
    return [record.tag for record in records]


def test_a_view_has_the_network_before_any_message(lab: Lab) -> None:
    lab["bob"].subscribe("news")
    opening = lab.graph().opening
    assert [name for _, name, _ in opening["frame"]["nodes"]] == ["alice", "bob", "carol"]
    assert list(unpack(opening["records"])) == [
        *(Record(Tag.NODE, NodeLook.RUNNING, a=index) for index in range(3)),
        *EDGES,
        Record(Tag.TOPIC, 1, 1, a=1),
    ]


def test_nothing_is_sent_while_nothing_changes(lab: Lab, page: Page) -> None:
    graph = lab.graph()
    lab.run(60)
    assert graph.publish().name == "NOTHING"
    assert page.frames == []


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
    assert records == [Record(Tag.EDGE, 1, a=0, b=3)]


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
    assert texts == ["mock · 3 nodes · 3 edges", "alice", "bob", "carol", "3 nodes, 3 connections."]
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
    assert graph.details["short"] == alice.peer_id.short
    assert graph.details["addresses"] == alice.addresses
    graph.selected = ""
    assert graph.details == {}
    graph.selected = "nobody"
    assert graph.details == {"name": "nobody", "error": "no node of this lab has this name"}


def test_a_selected_node_s_details_survive_a_closed_lab() -> None:
    lab = Lab(seed=7)
    lab.start_node("alice")
    graph = lab.graph()
    lab.close()
    graph.selected = "alice"
    assert graph.details["name"] == "alice"
    assert "closed" in graph.details["error"]


def test_a_closed_lab_is_seen_to_be_closed() -> None:
    lab = Lab(seed=7)
    seen = threading.Event()
    graph = lab.graph()
    graph.observe(lambda _: seen.set(), "note")
    lab.close()
    assert seen.wait(WAIT)
    assert graph.note == "the lab is closed"
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
    monkeypatch.setattr("p2plab_widgets.graph.widget.MAX_CHANGES", 2)
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
    assert shown.wait(WAIT)
    assert graph.note == "the picture stands still: ValueError: broken"
