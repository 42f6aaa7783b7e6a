"""Handshakes with other implementations that once failed, in both directions."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.constants import LAB_KAD_ID
from p2plab.real.connections import lifecycle
from tests.interop.outsider import PATIENCE, Outsider
from tests.interop.provide import HERE, go_node, js_node, missing_go

TCP = ["/ip4/127.0.0.1/tcp/0"]


def meet(command: list[str], security: str, key: str, transport: str = "tcp") -> None:
    """Dial a node of the other implementation, and be dialled by it."""
    listen = TCP if transport == "tcp" else [f"{TCP[0]}/{transport}"]
    theirs = Outsider(command, listen, LAB_KAD_ID, HERE, security=security, key=key)
    try:
        with Lab("real", security=security, transports=[transport]) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            assert theirs.do("dial", address=alice.addresses[0]) == alice.peer_id
            assert lab.run_until(lambda: bool(alice.connections()), timeout=PATIENCE)
            (inbound,) = alice.connections()
            assert (inbound.direction, inbound.security, inbound.peer) == ("inbound", security, theirs.peer_id)
            assert 0 < alice.ping(theirs.peer_id) < PATIENCE
            outbound = bob.connect(theirs.addresses[0])
            assert (outbound.direction, outbound.security, outbound.peer) == ("outbound", security, theirs.peer_id)
            assert 0 < bob.ping(theirs.peer_id) < PATIENCE
    finally:
        theirs.end()


@pytest.mark.parametrize(("security", "transport"), [("noise", "tcp"), ("tls", "tcp"), ("tls", "ws")])
def test_it_dials_and_is_dialled(command: list[str], security: str, transport: str) -> None:
    meet(command, security, "Ed25519", transport)


@pytest.mark.slow
@pytest.mark.parametrize("security", ["noise", "tls"])
def test_a_go_peer_with_an_ecdsa_key_dials_and_is_dialled(
    security: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    missing = missing_go()
    if missing is not None:
        pytest.skip(missing)
    meet(go_node(tmp_path_factory.mktemp("go")), security, "ECDSA")


def test_without_the_remedy_js_takes_no_tls_connection() -> None:
    theirs = Outsider(js_node(), TCP, LAB_KAD_ID, HERE, security="tls")
    try:
        with Lab("real", security="tls", remedies={"a bare TLS certificate": False}) as lab:
            alice = lab.start_node("alice")
            with pytest.raises(AssertionError, match="dial"):
                theirs.do("dial", address=alice.addresses[0])
    finally:
        theirs.end()


@pytest.mark.parametrize("how", ["aborted", "hangs"])
def test_a_js_peer_that_fell_silent_over_a_websocket_with_mplex_is_missed(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "QUIET", 0.3)
    monkeypatch.setattr(lifecycle, "ANSWER", 1.0)
    theirs = Outsider(js_node(), ["/ip4/127.0.0.1/tcp/0/ws"], LAB_KAD_ID, HERE, muxer="mplex")
    try:
        with Lab("real", transports=["ws"], muxers=("mplex",)) as lab:
            alice = lab.start_node("alice")
            alice.connect(theirs.addresses[0])
            lab.run(1)  # pings that are answered
            assert len(alice.connections()) == 1
            if how == "aborted":
                theirs.do("abort")
            else:
                theirs.hang()
            events = lab.events
            assert lab.run_until(lambda: bool(events.filter(kind="connection.closed", node="alice")), timeout=PATIENCE)
            (closed,) = events.filter(kind="connection.closed", node="alice")
            assert (closed.reason, alice.connections()) == ("silent", [])
    finally:
        theirs.end()
