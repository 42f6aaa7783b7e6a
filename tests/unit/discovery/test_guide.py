"""The guide to discovery: its examples run, and give what it says they do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import p2plab.discovery
from p2plab.discovery.rendezvous.messages import Status
from p2plab.discovery.settings import WAYS

PAGE = Path(p2plab.discovery.__file__).with_name("DISCOVERY.md")


def test_the_examples_of_the_guide_run(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block, names)
    said = capsys.readouterr().out.splitlines()
    names["lab"].close()
    assert said[0] == "n3 ('rendezvous',)"
    assert int(said[1]) >= 4
    assert any("n7 found n3 by rendezvous in 'chess' at" in line for line in said)
    assert len(names["nodes"]) == 12
    assert said[-1].count("PeerInfo") >= 4


def test_the_guide_has_every_way_and_every_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [way for way in WAYS if f"| `{way}` |" not in text] == []
    refusals = [status.name for status in Status if status.name not in ("OK", "E_INTERNAL_ERROR")]
    assert [name for name in refusals if f"| `{name}` |" not in text] == []
