"""The course as files: what nbval compares is really there to be compared, and nothing else is stored."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from tests.notebooks import colab

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 500_000  # Binder and git carry every output; a picture that is not SVG soon makes megabytes


def code_cells(notebook: Path) -> list[nbformat.NotebookNode]:
    content = nbformat.read(notebook, as_version=4)
    return [cell for cell in content.cells if cell.cell_type == "code"]


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


pytestmark = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.name)

# What another machine, or another day, prints otherwise: nbval's rules in fixtures/ make the first kind alike.
VOLATILE = {
    "a path of a machine": re.compile(
        r"(?<![\w.])/(?:root|home|Users|tmp|work|var/folders|private)/[\w.]|\b[A-Z]:\\\\?Users"
    ),
    "a day or a time of day": re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d"),
    "a process id": re.compile(r"\bpid[ =:]+\d+"),
    "a memory address": re.compile(r"\bat 0x[0-9a-fA-F]{6,16}\b"),
}
LINK = re.compile(r"\]\((?!https?:|mailto:|#|attachment:)([^)#\s]+)")
NAMED = re.compile(r"`((?:p2plab|widgets|docs|solutions|fixtures|tests)/[\w./-]+\.\w+)`")


def printed(cell: nbformat.NotebookNode) -> str:
    """All that a cell has printed and shown, as text."""
    return "\n".join(
        str(text)
        for output in cell.outputs
        for text in [output.get("text", ""), *output.get("data", {}).values(), *output.get("traceback", [])]
    )


def volatile(text: str) -> list[str]:
    """What of a text is of one machine or one day."""
    return [f"{what}: {found[0]}" for what, pattern in VOLATILE.items() if (found := pattern.search(text))]


def dead(text: str, folder: Path) -> list[str]:
    """The files that a text links to or names, and that are not there."""
    linked = [name for name in LINK.findall(text) if not (folder / name).exists()]
    return linked + [name for name in NAMED.findall(text) if not any((base / name).exists() for base in (ROOT, folder))]


def test_is_valid_and_small(notebook: Path) -> None:
    content = nbformat.read(notebook, as_version=4)
    nbformat.validate(content)
    assert content.metadata.kernelspec.name == "python3"
    assert "widgets" not in content.metadata, "the state of widgets is stored: clear it, the cells draw it anew"
    assert notebook.stat().st_size <= MOST_BYTES


def test_every_cell_was_run_in_order(notebook: Path) -> None:
    """nbval compares nothing for a cell that has no execution count."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "restart the kernel, run all cells, and save"


def test_no_cell_is_left_out(notebook: Path) -> None:
    for cell in code_cells(notebook):
        assert "nbval-skip" not in tags(cell), cell.source
        assert not re.search(r"#\s*(NBVAL|PYTEST)_", cell.source), f"say it with a tag: {cell.source}"


def test_a_cell_whose_output_is_not_compared_asserts_what_it_claims(notebook: Path) -> None:
    for cell in code_cells(notebook):
        if "nbval-ignore-output" in tags(cell):
            assert re.search(r"^\s*assert ", cell.source, re.MULTILINE), cell.source


def test_no_output_is_of_one_machine_or_day(notebook: Path) -> None:
    for cell in code_cells(notebook):
        assert volatile(printed(cell)) == [], cell.source


def test_every_file_that_it_names_is_there(notebook: Path) -> None:
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown":
            assert dead(cell.source, notebook.parent) == []


def test_no_output_is_an_accident(notebook: Path) -> None:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error" or "raises-exception" in tags(cell), cell.source
            assert output.get("name") != "stderr", f"{cell.source}\nwrote to stderr: {output.get('text')}"


def test_the_first_cell_installs_in_colab_and_nowhere_else(notebook: Path) -> None:
    assert colab.is_current(code_cells(notebook)[0]), "python tests/notebooks/colab.py puts it there"
