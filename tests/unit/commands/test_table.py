"""The table: what every row of it must have, and every example at work in both worlds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pydantic
import pytest

import p2plab.commands
from p2plab import Lab
from p2plab.api.aio.lab import SOMEBODY
from p2plab.api.topology import SHAPES
from p2plab.commands import GROUPS, TABLE, CommandSpec, find, names
from p2plab.commands.arguments import MOST_NODES
from p2plab.commands.document import markdown
from p2plab.commands.execution import perform
from p2plab.commands.plain import bytes_of
from p2plab.commands.text import as_text
from p2plab.errors import ValidationError
from tests.unit.commands.conftest import GROUND, execute, succeed

# They take nodes or connections away that other commands' examples need.
DISRUPTIVE = ("crash", "network_heal", "network_partition", "restart", "stop")
OURS = [command for command in TABLE.values() if not command.own]
COMMANDS = [pytest.param(command, id=command.name) for command in OURS]


def test_every_command_says_what_it_does_takes_and_gives() -> None:
    for command in OURS:
        assert command.summary.endswith("."), command
        assert len(command.summary) < 120, command
        assert command.group in GROUPS, command
        assert command.result is not None, command
        assert command.examples, command
        assert command.worlds in ("both", "mock", "real"), command
        for parameter in command.parameters:
            assert parameter.about.text, (command, parameter.name)
            assert parameter.type, (command, parameter.name)


@pytest.fixture(scope="module")
def somebody() -> Iterator[str]:
    """The address of a node outside, which examples call SOMEBODY."""
    with Lab("real", seed=8) as elsewhere:
        yield elsewhere.start_node("somebody").addresses[0]


@pytest.fixture(scope="module")
def shared() -> Iterator[Lab]:
    """A real lab for all commands that leave its nodes running: starting three for each would take a minute."""
    with Lab("real", seed=7) as lab:
        yield lab


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_works_in_a_mock_lab_and_gives_what_the_table_says(
    command: CommandSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Lab(seed=7) as lab:
        _walk(lab, command)


@pytest.mark.real
@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_works_in_a_real_lab_and_gives_what_the_table_says(
    shared: Lab, somebody: str, command: CommandSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if command.name in DISRUPTIVE:
        with Lab("real", seed=7) as lab:
            _walk(lab, command)
    else:
        _walk(shared, command, somebody)
        for name in shared.attached:  # which the next example may call otherwise
            shared.detach(name)


def _walk(lab: Lab, command: CommandSpec, somebody: str = SOMEBODY) -> None:
    """Execute the command's examples in a lab where alice, bob and carol are connected, and look at what they give."""
    for line in GROUND:
        succeed(lab, line)
    adapter = pydantic.TypeAdapter(command.result)
    for example in command.examples:
        if command.worlds not in ("both", lab.backend):
            answer = execute(lab, example.line)
            assert answer.envelope["error_type"] == "NotInThisWorldError", answer.envelope
            assert f"in a {command.worlds} lab only" in answer.error
            continue
        for line in example.before:
            succeed(lab, line.replace(SOMEBODY, somebody))
        answer = execute(lab, example.line.replace(SOMEBODY, somebody))
        assert answer.success, f"{example.line}: {answer.error}"
        assert json.loads(json.dumps(answer.envelope, allow_nan=False)) == answer.envelope
        adapter.validate_python(_with_bytes(answer.result))
        assert str(answer)
        assert answer.python.startswith("lab")


def _with_bytes(result: object) -> object:
    """A result in plain JSON with its bytes as bytes again, as the result's type has them."""
    if isinstance(result, dict):
        found = bytes_of(result)
        return found if isinstance(found, bytes) else {key: _with_bytes(value) for key, value in result.items()}
    return [_with_bytes(item) for item in result] if isinstance(result, list) else result


@pytest.mark.parametrize("form", ["{}", "libp2p_{}", " {} "])
def test_every_name_works_with_and_without_its_prefix(form: str) -> None:
    for command in OURS:
        assert find(form.format(command.name)) is command, command.name


def test_dots_and_dashes_are_underscores() -> None:
    assert find("dht.put") is find("dht-put") is find("libp2p_dht_put")


def test_a_name_that_is_not_there_is_refused_with_those_that_are_like_it() -> None:
    with pytest.raises(ValidationError, match=r"no command 'conect'; did you mean connect"):
        find("conect")
    with pytest.raises(ValidationError, match="a command's name is text, not int"):
        find(5)


def test_names_are_sorted_and_complete() -> None:
    assert names() == sorted(TABLE)


def test_the_shapes_are_those_that_wire_knows() -> None:
    (shape,) = [parameter for parameter in find("wire").parameters if parameter.name == "shape"]
    assert shape.choices == SHAPES


def test_parameters_know_their_type_in_words() -> None:
    types = {
        (command.name, parameter.name): parameter.type for command in TABLE.values() for parameter in command.parameters
    }
    assert types["connect", "peer"] == "text"
    assert types["run", "seconds"] == "number"
    assert types["crash", "silent"] == "true | false"
    assert types["restart", "state"] == "kept | lost"
    assert types["start_nodes", "count"] == "whole number"
    assert types["network_partition", "groups"] == "list"


def test_the_limit_of_nodes_is_the_one_that_is_told() -> None:
    (count,) = find("start_nodes").parameters[:1]
    assert f"{MOST_NODES:,}" in count.about.text


def test_the_page_is_what_the_table_says() -> None:
    page = Path(p2plab.commands.__file__).with_name("COMMANDS.md")
    assert page.read_text(encoding="utf-8") == markdown(), "python -m p2plab.commands > p2plab/commands/COMMANDS.md"


def test_help_without_a_name_lists_every_command_by_subject_in_a_line() -> None:
    with Lab(seed=1) as lab:
        answer = perform(lab, "help", {})
    listed = {row["name"]: subject for subject, rows in answer.result["subjects"].items() for row in rows}
    assert listed == {name: command.group for name, command in TABLE.items()}
    lines = as_text(answer.result).splitlines()
    assert all(any(line.split()[:1] == [name] for line in lines) for name in TABLE)


def test_the_start_node_command_takes_transports() -> None:
    with Lab(seed=1) as lab:
        perform(lab, "start_node", {"name": "fred", "transports": "tcp,quic"})
        assert [address.split("/")[3] for address in lab["fred"].addresses] == ["tcp", "udp"]
