"""The core that ranks providers: success, speed, correctness, and how it forgets."""

from __future__ import annotations

import pytest

from p2plab.routing.reputation import MAX_PEERS, PERIOD, UNKNOWN, Reputation

SECOND = 10_000


def test_who_delivers_is_before_the_unknown_and_who_fails_behind() -> None:
    seen = Reputation()
    for _ in range(5):
        seen.delivered("good", 100_000, 0.1, now=0)
        seen.failed("bad", now=0)
    assert seen.rank(["bad", "new", "good"], 0) == ["good", "new", "bad"]
    assert seen.standing("new", 0).score == UNKNOWN
    assert seen.standing("good", 0).score > UNKNOWN > seen.standing("bad", 0).score


def test_of_two_that_deliver_the_faster_comes_first() -> None:
    seen = Reputation()
    for _ in range(5):
        seen.delivered("slow", 1000, 1.0, now=0)
        seen.delivered("fast", 1_000_000, 0.1, now=0)
    assert seen.rank(["slow", "fast"], 0) == ["fast", "slow"]
    assert seen.standing("slow", 0).rate == pytest.approx(1000.0)


def test_one_bad_block_outweighs_many_good_ones_and_three_refuse_the_peer() -> None:
    seen = Reputation()
    for _ in range(50):
        seen.delivered("liar", 1_000_000, 0.1, now=0)
    seen.gave_bad("liar", now=0)
    assert seen.standing("liar", 0).score < UNKNOWN
    assert not seen.standing("liar", 0).refused
    seen.gave_bad("liar", now=0)
    seen.gave_bad("liar", now=0)
    assert seen.standing("liar", 0).refused
    for _ in range(9):
        seen.failed("dead", now=0)
    assert seen.rank(["liar", "dead"], 0) == ["dead", "liar"]
    assert "refused, since its bad blocks weigh 3.0" in seen.standing("liar", 0).why()


def test_what_was_is_forgotten_by_and_by_and_a_recovered_peer_returns() -> None:
    seen = Reputation()
    for _ in range(3):
        seen.gave_bad("liar", now=0)
    fallen = seen.standing("liar", 0).score
    halved = seen.standing("liar", 11 * PERIOD)
    assert halved.bad == pytest.approx(3 * (15 / 16) ** 11)
    assert not halved.refused
    assert fallen < halved.score < UNKNOWN
    for minute in range(60, 120):
        seen.delivered("liar", 1_000_000, 0.1, now=minute * PERIOD)
    assert seen.standing("liar", 120 * PERIOD).score > UNKNOWN
    assert seen.standing("liar", 1000 * PERIOD).score == pytest.approx(UNKNOWN)


def test_asking_changes_nothing() -> None:
    seen = Reputation()
    seen.delivered("peer", 1000, 0.5, now=0)
    later = 30 * PERIOD
    assert seen.standing("peer", later) == seen.standing("peer", later)
    assert seen.standing("peer", 0).deliveries == 1.0
    assert len(seen) == 1
    seen.standing("stranger", 0)
    assert len(seen) == 1


def test_what_is_known_can_be_kept_and_read_again() -> None:
    seen, again = Reputation(), Reputation()
    seen.delivered("peer", 1000, 0.5, now=0)
    seen.gave_bad("peer", now=7 * PERIOD)
    again.restore("peer", seen.plain("peer", 9 * PERIOD), now=SECOND)
    before, after = seen.standing("peer", 9 * PERIOD), again.standing("peer", SECOND)
    assert after.score == pytest.approx(before.score)
    assert after.bad == pytest.approx(before.bad)
    for wrong in ([], [1, 2], ["a"] * 6, [-1.0] * 6, [float("nan")] * 6):
        with pytest.raises((ValueError, TypeError)):
            Reputation().restore("peer", wrong, 0)


def test_it_remembers_so_many_peers_and_forgets_those_not_heard_of_for_the_longest() -> None:
    seen = Reputation()
    for number in range(MAX_PEERS + 2):
        seen.failed(f"peer{number}", now=number)
    assert len(seen) == MAX_PEERS
    assert "peer0" not in seen
    assert f"peer{MAX_PEERS + 1}" in seen
