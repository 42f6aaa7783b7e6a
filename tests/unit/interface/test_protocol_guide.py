"""The guide to protocols of one's own: its code runs, in both worlds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import p2plab
from p2plab.stream import StreamErrorKind

GUIDE = Path(p2plab.__file__).parent / "stream" / "PROTOCOLS.md"


def test_every_piece_of_code_in_the_guide_does_what_it_says(run_guide: Callable[[Path], None]) -> None:
    run_guide(GUIDE)


def test_the_guide_names_every_kind_of_error() -> None:
    named = re.findall(r"^\| `([a-z ]+)` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(StreamErrorKind.__args__)  # type: ignore[attr-defined]


def test_the_protocols_in_the_guide_are_short() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for name in ("echo", "calculator", "receive_file"):
        body = re.search(rf"async def {name}\(stream\):\n((?:    .*\n)+)", text)
        assert body is not None
        assert len(body[1].splitlines()) < 10
