"""What figures rest on is said below them, and looking changes nothing."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab, charts
from p2plab.commands.scripts.scenario import Scenario
from p2plab.errors import ValidationError
from p2plab.events.assumptions import few_seeds, read_assumptions
from p2plab.runs.saved.manifest import manifest

ROOT = Path(__file__).parents[3]


def news(lab: Lab, wait: float = 6.0) -> dict[str, float]:
    nodes = lab.start_nodes(5)
    lab.wire("full")
    for node in nodes:
        node.subscribe("news")
    lab.run(wait)
    nodes[0].publish("news", b"hello")
    lab.run(2)
    return {"events": len(lab.events)}


def said(lab: Lab) -> str:
    digest = lab.events.digest()
    text = "\n".join(lab.events.assumptions)
    assert lab.events.digest() == digest
    return text


def test_a_lab_in_which_nothing_was_sent_assumes_nothing() -> None:
    with Lab(seed=1) as lab:
        lab.start_nodes(3)
        assert lab.events.assumptions == ()


def test_a_run_is_told_only_what_it_touches() -> None:
    with Lab(seed=1) as lab:
        news(lab)
        assert "One run with one seed" in said(lab)
        assert not re.search("Bandwidth|Lost packets|meshes still formed", said(lab))
        lab.network.set_node("n0", up=1e6)
        lab.network.set_link(loss=0.01)
        assert "Bandwidth over transport='ideal'" in said(lab)
        assert "no congestion window shrinks" in said(lab)
    with Lab(seed=1, transport="quic") as lab:
        news(lab, wait=1.0)
        lab.network.set_node("n0", up=1e6)
        assert "Bandwidth" not in said(lab)
        assert "1 of 1 message left within 5 heartbeats" in said(lab)


def test_what_was_taken_back_since_is_still_said() -> None:
    with Lab(seed=1) as lab:
        lab.network.set_link(loss=0.3)
        nodes = lab.start_nodes(5)
        lab.network.set_node("n0", up=1e6)
        lab.wire("full")
        lab.network.set_node("n0", up=None)
        for node in nodes:
            node.subscribe("news")
        lab.run(2)
        lab.network.set_link(loss=0.0)
        assert lab.events.counts["link.retransmitted"] > 0
        assert "Bandwidth over transport='ideal'" in said(lab)
        assert "no congestion window shrinks" in said(lab)


@pytest.mark.parametrize("settings", [{"recording": "counters"}, {"recording": "decisions"}, {"log_limit": 20}])
def test_messages_of_the_start_are_counted_where_the_log_has_not_kept_them(settings: dict[str, Any]) -> None:
    with Lab(seed=1, **settings) as lab:
        news(lab, wait=1.0)
        assert "1 of 1 message left within 5 heartbeats" in said(lab)
        lab.at(3.5, lambda: lab["n1"].publish("news", b"from inside"))
        lab.run(2)
        assert "At least 1 of 2 messages left within 5 heartbeats" in said(lab)
    table = p2plab.sweep(lambda lab: news(lab, wait=1.0), seeds=range(2), progress=False, **settings)
    assert "Some messages left within 5 heartbeats" in repr(table)


@pytest.mark.dear
def test_they_stand_below_charts_tables_and_scripts_and_in_a_saved_run(tmp_path: Path) -> None:
    with Lab(seed=1) as lab:
        news(lab)
        every = lab.events.assumptions
        assert every
        text = charts.latency(lab).text()
        assert all(sentence in text for sentence in every)
        assert manifest(lab.world)["assumptions"] == list(every)
        path = lab.save(tmp_path / "run.p2plab")
    with p2plab.open(path) as again:
        assert again.events.assumptions == every
    table = p2plab.sweep(news, seeds=range(2), progress=False)
    assert "Means over 2 seeds: below 10" in repr(table)
    assert table.runs[0].assumptions == every
    assert "Means over 2 seeds" in charts.sweep(table).text()
    report = Scenario.parse("start_nodes 2\nwire ring\nsubscribe n0 news\nrun 1\npublish n0 news hi").run(Lab(seed=2))
    assert "One run with one seed" in str(report)
    assert report.to_dict()["assumptions"] == list(report.assumptions)


def test_a_saved_run_of_an_older_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab(seed=1) as lab:
        news(lab)
        monkeypatch.setattr("p2plab.runs.saved.manifest.MODEL_VERSION", 1)
        path = lab.save(tmp_path / "old.p2plab")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        p2plab.open(path).close()
    assert any("whose model is 1" in str(one.message) and "CHANGELOG" in str(one.message) for one in caught)


def test_what_a_file_brings_as_assumptions_is_bounded_and_text() -> None:
    assert read_assumptions(["a", 5, None, "b" * 1000]) == ("a", "b" * 300)
    assert len(read_assumptions(["x"] * 1000)) == 20
    assert read_assumptions({"no": "list"}) == ()
    assert few_seeds(10) == ""


@pytest.mark.dear
def test_presets_are_compared_over_seeds() -> None:
    with Lab(latency=0.03) as lab:
        table = lab.compare_presets(news, ["go", "rust"], seeds=range(2))
        assert [(run.seed, run.parameters["gossipsub"].preset) for run in table] == [
            (0, "go"), (1, "go"), (0, "rust"), (1, "rust"),
        ]  # fmt: skip
        assert not table.failures
        assert "GossipSubParams.rust(" in repr(table)
        with pytest.raises(ValidationError, match="no preset is called 'gon'"):
            lab.compare_presets(news, ["gon"])


def test_the_citation_names_the_version_that_the_build_has() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {re.escape(p2plab.__version__)}$", text, re.MULTILINE)
