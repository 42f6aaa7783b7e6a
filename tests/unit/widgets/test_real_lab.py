"""The same widgets over real nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p2plab import Lab
from p2plab_widgets.graph.frames import Tag
from tests.unit.widgets.conftest import Page
from tests.unit.widgets.test_console import Watched

pytestmark = pytest.mark.real


@pytest.fixture
def real_lab() -> Iterator[Lab]:
    with Lab("real", seed=7) as lab:
        lab.start_node("alice")
        lab.start_node("bob")
        yield lab


def test_the_graph_and_the_console_show_what_real_nodes_do(real_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page()
    graph = real_lab.graph()
    monkeypatch.setattr(graph, "send", page.send)
    graph.expect()
    watched = Watched(real_lab.console())
    console = watched.console
    console.peer.value = "bob"
    watched.click("connect")
    assert watched.wait_for("result")[0].startswith("connected: <Connection alice → bob")
    page.wait_for(lambda frames: any(record.tag == Tag.EDGE for _, records in frames for record in records))

    console.node.value = "bob"
    watched.click("subscribe")
    watched.wait_for("result", 2)
    assert real_lab.run_until(lambda: real_lab["alice"].topic_peers("news"), timeout=20)
    console.node.value = "alice"
    watched.click("publish")
    assert watched.wait_for("message")[0].startswith("bob received “hello” from alice on news at ")
    page.wait_for(lambda frames: any(record.tag == Tag.COPY for _, records in frames for record in records))
    assert repr(graph) == "<PeerGraph, real: 2 nodes, 1 edge: alice, bob>"

    graph.selected = "bob"
    assert graph.details["addresses"] == real_lab["bob"].addresses
    assert graph.details["agent"] == real_lab["alice"].identify("bob").agent_version


def test_a_real_lab_needs_no_buttons_for_time(real_lab: Lab) -> None:
    mock = Lab(seed=7)
    rows = [Watched(lab.console()).console.children[1].children for lab in (mock, real_lab)]
    mock.close()
    assert [len(row) for row in rows] == [4, 1]  # the list of nodes; and play, pause, +1 s
