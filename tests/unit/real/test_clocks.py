"""A lab that has been open for long, a laptop that slept, a clock that was set: none ends anything."""

from __future__ import annotations

import time

import pytest

from p2plab import Lab
from p2plab.kademlia import DhtParams


@pytest.mark.parametrize("dht", ["libp2p", DhtParams()], ids=["libp2p", "p2plab"])
@pytest.mark.parametrize("jump", [3 * 3600.0 + 60, 90 * 86400.0, -86_000.0], ids=["3 hours", "90 days", "backwards"])
def test_the_first_use_of_the_dht_may_come_late(monkeypatch: pytest.MonkeyPatch, dht: object, jump: float) -> None:
    with Lab("real", seed=1, dht=dht) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)
        alice.ping(bob)
        wall = time.time
        monkeypatch.setattr(time, "time", lambda: wall() + jump)
        alice.dht.put("/lab/x", b"v")
        assert bob.dht.get("/lab/x").value == b"v"
        assert bob.dht.find_peer(alice).peer is not None
        assert [peer.name for peer in alice.known_peers()] == ["bob"]
        alice.disconnect(bob)
        assert alice.connect(bob).peer == bob.peer_id
        assert not lab.events.filter(kind="error")
