"""The order of dials: the cases of go-libp2p's dial ranker (p2p/net/swarm/dial_ranker_test.go), in seconds."""

from __future__ import annotations

from p2plab.nat.dial_order import BlackHole, Ranked, rank

Q4, Q4B = "/ip4/1.2.3.4/udp/1/quic-v1", "/ip4/1.2.3.4/udp/2/quic-v1"
Q6 = "/ip6/2606:4700::1/udp/1/quic-v1"
T4, T6 = "/ip4/1.2.3.5/tcp/1", "/ip6/2606:4700::1/tcp/1"
RELAY = "/ip4/1.2.3.4/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit"


def delays(*addresses: str) -> dict[str, float]:
    return {entry.address: round(entry.delay, 3) for entry in rank(addresses)}


def test_quic_comes_before_tcp() -> None:
    assert rank([T4, Q4]) == [Ranked(Q4, 0.0), Ranked(T4, 0.25)]


def test_ipv6_comes_first_and_the_best_ipv4_next() -> None:
    assert delays(Q4B, Q4, Q6) == {Q6: 0.0, Q4: 0.25, Q4B: 0.5}


def test_tcp_waits_for_the_last_quic_address() -> None:
    assert delays(T4, T6, Q4, Q4B) == {Q4: 0.0, Q4B: 0.25, T6: 0.5, T4: 0.75}


def test_private_addresses_are_dialled_beside_the_public_ones_and_sooner_after_each_other() -> None:
    private = "/ip4/192.168.1.2/udp/1/quic-v1", "/ip4/192.168.1.2/tcp/1"
    assert delays(Q4, T4, *private) == {Q4: 0.0, private[0]: 0.0, private[1]: 0.03, T4: 0.25}


def test_a_relay_waits_half_a_second_only_where_there_is_a_public_address() -> None:
    assert delays(RELAY, Q4) == {Q4: 0.0, RELAY: 0.5}
    assert delays(RELAY) == {RELAY: 0.0}


def test_an_address_is_dialled_once() -> None:
    assert len(rank([Q4, Q4])) == 1


class TestBlackHole:
    def test_it_blocks_when_of_a_full_window_too_few_dials_have_succeeded(self) -> None:
        hole = BlackHole(window=10, least=2)
        for _ in range(9):
            hole.tried(False)
        assert hole.allows()
        hole.tried(False)
        assert not hole.allows()

    def test_it_lets_one_in_every_window_through_and_a_success_opens_it(self) -> None:
        hole = BlackHole(window=10, least=2)
        for _ in range(10):
            hole.tried(False)
        assert [hole.allows() for _ in range(20)].count(True) == 2
        hole.tried(True)
        assert hole.allows()
