"""What a node believes of its own addresses: observed ones, AutoNAT's answers, and the relays it keeps."""

from __future__ import annotations

import random

from p2plab.constants import TICKS_PER_SECOND
from p2plab.identity import Identity
from p2plab.nat import AutoRelay, AutoRelayParams, ObservedAddresses, Reachability
from p2plab.nat.observed import observer_group

LOCAL, SEEN = "/ip4/192.168.0.2/tcp/4001", "/ip4/5.5.5.5/tcp/4001"
PEERS = [Identity.derive(0, f"p{number}").peer_id for number in range(12)]


class TestObservedAddresses:
    def test_four_observers_make_an_address_believed_and_three_do_not(self) -> None:
        observed = ObservedAddresses()
        changes = [observed.observed(number, LOCAL, SEEN, f"{number}.1.1.1") for number in (11, 12, 13, 14)]
        assert changes == [False, False, False, True]
        assert observed.believed() == [SEEN]

    def test_observers_at_one_ip_address_count_once(self) -> None:
        observed = ObservedAddresses()
        for number in range(10):
            observed.observed(number, LOCAL, SEEN, "11.1.1.1")
        assert observed.believed() == []

    def test_an_observer_s_word_ends_with_its_connection(self) -> None:
        observed = ObservedAddresses()
        for number in (11, 12, 13, 14):
            observed.observed(number, LOCAL, SEEN, f"{number}.1.1.1")
        assert observed.gone(12)
        assert observed.believed() == []
        assert not observed.gone(12)

    def test_a_symmetric_nat_is_told_from_a_cone(self) -> None:
        cone, symmetric = ObservedAddresses(), ObservedAddresses()
        for number in range(11, 17):
            cone.observed(number, LOCAL, SEEN, f"{number}.1.1.1")
            symmetric.observed(number, LOCAL, f"/ip4/5.5.5.5/tcp/{40_000 + number}", f"{number}.1.1.1")
        assert cone.mapping(LOCAL) == "endpoint-independent"
        assert symmetric.mapping(LOCAL) == "endpoint-dependent"
        assert ObservedAddresses().mapping(LOCAL) is None

    def test_addresses_that_mean_nothing_are_left_out(self) -> None:
        observed = ObservedAddresses(activation=1)
        for number, address in enumerate(
            ["/ip4/127.0.0.1/tcp/1", "/ip4/5.5.5.5/udp/4001/quic-v1", "/dns4/x.example/tcp/1", "/ip4/0.0.0.0/tcp/1"]
        ):
            observed.observed(number, LOCAL, address, f"{number + 11}.1.1.1")
        assert observed.observations() == []

    def test_ipv6_observers_are_one_for_each_56(self) -> None:
        assert observer_group("2001:db8::1") == observer_group("2001:db8:0:00ff::2")
        assert observer_group("2001:db8::1") != observer_group("2001:db8:0:0100::1")


class TestReachability:
    def test_two_answers_decide_and_three_are_sure(self) -> None:
        reachability = Reachability()
        assert not reachability.answered(SEEN, PEERS[0], True, 0)
        assert reachability.answered(SEEN, PEERS[1], True, 0)
        assert reachability.status(SEEN).status == "public"
        assert not reachability.due(SEEN, 299 * TICKS_PER_SECOND)
        assert reachability.due(SEEN, 300 * TICKS_PER_SECOND)
        reachability.answered(SEEN, PEERS[2], True, 0)
        assert reachability.status(SEEN).confidence == 3
        assert not reachability.due(SEEN, 3599 * TICKS_PER_SECOND)
        assert reachability.due(SEEN, 3600 * TICKS_PER_SECOND)

    def test_one_server_counts_once_however_often_it_answers(self) -> None:
        reachability = Reachability()
        for _ in range(5):
            reachability.answered(SEEN, PEERS[0], True, 0)
        assert reachability.status(SEEN).status == "unknown"

    def test_a_liar_among_honest_servers_changes_nothing(self) -> None:
        reachability = Reachability()
        reachability.answered(SEEN, PEERS[0], True, 0)
        for server in PEERS[1:4]:
            reachability.answered(SEEN, server, False, 0)
        assert reachability.status(SEEN).status == "private"
        assert reachability.status(SEEN).by == tuple(PEERS[1:4])

    def test_what_was_true_once_is_outvoted_later(self) -> None:
        reachability = Reachability()
        for server in PEERS[:5]:
            reachability.answered(SEEN, server, True, 0)
        for server in PEERS[5:9]:
            reachability.answered(SEEN, server, False, 10)
        assert reachability.status(SEEN).status == "private"


class TestAutoRelay:
    def wanted(self, **params: float) -> AutoRelay:
        relays = AutoRelay(AutoRelayParams(**params))  # type: ignore[arg-type]
        for peer in PEERS[:6]:
            relays.candidate(peer, 0)
        relays.need(True)
        return relays

    def test_it_asks_as_many_relays_as_it_wants_and_no_more_while_they_have_not_answered(self) -> None:
        relays, draws = self.wanted(), random.Random(1)
        first = relays.wishes(0, draws)
        assert [wish.action for wish in first] == ["reserve", "reserve"]
        assert relays.wishes(1, draws) == []

    def test_nobody_is_asked_where_none_is_needed_or_before_the_boot_delay(self) -> None:
        assert AutoRelay().wishes(0, random.Random(1)) == []
        go = AutoRelay(AutoRelayParams.go())
        go.candidate(PEERS[0], 0)
        go.need(True)
        assert go.wishes(179 * TICKS_PER_SECOND, random.Random(1)) == []
        assert len(go.wishes(180 * TICKS_PER_SECOND, random.Random(1))) == 1

    def test_a_refusal_moves_on_and_leaves_the_relay_alone(self) -> None:
        relays, draws = self.wanted(), random.Random(1)
        first = {wish.relay for wish in relays.wishes(0, draws)}
        for relay in first:
            relays.refused(relay, 0)
        second = {wish.relay for wish in relays.wishes(1, draws)}
        assert len(second) == 2
        assert not first & second
        assert not relays.candidate(next(iter(first)), 2) or not relays.wishes(2, draws)

    def test_a_reservation_is_renewed_two_minutes_before_its_end(self) -> None:
        relays, draws = self.wanted(), random.Random(1)
        hour = 3600 * TICKS_PER_SECOND
        for wish in relays.wishes(0, draws):
            relays.reserved(wish.relay, hour, (SEEN,))
        assert relays.wishes(hour - 120 * TICKS_PER_SECOND - 1, draws) == []
        again = relays.wishes(hour - 120 * TICKS_PER_SECOND, draws)
        assert {wish.reason for wish in again} == {"about to expire"}
        assert len(again) == 2

    def test_a_relay_that_goes_is_replaced(self) -> None:
        relays, draws = self.wanted(), random.Random(1)
        for wish in relays.wishes(0, draws):
            relays.reserved(wish.relay, 10**9, (SEEN,))
        lost = next(iter(relays.relays()))
        assert relays.gone(lost)
        assert [wish.relay for wish in relays.wishes(1, draws)] != [lost]
        assert len(relays.relays()) == 1

    def test_a_node_that_turns_out_reachable_drops_its_relays(self) -> None:
        relays, draws = self.wanted(), random.Random(1)
        for wish in relays.wishes(0, draws):
            relays.reserved(wish.relay, 10**9, (SEEN,))
        assert {wish.action for wish in relays.need(False)} == {"drop"}
        assert relays.relays() == {}
