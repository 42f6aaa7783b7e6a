"""Identify and identify/push, over streams in memory; the bytes against py-libp2p's."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import ProtocolViolation
from p2plab.identity.keys import Identity
from p2plab.protocols.identify import (
    Identify,
    IdentifyHandler,
    IdentifyPushHandler,
    decode_identify,
    encode_identify,
    identify,
    push_identify,
)
from p2plab.stream import NetStream, check_handler, serve
from p2plab.typing import Connection, PeerId
from tests.unit.stream.toy import ToyRaw, ToyRuntime, raw_pair

BOB = Identity.derive(1, "bob")
SAID = Identify(
    protocol_version="p2plab/1.0.0",
    agent_version="p2plab/0.1.0",
    public_key=BOB.public_key,
    addresses=("/ip4/10.0.0.1/tcp/4001", "/ip6/::1/udp/4001/quic-v1"),
    observed="/ip4/10.0.0.2/tcp/50000",
    protocols=("/echo/1.0.0", "/ipfs/ping/1.0.0"),
    signed_peer_record=b"envelope",
)


def pair(runtime: ToyRuntime, peer: PeerId = BOB.peer_id) -> tuple[NetStream, NetStream]:
    """A stream whose far end is bob."""
    ours, theirs = raw_pair(runtime)
    known = ours.connection
    ours.connection = Connection(1, known.local, peer, "outbound", "toy", "", "", "", "", 0.0)
    return NetStream(ours, runtime), NetStream(theirs, runtime)


def test_what_is_encoded_is_decoded() -> None:
    assert decode_identify(encode_identify(SAID), BOB.peer_id) == SAID
    assert decode_identify(encode_identify(Identify()), BOB.peer_id) == Identify()


def test_py_libp2p_reads_the_same() -> None:
    pytest.importorskip("libp2p", reason="py-libp2p is not installed")
    from libp2p.identity.identify.pb.identify_pb2 import Identify as Theirs
    from multiaddr import Multiaddr

    theirs = Theirs.FromString(encode_identify(SAID))
    assert (theirs.agent_version, theirs.protocol_version) == (SAID.agent_version, SAID.protocol_version)
    assert theirs.public_key == BOB.public_key
    assert [str(Multiaddr(data)) for data in theirs.listen_addrs] == list(SAID.addresses)
    assert str(Multiaddr(theirs.observed_addr)) == SAID.observed
    assert tuple(theirs.protocols) == SAID.protocols
    assert decode_identify(theirs.SerializeToString(), BOB.peer_id).addresses == SAID.addresses


def test_a_node_is_asked_and_answers() -> None:
    runtime = ToyRuntime()
    asker, answerer = pair(runtime)
    handler = check_handler(IdentifyHandler(lambda stream: SAID))
    assert runtime.run(partial(identify, asker), partial(serve, handler, answerer))[0] == SAID
    assert (asker.state, answerer.state) == ("closed", "closed")


def test_a_push_says_only_what_changed() -> None:
    runtime = ToyRuntime()
    receiver, teller = pair(runtime)
    known = SAID
    news = Identify(protocols=("/echo/1.0.0", "/chat/1.0.0"))

    def learnt(stream: NetStream, said: Identify) -> None:
        nonlocal known
        known = known.merged(said)

    handler = check_handler(IdentifyPushHandler(learnt))
    runtime.run(partial(push_identify, teller, news), partial(serve, handler, receiver))
    assert known.protocols == news.protocols
    assert (known.agent_version, known.addresses) == (SAID.agent_version, SAID.addresses)


def test_the_peer_id_at_the_end_of_an_address_is_not_sent() -> None:
    said = Identify(addresses=(f"/ip4/10.0.0.1/tcp/1/p2p/{BOB.peer_id}",))
    assert decode_identify(encode_identify(said), BOB.peer_id).addresses == ("/ip4/10.0.0.1/tcp/1",)


def test_a_message_in_parts_is_merged() -> None:
    runtime = ToyRuntime()
    asker, answerer = pair(runtime)

    async def answer() -> None:
        await answerer.write_message(encode_identify(Identify(protocols=("/a",), agent_version="old")))
        await answerer.write_message(encode_identify(Identify(protocols=("/b",), agent_version="new")))
        await answerer.close()

    said = runtime.run(partial(identify, asker), answer)[0]
    assert (said.protocols, said.agent_version) == (("/a", "/b"), "new")


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([], "without an Identify"),
        ([b"\xff\xff"], "no Identify message"),
        ([b""] * 12, "10 parts"),
        ([bytes(10)] * 11, "10 parts"),
        ([b"\x0a" + b"\xff\xff\x7f"], "no Identify message"),
        ([encode_identify(Identify(public_key=Identity.derive(1, "mallory").public_key))], "has the key of"),
        ([encode_identify(Identify(public_key=b"nonsense"))], "bad key"),
    ],
)
def test_what_a_peer_gets_wrong_is_a_violation(messages: list[bytes], problem: str) -> None:
    runtime = ToyRuntime()
    asker, answerer = pair(runtime)

    async def answer() -> None:
        for message in messages:
            await answerer.write_message(message)
        await answerer.close()

    with pytest.raises(ProtocolViolation, match=problem):
        runtime.run(partial(identify, asker), answer)
    assert asker.state == "reset"


def test_an_address_nobody_understands_does_not_spoil_the_rest() -> None:
    data = encode_identify(SAID) + b"\x12\x03\xff\xff\xff" + b"\x12\x02\x91\x7f"
    assert decode_identify(data, BOB.peer_id) == SAID


def test_what_a_peer_says_is_bounded() -> None:
    endless = Identify(agent_version="x" * 10_000, protocols=tuple(f"/p/{number}" for number in range(3000)))
    heard = decode_identify(encode_identify(endless), BOB.peer_id)
    assert heard.agent_version is not None
    assert (len(heard.agent_version), len(heard.protocols)) == (256, 1000)


@given(st.binary(max_size=80))
def test_any_bytes_are_an_identify_message_or_a_violation(data: bytes) -> None:
    try:
        said = decode_identify(data, BOB.peer_id)
    except ProtocolViolation:
        return
    assert decode_identify(encode_identify(said), BOB.peer_id) == said


def test_the_toy_stream_is_a_raw_stream() -> None:
    ours, _ = raw_pair(ToyRuntime())
    assert isinstance(ours, ToyRaw)
