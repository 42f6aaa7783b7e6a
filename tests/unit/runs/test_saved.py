"""Runs one can hand over: saved, opened, forked, shrunk; and files that were tampered with."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import subprocess
import sys
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
from p2plab.pubsub import Delay, GossipSubParams
from p2plab.runs.saved import file as saved_file
from p2plab.runs.saved.player import PLAYER
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
            names = ["manifest.json", "history.json", "log.jsonl.gz", "doctor.json", "player.html"]
            assert archive.namelist() == names
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
                kept = {
                    name: archive.read(name) for name in archive.namelist() if name not in (saved_file.DOCTOR, PLAYER)
                }
            kept[saved_file.LOG] = gzip.decompress(kept[saved_file.LOG])
            return kept

        one, other = (parts(played().save(tmp_path / name)) for name in ("a.p2plab", "b.p2plab"))
        assert one == other

    @pytest.mark.dear
    def test_a_page_that_plays_it_is_in_it_unless_it_is_not_wanted(self, tmp_path: Path) -> None:
        lab = played()
        for wanted, there in ((None, True), (True, True), (False, False)):
            with zipfile.ZipFile(lab.save(tmp_path / "bug.p2plab", player=wanted)) as archive:
                assert ("player.html" in archive.namelist()) is there
                if there:
                    page = archive.read("player.html").decode()
                    assert "<!doctype html>" in page.lower()
                    packed = re.search(r"H4sI[A-Za-z0-9+/=]+", page)
                    assert packed is not None
                    assert b"alice" in gzip.decompress(base64.b64decode(packed[0]))

    def test_a_level_that_tells_no_states_gives_no_page_and_says_so_where_one_is_asked_for(
        self, tmp_path: Path
    ) -> None:
        lab = Lab(seed=7, recording="counters")
        lab.start_nodes(2)
        with zipfile.ZipFile(lab.save(tmp_path / "bug.p2plab")) as archive:
            assert "player.html" not in archive.namelist()
        with pytest.raises(EventLogError, match="decisions"):
            lab.save(tmp_path / "bug.p2plab", player=True)

    def test_a_page_is_no_picture_of_the_notebook(self, tmp_path: Path) -> None:
        lab = played()
        digest = lab.events.digest()
        lab.save(tmp_path / "bug.p2plab", player=True)
        assert lab.events.digest() == digest

    @pytest.mark.dear
    def test_it_opens_where_it_failed(self, tmp_path: Path) -> None:
        lab = played()
        with pytest.raises(p2plab.errors.DialError):
            lab["alice"].connect("/ip4/9.9.9.9/tcp/1", timeout=1)
        at = lab.now
        lab.run(5)
        assert p2plab.open(lab.save(tmp_path / "a.p2plab"), until="failure").now == at
        lab.always("alice is alone", lambda: lab["alice"].running)
        with pytest.raises(p2plab.errors.InvariantError) as caught:
            lab["alice"].crash()
        crashed = lab.now
        path = lab.save(tmp_path / "b.p2plab", failed=caught.value)
        assert p2plab.open(path, until="failure").now == crashed
        assert saved_file.SavedRun(path).failure() == (crashed, f"InvariantError: {caught.value}")
        with pytest.raises(ValidationError, match="nothing failed"):
            p2plab.open(played().save(tmp_path / "c.p2plab"), until="failure")
        for wrong in ("end", -1, True, float("nan")):
            with pytest.raises(ValidationError, match="until="):
                p2plab.open(path, until=wrong)

    def test_a_path_that_is_none_and_a_folder_that_is_missing(self, tmp_path: Path) -> None:
        lab = Lab(seed=7)
        with pytest.raises(ValidationError, match="the path of a saved run"):
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

    @pytest.mark.real
    def test_addresses_of_machines_outside_are_left_out_unless_asked_for(self, tmp_path: Path) -> None:
        outside = "/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWDtRJs7bmwLHooFDzzC8cQqc1dZMLtVv8XZASdByzTik4"
        with Lab("real", seed=7, psk="5" * 64) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            alice.connect(bob)
            with pytest.raises(p2plab.errors.DialError):
                alice.connect(outside, timeout=0.2)
            path = lab.save(tmp_path / "real.p2plab")
            asked = lab.save(tmp_path / "asked.p2plab", addresses=True)

        def whole(path: Path) -> str:
            with zipfile.ZipFile(path) as archive:
                parts = {name: archive.read(name) for name in archive.namelist()}
            return "".join(
                (gzip.decompress(data) if name.endswith(".gz") else data).decode() for name, data in parts.items()
            )

        assert "192.0.2.7" not in whole(path)
        assert "/dns/outside-1.invalid/tcp/4001" in whole(path)
        assert "/ip4/127.0.0.1/tcp/" in whole(path)
        assert "192.0.2.7" in whole(asked)
        assert "5" * 64 not in whole(path) + whole(asked)
        assert saved_file.SavedRun(path).manifest["addresses left out"] == 1
        assert isinstance(p2plab.open(path), LogView)


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


def test_a_verb_of_a_face_is_found_wherever_in_its_bases_it_is_written(tmp_path: Path) -> None:
    lab = Lab(seed=1)
    lab.at(1, lab.start_node("a").publish, "x", b"y")
    lab.run(2)
    path = lab.save(tmp_path / "bug.p2plab", player=False)
    named = "p2plab.api.aio.node:AsyncNode.publish"

    def change(text: str) -> str:
        assert named in text
        return text.replace(named, "p2plab.api.node_face:NodeFace.publish")  # as files of before have it

    rewrite(path, "history.json", change)
    assert p2plab.open(path).events.digest() == lab.events.digest()


@pytest.mark.parametrize("there", ["p2plab.pubsub.delivery.validators", "p2plab.pubsub.elsewhere"])
def test_a_public_class_is_found_wherever_a_file_of_before_says_it_is(tmp_path: Path, there: str) -> None:
    lab = Lab(seed=1)
    lab.start_node("a").add_validator("news", Delay(0.005))
    path = lab.save(tmp_path / "bug.p2plab", player=False)
    rewrite(path, "history.json", lambda text: text.replace(Delay.__module__, there))
    assert p2plab.open(path).events.digest() == lab.events.digest()
    rewrite(path, "history.json", lambda text: text.replace(f"{there}:Delay", f"{there}:Later"))
    with pytest.raises(SnapshotError, match=r"does not have .*; open it with the version that saved it"):
        p2plab.open(path)


@pytest.mark.parametrize(
    ("action", "with_"),
    [
        ({"$function": "p2plab.runs.saved.file:os.system"}, "touch HERE"),
        ({"$function": "p2plab.runs.saved.file:save"}, "HERE"),
        ({"$function": "p2plab.cli.parser:main"}, "HERE"),
        ({"$function": "p2plab.kademlia.storage.sqlite_store:SqliteDatastore"}, "HERE"),
        ({"$function": "p2plab.kademlia.elsewhere:DHTDatastore"}, "HERE"),
        ({"$function": "p2plab.commands.catalogue.streams:perform"}, "HERE"),
        ({"$function": "p2plab.stream.face:Path"}, "HERE"),
        ({"$method": "p2plab.events.log:EventLog.save", "of": {"$part": "events"}}, "HERE"),
        ({"$method": "p2plab.api.faces.lab:LabFace.save", "of": {"$world": True}}, "HERE"),
        (
            {
                "$method": "p2plab.api.faces.lab:LabFace.capture",
                "of": {"$face": "p2plab.api.aio.lab:AsyncLab", "has": {"_world": {"$world": True}}},
            },
            "HERE",
        ),
    ],
)
def test_a_file_cannot_have_functions_called_that_reach_outside_the_lab(
    tmp_path: Path, action: dict[str, Any], with_: str
) -> None:
    lab, here = Lab(seed=1), tmp_path / "written"
    node = lab.start_node("a")
    lab.at(1, node.publish, "x", b"y")
    lab.run(2)
    path = lab.save(tmp_path / "evil.p2plab")

    def change(text: str) -> str:
        history = json.loads(text)
        call = history["commands"][1]["call"]
        assert call["verb"] == "schedule"
        call["with"][2:4] = [action, {"$tuple": [with_.replace("HERE", str(here))]}]
        return json.dumps(history)

    rewrite(path, "history.json", change)
    with pytest.raises(SnapshotError):
        p2plab.open(path)
    assert not here.exists()


@pytest.mark.parametrize(
    ("owner", "verb"),
    [
        ({"$part": "events"}, "save"),
        ({"$world": True}, "snapshot"),
        ({"$world": True}, "close"),
        ({"$part": "driver"}, "close"),
        ({"$ref": "node a"}, "_anything"),
        ({"$ref": "node a"}, "export"),
    ],
)
def test_a_command_of_a_file_is_a_verb_of_a_lab(tmp_path: Path, owner: dict[str, Any], verb: str) -> None:
    lab, here = Lab(seed=1), tmp_path / "written"
    lab.start_node("a")
    lab["a"].publish("x", b"y")
    path = lab.save(tmp_path / "evil.p2plab")

    def change(text: str) -> str:
        history = json.loads(text)
        history["commands"][1]["call"] = {"on": owner, "verb": verb, "with": [str(here)], "by_name": {}}
        return json.dumps(history)

    rewrite(path, "history.json", change)
    with pytest.raises(SnapshotError, match="no verb that a saved run may call"):
        p2plab.open(path)
    assert not here.exists()


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

    @pytest.mark.dear
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

    def whole(self, tmp_path: Path) -> Path:
        lab = Lab(seed=7)
        lab.start_nodes(3)
        lab.wire("full")
        lab["n0"].add_validator("news", short)
        lab["n0"].publish("news", b"x")
        RAN.clear()
        return lab.save(tmp_path / "bug.p2plab", player=False)

    def opened(self, path: Path) -> str:
        """What opening it came to."""
        try:
            opened = p2plab.open(path)
            if isinstance(opened, Lab):
                opened.close()
        except LabError as error:
            return type(error).__name__
        except UserWarning:
            return "a log that is cut gives what there is, and says so"
        return "opened"

    def mutate_bytes(self, tmp_path: Path, count: int) -> None:
        whole = self.whole(tmp_path).read_bytes()
        draws = random.Random(1)
        path = tmp_path / "mutated.p2plab"
        for _ in range(count):
            data = bytearray(whole)
            for _ in range(draws.randrange(1, 4)):
                at = draws.randrange(len(data))
                if draws.random() < 0.7:
                    data[at] = draws.randrange(256)
                else:
                    del data[at : at + draws.randrange(1, 40)]
            path.write_bytes(data)
            self.opened(path)
        assert RAN == []

    def mutate_values(self, tmp_path: Path, count: int) -> None:
        """Behind the checksums: values of the JSON, keys, and whole branches change places."""
        with zipfile.ZipFile(self.whole(tmp_path)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        draws = random.Random(2)
        path = tmp_path / "mutated.p2plab"
        came_to: dict[str, int] = {}
        for _ in range(count):
            name = draws.choice(("manifest.json", "history.json", "history.json", "history.json", "log.jsonl.gz"))
            if name.endswith(".gz"):
                text = bytearray(gzip.decompress(parts[name]))
                text[draws.randrange(len(text))] = draws.randrange(32, 127)
                changed = gzip.compress(bytes(text), 1)
            else:
                value = json.loads(parts[name])
                for _ in range(draws.randrange(1, 3)):
                    mutate_json(value, draws)
                changed = json.dumps(value).encode()
            with zipfile.ZipFile(path, "w") as archive:
                for part, data in parts.items():
                    archive.writestr(part, changed if part == name else data)
            outcome = self.opened(path)
            came_to[outcome] = came_to.get(outcome, 0) + 1
        assert RAN == []
        assert came_to["SnapshotError"] > count / 2

    @pytest.mark.dear
    def test_mutations_give_errors_of_ours_and_run_nothing(self, tmp_path: Path) -> None:
        self.mutate_bytes(tmp_path, 300)
        self.mutate_values(tmp_path, 300)

    @pytest.mark.slow
    def test_ten_thousand_mutations_too(self, tmp_path: Path) -> None:
        self.mutate_bytes(tmp_path, 4_000)
        self.mutate_values(tmp_path, 6_000)


HOSTILE: list[Any] = [
    *(
        None,
        True,
        -1,
        0,
        1e300,
        10**30,
        "",
        "news",
        "os:system",
        "__class__",
        [],
        {},
        [[]],
        "\x00",
        "n0",
        2.5,
        {"$ref": 7},
    ),
    *({"$bytes": 1}, {"$tuple": [1]}, {"$made": 10**9}, {"$world": 1}, {"$part": "network"}, {"$float": "nan"}),
    *({"$function": "os:system"}, {"$source": "1/0", "name": "x", "sha256": ""}, {"$stream": [1, "inbound"]}),
    *({"$object": "p2plab.pubsub.params:GossipSubParams", "fields": {"D": -1}}, {"$map": [[[], 1]]}),
    {"$method": "p2plab.api.blocking.node:Node.crash", "of": {"$face": "p2plab.api.blocking.node:Node", "has": {}}},
]


def mutate_json(value: Any, draws: random.Random) -> None:
    """Change one place somewhere in a JSON value."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = draws.choice(keys)
        inner = value[key]
        if isinstance(inner, (dict, list)) and inner and draws.random() < 0.8:
            value = inner
            continue
        what = draws.randrange(4)
        if what == 0:
            del value[key]
        elif what == 1 and isinstance(value, dict):
            value[draws.choice(("verb", "call", "$ref", "stuck", "x"))] = value.pop(key)
        elif what == 2:
            value[key] = value[draws.choice(keys)]
        else:
            value[key] = draws.choice(HOSTILE)
        return


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
    @pytest.mark.dear
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
        assert "part at event" in json.loads(capsys.readouterr().out)["not played again"]
        assert main(["open", str(tmp_path / "missing")]) == 2

    def test_what_failed_is_told_first_and_hostile_text_does_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from p2plab.cli import main

        path = played().save(tmp_path / "bug.p2plab", failed="two got nothing \x1b[2J\n  of five\n")
        assert main(["open", str(path), "--until", "failure"]) == 0
        told = capsys.readouterr().out
        assert "[2J; of five\n" in told
        assert "player.html" in told
        assert "\x1b" not in told

    def test_notebook_opens_cells_that_show_the_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from p2plab.cli import main, opening

        lab = played()
        path = lab.save(tmp_path / "it's a bug.p2plab")
        cells: list[str] = []

        def opened(notebook: str, port: int | None, no_browser: bool) -> int:
            book = json.loads(Path(notebook).read_text(encoding="utf-8"))
            cells.extend(cell["source"] for cell in book["cells"])
            return 0

        monkeypatch.setattr(opening, "open_laboratory", opened)
        assert main(["open", str(path), "--notebook", "--until", "2.5"]) == 0
        space: dict[str, Any] = {}
        for cell in cells:
            exec(cell, space)
        assert space["run"].now == 2.5
        cells.clear()
        assert main(["open", str(path), "--notebook"]) == 0
        exec(cells[0], space)
        assert space["run"].events.digest() == lab.events.digest()


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


@pytest.mark.dear
def test_a_run_is_saved_where_warnings_are_errors_and_nothing_was_imported_yet(tmp_path: Path) -> None:
    path = tmp_path / "run.p2plab"
    code = f"from p2plab import Lab; Lab(seed=1).save({str(path)!r})"
    subprocess.run([sys.executable, "-W", "error::DeprecationWarning", "-c", code], check=True, timeout=120)
    assert path.exists()


def test_a_run_is_saved_whose_planned_function_holds_the_lab(tmp_path: Path) -> None:
    lab = Lab(seed=7)
    lab.start_nodes(2)

    async def ask(name: str) -> None:
        await lab.aio[name].ping("n1")

    lab["n0"].connect("n1")
    lab.at(1.0, ask, "n0")
    lab.run(2)
    saved = saved_file.SavedRun(lab.save(tmp_path / "run.p2plab"))
    assert saved.manifest["digest"] == lab.events.digest()
    with pytest.raises(SnapshotError, match=r"open it with functions=\{'ask': f\}"):
        p2plab.open(tmp_path / "run.p2plab", run_code=True)


@pytest.mark.dear
def test_saving_a_mock_lab_loads_nothing_of_a_real_one(tmp_path: Path) -> None:
    program = (
        "import json, sys, zipfile; from p2plab import Lab\n"
        "lab = Lab(seed=1); lab.start_node('a'); path = lab.save(sys.argv[1], player=False)\n"
        "found = json.loads(zipfile.ZipFile(path).read('doctor.json'))\n"
        "assert {one['what']: one['found'] for one in found}['real nodes'] == 'not in use, and not tried', found\n"
        "print([name for name in ('libp2p', 'trio', 'anywidget', 'IPython', 'bokeh') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "run.p2plab")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
