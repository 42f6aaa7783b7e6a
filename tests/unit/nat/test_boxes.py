"""NAT boxes: the behaviours of RFC 4787 and 5382, and which pairs of them can be punched."""

from __future__ import annotations

import itertools

import pytest

from p2plab.errors import ConfigurationError, ValidationError
from p2plab.network.nat import FILTERINGS, KINDS, MAPPINGS, Arrived, Box, Dropped, Endpoint, Realms, behaviour

RELAY = Endpoint("9.9.9.9", 4001)


def box(name: str, ip: str, mapping: str | None, filtering: str, outer: Box | None = None, **options: bool) -> Box:
    return Box(
        name, ip, mapping, filtering, outer=outer, udp_timeout=1200, tcp_timeout=74_400, tcp_transitory=2400, **options
    )


def world(*boxes: Box) -> Realms:
    realms = Realms()
    for one in boxes:
        realms.add_box(one)
    return realms


class TestMapping:
    @pytest.mark.parametrize(("mapping", "ports"), [("EIM", 1), ("ADM", 2), ("APDM", 3)])
    def test_outside_ports_follow_the_mapping_behaviour(self, mapping: str, ports: int) -> None:
        nat, inside = box("nat", "5.5.5.5", mapping, "EIF"), Endpoint("10.0.0.2", 4001)
        there = [Endpoint("8.8.8.8", 1), Endpoint("8.8.8.8", 2), Endpoint("7.7.7.7", 1)]
        assert len({nat.outbound("udp", inside, to, 0) for to in there}) == ports

    def test_the_first_mapping_keeps_the_port_and_the_next_does_not(self) -> None:
        nat = box("nat", "5.5.5.5", "EIM", "EIF")
        assert nat.outbound("udp", Endpoint("10.0.0.2", 4001), RELAY, 0) == ("5.5.5.5", 4001)
        assert nat.outbound("udp", Endpoint("10.0.0.3", 4001), RELAY, 0) == ("5.5.5.5", 40_000)

    def test_udp_and_tcp_have_ports_of_their_own(self) -> None:
        nat = box("nat", "5.5.5.5", "EIM", "EIF")
        assert nat.outbound("udp", Endpoint("10.0.0.2", 4001), RELAY, 0) == ("5.5.5.5", 4001)
        assert nat.outbound("tcp", Endpoint("10.0.0.3", 4001), RELAY, 0) == ("5.5.5.5", 4001)


class TestExpiry:
    def test_a_udp_mapping_ends_after_its_timeout_and_not_before(self) -> None:
        nat, inside = box("nat", "5.5.5.5", "EIM", "APDF"), Endpoint("10.0.0.2", 4001)
        outside = nat.outbound("udp", inside, RELAY, 0)
        assert isinstance(outside, Endpoint)
        assert nat.inbound("udp", outside, RELAY, 1200) == inside
        gone = nat.inbound("udp", outside, RELAY, 1201)
        assert isinstance(gone, Dropped)
        assert "expired" in gone.rule

    def test_what_is_sent_keeps_it_alive_and_what_arrives_does_not(self) -> None:
        nat, inside = box("nat", "5.5.5.5", "EIM", "APDF"), Endpoint("10.0.0.2", 4001)
        outside = nat.outbound("udp", inside, RELAY, 0)
        assert isinstance(outside, Endpoint)
        nat.outbound("udp", inside, RELAY, 1000)
        assert nat.inbound("udp", outside, RELAY, 2200) == inside
        assert isinstance(nat.inbound("udp", outside, RELAY, 2201), Dropped)

    def test_tcp_lives_long_once_the_other_end_has_answered(self) -> None:
        nat, inside = box("nat", "5.5.5.5", "EIM", "APDF"), Endpoint("10.0.0.2", 4001)
        outside = nat.outbound("tcp", inside, RELAY, 0)
        assert isinstance(outside, Endpoint)
        assert isinstance(nat.inbound("tcp", outside, RELAY, 2401), Dropped)
        outside = nat.outbound("tcp", inside, RELAY, 3000)
        assert isinstance(outside, Endpoint)
        assert nat.inbound("tcp", outside, RELAY, 3001) == inside
        assert nat.inbound("tcp", outside, RELAY, 77_400) == inside


class TestRealms:
    def test_a_private_address_is_not_reached_from_outside(self) -> None:
        nat = box("nat", "5.5.5.5", "EIM", "EIF")
        realms = world(nat)
        realms.place("192.168.0.2", nat)
        dropped = realms.send("udp", Endpoint("8.8.8.8", 1), Endpoint("192.168.0.2", 4001), 0)
        assert isinstance(dropped, Dropped)
        assert "private" in dropped.rule

    def test_neighbours_reach_each_other_without_the_box(self) -> None:
        nat = box("nat", "5.5.5.5", "APDM", "APDF")
        realms = world(nat)
        for ip in ("192.168.0.2", "192.168.0.3"):
            realms.place(ip, nat)
        arrived = realms.send("udp", Endpoint("192.168.0.2", 4001), Endpoint("192.168.0.3", 4001), 0)
        assert arrived == Arrived(nat, Endpoint("192.168.0.3", 4001), Endpoint("192.168.0.2", 4001))

    @pytest.mark.parametrize("hairpinning", [True, False])
    def test_neighbours_reach_each_other_by_the_outside_address_only_where_the_box_hairpins(
        self, hairpinning: bool
    ) -> None:
        nat = box("nat", "5.5.5.5", "EIM", "EIF", hairpinning=hairpinning)
        realms = world(nat)
        for ip in ("192.168.0.2", "192.168.0.3"):
            realms.place(ip, nat)
        there = realms.send("udp", Endpoint("192.168.0.3", 4001), RELAY, 0)
        assert isinstance(there, Arrived)
        result = realms.send("udp", Endpoint("192.168.0.2", 4001), there.source, 0)
        if hairpinning:
            assert isinstance(result, Arrived)
            assert result.at == ("192.168.0.3", 4001)
        else:
            assert isinstance(result, Dropped)
            assert "hairpin" in result.rule

    def test_a_box_behind_a_box_translates_twice_there_and_back(self) -> None:
        carrier = box("carrier", "5.5.5.5", "EIM", "APDF")
        home = box("home", "100.64.0.2", "EIM", "APDF", carrier)
        realms = world(carrier, home)
        realms.place("192.168.0.2", home)
        out = realms.send("udp", Endpoint("192.168.0.2", 4001), RELAY, 0)
        assert out == Arrived(None, RELAY, Endpoint("5.5.5.5", 4001))
        back = realms.send("udp", RELAY, Endpoint("5.5.5.5", 4001), 1)
        assert back == Arrived(home, Endpoint("192.168.0.2", 4001), RELAY)

    def test_a_firewall_leaves_addresses_alone_and_lets_answers_in_only(self) -> None:
        wall = box("wall", "", None, "APDF")
        realms = world(wall)
        realms.place("11.0.0.1", wall)
        node, peer = Endpoint("11.0.0.1", 4001), Endpoint("8.8.8.8", 1)
        assert isinstance(realms.send("tcp", peer, node, 0), Dropped)
        assert realms.send("tcp", node, peer, 0) == Arrived(None, peer, node)
        assert realms.send("tcp", peer, node, 1) == Arrived(wall, node, peer)

    def test_a_port_mapped_on_request_is_open_to_all(self) -> None:
        nat = box("nat", "5.5.5.5", "APDM", "APDF", upnp=True)
        realms = world(nat)
        realms.place("192.168.0.2", nat)
        outside = nat.pin("tcp", Endpoint("192.168.0.2", 4001))
        assert isinstance(outside, Endpoint)
        arrived = realms.send("tcp", Endpoint("8.8.8.8", 1), outside, 0)
        assert isinstance(arrived, Arrived)
        assert arrived.at == ("192.168.0.2", 4001)

    def test_two_boxes_cannot_share_an_outside_address(self) -> None:
        realms = world(box("a", "5.5.5.5", "EIM", "EIF"))
        with pytest.raises(ConfigurationError, match=r"5\.5\.5\.5 is taken"):
            realms.add_box(box("b", "5.5.5.5", "EIM", "EIF"))


class TestBehaviour:
    def test_kinds_are_pairs_of_behaviours_and_single_behaviours_win(self) -> None:
        assert behaviour("symmetric", None, None) == ("APDM", "APDF")
        assert behaviour("symmetric", None, "EIF") == ("APDM", "EIF")
        assert behaviour("firewall", None, None) == (None, "APDF")

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("symetric", None, None), "did you mean 'symmetric'"),
            ((None, "XIM", None), "EIM, ADM, APDM"),
            ((None, None, "EIM"), "EIF, ADF, APDF"),
            (("firewall", "EIM", None), "translates nothing"),
        ],
    )
    def test_what_is_no_behaviour_is_refused_with_what_there_is(
        self, arguments: tuple[str | None, str | None, str | None], says: str
    ) -> None:
        with pytest.raises(ValidationError, match=says):
            behaviour(*arguments)


# -- punching: the matrix that follows from RFC 4787's behaviours for the exchange of DCUtR, where each side answers
# where a packet came from. Rows and columns: (mapping, filtering), ADM and APDM alike.
EASY, HARD = ("EIF", "ADF"), "APDF"


def expected(a: tuple[str, str], b: tuple[str, str]) -> bool:
    for x, y in ((a, b), (b, a)):
        if x[0] == "EIM" and x[1] in EASY:
            return True  # it lets in whoever it has sent to, from any port
        if x[0] == "EIM" and y[0] == "EIM":
            return True
    if "EIM" in (a[0], b[0]):
        return False  # port-restricted beside a mapping that nobody can foresee
    if "EIF" in (a[1], b[1]):
        return HARD not in (a[1], b[1])
    return False


def punch(a: tuple[str, str], b: tuple[str, str]) -> bool:
    realms, nodes, advertised = Realms(), [], []
    for number, behaviour_of_box in enumerate((a, b)):
        nat = box(f"nat{number}", f"5.5.5.{number}", *behaviour_of_box)
        realms.add_box(nat)
        node = Endpoint(f"192.168.{number}.2", 4001)
        realms.place(node.ip, nat)
        seen = realms.send("udp", node, RELAY, 0)
        assert isinstance(seen, Arrived)
        nodes.append(node)
        advertised.append(seen.source)
    heard: dict[Endpoint, set[Endpoint]] = {node: set() for node in nodes}
    targets = {nodes[0]: [advertised[1]], nodes[1]: [advertised[0]]}
    for _ in range(4):
        for node in nodes:
            for to in list(targets[node]):
                result = realms.send("udp", node, to, 1)
                if isinstance(result, Arrived) and result.at in heard:
                    heard[result.at].add(result.source)
                    if result.source not in targets[result.at]:
                        targets[result.at].append(result.source)
    return all(heard.values())


def test_the_punching_matrix_is_that_of_rfc_4787() -> None:
    kinds = list(itertools.product(MAPPINGS, FILTERINGS))
    results = {(a, b): punch(a, b) for a in kinds for b in kinds}
    assert {pair for pair, worked in results.items() if worked} == {pair for pair in results if expected(*pair)}
    assert sum(results.values()) == 45  # of 81 ordered pairs


def test_every_kind_has_a_name_that_its_box_says() -> None:
    for kind, (mapping, filtering) in KINDS.items():
        assert box("nat", "5.5.5.5", mapping, filtering).kind == kind
