"""mDNS is off, is refused where nothing may multicast, and reaches py-libp2p by argument. Nothing here multicasts:
py-libp2p's own is replaced before any node asks for it."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from libp2p.discovery.events.peerDiscovery import peerDiscovery
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from multiaddr import Multiaddr

from p2plab import Lab
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.identity.keys import Identity
from p2plab.real.outside.mdns import FORBIDDEN

STRANGER = Identity.derive(99, "stranger").peer_id


class StandIn:
    """What py-libp2p makes of ``enable_mDNS``, without its sockets."""

    made: ClassVar[list[StandIn]] = []

    def __init__(self, swarm: Any, host: Any) -> None:
        self.peer_id = str(swarm.get_peer_id())
        self.host = host
        self.calls: list[str] = []
        self.made.append(self)

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> list[StandIn]:
    monkeypatch.setattr("libp2p.host.basic_host.create_mdns_discovery", StandIn)
    StandIn.made = []
    return StandIn.made


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FORBIDDEN)


@pytest.mark.usefixtures("allowed")
def test_it_is_off(lab: Lab, made: list[StandIn]) -> None:
    lab.start_node("alice")
    assert made == []


def test_it_is_refused_where_nothing_may_multicast_as_in_these_tests(lab: Lab, made: list[StandIn]) -> None:
    with pytest.raises(ConfigurationError, match=FORBIDDEN):
        lab.start_node("alice", mdns=True)
    with pytest.raises(ConfigurationError, match=FORBIDDEN):
        Lab("real", mdns=True)
    assert made == []
    assert lab.nodes == []


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("value", [1, "yes", None])
def test_it_takes_nothing_but_true_and_false(lab: Lab, value: object) -> None:
    with pytest.raises(ValidationError, match="mdns"):
        lab.start_node("alice", mdns=value)


@pytest.mark.usefixtures("allowed")
def test_asked_for_it_is_py_libp2ps_own_for_that_node_alone(lab: Lab, made: list[StandIn]) -> None:
    alice = lab.start_node("alice", mdns=True)
    lab.start_node("bob")
    (one,) = made
    assert (one.peer_id, one.calls) == (alice.peer_id, ["start"])
    alice.stop()
    assert one.calls == ["start", "stop"]


@pytest.mark.usefixtures("allowed")
def test_who_is_found_is_an_event(lab: Lab) -> None:
    lab.start_node("alice", mdns=True)
    for _ in range(3):
        peerDiscovery.emit_peer_discovered(PeerInfo(ID.from_string(STRANGER), [Multiaddr("/ip4/192.0.2.1/tcp/4001")]))
    assert lab.run_until(lambda: lab.events.filter(kind="mdns.found"), timeout=20)
    (found,) = lab.events.filter(kind="mdns.found")
    assert (found.peer, found.data) == (STRANGER, {"addresses": ["/ip4/192.0.2.1/tcp/4001"]})
    lab.close()
    peerDiscovery.emit_peer_discovered(PeerInfo(ID.from_string(STRANGER), []))  # nobody listens any more
