"""A lab that was put away goes on as it would have, from its state or by its recipe, or what is in the way is named."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import InsideLabError, NotInThisWorldError, SnapshotError, ValidationError
from p2plab.mock.history.snapshot import MAGIC, Snapshot
from p2plab.stream import NetStream

TIMEOUTS = 30  # seconds, after which no request to a node that crashed is under way any more


def go_on(lab: Lab) -> str:
    """Some more of everything; what it came to."""
    lab.wire("ring")
    news = lab["n1"].subscribe("news")
    lab.run(2)
    lab["zoe"].publish("news", "more")
    news.get(timeout=9)
    lab["n4"].crash()
    lab["n2"].dht.get("/lab/greeting")
    lab.events.level = "all"
    lab.run(2)
    return lab.events.digest()


def by_recipe(snapshot: Snapshot) -> Snapshot:
    """The same without its state."""
    return dataclasses.replace(snapshot, state=b"")


@pytest.mark.dear
def test_a_lab_restored_from_its_state_goes_on_as_it_would_have(lab: Lab) -> None:
    lab.run(TIMEOUTS)
    snapshot = lab.snapshot()
    assert snapshot.obstacle == ""
    with Lab.restore(snapshot) as again:
        assert (again.now, again.events.digest()) == (lab.now, lab.events.digest())
        assert go_on(again) == go_on(lab)
        assert [str(command) for command in again.history()] == [str(command) for command in lab.history()]


def test_a_lab_restored_by_its_recipe_goes_on_as_it_would_have(lab: Lab) -> None:
    with Lab.restore(by_recipe(lab.snapshot())) as again:
        assert go_on(again) == go_on(lab)


@pytest.mark.dear
def test_a_restored_lab_can_be_put_away_and_replayed_again(lab: Lab) -> None:
    with Lab.restore(lab.snapshot()) as second:
        second.run(1)
        second["zoe"].publish("news", "again")
        with Lab.restore(second.snapshot()) as third, Lab.replay(second.history()) as fourth:
            assert third.events.digest() == second.events.digest() == fourth.events.digest()
            assert go_on(third) == go_on(second) == go_on(fourth)


def test_putting_a_lab_away_changes_nothing_in_it(lab: Lab) -> None:
    with Lab.replay(lab.history()) as undisturbed:
        lab.snapshot()
        assert go_on(lab) == go_on(undisturbed)


@pytest.mark.dear
def test_a_snapshot_goes_through_a_file(lab: Lab, tmp_path: Path) -> None:
    path = lab.snapshot().save(tmp_path / "lab.snapshot")
    with Lab.restore(path) as one, Lab.restore(str(path)) as two, Lab.restore(path.read_bytes()) as three:
        assert go_on(one) == go_on(two) == go_on(three) == go_on(lab)


RESTORE = """
import sys
from p2plab import Lab
lab = Lab.restore(sys.argv[1])
lab["zoe"].publish("news", "elsewhere")
lab.run(2)
print(lab.events.digest())
"""


@pytest.mark.dear
def test_a_snapshot_is_restored_in_another_process(lab: Lab, tmp_path: Path) -> None:
    snapshot = lab.snapshot()
    paths = [snapshot.save(tmp_path / "state"), by_recipe(snapshot).save(tmp_path / "recipe")]
    lab["zoe"].publish("news", "elsewhere")
    lab.run(2)
    for path, seed in zip(paths, ("1", "2"), strict=True):
        command = [sys.executable, "-c", RESTORE, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed})
        assert done.stdout.strip() == lab.events.digest()


def test_a_snapshot_says_what_it_holds(lab: Lab) -> None:
    lab.run(TIMEOUTS)
    snapshot = lab.snapshot()
    assert snapshot.header["seed"] == 11
    assert snapshot.header["now"] == lab.now
    assert snapshot.header["digest"] == lab.events.digest()
    assert snapshot.header["commands"] == len(lab.history()) == len(snapshot.history)
    assert repr(snapshot).startswith(f"<Snapshot at {lab.now} s: {len(lab.history())} commands, state of ")


@pytest.mark.dear
def test_many_nodes_do_not_nest() -> None:
    with Lab(seed=1, recording="counters") as lab:
        lab.start_nodes(300)
        lab.wire("line")
        for node in lab.nodes[::10]:
            node.subscribe("news")
        lab.run(2)
        snapshot = lab.snapshot()
        assert snapshot.obstacle == ""
        with Lab.restore(snapshot) as again:
            for one in (lab, again):
                one["n0"].publish("news", "x")
                one.run(3)
            assert again.events.counts == lab.events.counts


# -- what stands in the way


def test_a_suspended_handler_stands_in_the_way_of_the_state_by_name_and_the_recipe_does() -> None:
    with Lab(seed=3) as lab:
        alice, bob = lab.start_nodes(2)

        async def dawdle(stream: NetStream) -> None:
            await stream.write(b"wait")
            await p2plab.sleep(5)
            await stream.write(b"done")

        bob.handle("/dawdle/1", dawdle)
        assert alice.open_stream(bob, "/dawdle/1").read() == b"wait"
        snapshot = lab.snapshot()
        assert "dawdle (line " in snapshot.obstacle
        assert "is suspended" in snapshot.obstacle
        assert not snapshot.state
        assert snapshot.obstacle in repr(snapshot)
        with Lab.restore(snapshot) as again:
            for one in (lab, again):
                one.run(10)
            assert again.events.digest() == lab.events.digest()
            assert lab.events.counts["stream.closed"] > 0


def test_a_step_of_p2plabs_own_stands_in_the_way_too() -> None:
    with Lab(seed=3) as lab:
        lab.start_nodes(2)
        lab.at(0.5, lab["n0"].connect, "n1")
        lab.run(0.55)
        snapshot = lab.snapshot()
        assert snapshot.obstacle == "'the scheduled connect' is under way, p2plab's own: let the lab run on a little"
        with Lab.restore(snapshot) as again:
            for one in (lab, again):
                one.run(3)
            assert again.edges() == lab.edges() == [("n0", "n1")]
            assert again.events.digest() == lab.events.digest()


def test_where_neither_can_be_written_both_reasons_are_given() -> None:
    import threading

    with Lab(seed=3) as lab:
        (alice,) = lab.start_nodes(1)
        lock = threading.Lock()
        alice.add_validator("news", lambda message: lock.locked())
        with pytest.raises(
            SnapshotError, match=r"no recipe, because of .*add_validator.*lock.*no state, because .*lock"
        ):
            lab.snapshot()


def test_a_log_that_dropped_rows_stands_in_the_way_of_the_state() -> None:
    with Lab(seed=3, log_limit=40) as lab:
        lab.start_nodes(8)
        lab.wire("full")
        lab.run(2)
        snapshot = lab.snapshot()
        assert "were dropped" in snapshot.obstacle
        with Lab.restore(snapshot) as again:
            assert again.events.digest() == lab.events.digest()


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (0.5, 0.4, "the lab did not come out as it was"),
        (0.5, 0.6, r"the run goes another way: .* open_stream\(.* was at 0\.7800 s"),
        (0.5, 0.0, r"read\(.* cannot be given again: the run goes another way: open_stream has given nothing by then"),
        (0.0, 0.5, r"the run goes another way: .* read\(.* was at 0\.2800 s"),
    ],
)
def test_a_run_that_comes_out_otherwise_is_refused(
    monkeypatch: pytest.MonkeyPatch, then: float, now: float, said: str
) -> None:
    monkeypatch.setenv("P2PLAB_TEST_GUESS", str(then))  # what is not the lab's
    with Lab(seed=3) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)

        async def guess(stream: NetStream) -> None:
            await p2plab.sleep(float(os.environ["P2PLAB_TEST_GUESS"]))
            await stream.write(b"x")

        bob.handle("/guess/1", guess)
        alice.open_stream(bob, "/guess/1").read()
        alice.open_stream(bob, "/guess/1").read()
        snapshot = by_recipe(lab.snapshot())
        monkeypatch.setenv("P2PLAB_TEST_GUESS", str(now))
        with pytest.raises(SnapshotError, match=said):
            Lab.restore(snapshot)


def test_code_inside_the_lab_cannot_put_it_away() -> None:
    with Lab(seed=3) as lab:
        caught: list[BaseException] = []

        def put_away() -> None:
            try:
                lab.snapshot()
            except InsideLabError as error:
                caught.append(error)

        lab.at(1.0, put_away)
        lab.run(2)
        assert "call lab.snapshot() from outside" in str(caught[0])


@pytest.mark.real
def test_a_real_lab_cannot_be_put_away() -> None:
    with Lab("real") as lab, pytest.raises(NotInThisWorldError, match=r"lab\.snapshot needs virtual time"):
        lab.snapshot()


# -- files that are none


def changed(data: bytes, **header: Any) -> bytes:
    """A snapshot's bytes with another header."""
    line, _, body = data.removeprefix(MAGIC).partition(b"\n")
    return MAGIC + json.dumps({**json.loads(line), **header}).encode() + b"\n" + body


def test_a_snapshot_of_another_version_is_refused(lab: Lab) -> None:
    data = bytes(lab.snapshot())
    for other in (1, 2, 99):
        with pytest.raises(SnapshotError, match=f"is a snapshot of format {other} and this p2plab reads format 3: "):
            Lab.restore(changed(data, version=other))
    with pytest.raises(SnapshotError, match=r"was made with p2plab 9\.9, and this is"):
        Lab.restore(changed(data, p2plab="9.9"))
    with pytest.raises(SnapshotError, match=r"was made with model 3, and this is \d"):
        Lab.restore(changed(data, model=3))
    with pytest.raises(SnapshotError, match=r"was made with python 2\.7, and this is"):
        Lab.restore(changed(data, python="2.7"))


def test_a_state_of_other_classes_than_there_are_is_refused_in_a_sentence() -> None:
    with Lab(seed=3) as lab:
        lab.start_nodes(2)
        snapshot = lab.snapshot()
    other = dataclasses.replace(snapshot, state=snapshot.state.replace(b"buckets", b"buckles"))
    assert other.state != snapshot.state
    with pytest.raises(
        SnapshotError, match=r"state cannot be read \(AttributeError: .*'buckles'.*\): it is of another p2plab"
    ):
        Lab.restore(other)


def test_a_damaged_snapshot_is_refused_before_anything_of_it_runs(lab: Lab) -> None:
    data = bytes(lab.snapshot())
    for damaged in (data[:-1], data[:-2000], data + b"x", data[:-9] + bytes(9)):
        with pytest.raises(SnapshotError, match="is damaged or cut"):
            Lab.restore(damaged)


@pytest.mark.parametrize(
    "data", [b"", b"p2plab", MAGIC, MAGIC + b"{}\n", MAGIC + b"no\n", MAGIC + b"[1]\n", b"\x80\x05."]
)
def test_what_is_no_snapshot_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(SnapshotError, match=r"no snapshot of a lab|header cannot be read"):
        Lab.restore(path)


@pytest.mark.parametrize("snapshot", [None, 3, {"seed": 1}])
def test_only_a_snapshot_can_be_restored(snapshot: Any) -> None:
    with pytest.raises(ValidationError, match=r"restore takes what lab\.snapshot\(\) gave"):
        Lab.restore(snapshot)


def test_a_snapshot_whose_header_was_changed_says_which_field(lab: Lab, tmp_path: Path) -> None:
    magic, header, body = bytes(lab.snapshot()).split(b"\n", 2)
    for field, value in (
        ("obstacle", None),
        ("digest", 7),
        ("recipe", -1),
        ("state", "x"),
        ("now", None),
        ("python", 3),
    ):
        changed = json.loads(header)
        if value is None:
            del changed[field]
        else:
            changed[field] = value
        with pytest.raises(SnapshotError, match=f"header has .*'{field}'"):
            Lab.restore(b"\n".join([magic, json.dumps(changed).encode(), body]))
    with pytest.raises(SnapshotError, match="cannot be read"):
        Lab.restore(b"\n".join([magic, b"[" * 100_000, body]))
    with pytest.raises(SnapshotError, match="cannot be read: No such file"):
        Lab.restore(tmp_path / "nowhere")
