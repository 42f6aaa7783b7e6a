"""One idea, one name: two classes of the library and its widgets share a name for a reason that is known."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# One idea as each side of the house has it: what the Host asks of a world, and what every world brings of its own.
SIDES = ("p2plab/worlds.py", "p2plab/host/", "p2plab/mock/", "p2plab/real/")
PROGRAM = "p2plab/real/history/plain.py"  # handed to users as it stands, without p2plab beside it
SAME = {
    "Lab": "the blocking lab, and the Protocol of as much of it as a schedule needs",
    "Signer": "who signs: an envelope needs the public key too, a publication does not",
}


def classes() -> dict[str, list[str]]:
    """The files of each class name; names that begin with ``_`` are their module's own."""
    found = defaultdict(list)
    for folder in ("p2plab", "widgets/p2plab_widgets"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            if path == PROGRAM:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(path)
    return found


def is_one_idea(name: str, files: list[str]) -> bool:
    sides = [side for file in files for side in SIDES if file.startswith(side)]
    return name in SAME or len(files) == len(sides) == len(set(sides))


@pytest.mark.dear
def test_two_classes_share_a_name_only_where_they_are_the_same_idea() -> None:
    shared = {name: files for name, files in classes().items() if len(files) > 1}
    assert {name: files for name, files in shared.items() if not is_one_idea(name, files)} == {}
    assert set(SAME) <= set(shared)  # what is no longer shared leaves the list


@pytest.mark.parametrize(
    "files", [["p2plab/real/a.py", "p2plab/real/b.py"], ["p2plab/mock/a.py", "p2plab/content/b.py"]]
)
def test_twins_of_one_world_or_of_a_core_are_no_twins(files: list[str]) -> None:
    assert not is_one_idea("Anything", files)
