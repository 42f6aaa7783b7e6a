"""RPC bytes against py-libp2p's own generated protobuf code, in both directions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.pubsub.message import Publication, verify
from p2plab.pubsub.rpc import RPC, Control, Prune, decode_rpc, encode_message, encode_rpc
from tests.unit.pubsub.test_rpc import rpcs

pytestmark = pytest.mark.real

ALICE = Identity.derive(1, "alice")


@pytest.fixture(scope="module")
def pb() -> Any:
    rpc_pb2 = pytest.importorskip("libp2p.pubsub.pb.rpc_pb2", reason="py-libp2p is not installed")
    return rpc_pb2


@given(rpc=rpcs)
def test_py_libp2p_reads_what_we_write_and_writes_the_same_bytes(pb: Any, rpc: RPC) -> None:
    ours = encode_rpc(rpc)
    theirs = pb.RPC.FromString(ours)
    assert [(entry.subscribe, entry.topicid) for entry in theirs.subscriptions] == list(rpc.subscriptions)
    for one, other in zip(theirs.publish, rpc.publish, strict=True):
        assert (one.from_id, one.data, one.seqno, list(one.topicIDs)) == (
            other.author, other.data, other.seqno, [other.topic],
        )  # fmt: skip
        assert (one.signature, one.key) == (other.signature, other.key)
    control = rpc.control or Control()
    assert [(entry.topicID, tuple(entry.messageIDs)) for entry in theirs.control.ihave] == list(control.ihave)
    assert [tuple(entry.messageIDs) for entry in theirs.control.iwant] == list(control.iwant)
    assert [entry.topicID for entry in theirs.control.graft] == list(control.graft)
    assert [tuple(entry.messageIDs) for entry in theirs.control.idontwant] == list(control.idontwant)
    for entry, prune in zip(theirs.control.prune, control.prune, strict=True):
        assert (entry.topicID, entry.backoff) == (prune.topic, prune.backoff or 0)
        assert [(peer.peerID, peer.signedPeerRecord) for peer in entry.peers] == list(prune.peers)
    assert theirs.HasField("testExtension") == rpc.test_extension
    assert theirs.SerializeToString() == ours


topics = st.text(min_size=1, max_size=20)
some_ids = st.lists(st.binary(max_size=40), max_size=4)


@given(data=st.data())
def test_we_read_what_py_libp2p_writes(pb: Any, data: st.DataObject) -> None:
    draw = data.draw
    theirs = pb.RPC()
    for topic in draw(st.lists(topics, max_size=3)):
        theirs.subscriptions.add(subscribe=draw(st.booleans()), topicid=topic)
    for topic in draw(st.lists(topics, max_size=3)):
        theirs.publish.add(
            from_id=draw(st.binary(max_size=40)), data=draw(st.binary(max_size=99)), seqno=draw(st.binary(max_size=8)),
            topicIDs=[topic], signature=draw(st.binary(max_size=64)), key=draw(st.binary(max_size=36)),
        )  # fmt: skip
    if draw(st.booleans()):
        control = theirs.control
        control.SetInParent()
        for topic in draw(st.lists(topics, max_size=2)):
            control.ihave.add(topicID=topic, messageIDs=draw(some_ids))
            control.iwant.add(messageIDs=draw(some_ids))
            control.graft.add(topicID=topic)
            control.prune.add(topicID=topic, backoff=draw(st.integers(0, 2**32)))
            control.idontwant.add(messageIDs=draw(some_ids))
        if draw(st.booleans()):
            control.extensions.testExtension = True
    ours = decode_rpc(theirs.SerializeToString())
    assert list(ours.subscriptions) == [(entry.subscribe, entry.topicid) for entry in theirs.subscriptions]
    for one, other in zip(ours.publish, theirs.publish, strict=True):
        assert (one.author, one.data, one.seqno) == (other.from_id, other.data, other.seqno)
        assert (one.topic, one.signature, one.key) == (other.topicIDs[0], other.signature, other.key)
        assert encode_message(one) == other.SerializeToString()
    assert (ours.control is not None) == theirs.HasField("control")
    if ours.control is not None:
        assert [topic for topic, _ in ours.control.ihave] == [entry.topicID for entry in theirs.control.ihave]
        assert [ids for _, ids in ours.control.ihave] == [tuple(entry.messageIDs) for entry in theirs.control.ihave]
        assert [prune.backoff for prune in ours.control.prune] == [entry.backoff for entry in theirs.control.prune]
        assert (ours.control.extensions == ("testExtension",)) == theirs.control.extensions.testExtension
    assert encode_rpc(ours) == theirs.SerializeToString()


def test_fields_only_py_libp2p_knows_are_skipped_and_those_of_a_message_kept(pb: Any) -> None:
    theirs = pb.RPC(senderRecord=b"record")
    theirs.control.observe.add(topicID="news")
    theirs.publish.add(data=b"x", topicIDs=["news"])
    ours = decode_rpc(theirs.SerializeToString())
    assert ours.control == Control()
    assert [publication.data for publication in ours.publish] == [b"x"]


def test_py_libp2p_accepts_our_signatures(pb: Any) -> None:
    from libp2p.crypto.ed25519 import Ed25519PublicKey
    from libp2p.peer.id import ID
    from libp2p.pubsub.validators import signature_validator

    ours = Publication("news", b"hello", peer_id_bytes(ALICE.peer_id), (5).to_bytes(8, "big"), sign=ALICE.sign)
    theirs = pb.RPC.FromString(encode_rpc(RPC((ours,)))).publish[0]
    key = Ed25519PublicKey.from_bytes(ALICE.raw_public_key)
    assert str(ID.from_pubkey(key)) == str(ALICE.peer_id)
    assert signature_validator(theirs)


def test_we_accept_py_libp2ps_signatures(pb: Any) -> None:
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.peer.id import ID

    pair = create_new_key_pair(ALICE.seed)
    theirs = pb.Message(
        data=b"hello", topicIDs=["news"], from_id=ID.from_pubkey(pair.public_key).to_bytes(), seqno=bytes(8)
    )
    signature = pair.private_key.sign(b"libp2p-pubsub:" + theirs.SerializeToString())
    theirs.signature = signature
    theirs.key = pair.public_key.serialize()
    rpc = decode_rpc(pb.RPC(publish=[theirs]).SerializeToString())
    assert verify(rpc.publish[0])
    theirs.data = b"other"
    rpc = decode_rpc(pb.RPC(publish=[theirs]).SerializeToString())
    assert not verify(rpc.publish[0])


def test_a_prune_with_peers_survives_both_ways(pb: Any) -> None:
    prune = Prune("news", ((b"id", b"record"), (b"id2", b"")), 60)
    theirs = pb.RPC.FromString(encode_rpc(RPC(control=Control(prune=(prune,)))))
    assert decode_rpc(theirs.SerializeToString()).control == Control(prune=(prune,))
