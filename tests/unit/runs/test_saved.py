"""Runs one can hand over: saved, opened, forked, shrunk; and files that were tampered with."""

from __future__ import annotations

import gzip
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab, LogView
from p2plab.errors import (
    ConfigurationError,
    DivergenceError,
    EventLogError,
    LabError,
    NotInThisWorldError,
    SnapshotError,
    ValidationError,
)
from p2plab.pubsub import GossipSubParams
from p2plab.runs.saved import file as saved_file
from p2plab.runs.saved.tags import Functions, decode

RAN: list[str] = []


def short(message: Any) -> bool:
    """A validator that this module has."""
    RAN.append("short")
    return len(message.data) < 10


def played(**settings: Any) -> Lab:
    """A lab with a bit of everything in its history."""
    lab = Lab(seed=7, **settings)
    alice = lab.start_node("alice", gossipsub=GossipSubParams.spec(D=4))
    nodes = lab.start_nodes(6)
    lab.wire("random", degree=3)
    inboxes = [node.subscribe("news") for node in lab.nodes]
    lab.run(2)
    alice.publish("news", b"\x00\xff")
    lab.network.partition([alice, *nodes[:2]], nodes[2:])
    lab.run(1.5)
    lab.network.heal()
    nodes[3].crash()
    nodes[3].restart(state="lost")
    alice.dht.put("/lab/greeting", b"hi")
    inboxes[2].close()
    lab.run(1)
    return lab


class TestSaving:
    def test_what_is_opened_is_the_same_run_and_goes_on(self, tmp_path: Path) -> None:
        lab = played()
        digest = lab.events.digest()
        path = lab.save(tmp_path / "bug.p2plab")
        assert lab.events.digest() == digest
        other = p2plab.open(path)
        assert other.events.digest() == digest
        for one in (lab, other):
            one["alice"].publish("news", b"again")
            one.run(1)
        assert lab.events.digest() == other.events.digest()
        assert other.save(tmp_path / "again.p2plab").exists()

    def test_it_stops_where_it_is_told(self, tmp_path: Path) -> None:
        path = played().save(tmp_path / "bug.p2plab")
        assert p2plab.open(path, until=2.5).now == 2.5

    def test_the_file_is_data_that_says_what_it_is(self, tmp_path: Path) -> None:
        path = played().save(tmp_path / "bug.p2plab")
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            history = json.loads(archive.read("history.json"))
            assert archive.namelist() == ["manifest.json", "history.json", "log.jsonl.gz", "doctor.json"]
        assert (manifest["seed"], manifest["backend"], manifest["model"]) == (7, "mock", p2plab.MODEL_VERSION)
        assert b"pickle" not in json.dumps(history).encode()
        publish = next(command for command in history["commands"] if command["verb"] == "publish")
        assert publish["call"] == {
            "on": {"$ref": "node alice"},
            "verb": "publish",
            "with": ["news", {"$bytes": "AP8="}],
            "by_name": {},
        }

    def test_the_same_run_gives_the_same_bytes(self, tmp_path: Path) -> None:
        def parts(path: Path) -> dict[str, bytes]:
            with zipfile.ZipFile(path) as archive:  # doctor.json tells of the machine, such as its free memory
                kept = {name: archive.read(name) for name in archive.namelist() if name != saved_file.DOCTOR}
            kept[saved_file.LOG] = gzip.decompress(kept[saved_file.LOG])
            return kept

        one, other = (parts(played().save(tmp_path / name)) for name in ("a.p2plab", "b.p2plab"))
        assert one == other

    def test_a_path_that_is_none_and_a_folder_that_is_missing(self, tmp_path: Path) -> None:
        lab = Lab(seed=7)
        with pytest.raises(ValidationError, match=r"bug\.p2plab"):
            lab.save(7)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="cannot be saved"):
            lab.save(tmp_path / "missing" / "bug.p2plab")

    def test_the_manifest_is_plain_json(self) -> None:
        lab = played()
        assert json.loads(json.dumps(lab.manifest())) == lab.manifest()

    @pytest.mark.real
    def test_a_real_lab_s_run_is_opened_as_its_log_with_its_script(self, tmp_path: Path) -> None:
        with Lab("real", seed=7) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            alice.connect(bob)
            path = lab.save(tmp_path / "real.p2plab")
        view = p2plab.open(path)
        assert isinstance(view, LogView)
        assert view.state().edges == [("alice", "bob")]
        script = saved_file.SavedRun(path).script()
        assert script is not None
        assert "libp2p" in script


class TestFunctions:
    def path(self, tmp_path: Path, check: Any) -> Path:
        lab = Lab(seed=7)
        nodes = lab.start_nodes(3)
        lab.wire("full")
        for node in nodes:
            node.subscribe("news")
            node.add_validator("news", check)
        lab.run(2)
        nodes[0].publish("news", b"hello")
        lab.run(1)
        return lab.save(tmp_path / "bug.p2plab")

    def test_nothing_runs_by_being_opened(self, tmp_path: Path) -> None:
        path = self.path(tmp_path, short)
        RAN.clear()
        with pytest.raises(SnapshotError, match=r"uses the function tests.*:short.*functions=\{'short': f\}"):
            p2plab.open(path)
        assert RAN == []

    def test_it_runs_with_the_function_given_or_with_leave(self, tmp_path: Path) -> None:
        path = self.path(tmp_path, short)
        given = p2plab.open(path, functions={"short": short})
        assert p2plab.open(path, run_code=True).events.digest() == given.events.digest()
        assert RAN

    def test_until_before_its_first_use_needs_it_not(self, tmp_path: Path) -> None:
        lab = Lab(seed=7)
        node = lab.start_node("n0")
        lab.run(5)
        node.add_validator("news", short)
        path = lab.save(tmp_path / "bug.p2plab")
        assert p2plab.open(path, until=4).now == 4

    def test_a_function_of_a_cell_travels_as_its_source(self, tmp_path: Path) -> None:
        def few(message: Any) -> bool:
            return len(message.data) < 10

        path = self.path(tmp_path, few)
        with pytest.raises(SnapshotError, match="few"):
            p2plab.open(path)
        assert len(p2plab.open(path, run_code=True).nodes) == 3

    def test_a_source_that_was_changed_afterwards_does_not_run(self, tmp_path: Path) -> None:
        def few(message: Any) -> bool:
            return len(message.data) < 10

        path = self.path(tmp_path, few)
        rewrite(path, "history.json", lambda text: text.replace("< 10", "< 11"))
        with pytest.raises(SnapshotError, match="changed afterwards"):
            p2plab.open(path, run_code=True)

    def test_a_lambda_and_a_closure_have_to_be_given(self, tmp_path: Path) -> None:
        limit = 10
        path = self.path(tmp_path, lambda message: len(message.data) < limit)
        with pytest.raises(SnapshotError, match="not in the file"):
            p2plab.open(path, run_code=True)
        assert p2plab.open(path, functions={"<lambda>": lambda message: True}).now == 3

    def test_functions_of_the_system_are_not_looked_up(self, tmp_path: Path) -> None:
        path = self.path(tmp_path, short)
        rewrite(path, "history.json", lambda text: text.replace(f"{short.__module__}:short", "os:system"))
        with pytest.raises(SnapshotError, match="os:system"):
            p2plab.open(path)


def rewrite(path: Path, name: str, change: Any) -> None:
    """The same file with one part changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    parts[name] = change(parts[name].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for part, data in parts.items():
            archive.writestr(part, data)


class TestTampering:
    def test_another_digest_shows_the_first_difference(self, tmp_path: Path) -> None:
        path = played().save(tmp_path / "bug.p2plab")
        rewrite(path, "history.json", lambda text: text.replace("AP8=", "AP7/"))
        with pytest.raises(DivergenceError, match="part at event") as caught:
            p2plab.open(path)
        assert "3 bytes" in str(caught.value)

    def test_another_model_is_said(self, tmp_path: Path) -> None:
        path = played().save(tmp_path / "bug.p2plab")
        rewrite(path, "manifest.json", lambda text: text.replace('"model": ', '"model": 99'))
        with pytest.warns(UserWarning, match="CHANGELOG"):
            p2plab.open(path)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"verb": "publish"', '"verb": "__init__"'),
            ('{"$ref": "node alice"}', '{"$object": "os:system", "fields": {}}'),
            ('{"$ref": "node alice"}', '{"$object": "p2plab.api.blocking.lab:Lab", "fields": {}}'),
            ('{"$ref": "node alice"}', '{"$enum": "p2plab.errors:LabError", "name": "x"}'),
            ('{"$ref": "node alice"}', '{"$nothing": 1}'),
            ('{"$ref": "node alice"}', "[" * 200 + "]" * 200),
            ('{"$ref": "node alice"}', '{"$ref": "node mallory"}'),
            ('"AP8="', '"not base64!"'),
            ('"seed": 7', '"seed": "7"'),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_its_place(self, tmp_path: Path, old: str, new: str) -> None:
        path = played().save(tmp_path / "bug.p2plab")

        def change(text: str) -> str:
            assert old in text
            return text.replace(old, new)

        rewrite(path, "history.json", change)
        with pytest.raises(SnapshotError):
            p2plab.open(path)

    def test_a_part_that_unpacks_to_gigabytes_is_not_unpacked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = played().save(tmp_path / "bug.p2plab")
        monkeypatch.setitem(saved_file.LIMITS, "history.json", 1000)
        with pytest.raises(SnapshotError, match="over 1000 bytes"):
            p2plab.open(path)

    @pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x03\x04" + b"manifest.json" * 4, b"hello", bytes(100)])
    def test_what_is_no_run_is_told_so(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "x.p2plab"
        path.write_bytes(data)
        with pytest.raises((SnapshotError, EventLogError)):
            p2plab.open(path)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="cannot be opened"):
            p2plab.open(tmp_path / "missing.p2plab")

    def mutate(self, tmp_path: Path, count: int) -> None:
        lab = Lab(seed=7)
        lab.start_nodes(3)
        lab.wire("full")
        lab["n0"].add_validator("news", short)
        lab["n0"].publish("news", b"x")
        whole = lab.save(tmp_path / "bug.p2plab").read_bytes()
        draws = random.Random(1)
        path = tmp_path / "mutated.p2plab"
        RAN.clear()
        for _ in range(count):
            data = bytearray(whole)
            for _ in range(draws.randrange(1, 4)):
                at = draws.randrange(len(data))
                if draws.random() < 0.7:
                    data[at] = draws.randrange(256)
                else:
                    del data[at : at + draws.randrange(1, 40)]
            path.write_bytes(data)
            try:
                p2plab.open(path)
            except LabError:
                continue
            except UserWarning:
                continue  # a log that is cut gives what there is, and says so
        assert RAN == []

    def test_mutations_give_errors_of_ours_and_run_nothing(self, tmp_path: Path) -> None:
        self.mutate(tmp_path, 500)

    @pytest.mark.slow
    def test_ten_thousand_mutations_too(self, tmp_path: Path) -> None:
        self.mutate(tmp_path, 10_000)


class TestForking:
    def test_a_fork_is_the_same_up_to_its_moment(self) -> None:
        lab = played()
        digest = lab.events.digest()
        other = lab.fork()
        assert other.events.digest() == digest
        assert lab.compare(other).same
        other["alice"].crash()
        assert lab["alice"].running
        assert lab.events.digest() == digest
        assert not lab.compare(other).same

    def test_a_change_is_done_at_the_moment_and_shown_as_the_first_difference(self) -> None:
        lab = played()
        other = lab.fork(at=2.0, change=lambda lab: lab["n1"].crash())
        other.run(2)
        first = lab.compare(other).first
        assert first is not None
        assert first[1] is not None
        assert (first[1].t, first[1].kind) == (2.0, "lab.command")
        assert "part at" in str(lab.compare(other))

    def test_another_seed_changes_what_is_drawn_from_there_on_and_no_identity(self) -> None:
        lab = played(jitter=0.01)
        same, other = lab.fork(at=1.0), lab.fork(at=1.0, seed=9)
        for one in (same, other):
            one["alice"].publish("news", b"x")
            one.run(3)
        assert other["alice"].peer_id == same["alice"].peer_id
        assert other.events.digest() != same.events.digest()
        assert Lab.replay(other.history()).events.digest() == other.events.digest()

    @pytest.mark.parametrize(
        "wrong", [{"at": 99}, {"at": -1}, {"at": "now"}, {"change": 7}, {"seed": "x"}, {"seed": True}]
    )
    def test_arguments_that_are_none(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            played().fork(**wrong)

    @pytest.mark.real
    def test_a_real_lab_has_no_forks(self) -> None:
        with Lab("real", seed=7) as lab, pytest.raises(NotInThisWorldError, match="mock"):
            lab.fork()


class TestShrinking:
    def test_a_bug_behind_two_hundred_commands_comes_out_in_a_few(self, tmp_path: Path) -> None:
        lab, draws = Lab(seed=3), random.Random(1)
        nodes = lab.start_nodes(12)
        lab.wire("random", degree=3)
        for _ in range(200):
            a, b = draws.sample(nodes, 2)
            what = draws.randrange(5)
            if what == 0:
                a.subscribe("news")
            elif what == 1:
                a.publish("news", b"x")
            elif what == 2:
                lab.run(draws.random())
            elif what == 3:
                a.disconnect(b)
            else:
                a.connect(b)
        nodes[5].subscribe("secret")
        nodes[7].subscribe("secret")
        nodes[5].connect(nodes[7])
        lab.run(1)
        nodes[5].publish("secret", b"planted")
        lab.run(1)

        def leaks(lab: Lab) -> bool:
            delivered = lab.events.filter(kind="pubsub.deliver", node="n7")
            return any(event.topic == "secret" for event in delivered)

        told: list[int] = []
        small = p2plab.shrink(lab, leaks, progress=lambda left, whole: told.append(left))
        assert leaks(small)
        assert len(small.history().commands) <= 10
        assert [node.name for node in small.nodes] == ["n5", "n7"]
        assert told == sorted(told, reverse=True)
        path = small.save(tmp_path / "small.p2plab")
        assert leaks(p2plab.open(path))

    def test_a_run_that_does_not_fail_is_not_shrunk(self) -> None:
        with pytest.raises(ValidationError, match="nothing to shrink"):
            p2plab.shrink(played(), lambda lab: False)

    def test_it_takes_a_path_and_a_function(self, tmp_path: Path) -> None:
        path = played().save(tmp_path / "bug.p2plab")
        small = p2plab.shrink(path, lambda lab: "alice" in [node.name for node in lab.nodes], progress=False)
        assert [command.verb for command in small.history().commands] == ["start_nodes"]
        with pytest.raises(ValidationError, match="still_fails"):
            p2plab.shrink(path, 7)  # type: ignore[arg-type]


class TestCommandLine:
    def test_open_says_what_it_is_and_what_failed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        from p2plab.cli import main

        lab = played()
        with pytest.raises(p2plab.errors.DialError):
            lab["alice"].connect("/ip4/9.9.9.9/tcp/1", timeout=1)
        path = lab.save(tmp_path / "bug.p2plab")
        assert main(["open", str(path)]) == 0
        told = capsys.readouterr().out
        assert "a lab, played again" in told
        assert "connection.failed" in told
        rewrite(path, "history.json", lambda text: text.replace("AP8=", "AP7/"))
        assert main(["open", str(path), "--json"]) == 1
        assert "part at event" in json.loads(capsys.readouterr().out)["failed"]
        assert main(["open", str(tmp_path / "missing")]) == 2


def test_verbs_that_were_scheduled_are_found_again_by_their_names(tmp_path: Path) -> None:
    lab = Lab(seed=1)
    a, b, c = lab.start_nodes(3)
    lab.wire("ring")
    for node in lab.nodes:
        node.subscribe("x")
    lab.at(5, lab.network.partition, [a], [b, c])
    lab.every(2, b.publish, "x", b"hi")
    lab.at(6, a.dht.put, "/lab/x", b"v")
    lab.at(9, lab.network.heal)
    lab.run(12)
    opened = p2plab.open(lab.save(tmp_path / "run.p2plab"))
    assert opened.events.digest() == lab.events.digest()
    assert opened.events.counts["network.partition"] == opened.events.counts["network.heal"] == 1


@pytest.mark.parametrize(
    "hostile",
    [
        {"$face": "p2plab.errors:SnapshotError", "has": {}},
        {"$face": "os:system", "has": {}},
        {"$face": "p2plab.api.blocking.node:Node", "has": 7},
        {"$method": "os:system", "of": {"$ref": "node a"}},
        {"$method": "p2plab.api.blocking.node:Node.publish", "of": "a"},
        {"$method": "p2plab.runs.saved.file:save.__globals__", "of": {"$ref": "node a"}},
    ],
)
def test_a_face_or_a_verb_that_is_none_is_refused(hostile: Any) -> None:
    with pytest.raises(SnapshotError):
        decode(hostile, Functions())
