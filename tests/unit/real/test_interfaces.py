"""Addresses that stand for others: all interfaces, and names."""

from __future__ import annotations

import base64
import ipaddress

import pytest

from p2plab import Lab
from p2plab.errors import DialError
from p2plab.identity.address import parse_address
from p2plab.identity.keys import peer_id_bytes
from p2plab.real.connections.interfaces import expanded

LIBP2P_KEY = 0x72


def cid_text(peer_id: str, base: str) -> str:
    """A peer id as a CIDv1 (libp2p/specs peer-ids, "String representation")."""
    cid = bytes((1, LIBP2P_KEY)) + peer_id_bytes(peer_id)
    if base == "b":
        return "b" + base64.b32encode(cid).decode().lower().rstrip("=")
    number, digits = int.from_bytes(cid, "big"), ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return "k" + digits


def test_a_node_at_all_interfaces_tells_addresses_that_one_can_dial(lab: Lab) -> None:
    alice = lab.start_node("alice", listen="/ip4/0.0.0.0/tcp/0")
    ips = [ipaddress.ip_address(str(parse_address(address).ip)) for address in alice.addresses]
    assert ipaddress.ip_address("127.0.0.1") in ips
    assert not [ip for ip in ips if ip.is_unspecified or ip.is_link_local]
    bob = lab.start_node("bob")
    assert bob.connect(alice).peer == alice.peer_id
    said = bob.identify(alice).addresses
    assert said
    assert not [address for address in said if "/0.0.0.0/" in address]


def test_all_interfaces_of_either_family_become_each_of_them() -> None:
    for text, loopback in (("/ip4/0.0.0.0/tcp/4001", "/ip4/127.0.0.1/tcp/4001"), ("/ip6/::/tcp/1", "/ip6/::1/tcp/1")):
        assert loopback in expanded([text])
        assert text not in expanded([text])
    assert expanded(["/ip4/10.0.0.1/tcp/1/ws"]) == ["/ip4/10.0.0.1/tcp/1/ws"]


def test_an_address_of_all_interfaces_cannot_be_dialled_and_says_so(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    port = parse_address(alice.addresses[0]).port
    with pytest.raises(DialError, match=r"0\.0\.0\.0 stands for all interfaces .* is no address one can dial"):
        bob.connect(f"/ip4/0.0.0.0/tcp/{port}/p2p/{alice.peer_id}")


@pytest.mark.parametrize("kind", ["dns", "dns4"])
def test_a_name_is_resolved(lab: Lab, kind: str) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    port = parse_address(alice.addresses[0]).port
    assert bob.connect(f"/{kind}/localhost/tcp/{port}/p2p/{alice.peer_id}").peer == alice.peer_id


def test_a_name_that_there_is_not_is_named(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    with pytest.raises(DialError, match=r"name not found: nobody\.invalid"):
        bob.connect(f"/dns4/nobody.invalid/tcp/1/p2p/{alice.peer_id}")


@pytest.mark.parametrize("base", ["b", "k"])
def test_a_peer_id_as_a_cid_is_taken(lab: Lab, base: str) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    text = cid_text(alice.peer_id, base)
    assert text.startswith({"b": "baf", "k": "k51"}[base])
    bob.register_peer(text, alice.addresses)
    assert bob.connect(text).peer == alice.peer_id
    assert bob.ping(text) > 0
