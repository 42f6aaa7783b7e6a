"""The core that puts one question to several content routers: whom it asks when, and when it is over."""

from __future__ import annotations

from p2plab.identity.keys import Identity
from p2plab.routing.composition import AskRouter, Composition, Ended
from p2plab.routing.index import MAX_KEYS, MAX_PROVIDERS, ProviderIndex
from p2plab.routing.router import RouterFinding
from p2plab.typing import PeerId, PeerInfo

SECOND = 10_000


def peer(name: str) -> PeerInfo:
    return PeerInfo(name, Identity.derive(7, name).peer_id)


def providers(*names: str) -> RouterFinding:
    return RouterFinding(providers=tuple(map(peer, names)))


def test_in_parallel_all_are_asked_at_once_and_enough_different_providers_end_it() -> None:
    search = Composition("find_providers", ["local", "dht", "mine"], "parallel", wanted=2)
    assert search.begin(0) == [AskRouter("local"), AskRouter("dht"), AskRouter("mine")]
    assert search.answered("dht", providers("a"), 5) == []
    assert search.answered("mine", providers("a"), 6) == []  # the same one again
    assert search.answered("local", providers("b"), 7) == [Ended("providers found")]


def test_in_sequence_the_next_is_asked_when_what_came_is_not_enough() -> None:
    search = Composition("find_providers", ["local", "dht", "mine"], "sequential", wanted=2)
    assert search.begin(0) == [AskRouter("local")]
    assert search.answered("local", providers("a"), 1) == [AskRouter("dht")]
    assert search.failed("dht", "router failed", "down", 2) == [AskRouter("mine")]
    assert search.answered("mine", providers("b", "c"), 3) == [Ended("providers found")]


def test_without_a_number_every_router_is_waited_for() -> None:
    search = Composition("find_providers", ["local", "dht"], "parallel", wanted=0)
    search.begin(0)
    assert search.answered("local", providers(*"abcdefgh"), 1) == []
    assert search.failed("dht", "router timeout", "", 2) == [Ended("routers answered")]


def test_the_first_that_knows_a_peer_or_a_value_ends_the_search_for_it() -> None:
    for kind, finding, why in (
        ("find_peer", RouterFinding(peer=peer("a")), "peer found"),
        ("get", RouterFinding(value=b""), "value found"),
    ):
        search = Composition(kind, ["one", "two"], "parallel")
        search.begin(0)
        assert search.answered("one", RouterFinding(), 1) == []
        assert search.answered("two", finding, 2) == [Ended(why)]


def test_what_is_given_goes_to_every_router_in_either_order() -> None:
    search = Composition("provide", ["one", "two"], "sequential")
    assert search.begin(0) == [AskRouter("one")]
    assert search.answered("one", RouterFinding(took=True), 1) == [AskRouter("two")]
    assert search.answered("two", RouterFinding(took=False), 2) == [Ended("routers answered")]


def test_what_comes_after_the_end_changes_nothing() -> None:
    search = Composition("get", ["one", "two"], "parallel")
    search.begin(0)
    search.answered("one", RouterFinding(value=b"x"), 1)
    assert search.answered("two", RouterFinding(value=b"y"), 2) == []
    assert search.failed("two", "router failed", "", 3) == []
    assert search.stop("stopped") == []
    assert search.standings["two"].ended == -1
    assert search.reason == "value found"


def test_the_index_keeps_a_record_for_its_time_and_its_own_for_good() -> None:
    index = ProviderIndex()
    a, b = peer("a").peer_id, peer("b").peer_id
    index.add(b"key", a, ["/ip4/1.2.3.4/tcp/1"], now=0, seconds=10)
    index.add(b"key", b, (), now=0, seconds=float("inf"))
    assert index.providers(b"key", 10 * SECOND - 1) == [(a, ("/ip4/1.2.3.4/tcp/1",)), (b, ())]
    assert index.providers(b"key", 10 * SECOND) == [(b, ())]
    assert index.of(b, 10**12) == [b"key"]
    assert index.remove(b"key", b)
    assert not index.remove(b"key", b)


def test_the_index_is_bounded_by_key_and_in_all_and_the_oldest_go() -> None:
    index = ProviderIndex()
    for number in range(MAX_PROVIDERS + 1):
        index.add(b"key", PeerId(f"peer{number}"), (), now=number)
    held = [one for one, _ in index.providers(b"key", 0)]
    assert len(held) == MAX_PROVIDERS
    assert held[0] == "peer1"
    for number in range(MAX_KEYS):
        index.add(number.to_bytes(4, "big"), PeerId("peer"), (), now=0)
    assert len(index) == MAX_KEYS
    assert index.providers(b"key", 0) == []
