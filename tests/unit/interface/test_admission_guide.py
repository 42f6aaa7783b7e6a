"""Every piece of code in the guide to admission works, in both worlds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import p2plab.admission
from p2plab import Lab
from p2plab.admission.request import Stage

GUIDE = Path(p2plab.admission.__file__).with_name("ADMISSION.md")


def test_the_guide_s_code_runs(new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(pieces) == 5
    monkeypatch.setattr(p2plab, "Lab", new_lab)
    names: dict[str, Any] = {}
    for piece in pieces:
        exec(compile(piece, str(GUIDE), "exec"), names)
    assert not names["lab"].events.filter(kind="error")


def test_the_guide_names_every_stage() -> None:
    named = re.findall(r"^\| `([a-z]+)` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert named == list(Stage.__args__)  # type: ignore[attr-defined]
