"""The graph with the console beside it, and what the console says of what was done."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab_widgets.console.log import Log
from p2plab_widgets.console.sentences import reach_of, sentence_of
from p2plab_widgets.console.status import said_of
from p2plab_widgets.workbench import Workbench
from tests.unit.widgets.conftest import WAIT


def test_the_console_stands_beside_the_graph_of_the_same_lab(lab: Lab, tmp_path: Path) -> None:
    both = lab.graph(console=True, topic="news")
    assert isinstance(both, Workbench)
    assert list(both.children) == [both.graph, both.console]
    assert both.graph.topic == "news"
    assert repr(both).startswith("<Workbench of <PeerGraph, mock: 3 nodes")
    assert both._repr_mimebundle_()["image/svg+xml"] == both.svg()
    assert both.save(tmp_path / "x.svg").read_text().startswith("<svg")
    lab.run(2)
    both.at(1.0)
    assert lab.cursor.time == 1.0
    both.live()
    assert lab.cursor.time is None
    both.close()


def test_a_log_has_no_console(lab: Lab, tmp_path: Path) -> None:
    view = p2plab.open(lab.events.save(tmp_path / "run.jsonl"))
    with pytest.raises(ValidationError, match="a log has no lab"):
        view.graph(console=True)


def test_how_far_a_message_has_come_is_told_as_it_comes(lab: Lab) -> None:
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(1)
    message = lab["alice"].publish("news", "hello")
    assert reach_of(lab, message.id, "published") == "published: 1 of 3 subscribers have it; bob, carol not yet"
    lab.run(1)
    duration = lab.propagation(message).duration
    assert reach_of(lab, message.id, "published") == f"published: 3 of 3 subscribers have it, {duration:.2g} s"
    assert reach_of(lab, "ff", "published") == "published"


def test_a_publication_s_line_in_the_log_follows_its_recipients(lab: Lab) -> None:
    console = lab.console()
    for node in lab.nodes:
        console._perform("subscribe", {"node": str(node), "topic": "news"})
    lab.run(1)
    console._perform("publish", {"node": "alice", "topic": "news", "message": "hello"})
    lab.run(1)
    console.publish()
    assert console.output.texts("result")[-1].startswith("published 5 bytes to news: 3 of 3 subscribers have it, ")
    console.close()


def test_what_was_done_can_be_done_again_and_nothing_else(lab: Lab) -> None:
    console = lab.console()
    console._perform("run", {"seconds": 1.0})
    for line in ("lab.run(1.0)", "lab.close()", "__import__('os').abort()", None, 3):
        console.output._heard(console.output, {"repeat": line}, [])
    done = threading.Event()
    console._worker.submit(done.set)
    assert done.wait(WAIT)
    assert lab.now == 2.0
    assert not lab.closed
    console.close()


def test_what_is_wrong_is_said_beside_the_field_until_it_is_right(lab: Lab) -> None:
    console = lab.console()
    console._perform("connect", {"node": "alice", "peer": "nobody"})
    assert "nobody" in console.problems["connect"].value
    assert console.problems["connect"].layout.display == ""
    console._perform("connect", {"node": "alice", "peer": "bob"})
    assert console.problems["connect"].layout.display == "none"
    console.close()


def test_a_form_complains_beside_the_field_it_is_about(lab: Lab) -> None:
    console = lab.console()
    forms = console.forms
    forms.choose("run")
    (field,) = [field for field in forms.fields if field.parameter.name == "seconds"]
    field.input.value = "soon"
    forms.execute()
    assert "seconds" in field.problem.value
    assert field.problem.layout.display == ""
    console.close()


@pytest.mark.parametrize(
    ("command", "result", "said"),
    [
        ("ping", {"peer": "bob", "seconds": 0.04}, "bob answered alice after 40 ms"),
        ("publish", {"topic": "news", "message_size": 1}, "published 1 byte to news"),
        ("diagnose", {"layer": "topic", "reason": "two topics"}, "topic: two topics"),
        ("diagnose", {"layer": None, "reason": "alice and bob talk"}, "alice and bob talk"),
        ("ping", {"mine": 1}, "ping: done"),
        ("crash", {"node": "alice"}, "crash: done"),
        ("ping", None, "ping: done"),
    ],
)
def test_an_answer_is_a_sentence(command: str, result: Any, said: str) -> None:
    assert sentence_of(command, {"node": "alice"}, result) == said


def test_the_head_says_whether_time_passes(lab: Lab) -> None:
    assert said_of(lab) == {"world": "mock", "nodes": "3 nodes", "time": "0.00 s", "state": "time stands still"}
    lab["bob"].crash()
    lab.run(1.5)
    assert said_of(lab) == {
        "world": "mock",
        "nodes": "2 nodes, 1 down",
        "time": "1.50 s",
        "state": "time stands still",
    }
    lab.close()
    assert said_of(lab)["state"] == "closed"


def test_a_line_of_the_log_can_be_rewritten_while_it_is_there() -> None:
    log = Log()
    _, line = log.add(("python", "lab.run(1)"), ("result", "a"))
    assert log.rewrite(line, "b")
    assert not log.rewrite(line, "b")
    assert log.lines == [["python", "lab.run(1)"], ["result", "b"]]


@pytest.mark.dear
def test_a_lab_that_only_a_console_shows_is_collected_and_what_is_clicked_then_says_so() -> None:
    lab = Lab(seed=7)
    lab.start_node("alice")
    console = lab.console()
    alive = weakref.ref(lab)
    settled = threading.Event()
    console._worker.submit(settled.set)
    assert settled.wait(WAIT)
    del lab
    gc.collect()
    assert alive() is None
    console._perform("run", {"seconds": 1.0})
    assert console.output.texts("error") == ["the lab is gone: nothing but this console held it"]
    console.forms.execute()
    assert "the lab is gone" in console.forms.result.text
    console.close()
