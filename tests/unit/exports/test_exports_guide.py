"""Every piece of Python in the guide to exports works; its lines for tshark are no Python, and are not run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import p2plab.exports

GUIDE = Path(p2plab.exports.__file__).with_name("EXPORTS.md")


def pieces() -> list[str]:
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def run(piece: str, names: dict[str, Any]) -> None:
    exec(compile(piece, str(GUIDE), "exec"), names)


def test_the_guide_s_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    numbers, _, capture, *_ = pieces()
    run(numbers, names)
    run(capture, names)
    with names["lab"] as lab:
        assert b"hello" in Path("run.pcapng").read_bytes()
        assert not lab.events.filter(kind="error")


def test_the_guide_s_exports_open_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for piece in pieces()[:2]:
        run(piece, names)
    assert "gossipsub_peers_total" in (tmp_path / "lab.prom").read_text()
    for piece in pieces()[4:]:
        run(piece, names)
    assert len(names["view"].propagation(names["message"].id)) == 8
    assert (tmp_path / "message.mmd").read_text().startswith("sequenceDiagram")


@pytest.mark.real
def test_the_guide_s_capture_of_packets_has_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    numbers, _, _, encrypted, *_ = pieces()
    run(numbers, names)
    run(encrypted, names)
    with names["lab"] as lab:
        assert b"CLIENT_TRAFFIC_SECRET_0" in Path("run.pcapng").read_bytes()
        assert not lab.events.filter(kind="error")
