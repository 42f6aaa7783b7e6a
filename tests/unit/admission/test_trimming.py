"""Watermarks: which connections are closed, in which order, and which never are."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.admission import Watermarks
from p2plab.admission.watermarks import Candidate, Tags, trim
from p2plab.errors import ValidationError
from p2plab.typing import Direction


def candidate(
    number: int, peer: str = "", direction: Direction = "outbound", opened_at: int = 0, streams: int = 0
) -> Candidate:
    return Candidate(number, peer or f"p{number}", direction, opened_at, streams)


def closed(marks: Watermarks, connections: list[Candidate], tags: Tags, now: int = 1000, grace: int = 0) -> list[int]:
    return [one.connection for one, _ in trim(marks, connections, tags, now, grace).close]


def test_nothing_goes_up_to_the_high_watermark_and_down_to_the_low_one_above_it() -> None:
    marks = Watermarks(low=2, high=4)
    assert closed(marks, [candidate(n) for n in range(4)], Tags()) == []
    assert len(closed(marks, [candidate(n) for n in range(5)], Tags())) == 3


# The order of p2p/net/connmgr/connmgr.go, SortByValueAndStreams: by value, then idle ones, then inbound ones, then
# those with fewer streams.
def test_the_least_valuable_goes_first_in_go_libp2p_s_order() -> None:
    tags = Tags()
    tags.tag("worthy", "relay", 5)
    tags.tag("worthy", "dht", 5)
    tags.tag("bad", "spam", -1)
    connections = [
        candidate(1, "worthy", "inbound"),
        candidate(2, "busy out", streams=2),
        candidate(3, "busy in", "inbound", streams=9),
        candidate(4, "idle out"),
        candidate(5, "idle in", "inbound"),
        candidate(6, "bad", streams=9),
        candidate(7, "busier out", streams=3),
    ]
    assert closed(Watermarks(low=0, high=0), connections, tags) == [6, 5, 4, 3, 2, 7, 1]


def test_of_equals_the_youngest_goes_first() -> None:
    connections = [candidate(1, opened_at=5), candidate(2, opened_at=9), candidate(3, opened_at=9)]
    assert closed(Watermarks(low=0, high=0), connections, Tags()) == [3, 2, 1]


def test_new_connections_are_safe_and_looked_at_again_when_they_are_not_any_more() -> None:
    connections = [candidate(1, opened_at=100), candidate(2, opened_at=150), candidate(3, opened_at=160)]
    marks = Watermarks(low=1, high=2)
    found = trim(marks, connections, Tags(), now=190, grace=100)
    assert (found.close, found.again) == ((), 200)
    found = trim(marks, connections, Tags(), now=200, grace=100)
    assert [one.connection for one, _ in found.close] == [1]
    assert found.again is None


def test_protections_are_by_tag_and_the_last_one_taken_away_ends_them() -> None:
    tags = Tags()
    tags.protect("p1", "friend")
    tags.protect("p1", "relay")
    connections = [candidate(1), candidate(2)]
    marks = Watermarks(low=0, high=0)
    assert closed(marks, connections, tags) == [2]
    assert tags.unprotect("p1", "friend") is True
    assert tags.is_protected("p1")
    assert tags.unprotect("p1", "relay") is False
    assert tags.unprotect("p1", "relay") is False
    assert closed(marks, connections, tags) == [2, 1]


def test_tags_add_up_are_replaced_and_taken_away() -> None:
    tags = Tags()
    tags.tag("p1", "a", 3)
    tags.tag("p1", "b", 4)
    tags.tag("p1", "a", -1)
    assert tags.value("p1") == 3
    assert tags.untag("p1", "a") is True
    assert tags.untag("p1", "a") is False
    assert tags.value("p1") == 4
    for value in (True, 1.5, "9"):
        with pytest.raises(ValidationError):
            tags.tag("p1", "a", value)  # type: ignore[arg-type]


@pytest.mark.parametrize(("low", "high", "grace"), [(3, 2, 0), (-1, 2, 0), (1, True, 0), (1, 2, -1), (1, 2, "x")])
def test_watermarks_make_sense(low: int, high: int, grace: float) -> None:
    with pytest.raises(ValidationError):
        Watermarks(low=low, high=high, grace=grace)


PEERS = ("a", "b", "c", "d")
connections = st.lists(
    st.builds(
        Candidate,
        st.integers(0, 10_000),
        st.sampled_from(PEERS),
        st.sampled_from(["inbound", "outbound"]),
        st.integers(0, 100),
        st.integers(0, 3),
    ),
    max_size=20,
    unique_by=lambda one: one.connection,
)


@given(
    connections=connections,
    values=st.dictionaries(st.sampled_from(PEERS), st.integers(-5, 5)),
    protected=st.sets(st.sampled_from(PEERS)),
    marks=st.tuples(st.integers(0, 8), st.integers(0, 8)).map(sorted),
    grace=st.integers(0, 60),
    seed=st.integers(0, 100),
)
def test_trimming_spares_the_protected_and_the_new_and_does_not_depend_on_the_order(
    connections: list[Candidate],
    values: dict[str, int],
    protected: set[str],
    marks: list[int],
    grace: int,
    seed: int,
) -> None:
    tags = Tags()
    for peer, value in values.items():
        tags.tag(peer, "value", value)
    for peer in protected:
        tags.protect(peer, "friend")
    watermarks = Watermarks(low=marks[0], high=marks[1])
    found = trim(watermarks, connections, tags, 100, grace)
    gone = [one for one, _ in found.close]
    left = [one for one in connections if one not in gone]
    assert not [one for one in gone if one.peer in protected or 100 - one.opened_at < grace]
    if len(connections) <= watermarks.high:
        assert not gone
    else:
        assert len(left) >= watermarks.low
        candidates = [one for one in left if one.peer not in protected and 100 - one.opened_at >= grace]
        assert len(left) == watermarks.low or not candidates
        worst = max((values.get(one.peer, 0) for one in gone), default=None)
        assert worst is None or all(values.get(one.peer, 0) >= worst for one in candidates)
    shuffled = connections[:]
    random.Random(seed).shuffle(shuffled)
    assert trim(watermarks, shuffled, tags, 100, grace).close == found.close
