"""Mock nodes with an address for each of several transports, and dials that race as go-libp2p's do."""

from __future__ import annotations

import pytest

from p2plab import Lab, Node
from p2plab.admission import Gate, Rule
from p2plab.errors import ClosedError, DialError, ValidationError
from p2plab.host.connections.black_holes import BlackHoles


def dialled(lab: Lab, node: Node, since: float = 0.0) -> list[tuple[float, str]]:
    """When a node began which dial: the seconds since then, and what carries it."""
    return [
        (round(event.t - since, 4), "relayed" if "p2p-circuit" in where else where.split("/")[3])
        for event in lab.events.filter(kind="connection.dialled", node=node, since=since)
        for where in [str((event.data or {})["address"])]
    ]


class TestAddresses:
    def test_a_node_has_one_for_each_of_its_transports_and_quic_is_dialled_first(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            alice, bob = lab.start_nodes(2)
            assert [address.split("/")[3] for address in bob.addresses] == ["tcp", "udp"]
            connection = alice.connect(bob)
            assert (connection.transport, connection.muxer) == ("quic-v1", "quic")
            assert connection.remote_address in bob.addresses[1]
            assert dialled(lab, alice) == [(0.0, "udp")]
            assert alice.ping(bob) > 0

    def test_nodes_have_transports_of_their_own(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            both, tcp = lab.start_node("both"), lab.start_node("tcp", transports=["tcp"])
            quic = lab.start_node("quic", transports=["quic-v1"])
            assert lab.start_node("tcp", transports=["tcp"]) is tcp
            assert both.connect(tcp).transport == "tcp"
            assert both.connect(quic).transport == "quic-v1"
            with pytest.raises(DialError, match=r"unsupported: tcp dials tcp addresses, and .* is quic-v1"):
                tcp.connect(quic)
            with pytest.raises(DialError, match="unsupported: tcp dials tcp only, and quic listens over quic"):
                lab.wire([("tcp", "quic")])

    def test_wiring_takes_the_transport_that_a_dial_would(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            lab.start_nodes(2)
            lab.wire("line")
            assert [connection.transport for connection in lab["n0"].connections()] == ["quic-v1"]

    def test_the_default_is_one_address(self) -> None:
        with Lab(seed=7, transport="quic") as lab:
            assert [address.split("/")[3] for address in lab.start_node("a").addresses] == ["udp"]

    @pytest.mark.parametrize(
        ("given", "error"),
        [
            (["ws"], "a mock node has no transport 'ws', take ideal, tcp, quic"),
            (["tcp", 5], "a mock node has no transport 5"),
            ("tcp", r"give a list, as in \['tcp', 'quic'\]"),
            ([], "give a list"),
            (["ideal", "tcp"], "ideal and tcp would listen at the same /tcp address"),
            (["tcp", "tcp"], "tcp and tcp would listen at the same"),
        ],
    )
    def test_what_is_no_list_of_transports_is_refused(self, given: object, error: str) -> None:
        with pytest.raises(ValidationError, match=error):
            Lab(transports=given)
        with Lab(seed=7) as lab:
            with pytest.raises(ValidationError, match=error):
                lab.start_node("a", transports=given)
            assert lab.nodes == []

    def test_a_nat_judges_both_and_a_hole_is_punched_over_quic(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            public = [lab.start_node("r", role="relay"), *lab.start_nodes(4)]
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            for node in (alice, bob):
                lab.network.add_nat(node)
                for other in public:
                    node.connect(other)
            lab.run(30)
            assert lab.reachability()[alice, bob].how == "punched"
            alice.connect(bob)
            lab.run(10)
            assert [(one.relayed, one.transport) for one in alice.connections(bob)] == [(False, "quic-v1")]

    def test_a_box_that_maps_ports_on_request_maps_one_for_each(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            alice, bob = lab.start_nodes(2)
            box = lab.network.add_nat(bob, upnp=True)
            assert [a.split("/")[3] for a in bob.addresses if box.address in a] == ["udp", "tcp"]
            assert alice.connect(bob).transport == "quic-v1"


class TestRacing:
    def test_tcp_waits_a_quarter_of_a_second_for_quic(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"], latency=0.2) as lab:
            alice, bob = lab.start_nodes(2)
            assert alice.connect(bob).transport == "quic-v1"
            assert dialled(lab, alice) == [(0.0, "udp"), (0.25, "tcp")]
            lab.run(5)
            assert len(alice.connections(bob)) == len(bob.connections(alice)) == 1
            assert alice.ping(bob) > 0

    def test_where_nothing_is_under_way_the_next_address_does_not_wait(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            alice, bob = lab.start_node("alice", transports=["tcp"]), lab.start_node("bob")
            assert alice.connect(bob).transport == "tcp"
            assert dialled(lab, alice) == [(0.0, "udp"), (0.0, "tcp")]  # it has no QUIC, which it knows at once

    def test_a_relayed_address_waits_for_no_direct_one_that_hangs(self) -> None:
        with Lab(seed=7) as lab:
            public = [lab.start_node("r", role="relay"), *lab.start_nodes(4)]
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            lab.network.add_nat(bob, "restricted")
            for other in public:
                bob.connect(other)
            alice.connect("r")
            lab.run(30)
            began = lab.now
            assert alice.connect(bob).relayed
            assert (0.0, "relayed") in dialled(lab, alice, began)  # no public address is known of it
            assert lab.now - began < 1

    def test_when_all_fail_each_is_told_of_within_the_time_that_was_given(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            alice, bob = lab.start_nodes(2)
            lab.network.partition([alice], [bob])
            with pytest.raises(DialError) as caught:
                alice.connect(bob, timeout=2)
            assert [round(seconds, 4) for _, seconds, _ in caught.value.attempts] == [2.0, 1.75]
            assert lab.now == 2.0

    def test_no_time_at_all_is_told_as_of_one_transport(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            alice, bob = lab.start_nodes(2)
            with pytest.raises(DialError, match=r"quic-v1/.*unreachable: nothing came back$") as caught:
                alice.connect(bob, timeout=0)
            assert len(caught.value.attempts) == 1

    def test_a_lab_of_two_transports_replays_to_the_same_digest(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"], latency=0.2) as lab:
            lab.start_nodes(3)
            for a, b in (("n0", "n1"), ("n1", "n2")):
                lab[a].connect(b)
            lab["n0"].dht.put("/lab/x", b"hi")
            with Lab.replay(lab.history()) as again:
                assert again.events.digest() == lab.events.digest()

    @pytest.mark.parametrize("transports", [["tcp"], ["quic"], ["tcp", "quic"]])
    def test_a_node_that_crashes_while_it_dials_is_connected_with_nobody(self, transports: list[str]) -> None:
        with Lab(seed=7, transports=transports, latency=0.2) as lab:
            alice, bob = lab.start_nodes(2)
            lab.at(0.3, alice.crash)
            with pytest.raises(ClosedError, match="n0 is not running"):
                alice.connect(bob)
            lab.run(3)
            assert alice.connections() == bob.connections() == []
            alice.restart()
            assert alice.ping(bob) > 0


class TestBlackHoles:
    STRANGER = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"

    @staticmethod
    def in_vain(alice: Node, address: str, times: int) -> list[str]:
        """What was said of each dial of an address where nobody listens."""
        told = []
        for _ in range(times):
            with pytest.raises(DialError) as failed:
                alice.connect(f"{address}/p2p/{TestBlackHoles.STRANGER}")
            told.append(failed.value.attempts[-1][2].partition(":")[0])
        return told

    def test_after_a_hundred_udp_dials_in_vain_one_in_a_hundred_is_tried(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            alice, bob = lab.start_nodes(2)
            assert set(self.in_vain(alice, "/ip4/12.9.9.9/udp/4001/quic-v1", 100)) == {"unreachable"}
            assert self.in_vain(alice, "/ip4/12.9.9.9/udp/4001/quic-v1", 100) == ["black hole"] * 99 + ["unreachable"]
            assert set(self.in_vain(alice, "/ip4/10.9.9.9/udp/4001/quic-v1", 2)) == {"unreachable"}, "a private address"
            failed = lab.events.filter(kind="connection.failed", reason="black hole")[0]
            assert "over UDP fewer than 5 have connected" in str(failed.data)
            assert alice.connect(bob).transport == "tcp", "what is left is dialled"
            assert bob.ping(alice) > 0

    def test_what_a_node_does_not_dial_is_no_black_hole(self) -> None:
        with Lab(seed=7, transports=["tcp"]) as lab:
            alice = lab.start_node("alice")
            told = self.in_vain(alice, "/ip4/12.9.9.9/udp/4001/quic-v1", 102)
            assert set(told) == {"unsupported"}

    def test_what_its_own_gate_refuses_is_no_black_hole(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            alice = lab.start_node("alice")
            alice.gate = Gate(block=(Rule(subnet="12.9.9.0/24"),))
            assert set(self.in_vain(alice, "/ip4/12.9.9.9/udp/4001/quic-v1", 101)) == {"blocked"}

    def test_a_node_that_lost_its_state_has_forgotten_them(self) -> None:
        with Lab(seed=7, transports=["tcp", "quic"]) as lab:
            alice = lab.start_node("alice")
            told = self.in_vain(alice, "/ip4/12.9.9.9/udp/4001/quic-v1", 101)
            for state in ("kept", "lost"):
                alice.crash()
                alice.restart(state=state)
                told += self.in_vain(alice, "/ip4/12.9.9.9/udp/4001/quic-v1", 1)
            assert told[100:] == ["black hole", "black hole", "unreachable"]

    def test_one_dial_in_a_hundred_tries_all_addresses_of_a_kind_whatever_else_they_are(self) -> None:
        both, four, tcp = "/ip6/2600::1/udp/1/quic-v1", "/ip4/12.9.9.9/udp/1/quic-v1", "/ip4/12.9.9.9/tcp/1"
        holes = BlackHoles()
        assert holes.refusals([both, four, tcp]) == {}
        for _ in range(100):
            holes.tried(both, False)
        told = [list(holes.refusals([both, four, tcp])) for _ in range(200)]
        assert told == ([[both, four]] * 99 + [[]]) * 2
