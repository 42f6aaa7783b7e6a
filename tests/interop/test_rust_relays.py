"""Relays exchanged with rust-libp2p: ours carries it as target and as source, its carries what two of ours say; and
hole punching."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.identity.address import parse_address
from tests.interop.provide import missing_cargo, rust_node
from tests.interop.test_relays import answer_hole_punches, begin_hole_punch, relayed
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


def test_hole_punching_is_agreed_with_rust_whichever_begins() -> None:
    """On the loopback only the end that is told SYNC gets through: the other one dials as if it were dialled."""
    missing = missing_cargo()
    if missing is not None:
        pytest.skip(missing)
    theirs = RustPeer([*rust_node(), "dcutr"])
    try:
        with Lab("real", seed=7, nat="p2plab") as lab:
            r, alice, bob = lab.start_node("r", role="relay"), lab.start_node("alice"), lab.start_node("bob")
            over = f"{r.addresses[0]}/p2p-circuit"
            assert theirs.ask("listen", over) == f"reserved {r.peer_id}"
            told: list[tuple[str, ...]] = []
            answer_hole_punches(alice, told, parse_address(alice.addresses[0]).base)
            assert alice.connect(f"{over}/p2p/{theirs.peer_id}").relayed
            assert lab.run_until(lambda: bool(told), timeout=PATIENCE)

            bob.connect(r)
            assert lab.run_until(lambda: bob.nat.relays == ("r",), timeout=PATIENCE)
            said = theirs.ask("ping", f"{over}/p2p/{bob.peer_id}")
            while said != f"pinged {bob.peer_id}":  # before it, that its dial of alice came to nothing
                said = theirs.says()
            begin_hole_punch(bob, theirs.peer_id, parse_address(bob.addresses[0]).base)
            assert lab.run_until(lambda: False in relayed(bob, theirs.peer_id), timeout=PATIENCE)
            assert lab.events.filter(kind="error") == []
    finally:
        theirs.end()
