"""The examples in the docstrings of what users hold are run as they stand, each in a lab of its own."""

from __future__ import annotations

import ast
import doctest
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import p2plab
from p2plab import Lab, charts
from p2plab.api.blocking import content, dht, discovery, lab, lab_dht, node, routing
from p2plab.api.faces import blocks
from p2plab.events import EventLog
from p2plab.mock.network import SimulatedNetwork
from p2plab.pubsub import Subscription
from p2plab.stream import BlockingStream
from p2plab.views.faces import Views

FACES = [
    lab.Lab,
    node.Node,
    dht.Dht,
    content.Content,
    blocks.Blocks,
    discovery.Discovery,
    lab_dht.LabDht,
    routing.Routing,
    EventLog,
    BlockingStream,
    Subscription,
    SimulatedNetwork,
    Views,
]
MODULES = [p2plab, charts]
LESSONS = sorted((Path(__file__).parents[3] / "notebooks").glob("*.ipynb"))
ELSEWHERE = {
    "attach": "a real lab's alone; lesson 12 and tests/unit/real/test_attached.py run it",
    "count": "lessons mean the count of a list; that of a log is for who records",
    "EventLog.digest": "the example of Lab.save compares digests",
    "EventLog.save": "the example of p2plab.open saves a log",
}


def functions(module: ModuleType) -> Iterator[FunctionType]:
    """The public functions that a module offers."""
    for name in module.__all__:
        if isinstance(found := getattr(module, name), FunctionType):
            yield found


FINDER = doctest.DocTestFinder(exclude_empty=True)
BASES = dict.fromkeys(base for face in FACES for base in face.__mro__ if base.__module__.startswith("p2plab."))
EXAMPLES = [example for base in BASES for example in FINDER.find(base, base.__name__) if example.examples]
EXAMPLES += [
    example
    for module in MODULES
    for function in functions(module)
    for example in FINDER.find(function, f"{module.__name__}.{function.__name__}")
    if example.examples
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_example_gives_what_it_says(
    example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Lab(seed=7) as ground:
        alice, bob, carol = (ground.start_node(name) for name in ("alice", "bob", "carol"))
        ground.wire("line")
        told: list[str] = []
        example.globs = {"lab": ground, "alice": alice, "bob": bob, "carol": carol, "Lab": Lab, "p2plab": p2plab}
        example.globs["folder"] = tmp_path
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=told.append, clear_globs=False)
    assert result.attempted > 0
    assert result.failed == 0, "".join(told)


def called_in(notebook: Path) -> set[str]:
    """The methods that a lesson's cells call."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    lines = [[line for line in text.splitlines() if not line.startswith(("%", "!"))] for text in code]
    calls = [node for text in lines for node in ast.walk(ast.parse("\n".join(text))) if isinstance(node, ast.Call)]
    return {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}


def test_the_verbs_that_lessons_use_have_an_example() -> None:
    called = set().union(*map(called_in, LESSONS))
    having = {example.name for example in EXAMPLES}
    verbs = {f"{base.__name__}.{name}" for base in BASES for name in vars(base) if inspect.isfunction(vars(base)[name])}
    verbs |= {f"{module.__name__}.{function.__name__}" for module in MODULES for function in functions(module)}
    used = {verb for verb in verbs if verb.rpartition(".")[2] in called - set(ELSEWHERE)} - set(ELSEWHERE)
    assert len(used) > 90
    assert used - having == set()
