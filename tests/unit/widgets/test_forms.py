"""The console's forms: one for every command, checked before it is sent, with its result as text, table and picture."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import ipywidgets
import pytest

from p2plab import Lab
from p2plab.commands import TABLE, CommandOutcome, command
from p2plab.errors import ValidationError
from p2plab_widgets.console.cell import put_into_notebook
from p2plab_widgets.console.forms import OWN, Forms
from p2plab_widgets.console.log import Log
from p2plab_widgets.console.result import MOST_ROWS, Result
from p2plab_widgets.console.worker import Worker
from tests.unit.widgets.conftest import WAIT


class Sheet:
    """Forms whose work can be waited for."""

    def __init__(self, lab: Lab) -> None:
        self.worker = Worker()
        self.output = Log()
        self.forms = Forms(lab, self.output, self.worker)
        self.settle()

    def settle(self) -> None:
        """Until everything that was handed over is done."""
        done = threading.Event()
        self.worker.submit(done.set)
        assert done.wait(WAIT)

    def run(self, name: str, **values: Any) -> Result:
        """Fill in a form and run it; what is shown then."""
        self.forms.choose(name)
        self.settle()
        for field in self.forms.fields:
            if field.parameter.name in values:
                field.input.value = values[field.parameter.name]
        (button,) = [
            one for row in self.forms.children[3:4] for one in row.children if "p2plab-execute" in one._dom_classes
        ]
        button.click()
        self.settle()
        result: Result = self.forms.result
        return result

    def field(self, name: str) -> Any:
        (field,) = [field for field in self.forms.fields if field.parameter.name == name]
        return field


@pytest.fixture
def sheet(lab: Lab) -> Sheet:
    return Sheet(lab)


@pytest.mark.dear
def test_every_command_of_this_world_has_a_form(sheet: Sheet) -> None:
    shown = set()
    for _, group in sheet.forms.group.options:
        sheet.forms.group.value = group
        for name in sheet.forms.command.options:
            sheet.forms.command.value = name
            made = TABLE[name]
            wanted = [parameter.name for parameter in made.parameters]
            assert [field.parameter.name for field in sheet.forms.fields] == (
                ["node", *wanted] if made.scope == "node" else wanted
            )
            assert made.summary in sheet.forms.summary.value
            shown.add(name)
    assert shown == {made.name for made in TABLE.values() if made.worlds in ("both", "mock") and not made.own}


def test_running_one_shows_the_result_and_the_line_of_python(lab: Lab, sheet: Sheet) -> None:
    lab.start_node("dave")
    result = sheet.run("connect", node="alice", peer="dave")
    assert "peer:" in result.text
    assert not result.failed
    assert ("alice", "dave") in lab.edges()
    assert sheet.output.texts("python") == ['lab["alice"].connect("dave")']


def test_rows_are_a_table_and_a_lookup_a_picture(sheet: Sheet) -> None:
    result = sheet.run("peers", node="bob")
    (table,) = result.tables
    assert table["columns"] == ["name", "peer_id", "addresses"]
    assert [row[0] for row in table["rows"]] == ["alice", "carol"]
    assert sheet.run("dht_put", node="alice", key="/lab/x", value="hi").picture.startswith("<svg")
    assert sheet.run("now").picture == ""


def test_what_is_filled_in_is_checked_before_it_is_sent(lab: Lab, sheet: Sheet) -> None:
    before = len(lab.events.filter(kind="lab.command"))
    result = sheet.run("ping", node="alice", peer="bob", timeout="-5")
    assert result.failed
    assert "timeout='-5' is refused" in result.text
    assert sheet.run("connect").text.startswith("connect: peer is missing")
    assert len(lab.events.filter(kind="lab.command")) == before
    assert sheet.output.texts() == []


def test_what_fails_in_the_lab_is_shown_as_text(sheet: Sheet) -> None:
    result = sheet.run("connect", node="alice", peer="nobody")
    assert result.failed
    assert result.text.startswith("UnknownNodeError: ")
    assert sheet.output.texts("error")[0].startswith("UnknownNodeError: ")


def test_fields_offer_what_the_lab_knows(lab: Lab, sheet: Sheet) -> None:
    sheet.forms.choose("publish")
    sheet.settle()
    assert list(sheet.field("node").input.options) == ["alice", "bob", "carol"]
    assert list(sheet.field("topic").input.options) == []
    lab["bob"].subscribe("news")
    lab.start_node("dave")
    sheet.forms.refresh()
    assert list(sheet.field("topic").input.options) == ["news"]
    assert "dave" in sheet.field("node").input.options


def test_a_choice_is_a_list_and_a_truth_a_box(sheet: Sheet) -> None:
    sheet.forms.choose("restart")
    assert isinstance(sheet.field("state").input, ipywidgets.Dropdown)
    assert list(sheet.field("state").input.options) == ["(default)", "kept", "lost"]
    reconnect = sheet.field("reconnect")
    assert isinstance(reconnect.input, ipywidgets.Checkbox)
    assert reconnect.input.value is True
    assert not reconnect.given
    reconnect.input.value = False
    assert sheet.forms.arguments == {"reconnect": False}


def test_left_empty_the_node_is_the_first_and_the_defaults_hold(lab: Lab, sheet: Sheet) -> None:
    sheet.run("crash", node="carol", silent=True)
    assert not lab["carol"].running
    sheet.run("get_node_id")
    assert str(lab["alice"].peer_id) in sheet.forms.result.text


def test_a_command_of_one_s_own_has_a_form_too(lab: Lab, sheet: Sheet) -> None:
    try:

        @command("shout")
        def shout(node: Any, topic: str) -> dict[str, Any]:
            """Publish in capitals."""
            return {"size": len(node.publish(topic, topic.upper()).data)}

        sheet.forms.choose("shout")
        assert sheet.forms.group.value == OWN
        assert "size: 4" in sheet.run("shout", topic="news").text
    finally:
        del TABLE["shout"]
    with pytest.raises(ValidationError, match="no command 'shout'"):
        sheet.forms.choose("shout")


def test_a_closed_lab_is_told(lab: Lab, sheet: Sheet) -> None:
    lab.close()
    assert sheet.run("ping", node="alice", peer="bob").text.startswith("ClosedError: ")


# -- cells


class Shell:
    """What of a kernel's shell matters here."""

    kernel = object()

    def __init__(self) -> None:
        self.cells: list[tuple[str, bool]] = []

    def set_next_input(self, text: str, replace: bool) -> None:
        self.cells.append((text, replace))


def test_what_was_run_becomes_a_cell(sheet: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    assert "nothing was done here yet" in put_into_notebook("")[1]
    sheet.run("ping", node="alice", peer="bob")
    sheet.run("run", seconds="1")
    (button,) = [one for one in sheet.forms.children[3].children if "p2plab-as-cell" in one._dom_classes]
    button.click()
    assert shell.cells == [('lab["alice"].ping("bob")\nlab.run(1.0)', False)]
    assert "a cell with 2 lines appears below the next cell" in sheet.output.texts("note")[-1]


def test_the_lab_s_history_becomes_a_cell_that_does_the_same(
    lab: Lab, sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    sheet.run("publish", topic="news", message="hi")
    (button,) = [one for one in sheet.forms.children[3].children if "p2plab-history-cell" in one._dom_classes]
    button.click()
    sheet.settle()
    names: dict[str, Any] = {}
    ((code, _),) = shell.cells
    exec(code, names)
    with names["lab"] as again:
        assert again.events.digest() == lab.events.digest()


def test_without_a_notebook_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert put_into_notebook("x")[0] == "error"


# -- the result by itself


def test_a_result_is_bounded() -> None:
    result = Result()
    rows = [{"n": n} for n in range(MOST_ROWS + 30)]
    result.show(
        CommandOutcome(
            {"success": True, "result": {"rows": rows, "text": "x" * 50_000}}, picture="<svg>" + " " * 500_000
        )
    )
    assert len(result.tables[0]["rows"]) == MOST_ROWS
    assert result.tables[0]["title"] == f"rows (the first {MOST_ROWS} of {MOST_ROWS + 30})"
    assert len(result.text) < 1000
    assert result.picture == ""
    assert repr(result).startswith("<Result: 'text:")
    assert result._repr_mimebundle_()[0]["text/plain"] == repr(result)


@pytest.fixture(autouse=True)
def _no_stray_widgets() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()
