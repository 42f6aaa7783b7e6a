"""The remedies of transports and muxers turned off: what runs is the library's own; see ``test_remedies_off``."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from cryptography import x509
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.swarm import Swarm
from libp2p.security.tls.transport import PROTOCOL_ID as TLS_ID
from libp2p.stream_muxer.mplex.mplex import MPLEX_PROTOCOL_ID, Mplex

from p2plab import Lab
from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.pylibp2p.swarm import LabSwarm
from p2plab.real.settings import NodeSettings
from p2plab.real.transports import new_muxers, new_security, quic
from tests.unit.real.without import without

BOTH = pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
KEYS = create_new_key_pair(bytes(32))


def remedies(name: str, on: bool) -> Remedies:
    return Remedies() if on else Remedies.without(name)


@without("a bare TLS certificate")
@BOTH
def test_what_stands_in_a_tls_certificate(on: bool) -> None:
    settings = NodeSettings().with_changes(
        {"security": ["tls"], "remedies": remedies("a bare TLS certificate", on), "key_log": None}
    )
    tls: Any = new_security(settings, KEYS)[TProtocol(TLS_ID)]
    certificate = x509.load_pem_x509_certificate(tls.get_certificate_pem().encode())
    first = next(extension.oid.dotted_string for extension in certificate.extensions)
    assert (first == "1.3.6.1.4.1.53594.1.1") is on  # libp2p's own, by tls/tls.md; js-libp2p reads no other


@without("Mplex both ways")
@BOTH
def test_mplex(on: bool) -> None:
    settings = NodeSettings().with_changes({"muxers": ["mplex"], "remedies": remedies("Mplex both ways", on)})
    assert (new_muxers(settings)[TProtocol(MPLEX_PROTOCOL_ID)] is Mplex) is not on


@without("QUIC streams that wait")
@BOTH
def test_a_quic_streams_patience(on: bool) -> None:
    config: Any = quic.new_quic(KEYS, remedies("QUIC streams that wait", on))._config
    assert (config.STREAM_READ_TIMEOUT == config.STREAM_WRITE_TIMEOUT == math.inf) is on


class Quic(SimpleNamespace):
    """As much of a QUIC connection as a view takes hold of."""

    def __init__(self, closed: list[bool]) -> None:
        inner = SimpleNamespace(
            _write_stream_limits="the library's", _close_begin=None, close=lambda: closed.append(True)
        )
        super().__init__(_quic=inner, _closed=False, _closed_event=trio.Event(), _socket=SimpleNamespace())
        self._owns_socket, self.close, self._handle_connection_terminated = False, None, None
        self.open_stream = "the library's"

    async def _transmit(self) -> None: ...


def view(monkeypatch: pytest.MonkeyPatch, name: str, on: bool, closed: list[bool] | None = None) -> Any:
    monkeypatch.setattr(quic, "_ends", lambda muxed: None)
    return quic.QuicConnectionView(Quic([] if closed is None else closed), remedies(name, on))


@without("QUIC streams in order")
@BOTH
def test_the_order_of_quic_streams(monkeypatch: pytest.MonkeyPatch, on: bool) -> None:
    made = view(monkeypatch, "QUIC streams in order", on)
    assert (made._muxed.open_stream == "the library's") is not on


@without("windows of QUIC streams")
@BOTH
def test_the_windows_of_quic_streams(monkeypatch: pytest.MonkeyPatch, on: bool) -> None:
    made = view(monkeypatch, "windows of QUIC streams", on)
    assert (made._muxed._quic._write_stream_limits == "the library's") is not on


@without("the rest of a QUIC stream")
@BOTH
def test_the_rest_of_a_quic_stream(monkeypatch: pytest.MonkeyPatch, on: bool) -> None:
    assert view(monkeypatch, "the rest of a QUIC stream", on).keeps_ends is on


@without("goodbye for QUIC")
@BOTH
def test_nobody_is_told_that_a_quic_connection_is_over(monkeypatch: pytest.MonkeyPatch, on: bool) -> None:
    told: list[bool] = []
    trio.run(view(monkeypatch, "goodbye for QUIC", on, told).hang_up)
    assert told == [True] * on


@without("private networks")
@BOTH
def test_a_private_networks_cipher(monkeypatch: pytest.MonkeyPatch, on: bool) -> None:
    given: list[object] = []

    async def upgrade(self: Swarm, raw: object, *rest: object) -> None:
        given.append(raw)

    monkeypatch.setattr(Swarm, "upgrade_inbound_raw_conn", upgrade)
    monkeypatch.setattr("p2plab.real.pylibp2p.swarm.protected", lambda raw, network: "protected")
    swarm: Any = LabSwarm.__new__(LabSwarm)
    swarm.remedies, swarm.network = remedies("private networks", on), None
    trio.run(swarm.upgrade_inbound_raw_conn, "raw", None)
    assert given == ["protected" if on else "raw"]


@without("observed addresses")
@BOTH
def test_where_a_peer_was_seen(on: bool) -> None:
    off: dict[str, Any] = {} if on else {"remedies": {"observed addresses": False}}
    with Lab("real", seed=7, transports=["ws"], **off) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        here = alice.connect(bob).local_address
        assert alice.identify(bob).observed_address == (here if on else here.removesuffix("/ws"))
