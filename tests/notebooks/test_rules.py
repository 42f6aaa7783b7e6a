"""The rules for notebooks find what they are there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.test_notebooks import dead, volatile


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("written to /home/ada/run.p2plab", "a path of a machine"),
        ("'/tmp/tmpx1/case1.p2plab'", "a path of a machine"),
        (r"C:\Users\ada\x", "a path of a machine"),
        ("at 2026-11-30 23:59", "a day or a time of day"),
        ("pid 4711", "a process id"),
    ],
)
def test_what_is_of_one_machine_is_found(text: str, what: str) -> None:
    assert [found.partition(":")[0] for found in volatile(text)] == [what]


@pytest.mark.parametrize("text", ["/ip4/127.0.0.1/tcp/4001", "/lab/greeting", "/echo/1.0.0", "6 of 8 at 2.0000 s"])
def test_what_is_the_same_everywhere_is_left_alone(text: str) -> None:
    assert volatile(text) == []


def test_a_file_that_is_not_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.ipynb").touch()
    text = (
        "[a](there.ipynb) [b](gone.ipynb) [c](https://example.org/x) `p2plab/__init__.py` `p2plab/nowhere.py` [d](#x)"
    )
    assert dead(text, tmp_path) == ["gone.ipynb", "p2plab/nowhere.py"]
