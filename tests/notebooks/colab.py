"""The first code cell of every notebook of the course: in Colab it installs what the notebook needs, elsewhere nothing.

usage: python tests/notebooks/colab.py [NOTEBOOK ...]      puts it where it is missing or another; left out, everywhere

By Colab's own rules (googlecolab/colabtools): a notebook there runs with ``google.colab`` imported, may install with
apt and pip, and shows widgets that are not Colab's own after ``output.enable_custom_widget_manager()``. It was never
run there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

NOTEBOOKS: Final = Path(__file__).resolve().parents[2] / "notebooks"
CELL_ID: Final = "colab"
METADATA: Final = {"jupyter": {"source_hidden": True}, "tags": ["remove-cell"]}  # collapsed in Lab, not in the docs
SOURCE: Final = """\
# For Colab, which has no p2plab yet; elsewhere this does nothing.
import sys

if "google.colab" in sys.modules:
    import subprocess

    from google.colab import output

    subprocess.run(["apt-get", "install", "-qq", "libgmp-dev"], check=True)  # py-libp2p needs it
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "p2plab[real,lab]"], check=True)
    output.enable_custom_widget_manager()"""


def is_current(cell: dict[str, Any]) -> bool:
    """Whether a cell is this one, as it is now."""
    return "".join(cell["source"]) == SOURCE and cell["metadata"] == METADATA and cell["id"] == CELL_ID


def put(notebook: Path) -> bool:
    """Make it the first code cell, and count the others on; whether anything had to be done."""
    document: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    cells: list[dict[str, Any]] = document["cells"]
    first = next(place for place, cell in enumerate(cells) if cell["cell_type"] == "code")
    if is_current(cells[first]):
        return False
    others = [cell for cell in cells if cell["id"] != CELL_ID]
    lines = SOURCE.splitlines(keepends=True)
    empty: dict[str, Any] = {"outputs": [], "execution_count": 1}
    others.insert(first, {"cell_type": "code", "id": CELL_ID, "metadata": METADATA, "source": lines, **empty})
    for count, cell in enumerate((cell for cell in others if cell["cell_type"] == "code"), 1):
        cell["execution_count"] = count
        for output in cell["outputs"]:
            if "execution_count" in output:
                output["execution_count"] = count
    document["cells"] = others
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
    notebook.write_text(text + "\n", encoding="utf-8")
    return True


def main(notebooks: list[Path]) -> None:
    """Put it into these notebooks, or into all."""
    for notebook in notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
        put(notebook)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
