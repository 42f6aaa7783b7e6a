"""Packets made for frames, and the blocks of a pcapng file, as scapy reads them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.utils import PcapNgReader

from p2plab.exports.packets import SEGMENT, TcpConnection, place_of
from p2plab.exports.pcapng import interface, packet, secrets, section

ALICE, BOB = place_of("/ip4/127.0.0.1/tcp/4001"), place_of("/ip4/127.0.0.1/tcp/4002/ws")


def read(packets: list[bytes]) -> list[Packet]:
    return [Ether(data) for data in packets]


def assert_checksums(seen: Packet) -> None:
    """scapy reckons the checksums anew when they are taken away."""
    again = seen.copy()
    for layer in (IP, TCP):
        if again.haslayer(layer):
            del again[layer].chksum
    assert bytes(Ether(bytes(again))) == bytes(seen)


def test_a_connection_is_one_that_tcp_would_accept() -> None:
    connection = TcpConnection(ALICE, BOB)
    packets = [
        *connection.send(True, 0, b"hello"),
        *connection.send(False, 0, b"and good day"),
        *connection.send(True, 5, b"!"),
        *connection.close(True, 6),
        *connection.close(False, 12),
    ]
    seen = read(packets)
    assert [(str(one[TCP].flags), one[TCP].seq, one[TCP].ack, bytes(one[TCP].payload)) for one in seen] == [
        ("S", 0, 0, b""),
        ("SA", 0, 1, b""),
        ("A", 1, 1, b""),
        ("PA", 1, 1, b"hello"),
        ("PA", 1, 6, b"and good day"),
        ("PA", 6, 13, b"!"),
        ("FA", 7, 13, b""),
        ("FA", 13, 8, b""),
    ]
    assert {(one[TCP].sport, one[TCP].dport) for one in seen} == {(4001, 4002), (4002, 4001)}
    for one in seen:
        assert_checksums(one)


def test_who_looks_at_a_connection_from_its_middle_sees_no_handshake() -> None:
    (only,) = read(list(TcpConnection(ALICE, BOB).send(False, 1_000, b"x")))
    assert (str(only[TCP].flags), only[TCP].seq, only[TCP].sport) == ("PA", 1_001, 4002)


def test_what_both_ends_tell_of_is_one_packet() -> None:
    connection = TcpConnection(ALICE, BOB)
    first = list(connection.send(True, 0, b"hello"))
    assert list(connection.send(True, 0, b"he")) == []
    (more,) = read(list(connection.send(True, 3, b"lo, you")))
    assert (more[TCP].seq, bytes(more[TCP].payload)) == (6, b", you")
    assert len(first) == 4


def test_what_is_longer_than_a_packet_is_cut() -> None:
    seen = read(list(TcpConnection(ALICE, BOB).send(True, 0, b"x" * (SEGMENT + 10))))[3:]
    assert [len(one[TCP].payload) for one in seen] == [SEGMENT, 10]
    assert [one[TCP].seq for one in seen] == [1, 1 + SEGMENT]
    assert max(map(len, seen)) <= 65_535
    for one in seen:
        assert_checksums(one)


def test_ipv6_and_addresses_without_an_ip_make_packets_too() -> None:
    six = read(list(TcpConnection(place_of("/ip6/::1/tcp/1"), place_of("/ip6/::1/tcp/2")).send(True, 0, b"x")))
    assert six[-1][IPv6].src == "::1"
    assert_checksums(six[-1])
    none = read(list(TcpConnection(place_of(""), place_of("/dns4/example/tcp/2")).send(True, 0, b"x")))
    assert (none[-1][IP].src, none[-1][TCP].dport) == ("0.0.0.0", 2)


def test_blocks_read_back_with_names_times_directions_and_comments(tmp_path: Path) -> None:
    data = b"".join(TcpConnection(ALICE, BOB).send(False, 9, b"x"))
    time = 1_700_000_000_123_456_789
    file = section("p2plab", "a lab") + interface("alice", "node alice") + interface("bob")
    file += packet(1, time, data, inbound=True, comment="from bob\nto <b>alice</b>")
    (tmp_path / "run.pcapng").write_bytes(file)
    with PcapNgReader(str(tmp_path / "run.pcapng")) as reader:
        (seen,) = list(reader)
        names = [options["name"] for _, _, options in reader.interfaces]
    assert names == [b"alice", b"bob"]
    assert seen.sniffed_on == "bob"
    assert seen.direction == 1
    assert int(seen.time * 1_000_000_000) == time
    assert seen.comments == ["from bob\N{REPLACEMENT CHARACTER}to <b>alice</b>".encode()]
    assert bytes(seen) == data


@pytest.mark.parametrize("block", [section("p2plab", "x" * 70_000), interface("n" * 70_000), secrets(b"CLIENT 1 2\n")])
def test_every_block_says_its_own_length_at_both_ends_in_multiples_of_four(block: bytes) -> None:
    (first,), (last,) = struct.unpack("<I", block[4:8]), struct.unpack("<I", block[-4:])
    assert first == last == len(block)
    assert len(block) % 4 == 0
