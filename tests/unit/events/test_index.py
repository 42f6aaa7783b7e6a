"""The event log's index finds what reading every row would find, and follows the log as it grows and forgets."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from p2plab.errors import EventLogError, ValidationError
from p2plab.events import KINDS, Event, EventLog

SOME_KINDS = ("pubsub.publish", "pubsub.receive", "pubsub.graft", "dht.query", "node.started", "error")
NAMES = ("alice", "bob", "carol", "dave")


class Filled:
    """A log and a way to put random rows into it."""

    def __init__(self, limit: int = 1_000_000, level: str = "all", seed: int = 5) -> None:
        self.tick = 0
        self.draw = random.Random(seed)
        self.log = EventLog(10_000, lambda: self.tick, level, limit)
        self.everything: list[Event] = []
        for name in NAMES:
            self.log.register(name)

    def add(self, count: int) -> None:
        draw = self.draw
        kinds = [kind for kind in SOME_KINDS if kind in KINDS]
        for _ in range(count):
            self.tick += draw.choice((0, 0, 1, 7))
            self.log.record(
                draw.choice(kinds),
                draw.randrange(-1, len(NAMES)),
                draw.randrange(-1, len(NAMES)),
                topic=draw.choice((None, "news", "sport")),
                ref=draw.choice((None, "aa", "bb", "cc")),
                reason=draw.choice((None, "no peers")),
            )
            self.everything.append(self.log[-1])

    def question(self) -> dict[str, Any]:
        """Some of what ``filter`` takes, at random."""
        draw, end = self.draw, self.tick / 10_000
        since = draw.uniform(-0.1, end)
        all_of_it: dict[str, Callable[[], Any]] = {
            "kind": lambda: draw.choice(("pubsub", "dht", "error", "pubsub.receive", "pubsub.*")),
            "node": lambda: draw.choice((*NAMES, "nobody")),
            "peer": lambda: draw.choice(NAMES),
            "topic": lambda: "news",
            "ref": lambda: draw.choice(("aa", "bb", "zz")),
            "reason": lambda: "no peers",
            "since": lambda: since,
            "until": lambda: since + draw.uniform(0, end),
        }
        return {name: value() for name, value in all_of_it.items() if draw.random() < 0.35}

    def answer(self, question: dict[str, Any]) -> list[Event]:
        """What ``filter`` should find, by reading every event."""
        kept = self.everything[len(self.everything) - len(self.log) :]
        return [event for event in kept if matches(event, question)]


def matches(event: Event, question: dict[str, Any]) -> bool:
    kind = question.get("kind", event.kind).removesuffix(".*")
    same = ("node", "peer", "topic", "ref", "reason")
    return (
        (event.kind == kind or event.kind.startswith(f"{kind}."))
        and all(question.get(name, getattr(event, name)) == getattr(event, name) for name in same)
        and question.get("since", event.t) <= event.t <= question.get("until", event.t)
    )


@pytest.mark.dear
def test_filter_finds_what_reading_every_row_finds_while_the_log_grows() -> None:
    filled = Filled()
    found = 0
    for _ in range(60):
        filled.add(50)
        for question in [filled.question() for _ in range(8)]:
            events = filled.log.filter(**question)
            assert events == filled.answer(question), question
            found += len(events)
    assert found > 1_000


def test_filter_finds_what_is_left_when_the_oldest_rows_have_gone() -> None:
    filled = Filled(limit=200)
    for _ in range(60):
        filled.add(30)
        for question in [filled.question() for _ in range(8)]:
            assert filled.log.filter(**question) == filled.answer(question), question
    assert filled.log.dropped == 1_800 - len(filled.log)
    assert 175 <= len(filled.log) <= 200


def test_the_index_reads_only_rows_it_has_not_read() -> None:
    from p2plab.events.rows.index import Index

    rows = Filled()
    rows.add(10)
    index = Index("seq")
    index.extend(*rows.log.rows())
    rows.add(5)
    index.extend(*rows.log.rows())
    assert [index.between([seq], 0, 15) for seq in range(15)] == [[seq] for seq in range(15)], "each once"
    assert index.between(range(15), 3, 12) == list(range(3, 12))


def test_a_log_says_what_it_dropped() -> None:
    filled = Filled(limit=80)
    before = Filled()
    filled.add(100)
    before.add(100)
    log = filled.log
    assert log.dropped == 20
    assert repr(log) == "<EventLog: 80 rows, level all, 20 older ones dropped at the bound of 80>"
    assert "first 20 rows were dropped" in log._repr_html_()
    assert log.digest() == before.log.digest(), "the digest speaks of all rows, dropped or not"


def test_a_chain_says_that_its_beginning_was_dropped() -> None:
    tick = 0
    log = EventLog(10_000, lambda: tick, "all", limit=16)
    seq = -1
    for _ in range(20):
        seq = log.record("task.note", cause=seq)
    chain = log.chain(log[-1])
    assert len(chain) == len(log)
    assert "dropped when the log reached its bound of 16" in chain.note
    assert "Lab(log_limit=" in str(chain)


@pytest.mark.parametrize("limit", [0, 7, 3.5, True, "many", None])
def test_a_bound_that_is_none_is_refused(limit: Any) -> None:
    with pytest.raises(ValidationError, match="log_limit must be a number of rows"):
        EventLog(10_000, lambda: 0, limit=limit)


@pytest.mark.parametrize("since", ["1", True, float("nan")])
def test_a_time_that_is_none_is_refused(since: Any) -> None:
    with pytest.raises(ValidationError, match="since is a number of seconds"):
        Filled().log.filter(since=since)


def test_threads_may_ask_while_the_lab_records() -> None:
    filled = Filled(limit=400)
    filled.add(200)
    failed: list[BaseException] = []
    stop = threading.Event()

    def ask() -> None:
        try:
            while not stop.is_set():
                for event in filled.log.filter(node="bob", kind="pubsub"):
                    assert event.node == "bob"
                filled.log.digest()
        except BaseException as error:  # noqa: BLE001  handed to the test
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        filled.add(100)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert filled.log.filter(node="bob") == filled.answer({"node": "bob"})


# -- levels


def tell_a_story(log: EventLog) -> list[int]:
    """A publication, on its way over links, leads to a graft; hot paths ask whether a row is wanted."""
    answers = []
    for name in NAMES:
        log.register(name)
    for number in range(30):
        log.cause = log.record("lab.command", data={"number": number})
        log.cause = log.record("pubsub.publish", 0, ref=f"{number}")
        if log.wants("link.sent"):
            log.cause = log.record("link.sent", 0, 1)
        answers.append(log.record("pubsub.receive", 1, 0))
        log.record("link.dropped", 0, 1, reason="no route", cause=answers[-1])
        log.cause = -1
    return answers


@pytest.mark.parametrize("level", ["decisions", "messages", "all"])
def test_runs_recorded_at_different_levels_have_the_same_digest_at_a_level_of_both(level: str) -> None:
    coarse, fine = EventLog(10_000, lambda: 3, level), EventLog(10_000, lambda: 3, "all")
    tell_a_story(coarse)
    tell_a_story(fine)
    assert coarse.digest() == coarse.digest(level) == fine.digest(level)
    assert coarse.counts.items() >= {"pubsub.receive": 30, "lab.command": 30}.items()


@pytest.mark.parametrize("level", ["decisions", "messages", "all"])
def test_chains_of_causes_are_whole_at_every_level(level: str) -> None:
    log = EventLog(10_000, lambda: 3, level)
    tell_a_story(log)
    kinds = [event.kind for event in log.chain(log.filter(kind="link.dropped")[-1])]
    whole = ["lab.command", "pubsub.publish", "link.sent", "pubsub.receive", "link.dropped"]
    levels = ("counters", "decisions", "messages", "all")
    assert kinds == [kind for kind in whole if KINDS[kind].level <= levels.index(level)]


def test_who_follows_a_log_changes_nothing_in_it() -> None:
    alone, followed = EventLog(10_000, lambda: 3), EventLog(10_000, lambda: 3)
    follower = followed.follow(["link.sent"])
    tell_a_story(alone)
    tell_a_story(followed)
    assert followed.digest() == alone.digest()
    seen = follower.drain()
    assert len(seen) == 30
    assert {event.seq for event in seen} == {-1}
    assert [event.kind for event in followed.chain(seen[0])] == ["lab.command", "pubsub.publish", "link.sent"]


def test_a_level_that_was_not_recorded_has_no_digest() -> None:
    log = EventLog(10_000, lambda: 3, "all")
    log.level = "decisions"
    log.level = "all"
    log.record("node.started")
    with pytest.raises(EventLogError, match=r"'messages' needs rows that were not recorded.*'decisions'"):
        log.digest("messages")
    assert len(log.digest("decisions")) == 64
    with pytest.raises(ValidationError, match="recording level 'loud' is not known"):
        log.digest("loud")


def test_what_peers_chose_is_escaped_in_html() -> None:
    log = EventLog(10_000, lambda: 3)
    script = "<script>alert(1)</script>"
    node = log.register(script)
    log.record("pubsub.publish", node, node, topic=script, reason=script)
    for html in (log._repr_html_(), log.chain(log[0])._repr_html_()):
        assert "<script>" not in html
        assert html.count("&lt;script&gt;") == 4
