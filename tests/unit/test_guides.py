"""The pages for people who work on p2plab: what they point to is there, and their worked examples run."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any, Final

import pytest

from p2plab import AsyncLab, AsyncNode, Lab
from p2plab.api.arguments import check_seconds
from p2plab.api.faces.node import NodeFace
from p2plab.commanded import commanded
from p2plab.stream import NetStream

ROOT = Path(__file__).parents[2]
PAGES = ["ARCHITECTURE.md", "CONTRIBUTING.md"]
INVENTED = {"p2plab/protocols/time.py"}  # the worked example's own file
PATH = re.compile(r"\b(?:p2plab|widgets|tests|notebooks|fixtures)/[\w./]*\w/?")


@pytest.mark.parametrize("page", PAGES)
def test_every_path_on_the_page_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = set(PATH.findall(text)) - INVENTED
    assert paths
    paths |= {f"p2plab/{path}" for path in re.findall(r"`([a-z_]+/[\w/]*\w\.py)`", text) if not (ROOT / path).exists()}
    assert sorted(path for path in paths if not (ROOT / path).exists() and "NAME" not in path) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_make_on_the_page_is_in_the_makefile(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z]+)\b", text)) - {"it", "a", "sure"}
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert targets <= rules
    assert "check" in targets


def snippets() -> list[str]:
    """The blocks of Python on the page for contributors, without the indent of the list that they stand in."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return [
        textwrap.dedent(block) for block in re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    ]


def test_the_worked_example_of_a_command_runs() -> None:
    (uptime,) = [block for block in snippets() if "def uptime" in block]
    names: dict[str, Any] = {"NodeFace": NodeFace, "commanded": commanded}
    exec("class Example(NodeFace):\n" + textwrap.indent(uptime, "    "), names)
    with Lab(seed=7) as lab:
        lab.start_node("alice")
        lab.run(5)
        node = names["Example"](lab.world, lab.world.hosts()["alice"])
        assert node.uptime() == pytest.approx(5)
        node.crash()
        assert node.uptime() == 0
        node.restart()
        lab.run(1)
        assert node.uptime() == pytest.approx(1)


@pytest.mark.anyio
async def test_the_worked_example_of_a_protocol_runs() -> None:
    protocol, _, verb = [block for block in snippets() if "TIME_ID" in block]
    names: dict[str, Any] = {"AsyncNode": AsyncNode, "NetStream": NetStream, "Final": Final, "Peer": Any}
    names |= {"commanded": commanded, "check_seconds": check_seconds}
    exec(protocol, names)
    exec("class Example(AsyncNode):\n" + textwrap.indent(verb, "    "), names)
    async with AsyncLab(seed=7) as lab:
        await lab.start_nodes(2)
        lab.extend(names["TIME_ID"], names["answer_time"])
        node = names["Example"](lab.world, lab.world.hosts()["n0"])
        began = lab.now
        assert began < await node.time_of("n1") <= lab.now


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
