"""The inspector finds the frame that carried an event of Bitswap, a relay or a punch, and names its fields."""

from __future__ import annotations

import itertools
from typing import Any

from p2plab import Lab


def fields_of(lab: Lab, view: Any, kind: str) -> dict[str, str]:
    """The fields of the bytes that the inspector shows of the last event of a kind, by name."""
    lab.cursor.selection = {"kind": "event", "id": lab.events.filter(kind=kind)[-1].seq}
    card = view.cards(None)[-1]
    assert card["kind"] == "hex", card
    return {name: value for _, _, _, name, value in card["fields"]}


def watching(lab: Lab) -> Any:
    """An inspector that somebody sees, so that it records."""
    view = lab.views.inspector()
    view.seen.hear({"places": 1, "page": "a page"})
    view.publish()
    return view


def test_bitswap_s_wants_and_blocks() -> None:
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        cid = alice.content.add(b"hello, bitswap")
        bob.content.add(b"something else")
        alice.connect(bob)
        lab.run(2)
        view = watching(lab)
        assert bob.content.cat(cid) == b"hello, bitswap"
        wanted = fields_of(lab, view, "bitswap.want")
        assert wanted["block"].startswith(cid.to_bytes().hex())
        came = fields_of(lab, view, "bitswap.block")
        assert came["data"] == "“hello, bitswap”"
        assert cid.to_bytes().hex().startswith(came["prefix"])
        assert fields_of(lab, view, "bitswap.have")["cid"] == cid.to_bytes().hex()
        view.close()


def test_a_relay_s_answers_and_a_punch_s_exchange() -> None:
    with Lab(seed=7) as lab:
        public = [lab.start_node("r", role="relay"), *lab.start_nodes(4)]
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        lab.network.add_nat(alice, "port-restricted")
        lab.network.add_nat(bob, "restricted")
        view = watching(lab)
        for node, other in itertools.product((alice, bob), public):
            node.connect(other)
        lab.run(30)
        alice.connect(bob)
        lab.run(2)
        reserved = fields_of(lab, view, "relay.reserved")
        assert {"HopMessage", "reservation", "expire"} <= set(reserved)
        assert reserved["status"] == "100"  # OK
        assert "HolePunch" in fields_of(lab, view, "dcutr.exchanged")
        view.close()
