"""Addresses: with the multiaddr package, and the same without it."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import AddressError
from p2plab.identity import plain_multiaddr
from p2plab.identity.address import address_from_bytes, parse_address, well_formed

PEER = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
RELAY = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"


@pytest.fixture(params=["multiaddr", "plain"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs with the package and, as in a browser kernel, without."""
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "multiaddr", None)


@pytest.mark.usefixtures("parser")
class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "ip", "port", "transport"),
        [
            ("/ip4/127.0.0.1/tcp/4001", "127.0.0.1", 4001, "tcp"),
            ("/ip6/::1/tcp/80/ws", "::1", 80, "ws"),
            ("/ip4/1.2.3.4/tcp/443/tls/ws", "1.2.3.4", 443, "wss"),
            ("/ip4/1.2.3.4/udp/4001/quic-v1", "1.2.3.4", 4001, "quic-v1"),
            ("/ip4/1.2.3.4/udp/4001/quic-v1/webtransport", "1.2.3.4", 4001, "webtransport"),
            ("/ip4/1.2.3.4/udp/9090/webrtc-direct", "1.2.3.4", 9090, "webrtc-direct"),
            ("/ip4/1.2.3.4", "1.2.3.4", None, None),
            ("/memory/7", None, None, "memory"),
            (f"/ip4/1.2.3.4/tcp/9/p2p/{RELAY}/p2p-circuit", "1.2.3.4", 9, "p2p-circuit"),
        ],
    )
    def test_an_address_is_taken_apart(
        self, text: str, ip: str | None, port: int | None, transport: str | None
    ) -> None:
        address = parse_address(f"{text}/p2p/{PEER}")
        assert (address.ip, address.port, address.transport, address.peer_id) == (ip, port, transport, PEER)
        assert (address.base, str(address)) == (text, f"{text}/p2p/{PEER}")
        assert parse_address(text).peer_id is None
        assert address_from_bytes(address.to_bytes()) == address

    def test_a_name_is_a_host_and_not_an_ip(self) -> None:
        address = parse_address("/dns4/example.org/tcp/443/wss")
        assert (address.host, address.ip, address.transport) == ("example.org", None, "wss")

    def test_a_relays_id_is_not_the_peers(self) -> None:
        address = parse_address(f"/ip4/1.2.3.4/tcp/9/p2p/{RELAY}/p2p-circuit/p2p/{PEER}")
        assert address.relayed
        assert address.peer_id == PEER
        assert RELAY in address.base

    def test_the_peer_at_the_end_can_be_replaced(self) -> None:
        address = parse_address("/ip4/1.2.3.4/tcp/1")
        assert str(address.with_peer(PEER)) == f"/ip4/1.2.3.4/tcp/1/p2p/{PEER}"
        assert address.with_peer(PEER).with_peer(None) == address

    def test_a_peer_id_in_cid_form_becomes_base58(self) -> None:
        text = "/ip4/1.2.3.4/tcp/9/p2p/bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe"
        assert parse_address(text).peer_id == RELAY

    @pytest.mark.parametrize(
        "text",
        [
            "", "/", "alice", "ip4/1.2.3.4", "/ip4/1.2.3/tcp/1", "/ip4/1.2.3.4/tcp", "/ip4/1.2.3.4/tcp/70000",
            "/ip4/1.2.3.4/tcp/-1", "/foo/1", "/ip4/1.2.3.4/tcp/1/p2p/xyz", "/ip6/1.2.3.4/tcp/1", "/ip4//tcp/1",
            "<img src=x onerror=alert(1)>",
        ],
    )  # fmt: skip
    def test_text_that_is_no_address_is_refused_with_the_text(self, text: str) -> None:
        with pytest.raises(AddressError) as caught:
            parse_address(text)
        assert repr(text) in str(caught.value)

    def test_endless_text_is_refused_by_its_length(self) -> None:
        with pytest.raises(AddressError, match="characters"):
            parse_address("/ip4/1.2.3.4" * 1000)

    def test_what_is_not_text_is_refused(self) -> None:
        with pytest.raises(AddressError, match="not None"):
            parse_address(None)  # type: ignore[arg-type]

    @pytest.mark.parametrize("data", [b"\x04\x01", b"\xff" * 20, b"\x06\x00", b"\x91\x02", b"x" * 2000])
    def test_bytes_that_are_no_address_are_refused(self, data: bytes) -> None:
        with pytest.raises(AddressError):
            address_from_bytes(data)


@given(st.binary(max_size=40))
def test_any_bytes_give_an_address_or_an_address_error(data: bytes) -> None:
    try:
        address = address_from_bytes(data)
    except AddressError:
        return
    assert parse_address(str(address)) == address


@given(
    st.ip_addresses(),
    st.integers(0, 65535),
    st.sampled_from(["tcp/{}", "tcp/{}/ws", "udp/{}/quic-v1", "tcp/{}/tls/sni/a.b/ws", "udp/{}/quic-v1/webtransport"]),
    st.sampled_from(["", f"/p2p/{PEER}", f"/p2p/{RELAY}/p2p-circuit/p2p/{PEER}"]),
)
def test_the_plain_parser_agrees_with_the_package(ip: object, port: int, rest: str, end: str) -> None:
    from multiaddr import Multiaddr

    text = f"/{'ip6' if ':' in str(ip) else 'ip4'}/{ip}/{rest.format(port)}{end}"
    theirs = Multiaddr(text)
    assert plain_multiaddr.split(text) == [(protocol.name, value) for protocol, value in theirs.items()]
    assert plain_multiaddr.encode(text) == theirs.to_bytes()
    assert plain_multiaddr.decode(theirs.to_bytes()) == str(theirs)


# What multiaddr 0.2 reads and cannot write again, or writes as another address; the codes are multicodec's table's.
STRANGE = {
    "unix": b"\x90\x03\x08/tmp/p2p",
    "unix with a zero": b"\x90\x03\x04/a\x00b",
    "a zone": b"\x2a\x01x\x29" + bytes(15) + b"\x01\x06\x0f\xa1",
    "unix after tcp": b"\x04\x7f\x00\x00\x01\x06\x0f\xa1\x90\x03\x02/a",
}


@pytest.mark.parametrize("data", STRANGE.values(), ids=STRANGE)
def test_an_address_that_cannot_be_written_again_is_an_address_error(data: bytes) -> None:
    with pytest.raises(AddressError, match="is not an address in binary"):
        address_from_bytes(data)


@pytest.mark.parametrize("text", ["/unix/tmp/p2pd.sock", "/unix/%2Ftmp%2Fx", "/ip4/1.2.3.4/tcp/1/unix/a/b"])
def test_text_that_would_be_written_otherwise_is_refused_with_what_was_typed(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert str(caught.value).startswith(repr(text))


def test_one_strange_address_does_not_spoil_a_message() -> None:
    from p2plab.kademlia.messages import _read_addresses
    from p2plab.protocols.identify import decode_identify, identify_class
    from p2plab.typing import PeerId

    good = parse_address("/ip4/127.0.0.1/tcp/4001")
    for strange in STRANGE.values():
        both = [strange, good.to_bytes(), strange]
        said = identify_class()(listenAddrs=both, observedAddr=strange).SerializeToString()
        identified = decode_identify(said, PeerId(PEER))
        assert (identified.addresses, identified.observed) == ((str(good),), None)
        assert _read_addresses(both) == (str(good),)


def test_addresses_of_another_library_that_cannot_be_read_are_left_out() -> None:
    from multiaddr import Multiaddr

    assert well_formed([Multiaddr("/unix/tmp/x"), Multiaddr(b"\xff\xff"), Multiaddr("/memory/1")]) == ["/memory/1"]
