"""How far something is: silent at first and in tests, a line in a terminal, a bar in a notebook, gone at the end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import nbformat
import pytest

from p2plab import Lab, progress
from p2plab.commands.scripts.scenario import Scenario
from p2plab.progress import NotebookBar, TerminalLine, Watched, bar, watched

WAIT = 30


class Screen:
    """A painter that remembers, and tells when it was used."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, float | None]] = []
        self.used = threading.Event()
        self.cleared = threading.Event()

    def show(self, text: str, share: float | None) -> None:
        self.shown.append((text, share))
        self.used.set()

    def clear(self) -> None:
        self.cleared.set()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(progress, "painter", lambda: screen)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "EVERY", 0.001)
    return screen


def test_it_says_how_far_it_is_and_goes_when_it_is_done(screen: Screen) -> None:
    done = 3
    with watched("counting", 12, lambda: done, " sheep", shown=True):
        with watched("within", 1, lambda: 1, shown=True):
            assert screen.used.wait(WAIT)
    assert screen.cleared.wait(WAIT)
    text, share = screen.shown[0]
    assert text.startswith("counting: 3 of 12 sheep")
    assert share == 0.25
    assert not any(text.startswith("within") for text, _ in screen.shown)


def test_an_error_and_an_interrupt_take_it_away_too(screen: Screen) -> None:
    with pytest.raises(KeyboardInterrupt):
        with watched("counting", 12, lambda: 0, shown=True):
            assert screen.used.wait(WAIT)
            raise KeyboardInterrupt
    assert screen.cleared.wait(WAIT)


def test_what_is_left_is_what_was_spent_in_proportion() -> None:
    one = Watched("loading", 1_000_000, lambda: 250_000.0, "", began=0.0)
    assert one.said(10.0) == ("loading: 250,000 of 1,000,000, 30 s left", 0.25)
    assert Watched("filling", None, lambda: 0.0, "", began=0.0).said(4.0) == ("filling, 4 s so far", None)
    assert Watched("running", 10.0, lambda: 7.25, " s", began=0.0).said(200.0)[0] == "running: 7.2 of 10 s, 76 s left"


def test_what_is_left_follows_the_pace_of_the_second_half() -> None:
    done = 0.0
    one = Watched("running", 100.0, lambda: done, " s", began=0.0)
    for second in range(1, 21):  # ten a second until the fourth, then one
        done = 10.0 * min(second, 4) + max(second - 4, 0)
        text = one.said(float(second))[0]
        if second == 4:
            assert text == "running: 40 of 100 s, 6 s left"
        if second == 8:
            assert text == "running: 44 of 100 s, 56 s left"
    assert text == "running: 56 of 100 s, 44 s left"


def test_what_is_left_is_a_range_while_the_pace_changes_and_not_said_in_the_first_seconds() -> None:
    done = 0.0
    one = Watched("running", 100.0, lambda: done, " s", began=0.0)
    for at, done in ((0.5, 8.0), (1.0, 16.0), (1.5, 17.0)):  # a lab before its first messages, and with them
        assert one.said(at)[0] == f"running: {done:.0f} of 100 s"
    done = 18.0
    assert one.said(2.0)[0] == "running: 18 of 100 s, 41 s left"
    done = 26.0
    assert one.said(2.5)[0] == "running: 26 of 100 s, 8 to 11 s left"


def test_a_look_in_the_very_tick_of_the_beginning_leaves_two_to_reckon_from() -> None:
    one = Watched("running", 10.0, lambda: 1.0, " s", began=5.0)
    assert [one.look(now) for now in (5.0, 5.0)] == [1.0, 1.0]  # a clock of 16 ms stands still for both
    assert one.said(15.0)[0] == "running: 1 of 10 s"


def test_nobody_is_told_where_nobody_looks(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with Lab(seed=1) as lab:
        lab.start_nodes(3)
        lab.run(100)
    assert screen.shown == []


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float | None]]:
    """What is watched, and how much of it there is."""
    seen: list[tuple[str, float | None]] = []
    real = progress.Watched

    def note(what: str, total: float | None, how_far: Any, unit: str) -> Watched:
        seen.append((what, total))
        return real(what, total, how_far, unit)

    monkeypatch.setattr(progress, "is_seen", lambda: True)
    monkeypatch.setattr(progress, "Watched", note)
    return seen


def test_verbs_that_take_long_are_watched(
    screen: Screen, noted: list[tuple[str, float | None]], tmp_path: Path
) -> None:
    with Lab(seed=1) as lab:
        lab.start_nodes(5)
        lab.wire("ring")
        lab.run(7)
        lab.dht.fill()
        log = lab.events.load(lab.events.save(tmp_path / "x.jsonl"))
    assert [entry for entry in noted if entry[0] != "connecting"] == [
        ("starting nodes", 5),
        ("running", 7),
        ("filling routing tables", None),
        ("saving events", len(log)),
        ("loading events", len(log)),
    ]


def test_a_script_is_watched_as_a_whole_since_each_of_its_steps_may_be_short(
    noted: list[tuple[str, float | None]],
) -> None:
    with Lab(seed=1) as lab:
        lab.run(10)
        noted.clear()
        Scenario.parse("start_node a\n@1s start_node b\n@4s start_node c", "mine").run(lab)
        assert lab.now == 14
        runs = [one for one in noted if one[0].startswith("running")]
        assert runs == [("running mine", 4.0), ("running", 1.0), ("running", 3.0)]
        noted.clear()
        Scenario.parse("run 2", "untimed").run(lab)
        assert noted == [("running", 2.0)], "its one long step says how long it takes"


def test_a_line_in_a_terminal_is_written_over() -> None:
    stream = io.StringIO()
    line = TerminalLine(stream)
    line.show("half way", 0.5)
    line.show("done", None)
    line.clear()
    assert stream.getvalue() == f"\r{bar(1, 2)} half way\rdone{' ' * 25}\r    \r"


def test_a_bar_in_a_notebook_is_text_and_never_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython.display

    put: list[dict[str, str]] = []

    class Handle:
        def update(self, data: dict[str, str], raw: bool) -> None:
            put.append(data)

    def display(data: dict[str, str], raw: bool, display_id: bool) -> Handle:
        put.append(data)
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    shown = NotebookBar()
    shown.show("<script>alert(1)</script>", 0.5)
    shown.clear()
    assert "<script>" not in put[0]["text/html"]
    assert 'value="0.5000"' in put[0]["text/html"]
    assert put[1] == {"text/plain": "", "text/html": ""}


LONG = """
import time
from p2plab.progress import watched
began = time.monotonic()
with watched("waiting", 2.0, lambda: time.monotonic() - began, " s"):
    time.sleep(2.0)
"""


@pytest.mark.notebooks
@pytest.mark.slow
@pytest.mark.parametrize("tested", [False, True])
def test_in_a_kernel_it_is_a_bar_and_under_a_test_nothing(tmp_path: Path, tested: bool) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(LONG))])
    nbformat.write(notebook, tmp_path / "long.ipynb")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTEST_VERSION": "9"} if tested else {}
    code = (
        "import sys, nbformat, nbclient; nb = nbformat.read(sys.argv[1], 4); "
        "nbclient.NotebookClient(nb, timeout=60).execute(); nbformat.write(nb, sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "long.ipynb")], check=True, env=environment)
    outputs = nbformat.read(tmp_path / "long.ipynb", 4).cells[0].outputs
    assert [output.output_type for output in outputs] == ([] if tested else ["display_data"])
