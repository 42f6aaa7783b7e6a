"""One answer to each exercise of lesson 08. There are others."""

from __future__ import annotations

import random

from p2plab import Lab, Node
from p2plab.content.bitswap.messages import BitswapMessage, decode_message, encode_message
from p2plab.identity.cid import cid_for
from p2plab.kademlia import DhtParams
from p2plab.stream import NetStream

BITSWAP = "/ipfs/bitswap/1.2.0"
FILM = random.Random(9).randbytes(10_000_000)


def make_liar(node: Node) -> None:
    """From now on this node claims to have every block, and sends wrong bytes for it: step 6 of the lesson."""

    async def lie(stream: NetStream) -> None:
        while (message := await stream.read_message()) is not None:
            wants = [want for want in decode_message(message).wants if not want.cancel]
            claimed = [want.cid for want in wants if not want.block]
            wrong = [f"wrong bytes for {want.cid}".encode() for want in wants if want.block]
            answer = BitswapMessage(haves=claimed, blocks=[(cid_for(data), data) for data in wrong])
            back = await stream.node.open_stream(stream.peer, BITSWAP)
            await back.write_message(encode_message(answer))
            await back.close()

    node.handle(BITSWAP, lie)


def blocks_of_a_file() -> int:
    """08.1: a lab can count them."""
    with Lab(seed=1) as lab:
        alice = lab.start_node("alice")
        alice.content.add(bytes(random.Random(1).randbytes(5 * 2**20 + 1)))
        return len(alice.content.blocks)


def many_givers() -> Lab:
    """08.2: five peers have all of it, in blocks small enough to be shared out."""
    lab = Lab(seed=1)
    nodes = lab.start_nodes(6)
    lab.wire("full")
    for node in nodes[:5]:
        cid = node.content.add(FILM)
    nodes[5].content.fetch(cid)
    return lab


def found_by_search() -> Lab:
    """08.3: who has it says so, and who wants it searches."""
    lab = Lab(seed=2, dht=DhtParams(k=8))
    lab.start_nodes(50)
    lab.dht.fill()
    cid = lab["n1"].content.add(b"a song")
    lab["n1"].dht.provide(cid)
    lab["n30"].content.fetch(cid)
    return lab


def one_is_kept() -> Lab:
    """08.4: what is fetched is garbage unless it is pinned."""
    lab = Lab(seed=3)
    alice, bob = lab.start_nodes(2)
    lab.wire("full")
    first, second = alice.content.add(b"to be kept"), alice.content.add(b"to be forgotten")
    bob.content.fetch(first, pin=True)
    bob.content.fetch(second)
    bob.content.blocks.collect()
    return lab


def lied_to() -> Lab:
    """08.5: one honest peer is enough."""
    lab = Lab(seed=4)
    nodes = lab.start_nodes(5)
    lab.wire("full")
    make_liar(nodes[1])
    make_liar(nodes[2])
    cid = nodes[0].content.add(FILM)
    nodes[4].content.fetch(cid)
    return lab
