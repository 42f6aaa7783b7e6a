"""Lines of text as commands, what could complete them, results as text, and the Python that does the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab
from p2plab.commands import TABLE, as_text, find, parse_line, python_line
from p2plab.commands.completion import complete
from p2plab.commands.line import line_of, text_of
from p2plab.commands.plain import bytes_of, plain
from p2plab.errors import ValidationError
from tests.unit.commands.conftest import GROUND, execute, succeed

# -- lines


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("connect alice bob", {"node": "alice", "peer": "bob"}),
        ("connect bob", {"peer": "bob"}),
        ("connect bob node=alice", {"node": "alice", "peer": "bob"}),
        ("ping alice bob timeout=5s  # a comment", {"node": "alice", "peer": "bob", "timeout": "5s"}),
        ('publish alice news "hello, there"', {"node": "alice", "topic": "news", "message": "hello, there"}),
        ("publish news hello", {"topic": "news", "message": "hello"}),
        ("publish news a=b", {"topic": "news", "message": "a=b"}),
        ("peers", {}),
        ("peers bob", {"node": "bob"}),
        ("run 2", {"seconds": "2"}),
        ("wire ring", {"shape": "ring"}),
        ("wire random 3 nodes=alice,bob", {"shape": "random", "degree": "3", "nodes": "alice,bob"}),
        ("network_partition alice|bob,carol", {"groups": "alice|bob,carol"}),
        ("crash bob silent=true", {"node": "bob", "silent": "true"}),
        ("publish message=hi topic=news", {"topic": "news", "message": "hi"}),
    ],
)
def test_a_line_is_a_command_with_its_arguments(line: str, arguments: dict[str, Any]) -> None:
    assert parse_line(line) == (line.split()[0], arguments)


def test_a_value_that_names_a_node_is_the_node_where_no_peer_is_wanted() -> None:
    assert parse_line("subscribe alice", ["alice"])[1] == {"node": "alice"}
    assert parse_line("subscribe alice", ["bob"])[1] == {"topic": "alice"}
    assert parse_line("connect alice", ["alice"])[1] == {"peer": "alice"}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "the line is empty"),
        ("# nothing", "the line is empty"),
        ("conect alice", "did you mean connect"),
        ("publish alice news hello there", "'there' is one value too many"),
        ("run 1 2", "'2' is one value too many; it is written run SECONDS"),
        ('publish alice news "hello', "no closing quotation"),
        ("ping bob timeout=1 timeout=2", "timeout is given twice"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(line: str, error: str) -> None:
    with pytest.raises(ValidationError, match=error.replace("(", r"\(")):
        parse_line(line)


def test_every_example_survives_being_written_again() -> None:
    for example in [example for command in TABLE.values() for example in command.examples]:
        name, arguments = parse_line(example.line, ("alice", "bob", "carol"))
        again = line_of(find(name), arguments)
        assert parse_line(again, ("alice", "bob", "carol"))[1] == arguments, again


def test_values_are_written_as_they_are_typed() -> None:
    assert text_of([["a", "b"], ["c"]]) == "a,b|c"
    assert text_of(True) == "true"
    assert text_of(b"hi\xff") == "hi\\xff"


# -- completion


@pytest.fixture
def mock_lab() -> Any:
    with Lab(seed=7) as lab:
        for line in (*GROUND, "subscribe bob news", "dht_put alice /lab/greeting hi", "publish alice sport x"):
            succeed(lab, line)
        yield lab


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("conn", ["connect", "connect_peer", "connections"]),
        ("connect ", ["alice", "bob", "carol"]),
        ("connect alice b", ["bob"]),
        ("connect node=c", ["node=carol"]),
        ("publish alice ", ["news", "sport"]),
        ("subscribe bob s", ["sport"]),
        ("dht_get bob /", ["/lab/greeting"]),
        ("wire ", ["ring", "line", "star", "full", "random"]),
        ("wire nodes=alice,b", ["nodes=alice,bob"]),
        ("network_partition alice|b", ["alice|bob"]),
        ("restart bob state=", ["state=kept", "state=lost"]),
        ("crash bob silent=t", ["silent=true"]),
        ("ping alice bob t", ["timeout="]),
        ("help conn", ["connect", "connect_peer", "connections"]),
        ("events kind=pubsub.pub", ["kind=pubsub.publish"]),
        ('publish alice "ne', ["news"]),
        ("nonsense ", []),
        ("run ", ["seconds="]),
    ],
)
def test_the_tab_key_offers_what_fits(mock_lab: Lab, line: str, options: list[str]) -> None:
    assert complete(line, mock_lab)[: len(options)] == options
    assert bool(options) == bool(complete(line, mock_lab))


def test_peer_ids_protocols_and_streams_are_offered_too(mock_lab: Lab) -> None:
    assert str(mock_lab["bob"].peer_id) in complete("connect alice 12D3", mock_lab)
    assert "/ipfs/ping/1.0.0" in complete("open_stream alice bob /ipfs/p", mock_lab)
    succeed(mock_lab, "serve bob /echo/1.0.0")
    stream = succeed(mock_lab, "open_stream alice bob /echo/1.0.0")["stream"]
    assert f"stream={stream}" in complete("stream_read alice stream=", mock_lab)


def test_without_a_lab_the_table_is_still_known(mock_lab: Lab) -> None:
    assert complete("restart x state=k", None) == ["state=kept"]
    assert complete("connect a", None) == []
    mock_lab.close()
    assert complete("connect a", mock_lab) == []


# -- text


def test_results_are_readable() -> None:
    text = as_text({"found": True, "value": plain(b"hi"), "rows": [{"a": 1, "b": None}, {"a": 2.5, "b": None}]})
    assert text == "found: yes\nvalue: “hi”\nrows:\n  a\n  1\n  2.5"
    assert as_text({}) == "nothing"
    assert as_text([[1, 2], [3, 4]]) == "1–2, 3–4"
    assert as_text(plain(b"\xff")) == "1 byte: ff"
    assert "… and 3 more" in as_text([{"n": n} for n in range(103)])


def test_what_a_peer_may_have_chosen_is_made_printable_and_short() -> None:
    text = as_text({"topic": "\u202eevil\x1b[31m\n" + "x" * 5000})
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text) < 500


def test_text_that_only_looks_like_bytes_is_shown_as_it_is() -> None:
    assert "base64" in as_text({"value": {"base64": "no base64!"}})
    with pytest.raises(ValueError, match="base64"):
        bytes_of({"base64": "no base64!"})


# -- Python


@pytest.mark.parametrize(
    ("line", "python"),
    [
        ("connect alice bob", 'lab["alice"].connect("bob")'),
        ("ping alice bob timeout=5s", 'lab["alice"].ping("bob", timeout=5.0)'),
        ("publish alice news hi", 'lab["alice"].publish("news", "hi")'),
        ("dht_put alice /lab/x 'a \"b\"'", """lab["alice"].dht.put("/lab/x", 'a "b"')"""),
        ("wire ring", 'lab.wire("ring")'),
        ("wire degree=2", "lab.wire(degree=2)"),
        ("network_partition alice|bob,carol", 'lab.network.partition(["alice"], ["bob", "carol"])'),
        ("crash carol", 'lab["carol"].crash()'),
        ("nodes", 'lab.execute_command("nodes")'),
        ("messages bob news limit=5", 'lab.execute_command("messages", node="bob", topic="news", limit=5)'),
    ],
)
def test_a_command_is_a_line_of_python(mock_lab: Lab, line: str, python: str) -> None:
    succeed(mock_lab, "subscribe bob news")
    assert execute(mock_lab, line).python == python


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples put their files into a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


SAME = [command for command in TABLE.values() if command.worlds != "real" and command.name not in ("play", "export")]


@pytest.mark.parametrize("command", SAME, ids=str)
def test_the_line_of_python_does_what_the_command_did(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]  # each lab writes its files into one of its own
    for folder in folders:
        folder.mkdir()
    with Lab(seed=7) as first, Lab(seed=7) as second:
        for line in GROUND:
            succeed(first, line)
            succeed(second, line)
        for example in command.examples:
            for folder, lab in zip(folders, (first, second), strict=True):
                monkeypatch.chdir(folder)
                for line in example.before:
                    succeed(lab, line)
            monkeypatch.chdir(folders[0])
            answer = execute(first, example.line)
            assert answer.success, answer.error
            monkeypatch.chdir(folders[1])
            exec(answer.python, {"lab": second})
        assert first.events.digest() == second.events.digest()


@pytest.mark.parametrize("command", SAME, ids=str)
@pytest.mark.usefixtures("elsewhere")
def test_the_lab_s_history_as_code_does_what_the_commands_did(command: Any) -> None:
    with Lab(seed=7) as lab:
        for line in GROUND:
            succeed(lab, line)
        for example in command.examples:
            for line in (*example.before, example.line):
                succeed(lab, line)
        names: dict[str, Any] = {}
        exec(succeed(lab, "history")["code"], names)
        with names["lab"] as again:
            assert again.events.digest() == lab.events.digest()


def test_python_text_is_a_literal_whatever_is_in_it() -> None:
    publish = find("publish")
    for text in ("plain", 'in "quotes"', "it's", "back\\slash", "two\nlines", "\u202eleft", "🌍", "\x00", b"\xff"):
        line = python_line(publish, "alice", {"topic": "news", "message": text})
        seen: list[object] = []

        class Node:
            def publish(self, topic: str, message: object) -> None:
                seen.append(message)  # noqa: B023

        exec(line, {"lab": {"alice": Node()}})
        assert seen == [text]
