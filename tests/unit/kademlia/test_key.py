"""The key space: keys, distances, prefixes, and bytes that fall into a bucket."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import PeerIdError
from p2plab.identity.keys import Identity, peer_id_from_bytes
from p2plab.kademlia import KeySpace
from p2plab.kademlia.key import MAX_PREIMAGE_BITS, common_prefix_length, distance, kademlia_key, preimage
from p2plab.typing import PeerId

KEYS = st.integers(0, (1 << 256) - 1)


def test_a_key_is_the_sha256_of_the_binary_peer_id() -> None:
    # the example of ipfs/specs routing/kad-dht, "Kademlia Keyspace"; the texts it gives beside it are another peer's
    binary = bytes.fromhex("0024080112209e3b433cbd31c2b8a6ebbdca998bd0f4c2141c9c9af5422e976051b1e63af14d")
    expected = "e43d28f0996557c0d5571d75c62a57a59d7ac1d30a51ecedcdb9d5e4afa56100"
    space = KeySpace()
    peer_id = peer_id_from_bytes(binary)
    assert f"{space.keys[space.find(peer_id)]:064x}" == expected
    assert space.binary(space.find(peer_id)) == binary


def test_the_key_of_content_is_the_sha256_of_its_multihash() -> None:
    multihash = bytes.fromhex("1220e536c7f88d731f374dccb568aff6f56e838a19382e488039b1ca8ad2599e82fe")
    assert f"{kademlia_key(multihash):064x}" == "d623250f3f660ab4c3a53d3c97b3f6a0194c548053488d093520206248253bcb"


@given(KEYS, KEYS, KEYS)
def test_the_distance_is_a_metric(a: int, b: int, c: int) -> None:
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


@given(KEYS, KEYS)
def test_a_longer_common_prefix_is_a_shorter_distance(a: int, b: int) -> None:
    shared = common_prefix_length(a, b)
    assert f"{a:0256b}"[:shared] == f"{b:0256b}"[:shared]
    assert shared == 256 or f"{a:0256b}"[shared] != f"{b:0256b}"[shared]


@given(KEYS, st.integers(0, MAX_PREIMAGE_BITS - 1), st.integers(0, 2**32))
def test_a_preimage_falls_into_the_bucket_it_was_made_for(local: int, length: int, seed: int) -> None:
    data = preimage(local, length, random.Random(seed))
    assert common_prefix_length(local, kademlia_key(data)) == length


@pytest.mark.parametrize("length", [-1, MAX_PREIMAGE_BITS])
def test_there_is_no_preimage_beyond_the_table(length: int) -> None:
    with pytest.raises(ValueError, match="preimages"):
        preimage(0, length, random.Random(1))


def test_a_key_space_asks_the_world_for_each_id_once() -> None:
    identities = [Identity.derive(7, f"n{number}") for number in range(3)]
    asked: list[int] = []

    def peer_id_of(index: int) -> PeerId:
        asked.append(index)
        return identities[index].peer_id

    space = KeySpace(peer_id_of, lambda peer_id: 99, lambda index: [f"/ip4/10.0.0.{index}/tcp/4001"])
    assert asked == []
    first = space.keys[1]
    assert space.keys[1] == first == kademlia_key(space.binary(1))
    assert asked == [1]
    assert space.index(space.binary(1)) == 1
    info = space.info(1)
    assert info.name == "n1"
    assert info.addresses == [f"/ip4/10.0.0.1/tcp/4001/p2p/{identities[1].peer_id}"]
    assert space.find(identities[2].peer_id) == 99  # not known here yet: the world says who it is


def test_bytes_that_are_no_peer_id_have_no_index() -> None:
    with pytest.raises(PeerIdError):
        KeySpace().index(b"\x00\x01")
