"""The two walks of ARCHITECTURE.md: each function they name lies in the file they name, and runs on the way."""

from __future__ import annotations

import ast
import gc
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from p2plab import Lab

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "p2plab"
NAMED = re.compile(r"`(?P<name>[A-Z]\w+(?:\.\w+)?)`\s+\(`(?P<file>[\w/]+\.py)`")
MOST = 46  # files whose code runs; the shorter the better


def told(verb: str) -> list[tuple[str, str]]:
    """The functions and classes that a walk names, each with its file."""
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (walk,) = [
        part for part in page.split("\n## ") if part.startswith("A walk") and f".{verb}(" in part.partition("\n")[0]
    ]
    return [(found["name"], found["file"]) for found in NAMED.finditer(walk)]


def walked(action: Callable[[], object]) -> dict[str, set[str]]:
    """The functions that ran, by file."""
    ran: dict[str, set[str]] = {}

    def called(frame: FrameType, event: str, _: object) -> None:
        file = Path(frame.f_code.co_filename)
        if event == "call" and frame.f_code.co_name != "<module>" and file.is_relative_to(PACKAGE):
            ran.setdefault(file.relative_to(PACKAGE).as_posix(), set()).add(frame.f_code.co_name)

    gc.collect()  # so that what other tests left behind does not run on the way
    sys.setprofile(called)
    try:
        action()
    finally:
        sys.setprofile(None)
    return ran


def walk(verb: str) -> dict[str, set[str]]:
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(8)
        lab.wire("random", degree=4)
        alice, bob = nodes[0], nodes[7]
        news = [node.subscribe("news") for node in nodes]
        lab.run(5)
        if verb == "publish":
            return walked(lambda: (alice.publish("news", b"hello"), news[7].get()))
        alice.dht.put("/lab/greeting", b"hi")
        lab.run(2)
        return walked(lambda: bob.dht.get("/lab/greeting"))


@pytest.mark.parametrize("verb", ["publish", "get"])
def test_what_a_walk_names_is_there_and_runs(verb: str) -> None:
    ran, named = walk(verb), told(verb)
    assert len(named) >= 12
    for name, file in named:
        owner, _, method = name.partition(".")
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner]
        methods = {node.name for node in found.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
        assert not method or method in methods, name
        if not file.startswith("real/"):
            assert ran.get(file, set()) & ({method} if method else methods), name


@pytest.mark.parametrize("verb", ["publish", "get"])
def test_a_walk_does_not_get_longer(verb: str) -> None:
    assert len(walk(verb)) <= MOST
