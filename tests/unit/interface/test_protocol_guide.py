"""The guide to protocols of one's own: its code runs, in both worlds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.stream import StreamErrorKind

GUIDE = Path(p2plab.__file__).parent / "stream" / "PROTOCOLS.md"


def test_every_piece_of_code_in_the_guide_does_what_it_says(
    new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(pieces) == 5
    monkeypatch.setattr(p2plab, "Lab", new_lab)
    names: dict[str, Any] = {}
    for piece in pieces:
        exec(compile(piece, str(GUIDE), "exec"), names)
    assert not names["lab"].events.filter(kind="error")


def test_the_guide_names_every_kind_of_error() -> None:
    named = re.findall(r"^\| `([a-z ]+)` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(StreamErrorKind.__args__)  # type: ignore[attr-defined]


def test_the_protocols_in_the_guide_are_short() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for name in ("echo", "calculator", "receive_file"):
        body = re.search(rf"async def {name}\(stream\):\n((?:    .*\n)+)", text)
        assert body is not None
        assert len(body[1].splitlines()) < 10
