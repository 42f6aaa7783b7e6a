"""The examples in the docstrings of what users hold are run as they stand, each in a lab of its own."""

from __future__ import annotations

import doctest

import pytest

from p2plab import Lab
from p2plab.api.blocking import content, dht, discovery, lab, lab_dht, node, routing
from p2plab.api.faces import blocks
from p2plab.events import EventLog

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
]
FINDER = doctest.DocTestFinder(exclude_empty=True)
BASES = dict.fromkeys(base for face in FACES for base in face.__mro__ if base.__module__.startswith("p2plab."))
EXAMPLES = [example for base in BASES for example in FINDER.find(base, base.__name__) if example.examples]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_example_gives_what_it_says(example: doctest.DocTest) -> None:
    with Lab(seed=7) as ground:
        alice, bob, carol = (ground.start_node(name) for name in ("alice", "bob", "carol"))
        ground.wire("line")
        told: list[str] = []
        example.globs = {"lab": ground, "alice": alice, "bob": bob, "carol": carol, "Lab": Lab}
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=told.append, clear_globs=False)
    assert result.attempted > 0
    assert result.failed == 0, "".join(told)


def test_the_verbs_that_lessons_use_have_an_example() -> None:
    having = {example.name.rpartition(".")[2] for example in EXAMPLES}
    lessons = {"connect", "ping", "identify", "subscribe", "open_stream", "request", "put", "get", "find_providers"}
    assert lessons | {"start_nodes", "wire", "run", "run_until", "execute_command"} <= having
