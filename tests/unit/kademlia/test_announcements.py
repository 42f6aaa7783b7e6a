"""ADD_PROVIDER in labs: nothing is said to it, so that clients that use a stream again are not a step behind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import pytest

from p2plab import Lab
from p2plab.constants import LAB_KAD_ID
from p2plab.identity.cid import multihash_of
from p2plab.identity.keys import peer_id_bytes
from p2plab.kademlia import DhtParams, cid_of
from p2plab.kademlia.key import KeySpace
from p2plab.kademlia.messages import (
    ADD_PROVIDER,
    FIND_NODE,
    GET_PROVIDERS,
    DhtMessage,
    decode_message,
    encode_message,
)

KEY = multihash_of(cid_of(b"content"))
SETTINGS = {
    "mock": ("mock", {}),
    "real": ("real", {}),
    "real-p2plab": ("real", {"dht": DhtParams()}),
}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.real] * (name != "mock")) for name in SETTINGS])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    backend, settings = SETTINGS[request.param]
    with Lab(backend, seed=7, **settings) as made:
        yield made


@pytest.mark.parametrize("order", list(permutations([ADD_PROVIDER, FIND_NODE, GET_PROVIDERS])))
def test_several_requests_on_one_stream_are_answered_in_any_order(lab: Lab, order: tuple[int, ...]) -> None:
    alice, mallory = lab.start_node("alice"), lab.start_node("mallory")
    mallory.connect(alice)
    space, params = KeySpace(), DhtParams()
    space.add(alice.peer_id, [])
    me = space.add(mallory.peer_id, ["/ip4/127.0.0.1/tcp/1"])
    assert peer_id_bytes(mallory.peer_id) == space.binary(me)
    requests = {
        ADD_PROVIDER: DhtMessage(ADD_PROVIDER, KEY, providers=((me, ("/ip4/127.0.0.1/tcp/1",)),)),
        FIND_NODE: DhtMessage(FIND_NODE, peer_id_bytes(alice.peer_id)),
        GET_PROVIDERS: DhtMessage(GET_PROVIDERS, KEY),
    }
    answers: list[DhtMessage] = []

    async def talk() -> None:
        stream = await lab.aio["mallory"].open_stream("alice", [LAB_KAD_ID])
        for type in order:
            await stream.write_message(encode_message(requests[type], space))
        await stream.close_write()
        while (data := await stream.read_message(1 << 20)) is not None:
            answers.append(decode_message(data, space, params))

    lab.world.run(talk)
    assert [answer.type for answer in answers] == [type for type in order if type != ADD_PROVIDER]
    (found,) = [answer for answer in answers if answer.type == GET_PROVIDERS]
    told = order.index(ADD_PROVIDER) < order.index(GET_PROVIDERS)
    assert [peer for peer, _ in found.providers] == ([me] if told else [])


@pytest.mark.dear
def test_what_was_provided_is_found_at_once(lab: Lab) -> None:
    nodes = lab.start_nodes(4)
    lab.wire("full")
    cid = cid_of(b"content")
    stored = nodes[0].dht.provide(cid)
    assert len(stored.peers) >= 1
    assert not [query for query in stored.path if query.failed]
    assert nodes[0].peer_id in [peer.peer_id for peer in nodes[3].dht.find_providers(cid).providers]


def test_a_server_may_be_told_to_send_announcements_back() -> None:
    params = DhtParams(echo_add_provider=True)
    with Lab(seed=7, dht=params) as lab:
        alice, mallory = lab.start_node("alice"), lab.start_node("mallory")
        mallory.connect(alice)
        space = KeySpace()
        me = space.add(mallory.peer_id, [])
        sent = DhtMessage(ADD_PROVIDER, KEY, providers=((me, ("/ip4/127.0.0.1/tcp/1",)),))
        answers: list[DhtMessage] = []

        async def talk() -> None:
            stream = await lab.aio["mallory"].open_stream("alice", [LAB_KAD_ID])
            await stream.write_message(encode_message(sent, space))
            data = await stream.read_message(1 << 20)
            assert data is not None
            answers.append(decode_message(data, space, params))

        lab.world.run(talk)
        assert answers == [sent]


def test_presets_are_those_of_their_documents() -> None:
    assert (DhtParams().k, DhtParams().alpha, DhtParams().resiliency) == (20, 10, None)
    ipfs, go = DhtParams.ipfs(), DhtParams.go()
    assert (ipfs.k, ipfs.alpha, ipfs.resiliency, ipfs.quorum) == (20, 10, 3, 16)
    assert (go.k, go.alpha, go.resiliency, go.quorum, go.republish_interval) == (20, 10, 3, 0, None)
    assert not ipfs.echo_add_provider
    assert DhtParams.go(k=5, resiliency=None) == DhtParams(k=5, quorum=0, republish_interval=None, check_after=2593.0)
    with pytest.raises(ValueError, match="did you mean alpha"):
        DhtParams.ipfs(alpa=3)
