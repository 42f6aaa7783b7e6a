"""Files and folders that fit in one's head: a module of at most 400 lines, a folder of at most 15 modules."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = 400
MODULES = 15


def modules() -> list[Path]:
    """What people write: the blocking faces are made of the awaited ones, and are as long as those."""
    files = [*(ROOT / "p2plab").rglob("*.py"), *(ROOT / "widgets" / "p2plab_widgets").rglob("*.py")]
    return [file for file in files if file.parent.name != "blocking"]


def test_a_file_has_at_most_400_lines() -> None:
    lengths = {
        file.relative_to(ROOT).as_posix(): len(file.read_text(encoding="utf-8").splitlines()) for file in modules()
    }
    assert len(lengths) > 500
    assert {name: lines for name, lines in lengths.items() if lines > LINES} == {}


def test_a_folder_has_at_most_15_modules() -> None:
    folders = Counter(file.parent.relative_to(ROOT).as_posix() for file in modules() if file.name != "__init__.py")
    assert folders["p2plab"] > 10
    assert {name: count for name, count in folders.items() if count > MODULES} == {}
