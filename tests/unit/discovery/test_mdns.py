"""mDNS: its packets byte by byte, and as another library reads them; nodes on simulated segments."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from p2plab import Lab
from p2plab.constants import TICKS_PER_SECOND
from p2plab.discovery.mdns.core import Mdns
from p2plab.discovery.mdns.packets import (
    META,
    SERVICE,
    DnsQuestion,
    DnsRecord,
    Packet,
    decode_packet,
    encode_packet,
    meta_response,
    peer_addresses,
    query,
    response,
    service_of,
)
from p2plab.errors import ConfigurationError, NotInThisWorldError, ProtocolViolation, ValidationError
from p2plab.identity.keys import Identity

ALICE, BOB = Identity.derive(1, "alice").peer_id, Identity.derive(1, "bob").peer_id
WHERE = f"/ip4/10.0.0.1/tcp/4001/p2p/{ALICE}"
NAME = "abcdefghijklmnopqrstuvwxyz012345"


def labels(*names: str) -> bytes:
    return b"".join(bytes([len(name)]) + name.encode() for name in names) + b"\0"


def test_a_query_has_the_bytes_that_the_spec_and_rust_libp2p_give_it() -> None:
    # A header of one question, the name, PTR, IN: RFC 1035, section 4.1, written out by hand.
    header = bytes.fromhex("abcd" + "0000" + "0001" + "0000" + "0000" + "0000")
    assert query(id=0xABCD) == header + b"\x04_p2p\x04_udp\x05local\x00" + bytes.fromhex("000c0001")


def test_a_response_has_the_bytes_that_the_spec_and_rust_libp2p_give_it() -> None:
    text = f"dnsaddr={WHERE}".encode()
    whole = labels(NAME, "_p2p", "_udp", "local")
    expected = bytes.fromhex("0000" + "8400" + "0000" + "0001" + "0000" + "0001")
    expected += labels("_p2p", "_udp", "local") + struct.pack("!HHIH", 12, 1, 360, len(whole)) + whole
    expected += whole + struct.pack("!HHIH", 16, 0x8001, 360, len(text) + 1) + bytes([len(text)]) + text
    assert response(NAME, [WHERE], 360) == expected


def test_another_library_reads_what_is_written_here() -> None:
    message: Any = pytest.importorskip("dns.message")
    read = message.from_wire(response(NAME, [WHERE, f"/ip6/::1/udp/1/quic-v1/p2p/{ALICE}"], 360))
    assert read.answer[0].to_text() == f"_p2p._udp.local. 360 IN PTR {NAME}._p2p._udp.local."
    strings = read.additional[0][0].strings
    assert strings == (f"dnsaddr={WHERE}".encode(), f"dnsaddr=/ip6/::1/udp/1/quic-v1/p2p/{ALICE}".encode())
    assert message.from_wire(query()).question[0].to_text() == "_p2p._udp.local. IN PTR"
    told = message.from_wire(meta_response(360)).answer[0].to_text()
    assert told == "_services._dns-sd._udp.local. 360 IN PTR _p2p._udp.local."


def test_what_another_library_writes_with_compressed_names_is_read_here() -> None:
    message: Any = pytest.importorskip("dns.message")
    import dns.flags
    import dns.rrset

    written = message.Message(id=0)
    written.flags = dns.flags.QR | dns.flags.AA
    written.answer.append(dns.rrset.from_text("_p2p._udp.local.", 120, "IN", "PTR", f"{NAME}._p2p._udp.local."))
    texts = f'"dnsaddr={WHERE}" "other=1" "dnsaddr=/ip4/10.0.0.1/tcp/1"'
    written.additional.append(dns.rrset.from_text(f"{NAME}._p2p._udp.local.", 120, "IN", "TXT", texts))
    written.additional.append(dns.rrset.from_text(f"{NAME}._p2p._udp.local.", 120, "IN", "SRV", "0 0 4001 host.local."))
    wire = written.to_wire()
    assert len(wire) < len(encode_packet(decode_packet(wire))), "its names are compressed"
    assert peer_addresses(decode_packet(wire)) == [(WHERE, 120)]


def test_addresses_that_do_not_fit_are_left_out_and_a_private_network_has_a_name_of_its_own() -> None:
    long = f"/dns4/{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}/tcp/4001/p2p/{ALICE}"
    assert peer_addresses(decode_packet(response(NAME, [long, WHERE], 60))) == [(WHERE, 60)]
    many = [f"/ip4/10.0.{number // 250}.{number % 250}/tcp/4001/p2p/{ALICE}" for number in range(300)]
    packet = response(NAME, many, 60)
    assert len(packet) <= 9_000
    assert 90 < len(peer_addresses(decode_packet(packet))) < 300
    private = service_of("e7d2f4c1a09b8877")
    assert private == "_p2p-e7d2f4c1a09b8877._udp.local"
    assert peer_addresses(decode_packet(response(NAME, [WHERE], 60, private)), private) == [(WHERE, 60)]
    assert peer_addresses(decode_packet(response(NAME, [WHERE], 60, private))) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        query()[:-1],
        query() + b"\0",
        response(NAME, [WHERE], 360)[:-3],
        bytes.fromhex("000000000001000000000000" + "c00c" + "000c0001"),  # a name that points at itself
        bytes.fromhex("000000000001000000000000" + "c0ff" + "000c0001"),  # and one that points outside
        bytes.fromhex("0000000000010000000000004161" + "00000c0001"),  # a label of an unknown kind
        bytes.fromhex("00000000ffffffff00000000"),
        bytes(9_001),
    ],
)
def test_what_is_no_message_is_a_violation(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode_packet(data)


def test_random_bytes_are_refused_or_read_and_nothing_else() -> None:
    draws, whole = random.Random(3), response(NAME, [WHERE], 360)
    for _ in range(2_000):
        data = bytearray(whole)
        for _ in range(draws.randrange(1, 6)):
            data[draws.randrange(len(data))] = draws.randrange(256)
        try:
            peer_addresses(decode_packet(bytes(data)))
        except ProtocolViolation:
            continue


def test_a_name_that_no_message_can_hold_is_refused() -> None:
    for record in (DnsRecord("", 12, 1, 0, target="x"), DnsRecord("x", 16, 1, 0, strings=(b"x" * 256,))):
        with pytest.raises(ProtocolViolation):
            encode_packet(Packet(answers=(record,)))


def test_a_node_answers_questions_for_its_service_its_own_too_and_for_the_list_of_services() -> None:
    node = Mdns(ALICE, random.Random(1))
    assert 32 <= len(node.name) <= 63
    assert str(ALICE) not in node.name
    reply = node.heard(node.ask(), [WHERE], 0).reply
    assert reply == node.announcement([WHERE])
    assert node.heard(reply, [WHERE], 0).found == [], "it is no peer of its own"
    asked = encode_packet(Packet(questions=(DnsQuestion(META, 12),)))
    assert node.heard(asked, [WHERE], 0).reply == meta_response(360)
    assert node.heard(encode_packet(Packet(questions=(DnsQuestion("_http._tcp.local", 12),))), [WHERE], 0).reply is None


def test_peers_are_known_until_their_ttl_or_a_goodbye() -> None:
    node = Mdns(BOB, random.Random(1))
    heard = node.heard(response(NAME, [WHERE], 60), [], 0)
    assert [(one.peer_id, one.addresses) for one in heard.found] == [(ALICE, ("/ip4/10.0.0.1/tcp/4001",))]
    assert len(node.known(60 * TICKS_PER_SECOND - 1)) == 1
    assert node.known(60 * TICKS_PER_SECOND) == []
    node.heard(response(NAME, [WHERE], 60), [], 0)
    assert node.heard(response(NAME, [WHERE], 0), [], 0).gone == [ALICE]
    assert node.known(0) == []


def test_questions_come_at_growing_intervals_up_to_five_minutes() -> None:
    node, pauses = Mdns(BOB, random.Random(1)), []
    for _ in range(14):
        assert node.ask() == query()
        pauses.append(node.pause)
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == 300.0


def test_nodes_on_a_segment_find_each_other_and_nobody_else() -> None:
    with Lab(seed=7, discovery=["mdns"]) as lab:
        nodes = lab.start_nodes(8)
        lab.network.segment(nodes[:4], "office")
        lab.network.segment(nodes[4:7], "home")
        lab.run(30)
        for group in (nodes[:4], nodes[4:7], nodes[7:]):
            others = {node.name for node in group}
            for node in group:
                assert {peer.name for peer in node.discovery.find()} == others - {node.name}
        inside = {(a, b) for a, b in lab.edges()}
        assert all((int(a[1:]) < 4) == (int(b[1:]) < 4) for a, b in inside)
        assert ("n0", "n3") in inside
        assert nodes[0].discovery.found_by("n1") == ("mdns",)
        opened = lab.events.filter(kind="connection.opened", node="n1")[0]
        kinds = [event.kind for event in lab.why(opened)]
        assert "mdns.sent" in kinds or "discovery.found" in kinds


def test_a_cut_segment_is_silent_and_a_node_that_went_is_forgotten() -> None:
    with Lab(seed=7, discovery=["mdns"]) as lab:
        nodes = lab.start_nodes(4)
        lab.network.partition(nodes[:2], nodes[2:])
        lab.run(20)
        assert {peer.name for peer in nodes[0].discovery.find()} == {"n1"}
        nodes[1].crash()
        lab.run(400)
        assert nodes[0].discovery.find() == []


def test_mdns_is_enough_for_a_topic() -> None:
    with Lab(seed=7, discovery=["mdns", "pubsub"]) as lab:
        nodes = lab.start_nodes(10)
        for node in nodes:
            node.subscribe("news")
        lab.run(10)
        assert min(len(node.mesh("news")) for node in nodes) >= 4


def test_segments_and_real_multicast_are_refused_where_they_do_not_belong() -> None:
    with Lab(seed=7) as lab, pytest.raises(ValidationError, match="a name of 1 to 64"):
        lab.network.segment(lab.start_nodes(2), "")
    assert SERVICE == "_p2p._udp.local"


@pytest.mark.real
def test_a_real_lab_multicasts_only_where_it_is_told_to_twice() -> None:
    with pytest.raises(ConfigurationError, match="say mdns=True too"):
        Lab("real", seed=7, discovery=["mdns"])
    with Lab("real", seed=7) as lab, pytest.raises(NotInThisWorldError):
        lab.network.segment([], "office")
