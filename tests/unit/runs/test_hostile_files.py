"""Saved runs by strangers: opening one ends, takes little memory, and reads and writes no file of the machine's."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import EventLogError, SnapshotError, ValidationError
from p2plab.events.files import jsonl
from p2plab.runs.saved import file as saved_file

HERE = "HERE"  # stands for a path of the test's own
CONTENT = {
    "$face": "p2plab.api.aio.content:AsyncContent",
    "has": {"_inside": {"$ref": "content a"}, "_world": {"$world": True}},
}


def method(name: str) -> dict[str, Any]:
    return {"$method": f"p2plab.api.aio.content:AsyncContent.{name}", "of": CONTENT}


def rewritten(path: Path, **changed: Callable[[bytes], bytes]) -> Path:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            change = changed.get(name.partition(".")[0])
            archive.writestr(name, data if change is None else change(data))
    return path


def saved(folder: Path) -> Path:
    """Two nodes, content, and a plan: what the tests put their own commands in the place of."""
    lab = Lab(seed=1)
    node = lab.start_node("a")
    cid = node.content.add(b"hello")
    lab.at(1, node.content.add, b"more")
    lab.run(2)
    node.content.cat(cid)
    return lab.save(folder / "run.p2plab", player=False)


def with_command(path: Path, place: int, call: dict[str, Any]) -> Path:
    def change(data: bytes) -> bytes:
        history = json.loads(data)
        history["commands"][place]["call"] = call
        return json.dumps(history).encode()

    return rewritten(path, history=change)


CALLS = {
    "add a path": {"on": {"$ref": "content a"}, "verb": "add", "with": [HERE, "unixfs-v1-2025", {"$bytes": "eA=="}]},
    "add a path by name": {"on": {"$ref": "content a"}, "verb": "add", "with": [], "content": HERE},
    "plan to add a path": {
        "on": {"$world": True},
        "verb": "schedule",
        "with": [1.0, None, method("add"), {"$tuple": [HERE]}, {}],
    },
    "plan to write a file": {
        "on": {"$world": True},
        "verb": "schedule",
        "with": [
            1.0,
            None,
            method("get"),
            {"$tuple": ["bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq", HERE]},
            {},
        ],
    },
    "churn of a file": {"on": {"$part": "network"}, "verb": "churn", "with": [HERE + ".csv"]},
    "latencies of a file": {"on": {"$part": "network"}, "verb": "load_latencies", "with": [HERE]},
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_file_of_the_machine_is_read_or_written(tmp_path: Path, call: dict[str, Any]) -> None:
    here = tmp_path / "theirs"
    (tmp_path / "theirs.csv").write_text("time,node,up\n0,a,1\n")
    by_name = {name: value for name, value in call.items() if name not in ("on", "verb", "with")}
    whole = {key: call[key] for key in ("on", "verb", "with")} | {"by_name": by_name}
    path = with_command(saved(tmp_path), 1, json.loads(json.dumps(whole).replace(HERE, str(here))))
    with pytest.raises(SnapshotError, match=r"run_code=True"):
        p2plab.open(path)
    assert not here.exists()


def test_a_file_that_was_added_is_in_the_saved_run(tmp_path: Path) -> None:
    added = tmp_path / "note.txt"
    added.write_bytes(b"what a node has" * 1000)
    lab = Lab(seed=1)
    cid = lab.start_node("a").content.add(added)
    path = lab.save(tmp_path / "run.p2plab", player=False)
    added.unlink()
    with p2plab.open(path) as again:
        assert again.events.digest() == lab.events.digest()
        assert again["a"].content.cat(cid) == b"what a node has" * 1000


def test_a_folder_that_was_added_is_named_and_asks_for_leave(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("hello")
    lab = Lab(seed=1)
    lab.start_node("a").content.add(folder)
    path = lab.save(tmp_path / "run.p2plab", player=False)
    with pytest.raises(SnapshotError, match=r"it adds '.*site', a file or folder that is not in the saved run"):
        p2plab.open(path)
    assert p2plab.open(path, run_code=True).events.digest() == lab.events.digest()


class TestTime:
    def long(self, tmp_path: Path) -> Path:
        """A file whose last command came after a thousand years in which a node publishes every second."""
        lab = Lab(seed=1)
        lab.start_nodes(3)
        lab.wire("full")
        lab["n0"].subscribe("news")
        lab.every(1, lab["n1"].publish, "news", b"again")
        lab.run(0.9)
        lab["n0"].publish("news", b"x")

        def change(data: bytes) -> bytes:
            history = json.loads(data)
            for places in (history, history["commands"][-1]):
                places["tick"], places["step"] = 10**15, 10**15
            return json.dumps(history).encode()

        return rewritten(lab.save(tmp_path / "run.p2plab", player=False), history=change)

    def test_a_run_that_never_ends_is_given_up(self, tmp_path: Path) -> None:
        path = self.long(tmp_path)
        with pytest.raises(SnapshotError, match=r"not played to its end within 0\.2 s .*publish.* a longer timeout="):
            p2plab.open(path, timeout=0.2)
        assert p2plab.open(path, until=0.5, timeout=60).now == 0.5

    def test_a_moment_that_never_comes_is_given_up_too(self, tmp_path: Path) -> None:
        lab = Lab(seed=1)
        lab.every(0.01, lab.start_node("a").publish, "news", b"again")
        lab.run(1)
        path = lab.save(tmp_path / "run.p2plab", player=False)
        with pytest.raises(SnapshotError, match=r"not played to its end within 0\.2 s"):
            p2plab.open(path, until=9e8, timeout=0.2)

    @pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), "1", True])
    def test_a_bound_that_is_none(self, tmp_path: Path, wrong: Any) -> None:
        with pytest.raises(ValidationError, match="timeout="):
            p2plab.open(saved(tmp_path), timeout=wrong)

    def test_the_bound_changes_nothing_of_the_run(self, tmp_path: Path) -> None:
        path = saved(tmp_path)
        assert p2plab.open(path, timeout=None).events.digest() == p2plab.open(path).events.digest()

    def test_the_command_line_takes_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        from p2plab.cli import main

        assert main(["open", str(self.long(tmp_path)), "--timeout", "0.2"]) == 1
        assert "It was not played again" in capsys.readouterr().out


class TestSize:
    def test_a_history_of_millions_of_values_is_not_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = rewritten(saved(tmp_path), history=lambda data: b"[" + b"{}," * 5000 + b"{}]")
        assert path.stat().st_size < 10_000
        monkeypatch.setattr(saved_file, "MOST_VALUES", 4000)
        with pytest.raises(SnapshotError, match="over 4,000 values"):
            p2plab.open(path)

    def test_a_line_without_end_is_not_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        log = Lab(seed=1).events.save(tmp_path / "log.jsonl.gz")
        header = gzip.decompress(log.read_bytes()).partition(b"\n")[0]
        monkeypatch.setattr(jsonl, "MOST_LINE", 5000)
        log.write_bytes(gzip.compress(header + b"\n" + b" " * 20_000))
        with pytest.warns(UserWarning, match="line 2 is too long"):
            assert len(p2plab.open(log).events) == 0
        log.write_bytes(gzip.compress(b'{"format":"p2plab-events"' + b" " * 20_000))
        with pytest.raises(EventLogError, match="no header"):
            p2plab.open(log)

    def test_more_events_than_a_packed_file_of_its_size_has_are_not_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lab = Lab(seed=1)
        lab.start_node("a")
        log = lab.events.save(tmp_path / "log.jsonl.gz")
        lines = gzip.decompress(log.read_bytes()).splitlines(keepends=True)
        log.write_bytes(
            gzip.compress(lines[0] + b"".join(b'{"t":0,"seq":%d,"kind":"error"}\n' % seq for seq in range(5000)))
        )
        monkeypatch.setattr("p2plab.events.log.LIMIT", 100)
        with pytest.warns(UserWarning, match="which a file of its size does not have"):
            assert 100 <= len(p2plab.open(log).events) < 5000


class TestNumbers:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("t", 1e308), ("t", -1.0), ("t", 10**400), ("seq", -1), ("size", 10**30), ("cause", -7), ("seq", True)],
    )
    def test_a_row_with_an_absurd_number_is_where_reading_stops(self, tmp_path: Path, name: str, value: Any) -> None:
        lab = Lab(seed=1)
        lab.start_nodes(2)
        log = lab.events.save(tmp_path / "log.jsonl")
        lines = log.read_text().splitlines()
        log.write_text("\n".join([*lines[:2], json.dumps({**json.loads(lines[2]), name: value}), *lines[3:]]) + "\n")
        with pytest.warns(UserWarning, match=rf"line 3 cannot be read \({name} is"):
            assert len(p2plab.open(log).events) == 1

    @pytest.mark.parametrize(
        ("name", "value"), [("resolution", 10**400), ("resolution", 0), ("dropped", 10**30), ("dropped", True)]
    )
    def test_a_header_with_one_is_refused(self, tmp_path: Path, name: str, value: Any) -> None:
        log = Lab(seed=1).events.save(tmp_path / "log.jsonl")
        log.write_text(json.dumps({**json.loads(log.read_text().splitlines()[0]), name: value}) + "\n")
        with pytest.raises(EventLogError, match="a header that makes no sense"):
            p2plab.open(log)

    def test_text_that_is_no_unicode_is_written_in_every_format(self, tmp_path: Path) -> None:
        lab = Lab(seed=1)
        lab.start_nodes(2)
        log = lab.events.save(tmp_path / "log.jsonl")
        log.write_text(log.read_text().replace('"node":"n0"', '"node":"n0","topic":"\\ud800"'))
        from p2plab.exports import export

        events = p2plab.open(log).events
        for end in ("perfetto-trace", "parquet", "gexf", "graphml", "pb", "mmd"):
            assert export(events, tmp_path / f"run.{end}").exists()
