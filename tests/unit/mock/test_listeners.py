"""Where mock nodes listen: an IP address and a port each, of which several may share the address."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.errors import ConfigurationError, DialError, ValidationError


def test_nodes_at_one_ip_take_the_next_free_port() -> None:
    with Lab(seed=1) as lab:
        nodes = [lab.start_node(f"s{number}", ip="66.6.6.1") for number in range(3)]
        assert [node.addresses[0].rpartition("/p2p/")[0] for node in nodes] == [
            f"/ip4/66.6.6.1/tcp/{port}" for port in (4001, 4002, 4003)
        ]


def test_a_port_chosen_by_hand_is_left_out_of_those_given() -> None:
    with Lab(seed=1) as lab:
        lab.start_node("a", ip="66.6.6.1", port=4002)
        b, c = lab.start_node("b", ip="66.6.6.1"), lab.start_node("c", ip="66.6.6.1")
        assert "/tcp/4001/" in b.addresses[0]
        assert "/tcp/4003/" in c.addresses[0]


def test_a_taken_port_is_refused_with_the_name_of_its_owner_and_changes_nothing() -> None:
    with Lab(seed=1) as lab:
        lab.start_node("a", ip="66.6.6.1", port=7)
        with pytest.raises(ConfigurationError, match=r"66\.6\.6\.1:7 is a's already"):
            lab.start_node("b", ip="66.6.6.1", port=7)
        with pytest.raises(ConfigurationError, match="one node's only"):
            lab.start_nodes(2, ip="66.6.6.2", port=7)
        assert [node.name for node in lab.nodes] == ["a"]
        assert "/tcp/7/" in lab.start_node("b", port=7).addresses[0]


@pytest.mark.parametrize("port", [0, -1, 65_536, 1.5, "4001", True])
def test_what_is_no_port_is_refused(port: object) -> None:
    with Lab(seed=1) as lab:
        with pytest.raises(ValidationError, match="no port"):
            lab.start_node("a", ip="66.6.6.1", port=port)
        assert not lab.nodes


def test_a_node_at_the_last_port_leaves_the_others_free() -> None:
    with Lab(seed=1) as lab:
        lab.start_node("top", ip="66.6.6.2", port=65_535)
        assert lab.start_node("next", ip="66.6.6.2").addresses[0].startswith("/ip4/66.6.6.2/tcp/4001/")


@pytest.mark.parametrize("transport", ["ideal", "quic"])
def test_an_address_reaches_the_node_at_its_port(transport: str) -> None:
    with Lab(seed=1, transport=transport) as lab:
        a, b, c = (lab.start_node(name, ip="66.6.6.1") for name in "abc")
        home = lab.start_node("home")
        for node in (c, a, b):
            assert home.connect(node.addresses[0]).peer == node.peer_id
            assert home.connect(node.addresses[0].rpartition("/p2p/")[0]).peer == node.peer_id
        with pytest.raises(DialError):
            home.connect(a.addresses[0].replace("4001", "4009").rpartition("/p2p/")[0])


def test_nodes_without_an_ip_of_their_own_keep_away_from_those_chosen() -> None:
    with Lab(seed=1) as lab:
        lab.start_node("a", ip="12.0.0.1", port=9)
        places = {node.addresses[0].split("/")[2] for node in lab.start_nodes(40)}
        assert len(places) == 40
        assert "12.0.0.1" not in places


def test_a_run_with_shared_addresses_is_replayed() -> None:
    with Lab(seed=1) as lab:
        a, b = lab.start_node("a", ip="66.6.6.1"), lab.start_node("b", ip="66.6.6.1", port=4005)
        a.connect(b)
        again = Lab.replay(lab.history())
        assert again.events.digest() == lab.events.digest()
        assert again["b"].addresses == b.addresses
