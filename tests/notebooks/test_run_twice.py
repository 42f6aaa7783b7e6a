"""Students run cells again: each cell of each notebook, run twice in a row, still does what it says."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.notebooks.test_notebooks import NOTEBOOKS

CELL_TIMEOUT = 120  # seconds


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.name)
def test_every_cell_can_be_run_twice(notebook: Path) -> None:
    content = nbformat.read(notebook, as_version=4)
    sources = [cell.source for cell in content.cells if cell.cell_type == "code" for _ in range(2)]
    content.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    client = nbclient.NotebookClient(
        content, timeout=CELL_TIMEOUT, resources={"metadata": {"path": str(notebook.parent)}}
    )
    client.execute()
    assert [cell.execution_count for cell in content.cells] == list(range(1, len(sources) + 1))
