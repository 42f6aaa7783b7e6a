"""The iterative lookup by itself: whom it asks, when it ends, and what cannot keep it going."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab.kademlia.lookups.lookup import IterativeLookup

TARGET = 0


class Plain(dict[int, int]):
    """Keys for peers that are their own key: peer 5 is at distance 5 from target 0."""

    def __missing__(self, peer: int) -> int:
        return peer


KEYS = Plain()


def made(k: int = 4, alpha: int = 2, resiliency: int | None = None, limit: int = 400, me: int = -1) -> IterativeLookup:
    return IterativeLookup(TARGET, me, KEYS, k, alpha, resiliency, limit)


def test_it_asks_the_closest_first_and_alpha_at_once() -> None:
    lookup = made()
    lookup.start([9, 3, 7, 5, 8])
    assert lookup.ask() == [3, 5]
    assert lookup.ask() == []
    lookup.answered(3, [1, 2])
    assert lookup.ask() == [1]
    lookup.failed(5)
    assert lookup.ask() == [2]
    assert (lookup.open, lookup.asked) == (2, 4)


def test_it_ends_when_the_k_closest_have_answered() -> None:
    lookup = made(k=2)
    lookup.start([6, 7, 8])
    assert lookup.ask() == [6, 7]
    lookup.answered(7, [])
    assert lookup.ask() == []
    lookup.answered(6, [5])
    assert lookup.ask() == [5]
    lookup.answered(5, [6, 7])
    assert lookup.ask() == []
    assert lookup.reason == "closest answered"
    assert lookup.closest() == [5, 6]
    assert lookup.leading() == [5, 6]


def test_a_failure_brings_the_next_closest_in() -> None:
    lookup = made(k=2)
    lookup.start([1, 2, 3, 4])
    assert lookup.ask() == [1, 2]
    lookup.failed(1)
    lookup.failed(2)
    assert lookup.ask() == [3, 4]
    lookup.answered(3, [])
    lookup.answered(4, [1, 2])  # those that failed are not asked again
    lookup.ask()
    assert lookup.reason == "closest answered"
    assert lookup.closest() == [3, 4]


def test_with_fewer_than_k_peers_it_ends_when_nobody_is_left() -> None:
    lookup = made(k=4, alpha=4)
    lookup.start([1, 2])
    assert lookup.ask() == [1, 2]
    lookup.answered(1, [])
    lookup.failed(2)
    lookup.ask()
    assert lookup.reason == "nobody left"
    assert lookup.closest() == [1]


def test_with_nobody_to_ask_it_is_over_at_once() -> None:
    lookup = made()
    lookup.start([])
    assert lookup.ask() == []
    assert lookup.reason == "empty table"
    failing = made()
    failing.start([1])
    failing.ask()
    failing.failed(1)
    failing.ask()
    assert failing.reason == "nobody left"


def test_resiliency_ends_it_earlier_and_still_asks_the_k_closest() -> None:
    lookup = made(k=4, alpha=2, resiliency=1)
    lookup.start([1, 2, 3, 4, 5])
    assert lookup.ask() == [1, 2]
    lookup.answered(1, [])
    assert lookup.reason is None
    assert lookup.ask() == [3], "the rest of the k closest, alpha at once"
    lookup.answered(2, [0])
    assert not lookup.heard_of(0), "by now referrals are not followed"
    assert lookup.ask() == [4]
    lookup.failed(3)
    lookup.answered(4, [])
    assert lookup.ask() == []
    assert lookup.reason == "closest answered"
    assert lookup.closest() == [1, 2, 4]


def test_doubted_peers_are_asked_last_and_count_all_the_same() -> None:
    doubted: Callable[[int], bool] = {1, 2}.__contains__
    lookup = IterativeLookup(TARGET, -1, KEYS, 4, 2, doubted=doubted)
    lookup.start([1, 2, 3, 4])
    assert lookup.ask() == [3, 4]
    lookup.answered(3, [])
    lookup.answered(4, [])
    assert lookup.ask() == [1, 2]
    lookup.answered(1, [])
    lookup.answered(2, [])
    lookup.ask()
    assert lookup.closest() == [1, 2, 3, 4]


def test_oneself_and_those_known_already_are_not_heard_again() -> None:
    lookup = made(me=2)
    lookup.start([5])
    lookup.ask()
    assert lookup.answered(5, [2, 5, 5, 6, 6]) == 1
    assert lookup.ask() == [6]
    assert lookup.answered(7, [1]) == 0, "an answer of somebody who was never asked"
    assert not lookup.heard_of(1)


def test_an_endless_chain_of_ever_closer_referrals_meets_the_limit() -> None:
    lookup = made(limit=50)
    lookup.start([1 << 200])
    while lookup.reason is None:
        asked = lookup.ask()
        for peer in asked:
            lookup.answered(peer, [peer - 1, peer - 2])
    assert lookup.reason == "query limit"
    assert lookup.asked == 50


def test_a_huge_answer_is_bounded_and_so_is_the_shortlist() -> None:
    lookup = made(k=2, limit=100_000)
    lookup.start([1 << 200])
    lookup.ask()
    assert lookup.answered(1 << 200, range(1, 100_000)) == 40
    for start in range(10_000, 20_000, 40):
        lookup._hear(range(start, start + 40))
    assert len(lookup._order) <= 16 * 2


@given(
    st.integers(2, 60), st.integers(1, 8), st.integers(1, 6), st.one_of(st.none(), st.integers(1, 8)),
    st.floats(0, 0.6), st.integers(0, 2**32),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_it_always_ends_and_finds_the_closest_that_live(
    count: int, k: int, alpha: int, resiliency: int | None, failing: float, seed: int
) -> None:
    """In a network where everybody knows everybody, whatever fails and in whatever order answers come."""
    draw = random.Random(seed)
    peers = draw.sample(range(1, 1 << 40), count)
    dead = {peer for peer in peers if draw.random() < failing}
    lookup = IterativeLookup(TARGET, -1, KEYS, k, alpha, resiliency)
    lookup.start(draw.sample(peers, min(3, count)))
    open_queries: list[int] = []
    largest = 0
    while True:
        open_queries += lookup.ask()
        largest = max(largest, len(open_queries))
        if lookup.reason is not None:
            break
        assert open_queries, "it waits for nobody and is not over"
        peer = open_queries.pop(draw.randrange(len(open_queries)))
        if peer in dead:
            lookup.failed(peer)
        else:
            lookup.answered(peer, sorted(peers)[: k + 2])
    assert largest <= alpha
    if not dead and resiliency is None:
        assert lookup.closest() == sorted(peers)[:k]


def test_end_keeps_the_first_reason() -> None:
    lookup = made()
    lookup.start([1])
    lookup.end("quorum reached")
    lookup.end("other")
    assert lookup.reason == "quorum reached"
    assert lookup.ask() == []


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1]])
def test_the_order_in_which_peers_are_heard_of_does_not_matter(order: list[int]) -> None:
    lookup = made(alpha=3)
    lookup.start(order)
    assert lookup.ask() == [1, 2, 3]
