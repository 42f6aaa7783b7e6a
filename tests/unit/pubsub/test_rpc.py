from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import ProtocolViolation
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control, Prune, RpcLimits, decode_rpc, encode_message, encode_rpc, rpc_size

topics = st.text(min_size=1, max_size=40)
ids = st.lists(st.binary(max_size=200), max_size=5).map(tuple)
publications = st.builds(
    Publication,
    topic=topics,
    data=st.binary(max_size=300),
    author=st.binary(max_size=60),
    seqno=st.binary(max_size=8),
    signature=st.binary(max_size=200),
    key=st.binary(max_size=60),
)
prunes = st.builds(
    Prune,
    topics,
    st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=200)), max_size=4).map(tuple),
    st.none() | st.integers(0, 2**64 - 1),
)
controls = st.builds(
    Control,
    ihave=st.lists(st.tuples(topics, ids), max_size=3).map(tuple),
    iwant=st.lists(ids, max_size=3).map(tuple),
    graft=st.lists(topics, max_size=3).map(tuple),
    prune=st.lists(prunes, max_size=3).map(tuple),
    idontwant=st.lists(ids, max_size=3).map(tuple),
    extensions=st.none() | st.just(()) | st.just(("testExtension",)),
)
rpcs = st.builds(
    RPC,
    publish=st.lists(publications, max_size=3).map(tuple),
    control=st.none() | controls,
    subscriptions=st.lists(st.tuples(st.booleans(), topics), max_size=3).map(tuple),
    test_extension=st.booleans(),
)


@given(rpcs)
def test_the_reckoned_size_is_the_size_of_the_bytes(rpc: RPC) -> None:
    assert rpc_size(rpc) == len(encode_rpc(rpc))


@pytest.mark.dear
@given(rpcs)
def test_what_is_encoded_is_decoded(rpc: RPC) -> None:
    encoded = encode_rpc(rpc)
    back = decode_rpc(encoded)
    assert back.subscriptions == rpc.subscriptions
    assert back.control == rpc.control
    assert back.test_extension == rpc.test_extension
    assert rpc_size(back) == len(encoded)
    for one, other in zip(back.publish, rpc.publish, strict=True):
        for name in ("topic", "data", "author", "seqno", "signature", "key", "id", "size"):
            assert getattr(one, name) == getattr(other, name)
    assert encode_rpc(back) == encoded


@given(st.binary(max_size=200))
def test_any_bytes_are_an_rpc_or_a_violation(data: bytes) -> None:
    try:
        rpc = decode_rpc(data)
    except ProtocolViolation:
        return
    assert decode_rpc(encode_rpc(rpc)).control == rpc.control


def test_a_message_is_passed_on_as_it_came_with_fields_we_do_not_know() -> None:
    message = encode_message(Publication("news", b"x", b"author", b"12345678", b"signature")) + b"\x9a\x01\x03new"
    rpc = decode_rpc(b"\x12" + bytes((len(message),)) + message)
    assert rpc.publish[0].size == len(message)
    assert encode_message(rpc.publish[0]) == message
    assert b"new" in encode_message(rpc.publish[0], signed=False)
    assert b"signature" not in encode_message(rpc.publish[0], signed=False)


def test_fields_we_do_not_know_elsewhere_are_skipped() -> None:
    assert decode_rpc(encode_rpc(RPC(subscriptions=((True, "news"),))) + b"\x9a\x01\x03new").subscriptions == (
        (True, "news"),
    )


LIMITS = RpcLimits(size=2_000, subscriptions=3, messages=2, controls=2, topic=10, message_id=20, exchanged_peers=2)


@pytest.mark.parametrize(
    ("rpc", "what"),
    [
        (RPC(subscriptions=((True, "a"),) * 4), "4 subscriptions is over the limit of 3"),
        (RPC(publish=(Publication("a", b""),) * 3), "3 messages is over the limit of 2"),
        (RPC(publish=(Publication("a", bytes(2_000)),)), "bytes is over the limit of 2000"),
        (RPC(publish=(Publication("a" * 11, b""),)), "a topic of 11 bytes"),
        (RPC(control=Control(graft=("a",) * 3)), "3 GRAFT is over the limit of 2"),
        (RPC(control=Control(ihave=(("a", (bytes(21),)),))), "a message id of 21 bytes"),
        (RPC(control=Control(iwant=((bytes(21),),))), "a message id of 21 bytes"),
        (RPC(control=Control(idontwant=((bytes(21),),))), "a message id of 21 bytes"),
        (RPC(control=Control(prune=(Prune("a", ((b"p", b""),) * 3),))), "3 peers in a PRUNE is over the limit of 2"),
    ],
)
def test_an_rpc_over_a_limit_is_a_violation_that_names_it(rpc: RPC, what: str) -> None:
    with pytest.raises(ProtocolViolation, match=what):
        decode_rpc(encode_rpc(rpc), LIMITS)


def test_bytes_that_are_no_rpc_are_a_violation_that_shows_how_they_begin() -> None:
    with pytest.raises(ProtocolViolation, match="ffff"):
        decode_rpc(b"\xff\xff\xff")


def test_a_topic_that_is_not_utf8_is_a_violation() -> None:
    with pytest.raises(ProtocolViolation, match="c328 is not UTF-8"):
        decode_rpc(b"\x0a\x06\x08\x01\x12\x02\xc3\x28")
