"""The picture in the README is what its run draws."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs" / "pictures"


def test_the_picture_in_the_readme_is_what_the_run_draws() -> None:
    drawn = runpy.run_path(str(DOCS / "network.py"))["picture"]()
    assert drawn == (DOCS / "network.svg").read_text(encoding="utf-8"), "python docs/pictures/network.py writes it anew"
    assert "9 of 15 subscribers have it" in drawn
    assert "docs/pictures/network.svg" in (DOCS.parents[1] / "README.md").read_text(encoding="utf-8")
