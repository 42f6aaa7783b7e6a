"""Roles: what nodes are there for, in both worlds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import Lab, Node
from p2plab.errors import ConfigurationError, DiscoveryError, UnknownNodeError, ValidationError
from p2plab.host.roles import RolesService
from p2plab.roles import Role
from p2plab.roles.role import ROLE_TOPIC


def service(node: Node) -> RolesService:
    host = node.world.hosts()[node.name]
    return RolesService.of(host)  # type: ignore[arg-type]  # every world's host is one


def test_a_node_has_the_role_it_was_started_with_and_its_peers_know_by_identify(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob", role="worker")
    assert lab.start_node("bob", role="worker") is bob
    with pytest.raises(ConfigurationError):
        lab.start_node("bob", role="fetcher")
    assert (alice.role, bob.role) == (None, "pinner")
    assert alice.identify(bob).roles == ["pinner"]
    assert bob.identify(alice).roles == []
    assert lab.roles.of(bob) == lab.roles["pinner"]
    assert lab.roles.nodes("worker") == ["bob"]
    (started,) = lab.events.filter(kind="node.started", node="bob")
    assert (started.data or {})["role"] == "pinner"


def test_what_a_role_refuses_the_node_does_not_do(lab: Lab) -> None:
    fetcher, pinner = lab.start_node("fetcher", role="fetcher"), lab.start_node("pinner", role="pinner")
    assert (fetcher.dht.mode, pinner.dht.mode) == ("client", "server")


def test_a_change_of_the_table_reaches_the_nodes_that_have_the_role(
    lab: Lab, alice: Node, wait: Callable[[Callable[[], object]], None]
) -> None:
    bob = lab.start_node("bob", role="fetcher")
    alice.connect(bob)
    changed = lab.roles.change("leecher", refuses=(), announced_by=())
    assert changed == lab.roles["fetcher"]
    assert bob.dht.mode == "server"
    wait(lambda: alice.peers()[0].roles == [])  # the peers are told
    with pytest.raises(ValidationError, match="no 'refusess'"):
        lab.roles.change("fetcher", refusess=())
    assert lab.roles["fetcher"] == changed


def test_a_role_of_ones_own_is_defined_given_and_taken_away(
    lab: Lab, alice: Node, wait: Callable[[Callable[[], object]], None]
) -> None:
    bob = lab.start_node("bob", role=Role("archivist", about="keeps the old issues"))
    lab.roles.define("librarian", like="archivist")
    with pytest.raises(ValidationError, match="already"):
        lab.roles.define("librarian")
    alice.connect(bob)
    bob.set_role("librarian")
    wait(lambda: alice.peers()[0].roles == ["librarian"])
    bob.set_role(None)
    assert bob.role is None
    wait(lambda: alice.peers()[0].roles == [])
    kinds = [event.data for event in lab.events.filter(kind="node.role", node="bob")]
    assert kinds == [{"before": "archivist", "role": "librarian"}, {"before": "librarian", "role": None}]


def test_a_role_is_told_to_those_who_are_not_connected_by_a_topic(
    lab: Lab, alice: Node, bob: Node, wait: Callable[[Callable[[], object]], None]
) -> None:
    carol = lab.start_node("carol", role=Role("archivist", announced_by=("topic",)))
    lab.world.call(service(alice).listen)
    bob.subscribe(ROLE_TOPIC)
    alice.connect(bob)
    bob.connect(carol)
    wait(lambda: service(alice).known("archivist"))
    assert [peer.name for peer in service(alice).known("archivist")] == ["carol"]
    assert alice.identify(carol).roles == []
    carol.publish(ROLE_TOPIC, b"<script>")
    wait(lambda: lab.events.filter(kind="role.refused", node="alice"))
    assert [peer.name for peer in service(alice).known("archivist")] == ["carol"]


def test_nodes_of_a_role_are_found_by_identify_by_topic_and_by_discovery(
    new_lab: Callable[..., Lab], backend: str
) -> None:
    lab = new_lab(discovery=["dht"])
    alice, bob = lab.start_node("alice"), lab.start_node("bob", role="pinner")
    far = lab.start_node("far", role="worker")
    near = lab.start_node("near", role=Role("pinner2"))
    alice.connect(bob)
    bob.connect(far)
    far.connect(near)

    def told() -> set[str | None]:
        return {event.node for event in lab.events.filter(kind="discovery.advertised")}

    assert lab.run_until(lambda: {"bob", "far"} <= told() and alice.peers()[0].roles == ["pinner"], timeout=20)
    found = {peer.name: peer.found_by for peer in alice.discovery.find(role="worker")}
    assert found["bob"][0] == "identify"
    assert "dht" in found["far"]
    assert "near" not in found
    assert [peer.name for peer in alice.discovery.find(role="pinner", limit=1)] == ["bob"]
    with pytest.raises(ValidationError, match="did you mean"):
        alice.discovery.find(role="pinnr")
    with pytest.raises(ValidationError, match="not both"):
        alice.discovery.find("chess", role="pinner")
    answer = lab.execute_command("discovery_find", node="alice", role="pinner", limit=1)
    assert answer["result"]["peers"][0]["name"] == "bob"


def test_the_table_is_read_as_text_as_rows_and_by_the_command(lab: Lab) -> None:
    lab.start_node("bob", role="pinner")
    before = lab.events.digest()
    assert "pinner" in repr(lab.roles)
    assert "<table" in lab.roles._repr_html_()
    assert lab.roles.aliases["leecher"] == "fetcher"
    assert lab.events.digest() == before
    rows = lab.execute_command("roles")["result"]["roles"]
    assert {row["name"]: row["nodes"] for row in rows}["pinner"] == ["bob"]
    answer = lab.execute_command("start_node", name="zoe", role="master")
    assert answer["success"]
    assert lab["zoe"].role == "bootstrap"
    assert lab.execute_command("set_role", node="zoe", role="pinner")["result"] == {"name": "zoe", "role": "pinner"}
    with pytest.raises(UnknownNodeError):
        lab.roles.of("nobody")


def test_a_wrong_role_starts_nothing(lab: Lab, alice: Node) -> None:
    for wrong in ("pinnr", 5, Role("pinner"), Role):
        with pytest.raises(ValidationError):
            lab.start_node("bob", role=wrong)
    assert "bob" not in lab
    assert alice.running


def test_a_role_stays_over_a_restart(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob", role="fetcher")
    bob.stop()
    bob.restart()
    assert alice.identify(bob).roles == ["fetcher"]
    assert bob.role == "fetcher"
    assert bob.dht.mode == "client"


def test_a_node_relays_from_the_moment_that_it_has_the_role(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob")
    alice.set_role("relay")
    assert bob.identify(alice).roles == ["relay"]
    alice.set_role("pinner")
    assert bob.identify(alice).roles == ["pinner"]
    alice.set_role("relay")
    assert bob.identify(alice).roles == ["relay"]


def test_roles_replay_and_are_written_as_a_script() -> None:
    with Lab(seed=7) as lab:
        carol = lab.start_node("carol", role="fetcher")
        lab.start_node("bob", role=Role("archivist", announced_by=("topic", "identify"))).connect(carol)
        lab.roles.change("fetcher", about="changed")
        carol.set_role("pinner")
        lab.run(70)
        with Lab.replay(lab.history()) as again:
            assert again.events.digest() == lab.events.digest()
            assert again.roles.rows() == lab.roles.rows()
        with Lab.restore(lab.snapshot()) as restored:
            assert restored.roles.rows() == lab.roles.rows()
            assert restored["carol"].role == "pinner"
        text = str(lab.history())
        assert "lab.start_node('carol', role='fetcher')" in text
        assert "lab['carol'].set_role(Role(name='pinner'" in text


def test_the_graph_is_coloured_by_role() -> None:
    with Lab(seed=7) as lab:
        lab.start_node("alice")
        lab.start_node("bob", role="worker")
        graph = lab.graph(colour="role")
        assert graph.content(None)["paint"]["by"] == "role"
        assert "pinner" in graph.svg()


def test_a_bootstrap_node_is_a_rendezvous_point_for_those_who_ask_in_that_way(
    lab: Lab, wait: Callable[[Callable[[], object]], None]
) -> None:
    point = lab.start_node("point", role="bootstrap")
    one, other = (lab.start_node(name, discovery=["rendezvous"]) for name in ("one", "other"))
    assert "/rendezvous/1.0.0" in point.protocols()
    assert "/rendezvous/1.0.0" not in one.protocols()  # the first of those that ask is no point where there is one
    one.discovery.advertise("chess")
    assert [peer.name for peer in other.discovery.find("chess")] == ["one"]
    point.crash()
    wait(lambda: not other.connections())
    point.restart()
    assert [peer.name for peer in other.discovery.find("chess")] == ["one"]
    point.set_role("fetcher")
    assert "/rendezvous/1.0.0" not in point.protocols()
    with pytest.raises(DiscoveryError, match="speaks none of"):
        other.discovery.find("chess")
