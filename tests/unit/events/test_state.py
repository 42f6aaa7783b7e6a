"""The fold of the log: against the live lab after random commands, over gaps and forgotten rows, and at any moment."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab
from p2plab.errors import EventLogError, LabError, ValidationError
from p2plab.events import EventLog, NetworkState

TOPICS = ("news", "sport", "weather")


def agree(lab: Lab, state: NetworkState) -> None:
    """Hold the state against what the lab itself says."""
    assert state.nodes == [node.name for node in lab.nodes]
    assert state.down == [node.name for node in lab.nodes if not node.running]
    assert state.edges == lab.edges()
    order = {name: place for place, name in enumerate(state.nodes)}
    subscribed = {topic: [node.name for node in lab.nodes if topic in node.topics()] for topic in TOPICS}
    assert {topic: names for topic, names in subscribed.items() if names} == dict(state.subscriptions)
    for topic in TOPICS:
        for node in lab.nodes:
            for said, told in ((state.meshes, node.mesh(topic)), (state.fanout, node.fanout(topic))):
                names = sorted((info.name for info in told), key=lambda name: order[name])
                assert said[topic][node.name] == names, (topic, node.name)


def act(lab: Lab, draw: random.Random, level: int = 0) -> None:
    """One random command; what a lab in this state refuses changes nothing."""
    node = lab.nodes[draw.randrange(len(lab.nodes))]
    other = lab.nodes[draw.randrange(len(lab.nodes))]
    topic = TOPICS[draw.randrange(len(TOPICS))]
    choice = draw.randrange(14)
    try:
        if choice < 3:
            node.subscribe(topic)
        elif choice == 3:
            node.publish(topic, b"x")
        elif choice < 6:
            node.connect(other, timeout=2)
        elif choice == 6:
            node.disconnect(other)
        elif choice == 7:
            node.crash(silent=draw.random() < 0.4)
        elif choice < 10:
            node.restart(state=draw.choice(["kept", "lost"]))
        elif choice == 10:
            names = [one.name for one in lab.nodes]
            draw.shuffle(names)
            lab.network.partition(names[:3], names[3:6])
        elif choice == 11:
            lab.network.heal()
        elif choice == 12:
            lab.start_node(f"late{len(lab.nodes)}")
        else:
            node.publish(topic, b"hello")
        lab.run(draw.choice([0.0, 0.05, 1.0, 3.0, 30.0]))
    except LabError:
        lab.run(0.1)


@pytest.mark.dear
@pytest.mark.parametrize("seed", range(6))
def test_the_fold_is_what_the_lab_says_after_any_commands(seed: int) -> None:
    draw = random.Random(seed)
    with Lab(seed=seed) as lab:
        lab.start_nodes(8)
        lab.wire("random", degree=3)
        moments: list[tuple[float, int, NetworkState]] = []
        for _ in range(60):
            act(lab, draw)
            state = lab.events.state()
            agree(lab, state)
            moments.append((lab.now, state.seq, state))
        for _, seq, state in moments:
            assert lab.events.state(seq=seq) == state


def run_a_little(**settings: Any) -> Lab:
    lab = Lab(seed=3, **settings)
    nodes = lab.start_nodes(6)
    lab.wire("ring")
    for node in nodes:
        node.subscribe("news")
    lab.run(3)
    lab.network.partition(nodes[:2], nodes[2:])
    nodes[4].crash()
    lab.run(40)
    lab.network.heal()
    nodes[4].restart(state="lost")
    lab.run(2)
    return lab


def test_a_moment_has_every_event_up_to_it_and_no_later_one() -> None:
    with run_a_little() as lab:
        crash = lab.events.filter(kind="node.crashed")[0]
        assert lab.events.state(at=crash.t).down == ["n4"]
        assert lab.events.state(at=crash.t - 0.0001).down == []
        assert lab.events.state(seq=crash.seq - 1).down == []
        cut = lab.events.filter(kind="network.partition")[0]
        assert lab.events.state(seq=cut.seq).partitions == [[["n0", "n1"], ["n2", "n3", "n4", "n5"]]]
        assert lab.events.state().partitions == []
        assert lab.events.state(at=0).t == 0
        assert lab.events.state(seq=1).nodes == ["n0"]


def test_asking_for_the_state_changes_no_digest() -> None:
    with run_a_little() as asked, run_a_little() as unasked:
        asked.events.state(at=1)
        asked.events.state().scores  # noqa: B018
        assert asked.events.digest() == unasked.events.digest()


def test_a_log_that_forgets_rows_still_knows_the_state_from_there_on() -> None:
    with run_a_little() as whole, run_a_little(log_limit=64) as short:
        assert short.events.dropped > 0
        assert short.events.state() == whole.events.state()
        first = short.events[0]
        assert short.events.state(seq=first.seq) == whole.events.state(seq=first.seq)
        with pytest.raises(EventLogError, match="forgotten"):
            short.events.state(at=0)


def test_levels_from_decisions_up_give_the_same_states() -> None:
    with run_a_little(recording="decisions") as coarse, run_a_little(recording="all") as fine:
        for t in (0.5, 3, 20, 44):
            assert coarse.events.state(at=t) == fine.events.state(at=t)


def test_too_coarse_a_level_is_named_with_the_time_from_which_it_held() -> None:
    with Lab(seed=1) as lab:
        lab.start_nodes(3)
        lab.run(1)
        before = lab.events.state()
        lab.run(0.5)
        lab.events.level = "counters"
        lab.run(1)
        lab.events.level = "messages"
        with pytest.raises(EventLogError, match=r"'decisions' from the start; from 1\.5000 s .* 'counters'"):
            lab.events.state()
        assert lab.events.state(at=1) == before
    with Lab(recording="counters") as lab, pytest.raises(EventLogError, match="decisions"):
        lab.events.state()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"at": -1}, "from 0 up"),
        ({"at": True}, "seconds"),
        ({"at": float("nan")}, "seconds"),
        ({"at": "noon"}, "seconds"),
        ({"seq": 10**9}, "no event of this log has the number"),
        ({"seq": "last"}, "number of an event"),
        ({"at": 1, "seq": 1}, "not both"),
    ],
)
def test_what_is_no_moment_is_refused(asked: dict[str, object], says: str) -> None:
    with Lab() as lab:
        lab.start_node("a")
        with pytest.raises(ValidationError, match=says):
            lab.events.state(**asked)  # type: ignore[arg-type]


def test_a_seek_far_back_is_the_same_with_and_without_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    from p2plab.events.state import Fold, checkpoints

    with run_a_little() as lab:
        seqs = range(0, len(lab.events), 37)
        plain = [lab.events.state(seq=seq) for seq in seqs]
    monkeypatch.setattr(checkpoints, "CHANGES", 3)
    monkeypatch.setattr(Fold, "weight", 0)
    with run_a_little() as lab:
        lab.events.state()
        assert [lab.events.state(seq=seq) for seq in reversed(seqs)] == plain[::-1]


def test_tables_are_those_of_the_nodes() -> None:
    with Lab(seed=2) as lab:
        nodes = lab.start_nodes(12)
        lab.wire("random", degree=3)
        nodes[0].dht.put("/lab/x", b"1")
        nodes[5].dht.get("/lab/x")
        tables = lab.events.state().tables
        assert tables is not None
        assert any(tables.values())
        for node in nodes:
            said = [str(info.name) for info in node.dht.routing_table()]
            assert sorted(tables[node.name]) == sorted(said), node
        lab.dht.fill()
        assert lab.events.state().tables is None


def test_scores_of_the_past_are_those_that_the_nodes_gave_then() -> None:
    with run_a_little() as lab:
        lab.run(5)
        then, now = lab.events.state(at=20), lab.events.state()
        scores = {node.name: node.scores() for node in lab.nodes}
        digest = lab.events.digest()
        assert now.scores == scores
        with run_a_little() as other:
            history = other.history()
        again = Lab.replay(history, until=20)
        assert then.scores == {node.name: node.scores() for node in again.nodes if node.running}
        again.close()
        assert lab.events.digest() == digest


def test_scores_come_from_a_log_where_heartbeats_recorded_them(tmp_path: Path) -> None:
    with run_a_little(recording="all") as lab:
        t = lab.now
        log = EventLog.load(lab.events.save(tmp_path / "all.jsonl"))
        recorded, exact = log.state(at=t).scores, lab.events.state(at=t).scores
        assert recorded is not None
        assert exact is not None
        assert recorded.keys() == exact.keys()
        assert recorded["n0"].keys() == exact["n0"].keys()
    with run_a_little() as lab:
        log = EventLog.load(lab.events.save(tmp_path / "messages.jsonl"))
        assert log.state().scores is None


def test_a_file_takes_along_what_forgotten_rows_came_to(tmp_path: Path) -> None:
    with run_a_little() as whole, run_a_little(log_limit=64) as short:
        log = EventLog.load(short.events.save(tmp_path / "short.jsonl"))
        assert log.dropped == short.events.dropped
        assert log.state() == whole.events.state()
        assert log.state(seq=log[5].seq) == whole.events.state(seq=log[5].seq)
        lines = (tmp_path / "short.jsonl").read_text().split("\n", 1)
    header = json.loads(lines[0])
    header["state"]["ends"] = {"n0": [["n1", "one"]]}
    (tmp_path / "wrong.jsonl").write_text(json.dumps(header) + "\n" + lines[1])
    with pytest.raises(EventLogError, match="state or gaps make no sense"):
        EventLog.load(tmp_path / "wrong.jsonl")
    del header["state"]
    (tmp_path / "without.jsonl").write_text(json.dumps(header) + "\n" + lines[1])
    with pytest.raises(EventLogError, match="not in this log"):
        EventLog.load(tmp_path / "without.jsonl").state()


def test_a_file_says_from_when_on_too_little_was_recorded(tmp_path: Path) -> None:
    with Lab(seed=1) as lab:
        lab.start_nodes(3)
        lab.run(1)
        lab.events.level = "counters"
        lab.run(1)
        lab.events.level = "messages"
        lab.start_node("late")
        log = EventLog.load(lab.events.save(tmp_path / "gap.jsonl"))
    assert log.state(at=0.5).nodes == ["n0", "n1", "n2"]
    with pytest.raises(EventLogError, match="counters"):
        log.state()


def test_what_the_stack_of_a_crashed_node_still_says_makes_nothing() -> None:
    """As real nodes do: a message that was read before the crash is handled after it."""
    log = EventLog(1000, lambda: 0, "all")
    for name in ("alice", "bob"):
        log.record("node.started", log.register(name))

    def said() -> None:
        log.record("connection.opened", 0, 1, data={"connection": 1})
        log.record("pubsub.graft", 0, 1, "news", reason="peer asked")
        log.record("pubsub.fanout", 0, 1, "sport", reason="chosen")

    def held() -> tuple[Any, ...]:
        state = log.state()
        return state.edges, state.meshes["news"]["alice"], state.fanout["sport"]["alice"]

    log.record("node.crashed", 0)
    said()
    assert held() == ([], [], [])
    log.record("node.restarted", 0, data={"state": "kept"})
    assert held() == ([], [], [])
    said()
    assert held() == ([("alice", "bob")], ["bob"], ["bob"])
