"""Every piece of code in the guide to admission works, in both worlds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import p2plab.admission
from p2plab.admission.request import Stage

GUIDE = Path(p2plab.admission.__file__).with_name("ADMISSION.md")


def test_the_guide_s_code_runs(run_guide: Callable[[Path], None]) -> None:
    run_guide(GUIDE)


def test_the_guide_names_every_stage() -> None:
    named = re.findall(r"^\| `([a-z]+)` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert named == list(Stage.__args__)  # type: ignore[attr-defined]
