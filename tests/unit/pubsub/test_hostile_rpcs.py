"""Whatever RPC a peer sends, as bytes, harms neither the node nor the lab, under either policy and on either router."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab import Lab
from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.mock.world import MockWorld
from p2plab.pubsub import GossipSub
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control, Prune, decode_rpc, encode_rpc

ALICE, EVE = Identity.derive(5, "alice"), Identity.derive(5, "eve")
ids = st.one_of(st.binary(max_size=40), st.sampled_from([peer_id_bytes(one.peer_id) for one in (ALICE, EVE)]))
topics = st.sampled_from(["news", "other", "žluť", "x" * 1_000])
message_ids = st.lists(st.binary(max_size=50), max_size=4).map(tuple)


def message(
    topic: str, data: bytes, author: bytes, seqno: bytes, signature: bytes, key: bytes, own: bool
) -> Publication:
    """One of Eve's own, properly signed, or anything at all."""
    if own:
        return Publication(topic, data, peer_id_bytes(EVE.peer_id), seqno or b"1", sign=EVE.sign)
    return Publication(topic, data, author, seqno, signature, key)


messages = st.builds(
    message, topics, st.binary(max_size=2_000), ids, st.binary(max_size=9), st.binary(max_size=70),
    st.binary(max_size=40), st.booleans(),
)  # fmt: skip
prunes = st.builds(
    Prune, topics, st.lists(st.tuples(ids, st.binary(max_size=60)), max_size=4).map(tuple),
    st.one_of(st.none(), st.integers(0, (1 << 64) - 1)),
)  # fmt: skip
controls = st.builds(
    Control,
    ihave=st.lists(st.tuples(topics, message_ids), max_size=3).map(tuple),
    iwant=st.lists(message_ids, max_size=3).map(tuple),
    graft=st.lists(topics, max_size=3).map(tuple),
    prune=st.lists(prunes, max_size=3).map(tuple),
    idontwant=st.lists(message_ids, max_size=3).map(tuple),
    extensions=st.one_of(st.none(), st.just(("testExtension",))),
)
rpcs = st.builds(
    RPC,
    publish=st.lists(messages, max_size=3).map(tuple),
    control=st.one_of(st.none(), controls),
    subscriptions=st.lists(st.tuples(st.booleans(), topics), max_size=3).map(tuple),
    test_extension=st.booleans(),
)


@pytest.mark.dear
@pytest.mark.parametrize("setting", [{}, {"signing": "StrictNoSign"}, {"router": "floodsub"}], ids=str)
@settings(max_examples=40, deadline=None)
@given(st.lists(rpcs, max_size=6))
def test_nothing_a_peer_sends_harms_the_node(setting: dict[str, Any], sent: list[RPC]) -> None:
    with Lab(seed=5, **setting) as lab:
        alice, eve, bob = lab.start_node("alice"), lab.start_node("eve"), lab.start_node("bob")
        lab.wire("full")
        heard = bob.subscribe("news")
        alice.subscribe("news")
        lab.run(1)
        world = alice.world
        assert isinstance(world, MockWorld)
        pubsub, index = world.host_named("alice").pubsub, world.host_named("eve").index
        for rpc in sent:
            world.call(pubsub.receive, index, decode_rpc(encode_rpc(rpc)))
            lab.run(0.3)
        lab.run(5)
        eve.disconnect("alice")
        assert lab.events.filter(kind="error") == []
        last = alice.publish("news", b"still here")
        lab.run(2)
        assert last.id in [message.id for message in heard.messages]
        router = pubsub.router
        if isinstance(router, GossipSub):
            assert index not in router.peers
            assert all(index not in mesh for mesh in router.meshes.values())
