"""py-libp2p's Bitswap in a node of the lab: what it fetches, and whom it serves."""

from __future__ import annotations

import random

import pytest

from p2plab import Lab
from p2plab.errors import ContentError, LabError, ValidationError
from p2plab.real.pylibp2p_bitswap import exchange

pytestmark = pytest.mark.real


def test_py_libp2ps_bitswap_fetches_and_serves_its_own_kind_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PATIENCE", 1.0)
    data = random.Random(1).randbytes(1_500_000)
    with Lab("real", seed=7) as lab:
        alice = lab.start_node("alice")
        bob, carol = (lab.start_node(name, bitswap="libp2p") for name in ("bob", "carol"))
        alice.connect(bob)
        bob.connect(carol)
        cid = alice.content.add(data, profile="unixfs-v0-2015")
        fetched = bob.content.fetch(cid)
        assert (fetched.blocks, [share.peer.name for share in fetched.by]) == (7, ["alice"])
        assert [step.answer for step in fetched.path] == ["block"] * 7
        assert bob.content.cat(cid) == data
        alice.stop()
        assert [share.peer.name for share in carol.content.fetch(cid).by] == ["bob"]
        assert carol.content.cat(cid, offset=1_000_000, length=5) == data[1_000_000:1_000_005]
        assert carol.content.ledgers() == []
        with pytest.raises(ContentError, match="of 1 connected peer with Bitswap, and looks for no others"):
            carol.content.fetch("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
        dave = lab.start_node("dave")  # with p2plab's core, as boxo and helia: what answers must open a stream
        dave.connect(bob)
        with pytest.raises((LabError, TimeoutError)):
            dave.content.fetch(cid, timeout=2)
        assert len(dave.content.blocks) == 0
        assert lab.events.filter(kind="error") == []
        with pytest.raises(ValidationError, match="'p2plab', the core that mock nodes have, or 'libp2p'"):
            lab.start_node("erin", bitswap="boxo")
