"""The scripts in FAULTS.md run by themselves, on py-libp2p alone, and show what is written below them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from p2plab.real.pylibp2p.remedies import REMEDIES

PAGE = (Path(__file__).parents[3] / "p2plab" / "real" / "FAULTS.md").read_text(encoding="utf-8")
HEAD = re.findall(r"```python\n(.*?)```", PAGE.partition("\n## ")[0], flags=re.DOTALL)[0]
CASES = {
    section.partition("\n")[0]: found.groups()
    for section in PAGE.split("\n## ")[1:]
    if (found := re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", section, flags=re.DOTALL)) is not None
}


@pytest.mark.slow
@pytest.mark.parametrize("title", CASES)
def test_a_script_shows_its_fault(title: str, tmp_path: Path) -> None:
    script, said = CASES[title]
    path = tmp_path / "script.py"
    path.write_text(f"{HEAD}\n{script}")
    (tmp_path / "p2plab.py").write_text("raise ImportError('a fault is to be shown without p2plab')")
    done = subprocess.run(
        [sys.executable, path], cwd=tmp_path, capture_output=True, text=True, timeout=200, env=dict(os.environ)
    )
    assert done.stdout == said, done.stderr


def test_every_section_names_a_remedy_that_there_is() -> None:
    assert len(CASES) == PAGE.count("```text")
    assert set(re.findall(r'Remedy "([^"]+)"', PAGE)) <= set(REMEDIES)
