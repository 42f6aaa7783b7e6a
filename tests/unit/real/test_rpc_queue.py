"""The queue of RPCs that wait for a peer: its bounds, what overtakes, what is taken back."""

from __future__ import annotations

import trio

from p2plab.identity.varint import decode_varint
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control, decode_rpc, rpc_size
from p2plab.real.pubsub.rpc_queue import Parcel, RpcQueue

GRAFT = RPC(control=Control(graft=("news",)))
IHAVE = RPC(control=Control(ihave=(("news", (b"id",)),)))
IDONTWANT = RPC(control=Control(idontwant=((b"id",),)))
HELLO = RPC(subscriptions=((True, "news"),))


def message(number: int, size: int = 10) -> Publication:
    return Publication("news", bytes(size), b"author", number.to_bytes(8, "big"), b"signature")


def put(queue: RpcQueue, *rpcs: RPC) -> list[bool]:
    return [queue.put(Parcel(rpc, rpc_size(rpc), -1)) for rpc in rpcs]


def taken(queue: RpcQueue, most: int = 1_000_000) -> list[RPC]:
    return [parcel.rpc for parcel in trio.run(queue.take, most)]


def test_first_in_is_first_out_and_what_fits_goes_at_once() -> None:
    queue = RpcQueue()
    rpcs = [message(number).rpc for number in range(5)]
    put(queue, *rpcs)
    assert queue.size == sum(map(rpc_size, rpcs))
    assert taken(queue, most=2 * rpc_size(rpcs[0])) == rpcs[:2]
    assert taken(queue) == rpcs[2:]
    assert (len(queue), queue.size) == (0, 0)


def test_one_that_is_larger_than_what_goes_at_once_goes_alone() -> None:
    queue = RpcQueue()
    put(queue, message(1, 5_000).rpc, message(2).rpc)
    assert [len(rpc.publish[0].data) for rpc in taken(queue, most=100)] == [5_000]


def test_a_full_queue_drops_and_counts_messages_and_gossip() -> None:
    queue = RpcQueue(limit=2)
    assert put(queue, message(1).rpc, message(2).rpc, message(3).rpc, IHAVE) == [True, True, False, False]
    assert queue.dropped == 2
    assert [rpc.publish[0].seqno[-1] for rpc in taken(queue)] == [1, 2]


def test_bytes_are_bounded_too() -> None:
    queue = RpcQueue(max_bytes=250)
    assert put(queue, message(1, 100).rpc, message(2, 100).rpc) == [True, False]


def test_what_both_ends_have_to_agree_about_finds_room_up_to_twice_the_bound() -> None:
    queue = RpcQueue(limit=2)
    assert put(queue, message(1).rpc, message(2).rpc, GRAFT, HELLO, GRAFT) == [True, True, True, True, False]


def test_idontwant_overtakes_all_but_the_first() -> None:
    queue = RpcQueue()
    put(queue, HELLO, message(1).rpc, IDONTWANT)
    assert taken(queue, most=1) == [HELLO]
    assert taken(queue, most=1) == [IDONTWANT]
    assert [rpc.publish[0].seqno[-1] for rpc in taken(queue)] == [1]


def test_messages_are_taken_back_and_what_else_an_rpc_says_stays() -> None:
    queue = RpcQueue()
    first, second, third = (message(number) for number in range(3))
    several = RPC((first, second), Control(graft=("news",)))
    put(queue, several, third.rpc, second.rpc)
    assert queue.withdraw(lambda publication: publication in (first, third)) == [first, third]
    size = queue.size
    left = taken(queue)
    assert [rpc.publish for rpc in left] == [(second,), (second,)]
    assert left[0].control == several.control
    assert size == sum(map(rpc_size, left))


def test_a_closed_queue_gives_nothing_more() -> None:
    queue = RpcQueue()
    put(queue, HELLO)
    queue.close()
    assert taken(queue) == []


def test_a_frame_is_the_rpc_behind_its_length() -> None:
    rpc = message(1).rpc
    frame = Parcel(rpc, rpc_size(rpc), -1).frame
    prefix = decode_varint(frame)
    assert prefix is not None
    length, start = prefix
    assert len(frame) == start + length
    assert decode_rpc(frame[start:]).publish[0].ref == rpc.publish[0].ref
