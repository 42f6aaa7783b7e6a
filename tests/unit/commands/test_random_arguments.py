"""Whatever a command is given: ``execute_command`` gives an envelope in plain JSON, and the lab goes on working.

Arguments are drawn at random: sensible ones, ones of the wrong type, numbers at and beyond the limits, and objects that
fall over when they are looked at. ``play`` is left out, since it would tie a mock lab to the wall clock.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab import Lab
from p2plab.commands import TABLE, parse_line
from p2plab.errors import ValidationError
from tests.unit.commands.conftest import GROUND, succeed

A_CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"


class Hostile:
    """Falls over when it is looked at."""

    @property
    def world(self) -> Any:
        raise RuntimeError("no world")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


KNOWN = ["alice", "bob", "carol", "zoe", "news", "/lab/x", "/echo/1.0.0", "ring", "true", "5s", A_CID, "a|b"]
WORDS = st.sampled_from(KNOWN)
NUMBERS = st.one_of(st.integers(-2, 20), st.floats(allow_nan=True), st.sampled_from([10**9, -(10**30), 2**63, 1e308]))
SIMPLE = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=30), st.binary(max_size=30))
VALUES = st.one_of(
    SIMPLE,
    st.lists(SIMPLE, max_size=4),
    st.dictionaries(st.text(max_size=8), SIMPLE, max_size=3),
    st.builds(Hostile),
)


NAMES = sorted(command.name for command in TABLE.values() if command.name not in ("play", "start_nodes"))
LONG = ("run", "next_message", "step")  # what is allowed and only takes long, such as a day of lab time, is cut short


FITTING: dict[str, list[Any]] = {
    "node": ["alice", "bob", "carol"],
    "nodes": ["alice,bob", ["alice", "carol"]],
    "groups": ["alice|bob", [["alice"], ["bob", "carol"]]],
    "peer": ["bob", "carol"],
    "topic": ["news", "sport"],
    "key": ["/lab/x", "/lab/y"],
    "cid": [A_CID],
    "protocol": ["/echo/1.0.0", ["/none", "/echo/1.0.0"]],
    "number": [1, 0.5, 2, "100ms"],
    "flag": [True, False],
    "kind": ["pubsub", "connection.opened"],
    "command": ["help", "connect"],
    "stream": [None, "1/4"],
    "file": ["log.jsonl"],
    "text": ["hi", b"hi"],
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """The name of a command, and arguments of which most are what it takes and some are anything."""
    command = TABLE[draw(st.sampled_from(NAMES))]
    arguments: dict[str, Any] = {}
    if command.scope == "node" and draw(st.booleans()):
        arguments["node"] = draw(st.sampled_from(FITTING["node"]))
    for parameter in command.parameters:
        if not draw(st.integers(0, 5)):
            arguments[parameter.name] = draw(VALUES)
        elif parameter.required or not draw(st.integers(0, 2)):
            fitting = list(parameter.choices) or FITTING.get(parameter.about.kind, KNOWN)
            arguments[parameter.name] = draw(st.sampled_from(fitting))
    if not draw(st.integers(0, 9)):
        arguments[draw(st.text(max_size=10))] = draw(SIMPLE)
    if command.name in LONG:
        arguments.update({name: value % 5 for name, value in arguments.items() if isinstance(value, (int, float))})
    return command.name, arguments


BEFORE = (*GROUND, "serve bob /echo/1.0.0", "open_stream alice bob /echo/1.0.0", "stream_write alice hi")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder for what is exported."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("exports"))
    yield
    os.chdir(before)


@pytest.mark.dear
@pytest.mark.usefixtures("folder")
@settings(max_examples=400, deadline=None)
@given(made=st.lists(calls(), min_size=1, max_size=4))
def test_random_arguments_never_raise_and_never_harm_the_lab(made: list[tuple[str, dict[str, Any]]]) -> None:
    with Lab(seed=7) as lab:
        for line in BEFORE:
            succeed(lab, line)
        for name, arguments in made:
            envelope = lab.execute_command(name, **arguments)
            assert json.loads(json.dumps(envelope, allow_nan=False)) == envelope
            assert ("result" in envelope) is envelope["success"]
        # What was asked for may be trouble (a cut, churn, loss): once that is undone, new nodes find a sound lab.
        lab.network.heal()
        lab.network.release()
        lab.network.clear()
        lab.network.preset("lan")
        assert lab.start_node("new").ping(lab.start_node("newer")) > 0
        assert lab.execute_command("nodes")["success"]


@pytest.mark.dear
@settings(max_examples=300, deadline=None)
@given(name=VALUES, arguments=st.dictionaries(st.text(max_size=10), VALUES, max_size=3))
def test_random_names_never_raise(name: Any, arguments: dict[str, Any]) -> None:
    with Lab(seed=7) as lab:
        envelope = lab.execute_command(name, **arguments)
    assert json.loads(json.dumps(envelope, allow_nan=False)) == envelope
    assert isinstance(envelope["command"], str)


LINES = st.lists(st.one_of(WORDS, st.sampled_from(NAMES)), max_size=5).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(line=st.one_of(st.text(max_size=60), LINES))
def test_random_lines_are_read_or_refused(line: str) -> None:
    try:
        name, arguments = parse_line(line, ["alice"])
    except ValidationError:
        return
    assert name.strip()
    assert all(isinstance(value, str) for value in arguments.values())
