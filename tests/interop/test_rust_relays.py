"""Relays exchanged with rust-libp2p: ours carries it as target and as source, its carries what two of ours say."""

from __future__ import annotations

import pytest

from p2plab import Lab
from tests.interop.provide import missing_cargo, rust_node
from tests.interop.test_rust_rendezvous import PATIENCE, RustPeer

pytestmark = [pytest.mark.rust, pytest.mark.real]


def test_rust_is_target_and_source_of_circuits_over_ours_and_relays_for_ours() -> None:
    missing = missing_cargo()
    if missing is not None:
        pytest.skip(missing)
    theirs = RustPeer(rust_node())
    try:
        with Lab("real", seed=7, nat="p2plab") as lab:
            r, alice, bob = lab.start_node("r", role="relay"), lab.start_node("alice"), lab.start_node("bob")
            over = f"{r.addresses[0]}/p2p-circuit"
            assert theirs.ask("listen", over) == f"reserved {r.peer_id}"
            connection = alice.connect(f"{over}/p2p/{theirs.peer_id}")
            assert (connection.relayed, connection.limited) == (True, True)
            assert alice.ping(theirs.peer_id) > 0

            bob.connect(r)
            assert lab.run_until(lambda: bob.nat.relays == ("r",), timeout=PATIENCE)
            assert theirs.ask("ping", f"{over}/p2p/{bob.peer_id}") == f"pinged {bob.peer_id}"
            assert [one.relayed for one in bob.connections(theirs.peer_id)] == [True]

            carol = lab.start_node("carol")
            carol.connect(theirs.address)
            through = f"{theirs.address}/p2p-circuit/p2p/{carol.peer_id}"
            assert lab.run_until(lambda: through in carol.addresses, timeout=PATIENCE)
            assert alice.connect(through).relayed
            assert alice.ping(carol) > 0
            assert lab.events.filter(kind="error") == []
    finally:
        theirs.end()
