"""The event log: what is kept at which level, who follows it, and what it looks like to a reader."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from p2plab import Lab
from p2plab.errors import EventLogError, ValidationError
from p2plab.events import KINDS, LEVELS, REASONS, Event, EventLog

ONE_OF_EACH = {"decisions": "connection.opened", "messages": "pubsub.deliver", "all": "link.sent"}


class Ticking:
    """A log and its clock."""

    def __init__(self, level: str = "all", limit: int = 1_000) -> None:
        self.tick = 0
        self.log = EventLog(10_000, lambda: self.tick, level, limit)
        self.alice, self.bob = self.log.register("alice"), self.log.register("bob")

    def record(self, kind: str, ticks: int = 1, **row: Any) -> int:
        self.tick += ticks
        return self.log.record(kind, **row)


@pytest.fixture
def it() -> Ticking:
    return Ticking()


def test_peers_with_the_same_score_share_it_in_an_event() -> None:
    with Lab(seed=1, recording="all") as lab:
        lab.start_nodes(4)
        lab.wire("full")
        lab.run(3)
        scores = (lab.events.filter(kind="pubsub.scores")[-1].data or {})["scores"]
        assert len(scores) == 3
        assert scores["n1"] == scores["n2"] == scores["n3"]
        assert len({id(score) for score in scores.values()}) == 1


def test_a_row_becomes_an_event_with_names_and_seconds(it: Ticking) -> None:
    it.record("pubsub.receive", 12_345, node=it.alice, peer=it.bob, topic="news", ref="ab", size=7, data={"a": 1})
    (event,) = it.log
    assert event == Event(1.2345, 0, "pubsub.receive", "alice", "bob", "news", "ab", 7, None, None, {"a": 1})
    assert it.log[0] == it.log[-1] == it.log.by_seq(0) == event


def test_what_is_not_set_is_none(it: Ticking) -> None:
    it.record("task.note")
    assert it.log[0].to_dict() == {"t": 0.0001, "seq": 0, "kind": "task.note"}


def test_an_event_says_what_happened_in_one_line(it: Ticking) -> None:
    it.record("pubsub.reject", node=it.alice, peer=it.bob, topic="news", ref="0123456789abcdef", size=7, reason="own")
    assert str(it.log[0]) == "0.0001s  alice  pubsub.reject  bob  topic='news'  ref=…89abcdef  7 B  because: own"


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_keeps_its_kinds_and_those_of_coarser_levels_and_counts_all(level: str) -> None:
    it = Ticking(level)
    for kind in ONE_OF_EACH.values():
        it.record(kind)
    kept = [kind for name, kind in ONE_OF_EACH.items() if LEVELS.index(name) <= LEVELS.index(level)]
    assert [event.kind for event in it.log] == kept
    assert it.log.counts == dict.fromkeys(ONE_OF_EACH.values(), 1)
    for kind in ONE_OF_EACH.values():
        assert it.log.wants(kind) is (kind in kept)


def test_the_level_can_be_changed_while_running(it: Ticking) -> None:
    changes: list[bool] = []
    it.log.on_level(lambda: changes.append(it.log.wants("link.sent")))
    it.record("link.sent")
    it.log.level = "decisions"
    it.record("link.sent")
    it.log.level = "all"
    it.record("link.sent")
    assert [event.t for event in it.log] == [0.0001, 0.0003]
    assert changes == [False, True]


def test_a_level_there_is_not_changes_nothing(it: Ticking) -> None:
    with pytest.raises(ValidationError, match="'everything' is not known; take one of counters, decisions"):
        it.log.level = "everything"
    assert it.log.level == "all"
    with pytest.raises(ValidationError, match="'loud'"):
        EventLog(10_000, lambda: 0, "loud")


def test_a_kind_there_is_not_cannot_be_recorded(it: Ticking) -> None:
    with pytest.raises(KeyError):
        it.record("pubsub.teleport")
    assert len(it.log) == 0


def test_the_cause_is_ambient_unless_it_is_given(it: Ticking) -> None:
    first = it.record("lab.command")
    it.log.cause = first
    second = it.record("pubsub.publish")
    it.record("pubsub.deliver", cause=second)
    it.log.cause = -1
    it.record("pubsub.deliver")
    assert [event.cause for event in it.log] == [None, first, second, None]


def test_a_chain_leads_back_to_what_has_no_cause(it: Ticking) -> None:
    cause = -1
    for kind in ("lab.command", "pubsub.publish", "pubsub.receive", "pubsub.deliver"):
        cause = it.record(kind, node=it.alice, cause=cause)
        it.record("task.note", cause=-1)
    chain = it.log.chain(it.log[-2])
    assert [event.kind for event in chain] == ["lab.command", "pubsub.publish", "pubsub.receive", "pubsub.deliver"]
    assert (len(chain), chain.note) == (4, "")
    assert [line.count("└") for line in str(chain).splitlines()] == [0, 1, 1, 1]
    assert repr(chain) == str(chain)


def test_a_chain_of_one(it: Ticking) -> None:
    it.record("task.note", node=it.alice)
    assert list(it.log.chain(it.log[0])) == [it.log[0]]


def test_names_keep_their_index(it: Ticking) -> None:
    assert it.log.register("alice") == it.alice != it.log.register("carol")


# -- followers


def test_a_follower_gets_the_kinds_it_asked_for_whatever_the_level() -> None:
    it = Ticking("counters")
    it.record("link.sent")
    follower = it.log.follow({"link.sent", "pubsub.deliver"})
    assert it.log.wants("link.sent")
    assert not it.log.wants("link.arrived")
    for kind in ("link.sent", "link.arrived", "pubsub.deliver"):
        it.record(kind, node=it.alice)
    assert [(event.kind, event.node) for event in follower.drain()] == [
        ("link.sent", "alice"),
        ("pubsub.deliver", "alice"),
    ]
    assert follower.drain() == []
    assert len(it.log) == 0


@pytest.mark.parametrize("asked", [None, 3, "pubsub.deliver", ["pubsub.delivr"], [3], [[]]])
def test_what_are_no_kinds_to_follow_costs_a_sentence(asked: Any) -> None:
    log = Ticking().log
    with pytest.raises(ValidationError, match=r"kinds is a list|no such kind of event"):
        log.follow(asked)
    with pytest.raises(ValidationError, match="ref is the id of a message"):
        log.filter(ref=[asked])  # type: ignore[arg-type]  # that is the point


def test_followers_do_not_take_from_each_other_and_end_one_by_one(it: Ticking) -> None:
    one, other = it.log.follow({"task.note"}), it.log.follow({"task.note", "error"})
    it.record("task.note")
    one.close()
    one.close()
    it.record("task.note")
    it.record("error")
    assert (len(one.drain()), len(other.drain())) == (1, 3)
    other.close()
    it.log.level = "counters"
    assert not it.log.wants("error")


def test_a_follower_that_is_too_slow_loses_the_oldest_and_knows_how_many(it: Ticking) -> None:
    follower = it.log.follow({"task.note"}, limit=3)
    for number in range(5):
        it.record("task.note", data={"text": str(number)})
    assert [(event.data or {})["text"] for event in follower.drain()] == ["2", "3", "4"]
    assert follower.missed == 2


def test_a_kind_there_is_not_cannot_be_followed(it: Ticking) -> None:
    with pytest.raises(ValidationError, match=r"no such kind of event: pubsub\.teleport"):
        it.log.follow({"pubsub.teleport", "task.note"})


def test_a_follower_may_be_drained_by_another_thread_while_the_lab_records(it: Ticking) -> None:
    follower = it.log.follow({"task.note"}, limit=10_000)
    got: list[int] = []
    over = threading.Event()

    def drain() -> None:
        while not over.is_set() or len(got) < 2_000:
            got.extend((event.data or {})["number"] for event in follower.drain())

    thread = threading.Thread(target=drain)
    thread.start()
    for number in range(2_000):
        it.record("task.note", data={"number": number})
    over.set()
    thread.join(20)
    assert got == list(range(2_000))


# -- the bound


def test_the_oldest_go_when_the_bound_is_reached_and_the_log_says_how_many() -> None:
    it, whole = Ticking(limit=80), Ticking(limit=1_000)
    for number in range(300):
        for log in (it, whole):
            log.record("task.note", node=log.alice, data={"number": number})
    assert 70 <= len(it.log) <= 80
    assert it.log.dropped == 300 - len(it.log)
    assert it.log[-1] == whole.log[-1]
    assert it.log.by_seq(0) is None
    assert it.log.by_seq(299) == whole.log[299]
    assert it.log.digest() == whole.log.digest(), "the digest speaks of all rows"
    assert it.log.counts == {"task.note": 300}


def test_a_lab_takes_the_bound() -> None:
    with Lab(seed=7, log_limit=16) as lab:
        lab.start_nodes(50)
        assert len(lab.events) <= 16
        assert lab.events.dropped >= 34
    with pytest.raises(ValidationError, match="log_limit must be a number of rows from 8 up"):
        Lab(log_limit=0)


# -- filter


@pytest.fixture
def filled(it: Ticking) -> EventLog:
    for number in range(10):
        it.record("pubsub.publish", 1_000, node=it.alice, topic="news", ref=f"m{number}")
        it.record("pubsub.deliver", 1_000, node=it.bob, peer=it.alice, topic="news", ref=f"m{number}")
        it.record("error", 0, node=it.bob, reason="handler")
    return it.log


def test_filter_takes_every_field_and_all_must_match(filled: EventLog) -> None:
    assert len(filled.filter()) == 30
    assert len(filled.filter(kind="pubsub")) == len(filled.filter(kind="pubsub.*")) == 20
    assert len(filled.filter(kind="pubsub.deliver", node="bob", peer="alice", topic="news")) == 10
    assert [event.ref for event in filled.filter(ref="m3")] == ["m3", "m3"]
    assert len(filled.filter(reason="handler")) == 10
    assert filled.filter(kind="pubsub.deliver", node="alice") == []
    assert filled.filter(node="nobody") == []


def test_times_include_both_ends(filled: EventLog) -> None:
    assert [event.t for event in filled.filter(kind="pubsub", since=0.2, until=0.4)] == [0.2, 0.3, 0.4]
    assert filled.filter(since=2.1) == []
    assert len(filled.filter(until=0.1)) == 1


def test_a_kind_there_is_not_cannot_be_looked_for(filled: EventLog) -> None:
    for kind in ("pub", "pubsub.teleport", ""):
        with pytest.raises(ValidationError, match="no kind of event is called"):
            filled.filter(kind=kind)


# -- the digest


def test_the_digest_is_of_every_row_and_of_nothing_else() -> None:
    one, other = Ticking(), Ticking()
    for it in (one, other):
        it.record("task.note", node=it.alice, data={"text": "a"})
    assert one.log.digest() == other.log.digest()
    assert len(bytes.fromhex(one.log.digest())) == 32
    other.log.register("somebody who does nothing")
    other.log.follow({"link.sent"})
    assert one.log.digest() == other.log.digest()
    fields: dict[str, Any] = {"peer": 0, "topic": "x", "ref": "x", "size": 0, "reason": "x", "cause": 0}
    for field, value in fields.items():
        third = Ticking()
        third.record("task.note", node=third.alice, data={"text": "a"}, **{field: value})
        assert third.log.digest() != one.log.digest(), field


def test_text_that_is_no_utf_8_can_be_recorded_and_read_again(it: Ticking, tmp_path: Any) -> None:
    it.record("error", data={"text": "a file named \udc80"})
    assert it.log.digest()
    assert list(EventLog.load(it.log.save(tmp_path / "log.jsonl"))) == list(it.log)


def test_data_must_be_plain_json(it: Ticking) -> None:
    with pytest.raises(EventLogError, match="error cannot be recorded: 'text' is b'bytes', which is not plain data"):
        it.record("error", data={"text": b"bytes"})


def test_kinds_and_reasons_are_documented_in_words() -> None:
    assert all(kind.text and kind.level in range(len(LEVELS)) for kind in KINDS.values())
    assert all(name == name.lower() and name.replace(".", "").replace("_", "").isalpha() for name in KINDS)
    assert all(text for text in REASONS.values())
    json.dumps(KINDS)
