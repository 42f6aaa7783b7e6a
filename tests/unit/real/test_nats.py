"""Real nodes behind simulated NATs, on the in-memory network: what is dropped and why, relays, and hole punching."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.errors import ConfigurationError, DialError, NotInThisWorldError, ValidationError


def new_lab() -> tuple[Lab, list[Node]]:
    """A relay and four more in the open; links take 5 ms."""
    lab = Lab("real", seed=7, transports=["memory"])
    public = [lab.start_node("r", role="relay"), *lab.start_nodes(4)]
    lab.network.set_link(latency=0.005)
    return lab, public


def relayed_addresses(node: Node) -> list[str]:
    return [address for address in node.addresses if "/p2p-circuit" in address]


def outcomes(lab: Lab, *nodes: Node) -> list[str | None]:
    return [event.reason for node in nodes for event in lab.events.filter(kind="dcutr.ended", node=node.name)]


def test_real_nodes_behind_nats_meet_over_a_relay_and_the_rule_that_drops_a_dial_is_named() -> None:
    lab, public = new_lab()
    with lab:
        alice, bob, carol, dave = (lab.start_node(name) for name in ("alice", "bob", "carol", "dave"))
        homes = lab.network.add_nat([alice], "symmetric"), lab.network.add_nat(bob, "port-restricted")
        assert [home.address in alice.addresses[0] for home in homes] == [False, False]
        cone = lab.network.add_nat(carol, "symmetric", upnp=True)
        with pytest.raises(ConfigurationError, match="behind nat3 already"):
            lab.network.add_nat(carol)
        with pytest.raises(ValidationError, match="did you mean 'symmetric'"):
            lab.network.add_nat(dave, "symetric")
        with pytest.raises(DialError, match="private address of another network"):
            dave.connect(bob.addresses[0])
        assert cone.address in carol.addresses[1]
        direct = dave.connect(carol.addresses[1])
        assert (direct.relayed, direct.transport) == (False, "memory")
        assert direct.remote_address.startswith(f"/ip4/{cone.address}/memory/")

        expected = lab.reachability()
        assert {expected[dave, one].how for one in (alice, bob)} == {"reversed"}
        assert expected[alice, bob].how == "relayed"
        assert expected[dave, carol].how == "direct"

        for node in (alice, bob):
            for other in public:
                node.connect(other)
        assert lab.run_until(lambda: bool(relayed_addresses(alice) and relayed_addresses(bob)), timeout=20)
        assert bob.nat.relays == ("r",)
        assert lab.run_until(lambda: bob.nat.observed != (), timeout=20)
        assert (bob.nat.mapping, alice.nat.mapping) == ("endpoint-independent", "endpoint-dependent")
        assert homes[1].address in bob.nat.observed[0]
        seen_at = public[1].connections(alice)[0].remote_address
        assert homes[0].address in seen_at

        with pytest.raises(DialError) as caught:
            dave.connect(f"{bob.nat.observed[0]}/p2p/{bob.peer_id}", timeout=1.5)
        assert "address- and port-dependent filtering" in str(lab.why(caught.value))

        connection = dave.connect(relayed_addresses(bob)[0])
        assert connection.relayed
        assert dave.ping(bob) > 0
        assert lab.run_until(lambda: outcomes(lab, bob) == ["CONNECTION_REVERSED"], timeout=20)
        assert lab.run_until(lambda: [one.relayed for one in dave.connections(bob)] == [False], timeout=20)

        erin = lab.start_node("erin")
        lab.network.add_nat(erin, "port-restricted", tcp_timeout=2)
        erin.connect(public[1])
        lab.run(4)  # which is longer than erin's box keeps the mapping of an idle connection
        with pytest.raises(ConfigurationError, match="has connections"):
            homes[1].remove()
        news = public[1].subscribe("news")
        assert lab.run_until(lambda: bool(lab.events.filter(kind="nat.dropped", reason="mapping expired")), timeout=20)
        assert news.topic == "news"
        assert lab.events.filter(kind="error") == []


@pytest.mark.slow
def test_punching_comes_out_in_the_real_world_as_the_matrix_has_it() -> None:
    lab, public = new_lab()
    with lab:
        pairs: list[tuple[Node, Node, str]] = []
        for number, (one, other, outcome) in enumerate(
            [
                ("port-restricted", "port-restricted", "SUCCESS"),
                ("symmetric", "restricted", "SUCCESS"),
                ("symmetric", "port-restricted", "FAILED"),
            ]
        ):
            a, b = lab.start_node(f"a{number}"), lab.start_node(f"b{number}")
            lab.network.add_nat(a, one)
            lab.network.add_nat(b, other)
            pairs.append((a, b, outcome))
        expected = lab.reachability()
        assert [expected[a, b].how for a, b, _ in pairs] == ["punched", "punched", "relayed"]
        for a, b, _ in pairs:
            for node in (a, b):
                for known in public:
                    node.connect(known)

        def settled(node: Node) -> bool:
            return (bool(relayed_addresses(node)) and node.nat.public is not None) or node.nat.mapping is not None

        assert lab.run_until(lambda: all(settled(node) for a, b, _ in pairs for node in (a, b)), timeout=30)
        for a, b, _ in pairs:
            assert a.connect(relayed_addresses(b)[0]).relayed
        assert lab.run_until(lambda: all(outcomes(lab, b) for _, b, _ in pairs), timeout=60)
        assert [outcomes(lab, b) for _, b, _ in pairs] == [[outcome] for _, _, outcome in pairs]
        for a, b, outcome in pairs:
            wanted = [outcome == "FAILED"]
            assert lab.run_until(lambda: [one.relayed for one in a.connections(b)] == wanted, timeout=10)  # noqa: B023
            assert a.ping(b) > 0
        assert lab.events.filter(kind="error") == []


@pytest.mark.slow
def test_the_page_s_twenty_lines_show_two_real_nodes_meeting(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[3] / "p2plab/nat/REACHABILITY.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if '"real"' in block]
    names: dict[str, Any] = {}
    try:
        exec(block, names)
    finally:
        names["lab"].close()
    said = capsys.readouterr().out.splitlines()
    told = [line.partition("# ")[2] for line in block.splitlines() if line.startswith("print(")]
    assert [line.split(": ")[0] for line in said] == [line.split(": ")[0] for line in told]
    assert said[-1] == told[-1]


def test_trying_comes_out_as_was_predicted() -> None:
    with Lab("real", seed=7, transports=["memory"]) as lab:
        names = [lab.start_node("r", role="relay").name, lab.start_node("dave").name, lab.start_node("carol").name]
        lab.network.add_nat("carol", "symmetric", upnp=True)
        predicted, tried = lab.reachability(), lab.reachability(attempt=True)
        assert tried.tried
        pairs = [(a, b) for a in names for b in names if a != b]
        assert {pair: tried[pair].how for pair in pairs} == {pair: predicted[pair].how for pair in pairs}
        assert predicted.counts() == {"direct": 6}
        lab.network.partition(["carol"], ["r", "dave"])
        assert lab.reachability()["dave", "carol"].how == "no"


def test_boxes_are_in_memory_alone(lab: Lab) -> None:
    lab.start_node("alice")
    lab.start_node("bob")
    assert lab.reachability()["alice", "bob"].how == "unknown"
    assert lab.reachability(attempt=True)["alice", "bob"].how == "direct"
    with pytest.raises(NotInThisWorldError, match='transports=\\["memory"\\]'):
        lab.network.add_nat("alice")
    with pytest.raises(ValidationError, match="at least one"):
        lab.network.add_nat([])
    assert "memory" not in lab["alice"].addresses[0]
