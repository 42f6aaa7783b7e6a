"""Files that import each other, for types too: such circles are small, and none of them crosses rooms."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "p2plab", ROOT / "widgets" / "p2plab_widgets")
LARGEST = 12  # files; what a part takes of the whole is a Protocol or a base of its own: p2plab/mock/basis.py


def modules() -> dict[str, Path]:
    """Every module's file; a package's ``__init__`` only hands names on."""
    return {
        ".".join(file.relative_to(package.parent).with_suffix("").parts): file
        for package in PACKAGES
        for file in package.rglob("*.py")
        if file.name != "__init__.py"
    }


def imported(file: Path, known: dict[str, Path]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & known.keys()


def reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    """All that can be come to from a module."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The sets of modules of which each can be come to from each other one."""
    found: list[set[str]] = []
    while True:
        try:
            tuple(TopologicalSorter(graph).static_order())
            return found
        except CycleError as error:
            member = error.args[1][0]
            circle = {one for one in reached(member, graph) if member in reached(one, graph)}
            found.append(circle)
            graph = {name: targets - circle for name, targets in graph.items() if name not in circle}


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert sorted(map(sorted, circles(graph))) == [["a", "b", "c"], ["d", "e"]]


@pytest.mark.slow
def test_circles_of_files_are_small_and_stay_in_their_room() -> None:
    known = modules()
    found = circles({name: imported(file, known) - {name} for name, file in known.items()})
    assert [sorted(circle) for circle in found if len(circle) > LARGEST] == []
    assert [sorted(circle) for circle in found if len({name.split(".")[1] for name in circle}) > 1] == []
