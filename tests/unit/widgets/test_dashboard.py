"""The dashboard's arrangement is a text that brings it back; parts come and go with it."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import p2plab
from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab_widgets import Dashboard
from p2plab_widgets.dashboard.arrangement import Column, Part, parsed, written
from p2plab_widgets.dashboard.parts import CHARTS, MAKERS, ChartView, Feed

NAMES = list(MAKERS)
SHARES = st.integers(1, 100_000).map(lambda number: number / 100)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(5)
        lab.wire("ring")
        for node in nodes:
            node.subscribe("news")
        lab.run(3)
        nodes[0].publish("news", b"hello")
        lab.run(1)
        yield lab


@given(st.permutations(NAMES), st.lists(st.integers(1, 4), max_size=5), st.lists(SHARES, min_size=20, max_size=20))
def test_what_is_written_is_read_back(names: list[str], sizes: list[int], shares: list[float]) -> None:
    columns, rest, share = [], list(names), iter(shares)
    for size in sizes:
        taken, rest = rest[:size], rest[size:]
        if taken:
            columns.append(Column(tuple(Part(name, next(share)) for name in taken), next(share)))
    again = parsed(written(columns), NAMES)
    assert [[part.name for part in column.parts] for column in again] == [
        [part.name for part in column.parts] for column in columns
    ]
    ours = [share for column in columns for share in (column.share, *(part.share for part in column.parts))]
    theirs = [share for column in again for share in (column.share, *(part.share for part in column.parts))]
    assert theirs == pytest.approx(ours, rel=0.01)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("grph", "no part 'grph'; did you mean 'graph'"),
        ("graph|graph", "twice"),
        ("graph/", "not ''"),
        ("graph:0", "from 0.01 to 1000"),
        ("graph:9999999", "from 0.01 to 1000"),
        ("graph; import os", "not 'graph; import os'"),
        (3, "a layout is a text"),
    ],
)
def test_a_layout_that_cannot_be_is_one_sentence_and_leaves_no_part_behind(lab: Lab, layout: str, words: str) -> None:
    followers = len(lab.events._followers)
    with pytest.raises(ValidationError, match=words):
        lab.dashboard(layout)
    assert len(lab.events._followers) == followers


def test_parts_come_and_go_with_the_arrangement_and_the_line_brings_it_back(lab: Lab) -> None:
    before = lab.events.digest()
    dashboard = lab.dashboard()
    assert isinstance(dashboard, Dashboard)
    assert list(dashboard.parts) == ["graph", "timeline", "inspector", "chart", "console", "feed"]
    graph = dashboard.parts["graph"]
    dashboard.arrangement = "2*graph/dht | feed"
    assert list(dashboard.parts) == ["graph", "feed", "dht"]
    assert dashboard.parts["graph"] is graph
    again = eval(dashboard.line, {"lab": lab})
    assert again.arrangement == dashboard.arrangement == "2*graph/dht | feed"
    with pytest.raises(ValidationError, match="no part"):
        dashboard.arrangement = "nothing"
    assert dashboard.arrangement == "2*graph/dht | feed"
    dashboard.heard({"arrange": "<script>"}, ())
    assert "a layout has parts such as" in dashboard.note
    dashboard.heard({"arrange": "feed:2/graph"}, ())
    assert list(dashboard.parts) == ["graph", "feed"]
    dashboard.arrangement = ""
    assert dashboard.parts == {}
    for one in (dashboard, again):
        one.close()
    assert lab.events.digest() == before


def test_a_dashboard_that_is_displayed_has_its_parts_expect_to_be_seen(lab: Lab) -> None:
    dashboard = lab.dashboard()
    views = [part for name, part in dashboard.parts.items() if name != "console"]
    assert not any(view.seen for view in views)
    data = dashboard._repr_mimebundle_()[0]
    assert "image/svg+xml" in data
    assert all(view.seen for view in views)
    dashboard.arrangement = "graph/gossip"
    assert dashboard.parts["gossip"].seen
    dashboard.close()


def test_larger_type_is_for_all_parts_that_are_there_and_that_come(lab: Lab) -> None:
    dashboard = Dashboard(lab, "graph | console", large=True)
    assert dashboard.parts["graph"].large
    dashboard.arrangement = "graph/chart | console"
    assert dashboard.parts["chart"].large
    dashboard.large = False
    assert not any(dashboard.parts[name].large for name in ("graph", "chart"))
    dashboard.close()


def test_all_parts_follow_one_cursor_and_one_selection(lab: Lab) -> None:
    dashboard = lab.dashboard("graph | inspector/feed/gossip/dht/connections/chart")
    dashboard.at(2.0)
    event = lab.events[5]
    lab.cursor.selection = {"kind": "event", "id": event.seq}
    assert {part.time for part in dashboard.parts.values()} == {2.0}
    assert {str(part.selection) for part in dashboard.parts.values()} == {str(lab.cursor.selection)}
    assert dashboard.parts["inspector"].sentence(2.0) == str(event)
    dashboard.live()
    assert {part.time for part in dashboard.parts.values()} == {None}
    lab.cursor.selection = None
    dashboard.close()


@pytest.mark.dear
def test_a_still_has_every_part_and_a_page_all_but_the_console(lab: Lab, tmp_path: Path) -> None:
    dashboard = lab.dashboard()
    root = ElementTree.fromstring(dashboard.svg())
    inner = [element for element in root.iter("{http://www.w3.org/2000/svg}svg") if element is not root]
    titles = {str(element.findtext("{http://www.w3.org/2000/svg}title")) for element in inner}
    assert {"network", "timeline", "inspector", "chart", "feed"} <= titles
    assert dashboard.save(tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    before = dashboard.arrangement
    page = dashboard.save(tmp_path / "x.html").read_text()
    assert re.findall(r'id="module([^"]*)"', page) == ["", "-graph", "-timeline", "-inspector", "-chart", "-feed"]
    assert "http://" not in re.sub(r"http://www\.w3\.org/[\w/.]*", "", page)
    run = re.search(r'id="run">([^<]*)<', page)
    assert run is not None
    recording = json.loads(gzip.decompress(base64.b64decode(run[1])))
    assert recording["traits"]["arrangement"] == "3*graph:3/timeline:2 | 2*inspector:3/chart:2 | 2*feed:2"
    assert set(recording["parts"]) == set(recording["traits"]["kids"])
    assert dashboard.arrangement == before
    assert "console" in dashboard.content(None)["all"]
    dashboard.close()


def test_a_log_has_a_dashboard_without_a_console(lab: Lab, tmp_path: Path) -> None:
    log = p2plab.open(lab.events.save(tmp_path / "run.jsonl"))
    dashboard = log.dashboard()
    assert list(dashboard.parts) == ["graph", "timeline", "inspector", "chart", "feed"]
    with pytest.raises(ValidationError, match="no part 'console'"):
        log.dashboard("console")
    dashboard.close()


def test_the_feed_has_the_newest_events_of_the_family_asked_for(lab: Lab) -> None:
    feed = Feed(lab)
    rows = feed.cards(None)[0]["rows"]
    assert [row[0]["pick"]["id"] for row in rows] == [event.seq for event in reversed(list(lab.events)[-60:])]
    early = feed.cards(0.5)[0]["rows"]
    assert early[0][0]["pick"]["id"] == max(event.seq for event in lab.events if event.t <= 0.5)
    feed.choose("family", "decisions")
    decided = [event for event in lab.events if event.kind in ("pubsub.graft", "pubsub.prune")]
    assert [row[0]["pick"]["id"] for row in feed.cards(None)[0]["rows"]] == [event.seq for event in reversed(decided)]
    feed.close()


def test_the_chart_of_a_dashboard_is_the_chart_up_to_the_moment(lab: Lab) -> None:
    view = ChartView(lab)
    for name in CHARTS:
        view.choose("chart", name)
        chart = getattr(p2plab.charts, name)(lab.events, until=3.5)
        assert view.sentence(3.5) == chart.sentence
        assert view.cards(3.5)[0]["alt"] == chart.sentence
    view.close()


def test_the_chart_is_drawn_for_the_room_that_its_page_has(lab: Lab) -> None:
    view = ChartView(lab)
    for room, size in (([300, 150], (300, 150)), ([90, 9], (200, 100)), ([10**9, 10**9], (4000, 4000))):
        view.heard({"room": room}, [])
        root = ElementTree.fromstring(view.cards(None)[0]["svg"])
        assert (root.get("width"), float(root.get("height", 0)) >= size[1]) == (str(size[0]), True)
    for bad in ({"room": "wide"}, {"room": [1]}, {"room": [None, 3]}, {"room": [float("nan"), 3]}):
        view.heard(bad, [])
    assert ElementTree.fromstring(view.cards(None)[0]["svg"]).get("width") == "4000"
    view.close()
