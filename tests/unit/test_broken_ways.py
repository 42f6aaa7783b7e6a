"""Why a message did not come where a connection had ended before it was published, and of messages with one id."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import pytest

from p2plab import Lab
from p2plab.pubsub.message import Publication


def by_content(publication: Publication) -> bytes:
    return hashlib.sha256(publication.data).digest()[:20]


@pytest.fixture
def line() -> Iterator[Lab]:
    """a, b, c and d in a line, all of them subscribers."""
    with Lab(seed=1) as lab:
        for name in "abcd":
            lab.start_node(name).subscribe("news")
        lab.wire("line")
        lab.run(3)
        yield lab


def commands(chain: object) -> list[str]:
    return [str(event.data["verb"]) for event in chain if event.kind == "lab.command"]  # type: ignore[attr-defined]


Break = Callable[[Lab], object]


@pytest.mark.parametrize(
    ("cause", "verb"),
    [
        (lambda lab: lab["b"].crash(), "crash"),
        (lambda lab: lab["b"].stop(), "stop"),
        (lambda lab: lab["b"].disconnect(lab["c"]), "disconnect"),
        (lambda lab: lab["a"].disconnect(lab["b"]), "disconnect"),
    ],
    ids=["a crash", "a stop", "a disconnect", "a disconnect by the publisher"],
)
def test_the_chain_holds_what_broke_the_line(line: Lab, cause: Break, verb: str) -> None:
    cause(line)
    line.run(2)
    message = line["a"].publish("news", b"x")
    line.run(2)
    for name in ("c", "d"):
        chain = line.why(message, at=name)
        assert commands(chain) == [verb]
        assert "at 3." in chain.answer


def test_a_crash_is_the_cause_after_the_restart_too(line: Lab) -> None:
    line["b"].crash()
    line["b"].restart()
    message = line["a"].publish("news", b"x")
    line.run(2)
    chain = line.why(message, at="b")
    assert commands(chain) == ["crash"]
    assert "crashed" in chain.answer
    assert "before it was connected" not in chain.answer


def test_two_causes_in_series_are_both_named(line: Lab) -> None:
    line["b"].crash()
    line["c"].disconnect(line["d"])
    line.run(2)
    message = line["a"].publish("news", b"x")
    line.run(2)
    answer = line.why(message, at="d").answer
    assert "crashed" in answer
    assert "the connection of d and c closed" in answer


def test_a_crash_behind_a_connection_that_had_ended_before_does_not_hide_that_end(line: Lab) -> None:
    line["b"].disconnect(line["c"])
    line.run(0.5)
    line["c"].crash()
    line.run(2)
    message = line["a"].publish("news", b"x")
    line.run(2)
    answer = line.why(message, at="d").answer
    assert "the connection of c and b closed" in answer
    assert "crashed" in answer


# -- messages with one id


def test_a_message_is_of_its_own_topic_though_another_has_its_id() -> None:
    with Lab(seed=1, message_id=by_content) as lab:
        a, b = lab.start_node("a"), lab.start_node("b")
        a.connect(b)
        news, other = b.subscribe("news"), b.subscribe("other")
        lab.run(3)
        first = a.publish("news", b"same")
        news.get(timeout=5)
        second = a.publish("other", b"same")
        lab.run(2)
        assert first.id == second.id
        assert other.messages == []
        assert (first.dropped, second.dropped) == (None, "already published")
        assert "not sent: already published" in repr(second)
        assert "b did get it" in lab.why(first, at=b).answer
        chain = lab.why(second, at=b)
        assert "a did not send it: a message with its id was published before" in chain.answer
        assert "'news'" in chain.answer
        assert chain[-1].reason == "already published"
        assert (lab.propagation(first).topic, len(lab.propagation(first))) == ("news", 1)
        assert (lab.propagation(second).topic, len(lab.propagation(second))) == ("other", 0)
        assert lab.propagation(second).missing == ("b",)
        assert lab.why(second).answer == chain.answer
        assert [lab.why(one)[-1].kind for one in (first, second)] == ["pubsub.publish", "pubsub.ignore"]


def test_an_id_that_is_published_again_when_it_was_forgotten_is_another_message() -> None:
    with Lab(seed=1, message_id=by_content) as lab:
        a, b, c = (lab.start_node(name) for name in "abc")
        a.connect(b)
        b.connect(c)
        copies = [node.subscribe("news") for node in (a, b, c)][1]
        lab.run(3)
        first = a.publish("news", b"same")
        lab.run(130)  # seen_ttl and more
        c.crash()
        lab.run(1)
        second = a.publish("news", b"same")
        lab.run(1)
        third = a.publish("news", b"same")
        assert "c did get it" in lab.why(first, at=c).answer
        assert "c had gone: crashed" in lab.why(second, at=c).answer
        assert f"published before, at {second.received_at:.4f} s" in lab.why(third, at=c).answer
        assert [lab.why(copy, at=c).answer for copy in copies.messages] == [
            lab.why(message, at=c).answer for message in (first, second)
        ]
        assert [len(lab.propagation(message)) for message in (first, second, third)] == [3, 2, 0]
        assert [lab.why(message)[-1].t for message in (first, second)] == [first.received_at, second.received_at]
        answer = lab.execute_command("publish", node="a", topic="news", message="same")
        assert (answer["success"], answer["result"]["published"]) == (True, False)


def test_two_that_publish_it_again_at_the_same_time_begin_one_flood() -> None:
    with Lab(seed=1, message_id=by_content, latency=0.05) as lab:
        nodes = a, b, c = [lab.start_node(name) for name in "abc"]
        for one, other in ((a, b), (b, c), (a, c)):
            one.connect(other)
        for node in nodes:
            node.subscribe("news")
        lab.run(3)
        first = a.publish("news", b"same")
        lab.run(130)  # seen_ttl and more
        again = [b.publish("news", b"same"), c.publish("news", b"same")]
        lab.run(130)
        last = a.publish("news", b"same")
        lab.run(1)
        assert [len(lab.propagation(message)) for message in (first, *again, last)] == [3, 3, 3, 3]


def test_one_who_missed_a_flood_and_publishes_it_when_others_forgot_begins_another() -> None:
    with Lab(seed=1, message_id=by_content) as lab:
        a, b = lab.start_node("a"), lab.start_node("b")
        a.connect(b)
        for node in (a, b):
            node.subscribe("news")
        lab.run(3)
        first = a.publish("news", b"same")
        lab.run(130)  # seen_ttl and more
        c = lab.start_node("c")
        c.connect(b)
        c.subscribe("news")
        lab.run(3)
        second = c.publish("news", b"same")
        lab.run(3)
        assert [lab.propagation(message).missing for message in (first, second)] == [(), ()]
        assert [[row.node for row in lab.propagation(message)] for message in (first, second)] == [
            ["a", "b"],
            ["c", "b", "a"],
        ]
