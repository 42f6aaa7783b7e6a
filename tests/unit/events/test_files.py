"""Saving and loading: what was written is read again, and what was cut or spoilt says where."""

from __future__ import annotations

import gzip
import json
import random
import re
import warnings
from pathlib import Path

import pytest

from p2plab import MODEL_VERSION, Lab, charts
from p2plab.errors import ConfigurationError, EventLogError, ValidationError
from p2plab.events import Event, EventLog


@pytest.fixture(scope="module")
def log() -> EventLog:
    """A real run's."""
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(4)
        lab.wire("ring")
        news = [node.subscribe("žluť") for node in nodes]
        lab.run(3)
        nodes[0].publish("žluť", b"x")
        news[2].get()
        nodes[1].ping(nodes[3])
        return lab.events


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz"])
def test_what_was_saved_is_read_again(log: EventLog, tmp_path: Path, name: str) -> None:
    path = log.save(tmp_path / name)
    assert path == tmp_path / name
    again = EventLog.load(path)
    assert list(again) == list(log)
    assert (again.digest(), again.level, again.resolution) == (log.digest(), log.level, log.resolution)
    assert again.counts == {kind: count for kind, count in log.counts.items() if again.filter(kind=kind)}
    assert list(again.chain(again[-1])) == list(log.chain(log[-1]))
    assert again.filter(node="n2", kind="pubsub") == log.filter(node="n2", kind="pubsub")
    assert EventLog.load(again.save(tmp_path / f"again-{name}")).digest() == log.digest()


def test_the_file_is_one_json_object_a_line_with_a_header(log: EventLog, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in log.save(str(tmp_path / "run.jsonl")).read_text("utf-8").splitlines()]
    assert (lines[0]["format"], lines[0]["version"]) == ("p2plab-events", 1)
    assert lines[1:] == [event.to_dict() for event in log]


def test_compressed_by_suffix(log: EventLog, tmp_path: Path) -> None:
    compressed, plain = log.save(tmp_path / "a.jsonl.gz"), log.save(tmp_path / "a.jsonl")
    assert gzip.decompress(compressed.read_bytes()) == plain.read_bytes()


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz"])
def test_a_file_that_was_cut_gives_what_is_there_and_says_where_it_stops(
    log: EventLog, tmp_path: Path, name: str
) -> None:
    content = log.save(tmp_path / name).read_bytes()
    cut = tmp_path / f"cut-{name}"
    cut.write_bytes(content[: len(content) * 2 // 3])
    with pytest.warns(UserWarning, match=r"stops short: .*line \d+.*events before it were loaded"):
        part = EventLog.load(cut)
    assert 0 < len(part) < len(log)
    assert list(part) == list(log)[: len(part)]


def test_a_file_cut_between_two_lines_does_not_look_whole(log: EventLog, tmp_path: Path) -> None:
    lines = log.save(tmp_path / "run.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_bytes(b"".join(lines[:6]))
    with pytest.warns(UserWarning, match=rf"ends after line 6, and had {len(lines)}; the 5 events before it"):
        assert len(EventLog.load(tmp_path / "cut.jsonl")) == 5


def loaded(path: Path, content: bytes) -> tuple[list[Event] | None, bool]:
    """The events of a file (None: it was refused as a whole), and whether a warning said that something is missing."""
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            return list(EventLog.load(path)), bool(warned)
        except EventLogError:
            return None, True


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz"])
def test_wherever_a_file_is_cut_the_rows_before_are_read_and_the_rest_is_missed(
    log: EventLog, tmp_path: Path, name: str
) -> None:
    content, events, draw = log.save(tmp_path / name).read_bytes(), list(log), random.Random(7)
    for _ in range(100):
        part, told = loaded(tmp_path / name, content[: draw.randrange(len(content))])
        assert told
        assert part is None or part == events[: len(part)]


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz"])
def test_wherever_a_byte_is_spoilt_no_row_is_lost_without_a_word(log: EventLog, tmp_path: Path, name: str) -> None:
    content, draw = log.save(tmp_path / name).read_bytes(), random.Random(7)
    for _ in range(100):
        spoilt, position = bytearray(content), draw.randrange(len(content))
        spoilt[position] ^= draw.randrange(1, 256)
        part, told = loaded(tmp_path / name, bytes(spoilt))
        assert told or (part is not None and len(part) == len(log))


NO_LOGS = {
    "empty": b"",
    "text": b"hello\n",
    "other json": b'{"format":"something else"}\n',
    "a list": b"[]\n",
    "another version": b'{"format":"p2plab-events","version":99,"resolution":10000,"level":"all"}\n',
    "no resolution": b'{"format":"p2plab-events","version":1,"level":"all"}\n',
    "a resolution of nothing": b'{"format":"p2plab-events","version":1,"resolution":0,"level":"all"}\n',
    "a level there is not": b'{"format":"p2plab-events","version":1,"resolution":10000,"level":"loud"}\n',
    "bytes": bytes(range(256)),
}


@pytest.mark.parametrize("content", NO_LOGS.values(), ids=NO_LOGS)
def test_what_is_no_event_log_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thing.jsonl"
    path.write_bytes(content)
    with pytest.raises(EventLogError, match=r"thing\.jsonl"):
        EventLog.load(path)


def test_what_is_not_compressed_and_says_so_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "thing.jsonl.gz"
    path.write_bytes(b"not gzip at all")
    with pytest.raises(EventLogError, match=r"thing\.jsonl\.gz"):
        EventLog.load(path)


def test_a_file_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.jsonl: No such file"):
        EventLog.load(tmp_path / "nothing.jsonl")


HEADER = b'{"format":"p2plab-events","version":1,"resolution":10000,"level":"all"}\n'
GOOD = b'{"t":0.1,"seq":0,"kind":"error"}\n'
BAD_ROWS = {
    "no time": b'{"seq":1,"kind":"error"}',
    "a time that is text": b'{"t":"now","seq":1,"kind":"error"}',
    "a time without end": b'{"t":1e999,"seq":1,"kind":"error"}',
    "no number": b'{"t":NaN,"seq":1,"kind":"error"}',
    "a list": b"[]",
    "a number": b"5",
    "a node that is a number": b'{"t":0.2,"seq":1,"kind":"error","node":5}',
    "data that is text": b'{"t":0.2,"seq":1,"kind":"error","data":"x"}',
    "no utf-8": b'{"t":0.2,"seq":1,"kind":"error","topic":"\xff"}',
    "deeper than anybody reads": b'{"t":0.2,"seq":1,"kind":"error","data":' + b"[" * 100_000 + b"}",
}


@pytest.mark.parametrize("row", BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_row_that_is_wrong_ends_the_reading_and_is_named(tmp_path: Path, row: bytes) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(HEADER + GOOD + row + b"\n" + GOOD)
    with pytest.warns(UserWarning, match=r"stops short: line 3 cannot be read"):
        log = EventLog.load(path)
    assert [event.kind for event in log] == ["error"]


@pytest.mark.parametrize(
    "row",
    [
        b'{"t":0.2,"seq":1,"kind":"error","cause":1}',
        b'{"t":0.2,"seq":1,"kind":"error","cause":2}',
        b'{"t":0.2,"seq":0,"kind":"error"}',
        b'{"t":0.05,"seq":1,"kind":"error"}',
    ],
    ids=["its own cause", "a cause to come", "a number again", "a time before"],
)
def test_rows_out_of_order_end_the_reading_so_that_causes_have_a_beginning(tmp_path: Path, row: bytes) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(HEADER + GOOD + row + b"\n")
    with pytest.warns(UserWarning, match="line 3 is out of order"):
        log = EventLog.load(path)
    assert len(log.chain(log[-1])) == 1


def test_a_header_or_a_partition_of_nonsense_is_borne(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(HEADER[:-2] + b',"gaps":[[Infinity,0,"counters"]]}\n' + GOOD)
    with pytest.raises(EventLogError, match="gaps make no sense"):
        EventLog.load(path)
    path.write_bytes(HEADER + b'{"t":0.1,"seq":0,"kind":"network.partition","data":{"groups":[["a"],5]}}\n')
    assert EventLog.load(path).state().partitions == [[["a"], ["5"]]]
    path.write_bytes(HEADER + b'{"t":0.1,"seq":0,"kind":"network.partition","data":{"groups":5}}\n')
    assert EventLog.load(path).state().partitions == [[]]


def test_a_file_that_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    with Lab() as lab:
        for name in ("nowhere/run.jsonl", "nowhere/run.jsonl.gz", "."):
            path = tmp_path / name
            with pytest.raises(ConfigurationError, match=f"cannot be saved to {re.escape(str(path))}: [A-Z][a-z ]+$"):
                lab.events.save(path)
            with pytest.raises(ConfigurationError, match=f"cannot be loaded from {re.escape(str(path))}: [A-Z]"):
                EventLog.load(path)
        for wrong in (5, "", None):
            with pytest.raises(ValidationError, match="path of a log"):
                lab.events.save(wrong)  # type: ignore[arg-type]
            with pytest.raises(ValidationError, match="path of a log"):
                EventLog.load(wrong)  # type: ignore[arg-type]


def test_a_log_says_which_model_computed_it_and_one_of_another_says_so_in_its_charts(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Lab(seed=1) as lab:
        lab.start_nodes(3)
        lab.wire("full")
        lab.events.save(path)
    header, *rows = path.read_text().splitlines(keepends=True)
    assert json.loads(header)["model"] == MODEL_VERSION
    assert EventLog.load(path).assumptions == ()
    path.write_text("".join([header.replace(f'"model":{MODEL_VERSION}', '"model":2'), *rows]))
    older = EventLog.load(path)
    (said,) = older.assumptions
    assert said.startswith(f"Computed by model 2; this p2plab has model {MODEL_VERSION}")
    assert said in charts.mesh_sizes(older).description.notes
    older.save(path)
    assert json.loads(path.read_text().splitlines()[0])["model"] == 2, "it stays what it was"
    path.write_text("".join([header.replace(f'"model":{MODEL_VERSION}', '"model":"new"'), *rows]))
    assert EventLog.load(path).model is None
