"""Frames are taken apart by the wire formats: the fields cover the bytes, and bytes that are nothing are no error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab import Lab
from p2plab.content.bitswap.messages import BitswapMessage, WantEntry
from p2plab.content.bitswap.messages import encode_message as encode_bitswap
from p2plab.errors import ClosedError, ValidationError
from p2plab.exports import dissect
from p2plab.identity.cid import cid_for
from p2plab.identity.varint import encode_varint
from p2plab.kademlia.key import KeySpace
from p2plab.kademlia.messages import GET_VALUE, DhtMessage, encode_message
from p2plab.protocols.identify import Identify, encode_identify
from p2plab.pubsub.rpc import RPC, Control, Prune, encode_rpc
from p2plab.stream.framing.yamux import frame

PROTOCOLS = ("/meshsub/1.1.0", "/floodsub/1.0.0", "/ipfs/kad/1.0.0", "/ipfs/id/1.0.0", "/libp2p/dcutr",
             "/ipfs/bitswap/1.2.0", "/libp2p/circuit/relay/0.2.0/hop",
             "/libp2p/circuit/relay/0.2.0/stop", "/chat/1.0.0", "")  # fmt: skip


def framed(data: bytes) -> bytes:
    return frame("data", 3, ("SYN",), body=encode_varint(len(data)) + data)


def test_an_rpc_s_fields_are_named_as_in_its_schema_and_lie_where_they_say() -> None:
    rpc = RPC(subscriptions=((True, "news"),), control=Control(graft=("news",), prune=(Prune("old", backoff=60),)))
    data = framed(encode_rpc(rpc))
    fields = dissect(data, "/meshsub/1.1.0")
    by_name = {field.name: field for field in fields}
    assert [field.name for field in fields[:5]] == ["version", "type", "flags", "stream", "length"]
    assert (by_name["flags"].value, by_name["stream"].value) == ("SYN", "3")
    assert by_name["RPC"].end == len(data)
    assert by_name["topicid"].value == by_name["topicID"].value.replace("old", "news") == "“news”"
    assert by_name["backoff"].value == "60"
    assert data[by_name["topicid"].end - 4 : by_name["topicid"].end] == b"news"
    inner = [field for field in fields if field.depth]
    assert all(by_name["RPC"].start <= field.start < field.end <= by_name["RPC"].end for field in inner)


def test_dht_messages_identify_and_multistream_lines_are_known() -> None:
    request = encode_message(DhtMessage(GET_VALUE, b"/lab/x"), KeySpace())
    fields = {field.name: field.value for field in dissect(framed(request), "/p2plab/kad/1.0.0")}
    assert (fields["type"], fields["key"]) == ("1", "“/lab/x”")
    said = encode_identify(Identify(agent_version="lab/1", protocols=("/a/1",)))
    fields = {field.name: field.value for field in dissect(framed(said), "/ipfs/id/1.0.0")}
    assert (fields["agentVersion"], fields["protocols"]) == ("“lab/1”", "“/a/1”")
    line = b"/multistream/1.0.0\n"
    fields = {field.name: field.value for field in dissect(framed(line), "")}
    assert fields["multistream-select"] == "“/multistream/1.0.0”"


def test_bitswap_s_wants_and_blocks_have_their_names() -> None:
    cid = cid_for(b"a block")
    message = BitswapMessage(wants=(WantEntry(cid),), blocks=((cid, b"a block"),))
    fields = {field.name: field.value for field in dissect(framed(encode_bitswap(message)), "/ipfs/bitswap/1.2.0")}
    assert fields["block"].startswith(cid.to_bytes().hex())
    assert fields["data"] == "“a block”"
    assert cid.to_bytes().hex().startswith(fields["prefix"])


def test_what_is_cut_off_or_unknown_is_said_and_not_raised() -> None:
    data = framed(encode_rpc(RPC(subscriptions=((True, "news"),))))
    assert dissect(data[:-2], "/meshsub/1.1.0")[-1].name == "part of a message"
    assert dissect(data, "/chat/1.0.0")[-1].name == "data"
    assert dissect(b"") == []
    assert [field.name for field in dissect(b"\xff" * 40)] == ["data"]
    broken = framed(b"\x0a\x7f\x00")
    assert dissect(broken, "/meshsub/1.1.0")[-1].value == "cut off or unreadable"


@given(st.binary(max_size=300), st.sampled_from(PROTOCOLS), st.booleans())
def test_any_bytes_give_fields_that_lie_inside_them(data: bytes, protocol: str, whole: bool) -> None:
    given_bytes = framed(data) if whole else data
    fields = dissect(given_bytes, protocol)
    assert all(0 <= field.start <= field.end <= len(given_bytes) for field in fields)
    assert len(fields) <= 400


def test_a_recorder_keeps_the_newest_frames_and_the_lab_does_not_notice() -> None:
    def run(recorded: bool) -> tuple[str, int]:
        with Lab(seed=3) as lab:
            recorder = lab.record_frames(max_frames=5) if recorded else None
            alice, bob = lab.start_nodes(2)
            alice.connect(bob)
            for node in (alice, bob):
                node.subscribe("news")
            lab.run(2)
            message = alice.publish("news", b"hello")
            lab.run(1)
            if recorder is not None:
                frames = recorder.frames("n0", "n1")
                assert len(frames) == 5
                assert {frame.sender for frame in frames} == {"n0", "n1"}
                (carrier,) = [frame for frame in frames if b"hello" in frame.data]
                assert (carrier.sender, carrier.receiver, carrier.t) == ("n0", "n1", lab.events.filter(
                    kind="pubsub.publish")[0].t)  # fmt: skip
                assert bytes.fromhex(message.id)[-8:] in carrier.data
                recorder.close()
                alice.publish("news", b"later")
                lab.run(1)
                assert recorder.frames() == frames
            else:
                alice.publish("news", b"later")
                lab.run(1)
            return lab.events.digest(), len(lab.events)

    assert run(recorded=True) == run(recorded=False)


def test_a_recorder_s_bounds_are_checked_and_a_closed_lab_has_none() -> None:
    lab = Lab(seed=1)
    with pytest.raises(ValidationError, match="max_frames"):
        lab.record_frames(max_frames=0)
    lab.close()
    with pytest.raises(ClosedError):
        lab.record_frames()
