"""The guide to content routing and roles: its examples run, and give what it says they do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import p2plab.routing
from p2plab.roles import ALIASES, RoleTable

PAGE = Path(p2plab.routing.__file__).with_name("ROUTING.md")


def test_the_examples_of_the_guide_run(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block, names)
    said = capsys.readouterr().out
    names["lab"].close()
    assert said.startswith("['n0']\nfind_providers ")
    assert "['shelf: 1 provider in 0.000 s', 'local: not asked: what was found before was enough']" in said
    assert "1 block, 5 bytes" in said
    assert "b'hello'" in said
    assert "['pinner']" in said
    assert "As a provider 0." in said


def test_the_guide_has_every_role_and_alias() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [role.name for role in RoleTable() if f"| `{role.name}` |" not in text] == []
    assert [alias for alias in ALIASES if f"`{alias}`" not in text] == []
