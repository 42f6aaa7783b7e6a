"""Runs notebooks of the course and stores what they print and show, by the rules that test_notebooks.py holds.

usage: python tests/notebooks/rerun.py [NOTEBOOK ...]      left out, the whole course

Each runs from top to bottom in a fresh kernel of this Python, as nbval does. Nothing is stored of one whose cell
raises: the error says which. The state of widgets is left out, and so is when each cell ran.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import nbformat
from nbclient import NotebookClient

NOTEBOOKS: Final = Path(__file__).resolve().parents[2] / "notebooks"
CELL_TIMEOUT: Final = 300  # seconds


def rerun(notebook: Path) -> None:
    """Run a notebook in its folder and write it back with its new outputs."""
    content = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        content,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,  # in how many pieces a cell prints depends on how busy the machine is
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    client.execute()
    for cell in content.cells:
        cell.metadata.pop("execution", None)
    content.metadata.pop("widgets", None)
    content.metadata["language_info"] = {"name": "python"}
    nbformat.write(content, notebook)


def main(notebooks: list[Path]) -> None:
    """Rerun these notebooks, or all."""
    os.environ["PYTEST_VERSION"] = "none"  # as under nbval: no bars of progress, which come and go
    for notebook in notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
        rerun(notebook)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
