"""The pictures in the documentation are what a run gives today."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parents[3] / "docs"


def test_the_pictures_of_the_charts_are_those_of_a_run() -> None:
    made = runpy.run_path(str(DOCS / "pictures" / "make.py"))
    from p2plab import charts

    with made["played"]() as lab:
        for name in ("latency", "mesh_sizes", "duplicates", "lookups"):
            kept = (DOCS / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
            assert kept == getattr(charts, name)(lab).svg() + "\n", f"make it anew: {name}.svg"


@pytest.mark.parametrize("name", re.findall(r"\((pictures/[^)]+)\)", (DOCS / "charts-and-views.md").read_text()))
def test_every_picture_of_the_page_is_there(name: str) -> None:
    ElementTree.parse(DOCS / name)
