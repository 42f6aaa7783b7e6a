"""``p2plab.open``: a log comes back as something to look at."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import p2plab
from p2plab import Lab, LogView
from p2plab.errors import ConfigurationError, EventLogError, ValidationError


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz", "a name without an end"])
def test_a_log_gives_the_answers_the_lab_gave(tmp_path: Path, name: str) -> None:
    with Lab(seed=4) as lab:
        nodes = lab.start_nodes(5)
        lab.wire("ring")
        for node in nodes:
            node.subscribe("news")
        lab.run(2)
        message = nodes[0].publish("news", b"hello")
        lab.run(1)
        nodes[2].crash()
        path = lab.events.save(tmp_path / name)
        view = p2plab.open(path)
        assert isinstance(view, LogView)
        assert view.state() == lab.events.state()
        assert view.state(at=1.5) == lab.events.state(at=1.5)
        assert view.propagation(message.id) == lab.propagation(message)
        assert view.why(view.events[-1]).events == lab.why(lab.events[-1]).events
        assert view.why(message, node="n2").answer == lab.why(message, at="n2").answer
        assert view.why(message.id, at="n2").answer == lab.why(message, at="n2").answer
        published = view.events.filter(kind="pubsub.publish")[0]
        assert view.why(message.id)[-1] == view.why(published.seq)[-1] == published
        with pytest.raises(ValidationError, match="no event of this log"):
            view.why("of nothing")
        assert view.cursor.end == view.events[-1].t
        assert "n" in repr(view)


def test_until_is_where_it_stands(tmp_path: Path) -> None:
    with Lab() as lab:
        lab.start_node("a")
        lab.run(2)
        lab["a"].crash()
        view = p2plab.open(lab.events.save(tmp_path / "x.jsonl"), until=1.0)
    assert view.cursor.time == 1.0
    assert view.cursor.state().down == []


def test_what_is_no_run_is_refused_with_the_kinds_there_are(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("once upon a time")
    with pytest.raises(EventLogError, match="a log of p2plab"):
        p2plab.open(tmp_path / "x")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        p2plab.open(tmp_path / "nothing here")
    (tmp_path / "damaged").write_bytes(gzip.compress(b"{}\n")[:10] + b"\xff" * 20)
    with pytest.raises(ConfigurationError, match="damaged cannot be opened: Error -3"):
        p2plab.open(tmp_path / "damaged")
    with pytest.raises(ValidationError, match="path"):
        p2plab.open(3)  # type: ignore[arg-type]
