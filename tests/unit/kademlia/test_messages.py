"""Messages: their size, their bytes, what hostile bytes can do, and py-libp2p's own protobuf in both directions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab.errors import ProtocolViolation
from p2plab.identity.keys import Identity
from p2plab.kademlia import DhtParams, KeySpace
from p2plab.kademlia.messages import (
    ADD_PROVIDER,
    FIND_NODE,
    GET_PROVIDERS,
    GET_VALUE,
    MAX_ADDRESSES,
    MAX_CLOSER_PEERS,
    PING,
    PUT_VALUE,
    DhtMessage,
    DhtRecord,
    decode_message,
    encode_message,
    message_size,
    type_name,
)
from tests.unit.kademlia.harness import made_up_id

PARAMS = DhtParams()


def made_space() -> KeySpace:
    space = KeySpace()
    for number in range(6):
        peer_id = Identity.derive(1, f"n{number}").peer_id if number % 2 else made_up_id(number)
        addresses = [f"/ip4/10.0.0.{number}/tcp/4001", f"/ip6/::{number}/udp/4001/quic-v1"][: number % 3]
        space.add(peer_id, addresses)
    return space


SPACE = made_space()
PEERS = st.lists(st.integers(0, 5), unique=True, max_size=6)
ADDRESSES = st.lists(st.sampled_from(["/ip4/1.2.3.4/tcp/4001", "/dns4/example.com/tcp/443/wss"]), max_size=2)
MESSAGES = st.builds(
    DhtMessage,
    st.integers(0, 5),
    st.binary(max_size=300),
    st.none() | st.builds(DhtRecord, st.binary(max_size=40), st.binary(max_size=300), st.just("2026-01-02T03:04:05Z")),
    PEERS,
    st.dictionaries(st.integers(0, 5), ADDRESSES.map(tuple), max_size=6).map(lambda found: tuple(found.items())),
)


@given(MESSAGES)
def test_the_size_is_that_of_the_bytes_and_the_bytes_say_the_same(message: DhtMessage) -> None:
    data = encode_message(message, SPACE)
    assert message_size(message, SPACE) == len(data)
    read = decode_message(data, SPACE, PARAMS)
    assert read == message
    assert read.addresses == {peer: tuple(SPACE.addresses(peer)) for peer in message.closer}


def test_the_size_follows_a_peer_that_moves() -> None:
    space = made_space()
    message = DhtMessage(FIND_NODE, b"key", closer=[1])
    before = message_size(message, space)
    space.add(space.peer_id(1), ["/ip4/10.0.0.1/tcp/4001", "/ip4/10.0.0.1/tcp/4002"])
    assert before < message_size(message, space) == len(encode_message(message, space))


def test_the_end_of_an_address_that_names_the_peer_is_not_said_twice() -> None:
    space = KeySpace()
    peer_id = Identity.derive(1, "a").peer_id
    space.add(peer_id, [f"/ip4/1.2.3.4/tcp/1/p2p/{peer_id}"])
    read = decode_message(encode_message(DhtMessage(FIND_NODE, b"k", closer=[0]), space), space, PARAMS)
    assert read.addresses == {0: ("/ip4/1.2.3.4/tcp/1",)}


def test_types_have_names_and_unknown_ones_a_number() -> None:
    assert [type_name(number) for number in (PUT_VALUE, GET_VALUE, ADD_PROVIDER, GET_PROVIDERS, FIND_NODE, PING)] == [
        "PUT_VALUE",
        "GET_VALUE",
        "ADD_PROVIDER",
        "GET_PROVIDERS",
        "FIND_NODE",
        "PING",
    ]
    assert type_name(77) == "type 77"


# -- what a hostile peer can send


def raw(**fields: Any) -> Any:
    from p2plab.kademlia.messages import message_class

    return message_class()(**fields)


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_are_a_message_or_a_violation(data: bytes) -> None:
    try:
        message = decode_message(data, KeySpace(), PARAMS)
    except ProtocolViolation:
        return
    assert len(message.closer) <= MAX_CLOSER_PEERS


def test_a_huge_list_of_peers_is_cut() -> None:
    message = raw(type=FIND_NODE)
    for number in range(3_000):
        message.closerPeers.add(id=b"\x12\x20" + number.to_bytes(32, "big"))
    space = KeySpace()
    read = decode_message(message.SerializeToString(), space, PARAMS)
    assert len(read.closer) == MAX_CLOSER_PEERS
    assert len(space._listed) == MAX_CLOSER_PEERS, "peers that are not taken leave nothing behind"


def test_a_huge_list_of_what_are_no_peers_is_not_read_to_its_end() -> None:
    message = raw(type=GET_PROVIDERS)
    for _ in range(3_000):
        message.providerPeers.add(id=b"nobody")
    message.providerPeers.add(id=SPACE.binary(1))
    assert decode_message(message.SerializeToString(), SPACE, PARAMS).providers == ()


def test_the_same_peer_again_and_again_counts_once() -> None:
    message = raw(type=FIND_NODE)
    for _ in range(100):
        message.closerPeers.add(id=SPACE.binary(1))
    assert decode_message(message.SerializeToString(), SPACE, PARAMS).closer == (1,)


def test_addresses_that_are_none_are_left_out_and_many_are_cut() -> None:
    message = raw(type=FIND_NODE)
    peer = message.closerPeers.add(id=SPACE.binary(1))
    peer.addrs.extend([b"\xff\xff", b"", bytes.fromhex("0401020304060001")] * 50)
    read = decode_message(message.SerializeToString(), SPACE, PARAMS)
    assert read.addresses is not None
    assert 0 < len(read.addresses[1]) <= MAX_ADDRESSES
    assert set(read.addresses[1]) == {"/ip4/1.2.3.4/tcp/1"}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\x12\x7fshort", "not a DHT message"),
        (bytes(PARAMS.max_message_size + 1), "over the limit"),
        (raw(key=bytes(2_000)).SerializeToString(), "key of 2000 bytes"),
    ],
    ids=["cut off", "huge", "long key"],
)
def test_what_is_no_message_is_a_violation(data: bytes, problem: str) -> None:
    with pytest.raises(ProtocolViolation, match=problem):
        decode_message(data, SPACE, PARAMS)


def test_unknown_types_and_dates_that_are_none_come_through_for_the_node_to_judge() -> None:
    message = raw(type=99, key=b"k")
    message.record.timeReceived = b"\xff" * 500
    read = decode_message(message.SerializeToString(), SPACE, PARAMS)
    assert read.type == 99
    assert read.record is not None
    assert len(read.record.received) == 64


# -- py-libp2p's own protobuf


@pytest.mark.real
@given(MESSAGES)
@settings(max_examples=50, deadline=None)
def test_py_libp2p_reads_our_bytes(message: DhtMessage) -> None:
    from libp2p.kad_dht.pb.kademlia_pb2 import Message as Theirs

    theirs = Theirs()
    theirs.ParseFromString(encode_message(message, SPACE))
    assert theirs.type == message.type
    assert theirs.key == message.key
    assert theirs.HasField("record") == (message.record is not None)
    if message.record is not None:
        read = theirs.record.key, theirs.record.value, theirs.record.timeReceived
        assert read == (message.record.key, message.record.value, message.record.received)
    assert [peer.id for peer in theirs.closerPeers] == [SPACE.binary(peer) for peer in message.closer]
    from multiaddr import Multiaddr

    for peer, entry in zip(message.closer, theirs.closerPeers, strict=True):
        assert [str(Multiaddr(address)) for address in entry.addrs] == list(SPACE.addresses(peer))
    assert [len(peer.addrs) for peer in theirs.providerPeers] == [len(addresses) for _, addresses in message.providers]


@pytest.mark.real
@given(MESSAGES)
@settings(max_examples=50, deadline=None)
def test_we_read_py_libp2ps_bytes(message: DhtMessage) -> None:
    from libp2p.kad_dht.pb.kademlia_pb2 import Message as Theirs
    from multiaddr import Multiaddr

    theirs = Theirs(type=Theirs.MessageType.Name(message.type), key=message.key)
    if message.record is not None:
        theirs.record.key = message.record.key
        theirs.record.value = message.record.value
        theirs.record.timeReceived = message.record.received
        theirs.record.author = b"somebody"
        theirs.record.signature = b"signed"
    theirs.senderRecord = b"an envelope of theirs"
    for peer in message.closer:
        entry = theirs.closerPeers.add(id=SPACE.binary(peer), connection=1, signedRecord=b"theirs too")
        entry.addrs.extend(Multiaddr(address).to_bytes() for address in SPACE.addresses(peer))
    for peer, addresses in message.providers:
        entry = theirs.providerPeers.add(id=SPACE.binary(peer))
        entry.addrs.extend(Multiaddr(address).to_bytes() for address in addresses)
    read = decode_message(theirs.SerializeToString(), SPACE, PARAMS)
    assert read == message
    assert read.addresses == {peer: tuple(SPACE.addresses(peer)) for peer in message.closer}
