"""Starting nodes, finding them again, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import AsyncLab, Lab, Node
from p2plab.errors import ConfigurationError, UnknownNodeError, ValidationError
from p2plab.identity.keys import parse_peer_id


def test_running_the_cell_again_gives_the_same_node(lab: Lab) -> None:
    alice = lab.start_node("alice")
    assert lab.start_node("alice") is alice
    assert lab.nodes == [alice]


def test_nodes_are_listed_in_the_order_in_which_they_were_started(lab: Lab) -> None:
    for name in ("zoe", "alice", "mallory"):
        lab.start_node(name)
    assert [node.name for node in lab.nodes] == ["zoe", "alice", "mallory"]


def test_start_nodes_numbers_them_and_starts_only_those_that_are_missing(lab: Lab) -> None:
    first = lab.start_nodes(2)
    again = lab.start_nodes(4)
    assert [node.name for node in again] == ["n0", "n1", "n2", "n3"]
    assert again[:2] == first
    assert all(one is other for one, other in zip(first, again, strict=False))
    assert len(lab.events.filter(kind="node.started")) == 4


def test_start_nodes_takes_another_prefix(lab: Lab) -> None:
    assert [str(node) for node in lab.start_nodes(2, prefix="peer-")] == ["peer-0", "peer-1"]
    assert lab.start_nodes(0) == []


def test_names_may_be_in_any_script(lab: Lab) -> None:
    assert str(lab.start_node("Žofie 1")) == "Žofie 1"


def test_a_node_started_again_with_other_settings_is_an_error_and_stays_as_it_is(lab: Lab) -> None:
    alice = lab.start_node("alice")
    with pytest.raises(ConfigurationError, match=r"'alice' runs already.*colour.*lab\['alice'\]"):
        lab.start_node("alice", colour="red")
    assert lab["alice"] is alice
    assert alice.running


def test_a_setting_that_no_node_has_starts_nothing_and_is_named_beside_those_there_are(lab: Lab) -> None:
    with pytest.raises(ValidationError, match=r"no setting 'colour'; it takes \w+"):
        lab.start_nodes(3, colour="red")
    assert lab.nodes == []


def test_a_lab_gives_its_nodes_by_name(lab: Lab, alice: Node) -> None:
    assert lab["alice"] is alice
    assert "alice" in lab
    assert alice in lab
    assert "bob" not in lab
    assert len(lab) == 1
    with pytest.raises(UnknownNodeError, match="no node of this lab is 'bob'; it has alice"):
        lab["bob"]


def test_a_node_of_another_lab_is_not_in_this_one(lab: Lab, alice: Node, new_lab: Callable[..., Lab]) -> None:
    stranger = new_lab().start_node("alice")
    assert stranger not in lab
    assert stranger != alice


def test_a_node_is_shown_by_its_name_and_its_id_is_short(lab: Lab, alice: Node) -> None:
    assert str(alice) == f"{alice}" == "alice"
    assert repr(alice) == f"<Node alice (…{alice.peer_id[-6:]}), {lab.backend}>"
    assert repr(alice.peer_id) == f"alice (…{alice.peer_id[-6:]})"
    assert f"{alice.peer_id}" == str(alice.peer_id)


def test_peer_ids_are_real_and_come_from_seed_and_name(new_lab: Callable[..., Lab], backend: str) -> None:
    one, other, third = new_lab(seed=1), new_lab(seed=1), new_lab(seed=2)
    ids = [lab.start_node("alice").peer_id for lab in (one, other, third)]
    assert ids[0] == ids[1] != ids[2]
    assert one.start_node("bob").peer_id != ids[0]
    for peer_id in ids:
        assert peer_id.startswith("12D3KooW")
        assert parse_peer_id(peer_id) == peer_id


def test_a_mock_and_a_real_node_have_the_same_peer_id(lab: Lab, alice: Node) -> None:
    with Lab("mock", seed=7) as mock:
        assert mock.start_node("alice").peer_id == alice.peer_id


def test_every_address_ends_in_the_peer_id_and_no_two_nodes_share_one(lab: Lab) -> None:
    nodes = lab.start_nodes(5)
    for node in nodes:
        assert node.addresses
        assert all(address.endswith(f"/p2p/{node.peer_id}") for address in node.addresses)
    assert len({address for node in nodes for address in node.addresses}) == sum(len(node.addresses) for node in nodes)


def test_a_node_says_which_protocols_it_answers(alice: Node) -> None:
    protocols = alice.protocols()
    assert protocols == sorted(protocols)
    assert {"/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"} <= set(protocols)


def test_a_fresh_node_knows_nobody(alice: Node) -> None:
    assert alice.peers() == []
    assert alice.connections() == []
    assert alice.known_peers() == []
    assert alice.topics() == []
    assert alice.streams() == []
    assert alice.running


def test_a_lab_shows_what_it_is(lab: Lab, backend: str) -> None:
    lab.start_nodes(2)
    assert lab.backend == backend
    assert lab.seed == 7
    assert repr(lab).startswith(f"<Lab {backend}, seed 7: 2 nodes, t=")


def test_both_faces_of_a_lab_show_the_same_nodes(lab: Lab, alice: Node) -> None:
    assert isinstance(lab.aio, AsyncLab)
    assert lab.aio is lab.aio
    assert lab.aio["alice"] == alice
    assert hash(lab.aio["alice"]) == hash(alice)
    assert lab.aio.events is lab.events
