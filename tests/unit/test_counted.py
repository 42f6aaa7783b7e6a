"""Numbers with their words, and what shows them."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.events import Event
from p2plab.text import plural, rounded


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("hop",), "0 hops"),
        (1, ("hop",), "1 hop"),
        (2, ("hop",), "2 hops"),
        (1, ("query", "queries"), "1 query"),
        (3, ("query", "queries"), "3 queries"),
    ],
)
def test_one_is_singular_and_all_else_plural(number: int, words: tuple[str, ...], said: str) -> None:
    assert plural(number, *words) == said


def test_a_message_that_one_subscriber_got_by_one_link_is_told_of_in_the_singular() -> None:
    with Lab(seed=1) as lab:
        alice, bob = lab.start_nodes(2)
        lab.wire("line")
        news = bob.subscribe("news")
        lab.run(2)
        message = alice.publish("news", b"!")
        news.get(timeout=5)
        assert "1 of 1 subscriber in" in repr(lab.propagation(message))
        assert ", 1 hop, 0 duplicates" in repr(lab.propagation(message))


def test_a_lookup_that_found_one_provider_and_a_value_of_one_byte_says_so() -> None:
    with Lab(seed=1) as lab:
        assert ": 0 nodes," in repr(lab)
        alice, bob = lab.start_nodes(2)
        lab.wire("line")
        bob.dht.provide(b"\x00\x01a")
        assert ": 1 provider in" in str(alice.dht.find_providers(b"\x00\x01a"))
        bob.dht.put("/lab/key", b"!")
        assert ": a value of 1 byte in" in str(alice.dht.get("/lab/key"))
        assert "1 query, 1 answered" in alice.dht.get("/lab/key").why()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-99.74445644963328, "-99.74"),
        (60.0, "60"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.000123456, "0.0001235"),
        (1.5e-7, "1.5e-07"),
        (123456.789, "123457"),
        (1e15, "1e+15"),
        (9.99996, "10"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (True, "True"),
        (10**20, "100000000000000000000"),
        ("0.123456789", "'0.123456789'"),
        ([0.1 + 0.2, "x", (1.0,)], "[0.3, 'x', (1,)]"),
        ({"P4": -9.123456, "in": None}, "{'P4': -9.123, 'in': None}"),
        ((), "()"),
    ],
)
def test_a_shown_number_has_the_digits_that_count(value: object, text: str) -> None:
    assert rounded(value) == text


def test_events_show_rounded_numbers_and_keep_exact_ones() -> None:
    event = Event(1.0, 3, "pubsub.score", "a", "b", data={"score": -99.74445644963328, "backoff": 60.0})
    assert str(event).endswith("score=-99.74, backoff=60")
    assert event.data == {"score": -99.74445644963328, "backoff": 60.0}
