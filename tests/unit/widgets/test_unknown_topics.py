"""A topic that no node knows: what draws it says so, with the likely one; what answers from the log does, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import ValidationError

SAYING: dict[str, Callable[[Lab, str], str]] = {
    "graph": lambda lab, topic: str(lab.graph(topic=topic).sentence(None)),
    "timeline": lambda lab, topic: str(lab.timeline(topic=topic).sentence(None)),
    "gossip": lambda lab, topic: str(lab.views.gossip(topic).sentence(None)),
    "filter": lambda lab, topic: repr(lab.events.filter(topic=topic)),
    "why": lambda lab, topic: lab["n0"].why("n1", topic=topic).answer,
    "command": lambda lab, topic: str(lab.execute_command("events", topic=topic)["result"].get("note", "")),
    "mesh": lambda lab, topic: repr(lab["n0"].mesh(topic)),
}


@pytest.fixture(scope="module")
def lab() -> Any:
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(3)
        lab.wire("full")
        for node in nodes[:2]:
            node.subscribe("news")
        lab.run(2)
        nodes[0].publish("news", b"x")
        lab.run(1)
        yield lab


@pytest.mark.parametrize("asked", SAYING)
def test_who_asks_about_a_topic_that_no_node_knows_is_told_the_likely_one(lab: Lab, asked: str) -> None:
    assert "did you mean news?" in SAYING[asked](lab, "mews")
    assert "did you mean" not in SAYING[asked](lab, "news")


@pytest.mark.parametrize("chart", ["latency", "throughput", "bandwidth", "mesh_sizes", "duplicates", "scores"])
def test_a_chart_of_a_topic_that_no_node_knows_is_refused(lab: Lab, chart: str) -> None:
    with pytest.raises(ValidationError, match=r"'mews'.* did you mean news\?"):
        getattr(p2plab.charts, chart)(lab, topic="mews")


def test_an_export_of_a_topic_that_no_node_knows_is_refused(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"'mews'; did you mean news\?"):
        lab.export(tmp_path / "run.gexf", topic="mews")
    assert not list(tmp_path.iterdir())


def test_scores_are_those_of_a_topics_subscribers_or_of_one_peer(lab: Lab) -> None:
    assert {row[2] for row in p2plab.charts.scores(lab, topic="news").rows} == {"n0", "n1"}
    assert {row[2] for row in p2plab.charts.scores(lab, topic="n2").rows} == {"n2"}


def test_a_message_that_is_not_there_is_told(lab: Lab) -> None:
    assert "no message 00ff is recorded up to here" in lab.graph(message="00ff").sentence(None)
    assert lab.timeline(message="00ff").sentence(None).endswith("; nothing is recorded of 00ff.")
    sent = lab.events.filter(kind="pubsub.publish")[0].ref
    assert "no message" not in lab.graph(message="none").sentence(None) + lab.graph(message=sent).sentence(None)
    assert "nothing is recorded" not in lab.timeline(message=sent).sentence(None)


def test_a_view_may_be_made_before_the_first_node_subscribes() -> None:
    with Lab(seed=7) as lab:
        (node,) = lab.start_nodes(1)
        graph, gossip = lab.graph(topic="news"), lab.views.gossip("news")
        assert "no node subscribes to news" in graph.sentence(None)
        assert gossip.sentence(None) == "No node subscribes to news."
        node.subscribe("news")
        lab.run(1)
        graph.refresh()
        assert "1 subscribe to news" in graph.sentence(None)
        assert gossip.sentence(None) == "Nothing was published to news yet."


def test_a_node_that_is_not_there_is_told_apart_from_those_there() -> None:
    with Lab(seed=7) as lab:
        lab.start_node("relay")
        nodes = lab.start_nodes(20)
        for name, said in (("rely", "did you mean relay?"), ("n20", "it has relay, n0 to n19"), ("x", "n0 to n19")):
            with pytest.raises(p2plab.errors.UnknownNodeError, match=f"no node of this lab is '{name}'; .*{said}"):
                nodes[0].connect(name)
            with pytest.raises(p2plab.errors.UnknownNodeError, match=said.replace("?", r"\?")):
                lab[name]
