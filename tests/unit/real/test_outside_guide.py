"""The guide on nodes outside: every piece of its code runs, in order, and leaves what the text says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import p2plab.real
from p2plab import Lab
from p2plab.events.kinds import KINDS

GUIDE = Path(p2plab.real.__file__).parent / "OUTSIDE.md"


def test_every_piece_of_code_in_the_guide_works(tmp_path: Path) -> None:
    with Lab("real", seed=8) as elsewhere:
        given: dict[str, Any] = {
            "address": elsewhere.start_node("stranger").addresses[0],
            "folder": tmp_path / "home",
        }
        try:
            for piece in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL):
                exec(piece, given)
        finally:
            given["lab"].close()
        assert given["before"] == given["after"]
        assert given["lab"].events.filter(kind="bootstrap.joined")


def test_the_kinds_of_event_that_it_names_exist() -> None:
    named = set(re.findall(r"`((?:node|bootstrap|mdns)\.[a-z]+)`", GUIDE.read_text()))
    assert named
    assert named <= KINDS.keys()
