"""The rules for notebooks find what they are there for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nbformat
import pytest

import tests.notebooks.test_notebooks as rules
from tests.notebooks import colab
from tests.notebooks.test_notebooks import dead, volatile


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("written to /home/ada/run.p2plab", "a path of a machine"),
        ("'/tmp/tmpx1/case1.p2plab'", "a path of a machine"),
        (r"C:\Users\ada\x", "a path of a machine"),
        ("at 2026-11-30 23:59", "a day or a time of day"),
        ("pid 4711", "a process id"),
    ],
)
def test_what_is_of_one_machine_is_found(text: str, what: str) -> None:
    assert [found.partition(":")[0] for found in volatile(text)] == [what]


@pytest.mark.parametrize("text", ["/ip4/127.0.0.1/tcp/4001", "/lab/greeting", "/echo/1.0.0", "6 of 8 at 2.0000 s"])
def test_what_is_the_same_everywhere_is_left_alone(text: str) -> None:
    assert volatile(text) == []


def test_a_file_that_is_not_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.ipynb").touch()
    text = (
        "[a](there.ipynb) [b](gone.ipynb) [c](https://example.org/x) `p2plab/__init__.py` `p2plab/nowhere.py` [d](#x)"
    )
    assert dead(text, tmp_path) == ["gone.ipynb", "p2plab/nowhere.py"]


def planted(change: Callable[[nbformat.NotebookNode], None], folder: Path) -> Path:
    """A small notebook that breaks no rule, but for the change."""
    cell = nbformat.v4.new_code_cell("print(6 * 7)", execution_count=1, id="code")
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title", id="title"), cell])
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    change(notebook)
    path = folder / "planted.ipynb"
    nbformat.write(notebook, path)
    return path


def shows(text: str) -> Callable[[nbformat.NotebookNode], None]:
    """The code cell printed this."""
    return lambda notebook: notebook.cells[1].outputs[0].update(text=text)


def says(text: str) -> Callable[[nbformat.NotebookNode], None]:
    """The first cell of text says this."""
    return lambda notebook: notebook.cells[0].update(source=text)


def output(kind: str, **fields: Any) -> Callable[[nbformat.NotebookNode], None]:
    """The code cell has this output."""
    return lambda notebook: notebook.cells[1].update(outputs=[nbformat.v4.new_output(kind, **fields)])


ERROR = output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])
PLANTS: list[tuple[str, Callable[[nbformat.NotebookNode], None], Callable[[Path], None]]] = [
    ("an error", ERROR, rules.test_no_output_is_an_accident),
    ("stderr", output("stream", name="stderr", text="careful"), rules.test_no_output_is_an_accident),
    ("an absolute path", shows("/home/ada/run.p2plab\n"), rules.test_no_output_is_of_one_machine_or_day),
    ("a day", shows("2026-11-30 23:59\n"), rules.test_no_output_is_of_one_machine_or_day),
    ("a memory address", shows("<Node at 0x7f2a048bff60>\n"), rules.test_no_output_is_of_one_machine_or_day),
    ("a dead link", says("[there](nowhere.ipynb)"), rules.test_every_file_that_it_names_is_there),
    ("a dead link with a heading", says("[there](nowhere.ipynb#x)"), rules.test_every_file_that_it_names_is_there),
    ("a dead path", says("see `docs/nowhere.md`"), rules.test_every_file_that_it_names_is_there),
    (
        "a cell that was not run",
        lambda notebook: notebook.cells[1].update(execution_count=None),
        rules.test_every_cell_was_run_in_order,
    ),
    (
        "cells run out of order",
        lambda notebook: notebook.cells[1].update(execution_count=3),
        rules.test_every_cell_was_run_in_order,
    ),
    (
        "a cell left out",
        lambda notebook: notebook.cells[1].metadata.update(tags=["nbval-skip"]),
        rules.test_no_cell_is_left_out,
    ),
    (
        "an output that nobody compares",
        lambda notebook: notebook.cells[1].metadata.update(tags=["nbval-ignore-output"]),
        rules.test_a_cell_whose_output_is_not_compared_asserts_what_it_claims,
    ),
    (
        "the state of widgets",
        lambda notebook: notebook.metadata.update(widgets={}),
        rules.test_is_valid_and_small,
    ),
    ("megabytes", shows("x" * 600_000), rules.test_is_valid_and_small),
    ("no cell for Colab", lambda notebook: None, rules.test_the_first_cell_installs_in_colab_and_nowhere_else),
]


@pytest.mark.parametrize(("change", "rule"), [one[1:] for one in PLANTS], ids=[one[0] for one in PLANTS])
def test_each_rule_fails_where_it_is_broken(
    change: Callable[[nbformat.NotebookNode], None], rule: Callable[[Path], None], tmp_path: Path
) -> None:
    with pytest.raises(AssertionError):
        rule(planted(change, tmp_path))


def test_no_rule_fails_where_none_is_broken(tmp_path: Path) -> None:
    whole = planted(lambda notebook: None, tmp_path)
    colab.put(whole)
    for rule in {one[2] for one in PLANTS}:
        rule(whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import random\nprint(random.SystemRandom().random())", "Cell outputs differ"),
        ("print(6 * 7)\nraise ValueError('planted')", "Cell execution caused an exception"),
        ("print(6 * 7)", None),
    ],
    ids=["another output each time", "an error", "nothing wrong"],
)
def test_nbval_fails_for_what_another_run_prints_otherwise(code: str, said: str | None, tmp_path: Path) -> None:
    notebook = planted(lambda notebook: notebook.cells[1].update(source=code), tmp_path)
    rules_of_nbval = Path(__file__).parents[2] / "fixtures" / "nbval.cfg"
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"--nbval-sanitize-with={rules_of_nbval}", "-c", os.devnull, f"--rootdir={tmp_path}", str(notebook)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode == 0) == (said is None), done.stdout
    assert said is None or said in done.stdout


def test_the_cell_for_colab_does_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was run"))
    exec(colab.SOURCE, {})


def test_the_cell_for_colab_installs_there_and_lets_widgets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    google, there = ModuleType("google"), ModuleType("google.colab")
    there.output = SimpleNamespace(enable_custom_widget_manager=lambda: done.append("widgets"))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", there)
    monkeypatch.setattr(subprocess, "run", lambda command, check: done.append(" ".join(command[-2:])))
    exec(colab.SOURCE, {})
    assert done == ["-qq libgmp-dev", "-q p2plab[real,lab]", "widgets"]
