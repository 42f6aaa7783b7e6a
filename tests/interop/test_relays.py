"""Relays, ours with other implementations and theirs with ours; hole punching; and AutoNAT v2 with go-libp2p."""

from __future__ import annotations

import socket
from typing import Any

from p2plab import Lab, Node
from p2plab.identity.address import parse_address
from p2plab.nat.dcutr import DCUTR_ID, HolePunch, answer_connect, decode_hole_punch, encode_hole_punch
from p2plab.stream import NetStream
from tests.interop.conftest import ECHO
from tests.interop.outsider import PATIENCE, Outsider, packed, unpacked
from tests.interop.provide import HERE

LISTEN = "/ip4/127.0.0.1/tcp/0"
APART = "/apart/kad/1.0.0"  # a DHT that none of ours is in, lest they dial each other directly


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


def over(node: Node, relay: str) -> list[str]:
    """Its addresses over a relay."""
    return [address for address in node.addresses if f"{relay}/p2p-circuit" in address]


def said_back(node: Node, peer: str) -> bytes:
    stream = node.open_stream(peer, ECHO)
    stream.write(b"hello")
    heard = stream.read()
    stream.close()
    return heard


def test_ours_relays_for_them_and_theirs_for_ours(command: list[str]) -> None:
    is_go = len(command) == 1
    with Lab("real", seed=7, nat="p2plab") as lab:
        r, alice, bob = lab.start_node("r", role="relay"), lab.start_node("alice"), lab.start_node("bob")
        bob.handle(ECHO, echo)
        bob.connect(r)
        through = f"{r.addresses[0]}/p2p-circuit"
        listen = [LISTEN] if is_go else [LISTEN, through]
        theirs = Outsider(command, listen, APART, HERE, pubsub="none", relay="server", dcutr=True)
        try:
            if is_go:
                slot = theirs.do("reserve", address=r.addresses[0])
                assert slot == {"data": 131_072, "seconds": 120, "voucher": True}
            assert lab.run_until(lambda: _slots(lab, theirs.peer_id) > 0, timeout=PATIENCE)

            told: list[tuple[str, ...]] = []
            if not is_go:
                answer_hole_punches(alice, told, _by_name(alice))

            # They are the target of a circuit over ours, and then its source.
            connection = alice.connect(f"{through}/p2p/{theirs.peer_id}")
            assert (connection.relayed, connection.limited) == (True, True)
            assert said_back(alice, theirs.peer_id) == b"hello"
            assert lab.run_until(lambda: bool(over(bob, r.peer_id)), timeout=PATIENCE)
            assert unpacked(theirs.do("echo", address=over(bob, r.peer_id)[0], data=packed(b"hello"))) == b"hello"
            assert [one.relayed for one in bob.connections(theirs.peer_id)] == [True]

            if is_go:  # which began to punch, at the addresses of the loopback
                assert theirs.wait_for(event="punched", peer=alice.peer_id)["success"] is True
                assert lab.run_until(lambda: relayed(alice, theirs.peer_id) == [False], timeout=PATIENCE)

            else:  # js began, told where it listens, and said when to dial
                assert lab.run_until(lambda: bool(told), timeout=PATIENCE)
                assert theirs.addresses[0].partition("/p2p/")[0] in told[0]
                begin_hole_punch(bob, theirs.peer_id, _by_name(bob))
                assert lab.run_until(lambda: False in relayed(bob, theirs.peer_id), timeout=PATIENCE)

            # Theirs carries what two of ours say.
            direct = next(address for address in theirs.addresses if "p2p-circuit" not in address)
            dave = lab.start_node("dave")
            dave.handle(ECHO, echo)
            dave.connect(direct)
            assert lab.run_until(lambda: bool(over(dave, theirs.peer_id)), timeout=PATIENCE)
            carol = lab.start_node("carol")
            assert carol.connect(over(dave, theirs.peer_id)[0]).relayed
            assert carol.ping(dave) > 0
            if is_go:
                _ask_about_reachability(lab, alice, theirs)
            assert lab.events.filter(kind="error") == []
        finally:
            theirs.end()


def _by_name(node: Node) -> str:
    """An address of the loopback that js takes for a public one, as it does every name."""
    return f"/dns4/localhost/tcp/{parse_address(node.addresses[0]).port}"


def answer_hole_punches(node: Node, told: list[tuple[str, ...]], address: str) -> None:
    """Have a node answer DCUtR as the end that dialled, and note the addresses it is told once SYNC has come."""

    async def answer(stream: NetStream) -> None:
        told.append(await answer_connect(stream, [address]))

    node.remove_handler(DCUTR_ID)
    node.handle(DCUTR_ID, answer)


def begin_hole_punch(node: Node, peer: str, address: str) -> None:
    """Do what the end of a relayed connection does at which it came in: the peer is told an address, and dials it at
    SYNC."""
    with node.open_stream(peer, DCUTR_ID) as stream:
        stream.write_message(encode_hole_punch(HolePunch(100, (address,))))
        said = stream.read_message(4096)
        assert said is not None
        assert decode_hole_punch(said).kind == 100
        stream.write_message(encode_hole_punch(HolePunch(300)))


def relayed(node: Node, peer: str) -> list[bool]:
    """Of each connection to a peer, whether it goes over a relay."""
    return [connection.relayed for connection in node.connections(peer)]


def _slots(lab: Lab, peer: str) -> int:
    """How many slots a peer was given by the lab's relays."""
    return len(lab.events.filter(kind="relay.served", peer=peer, reason="OK"))


def _ask_about_reachability(lab: Lab, alice: Node, theirs: Any) -> None:
    """AutoNAT v2 both ways: an open port is reachable, a closed one is not."""
    alice.disconnect(theirs.peer_id)
    alice.connect(theirs.addresses[0])

    def told() -> bool:
        return any(str(peer) == theirs.peer_id for one in alice.reachability() for peer in one.by)

    assert lab.run_until(told, timeout=PATIENCE)
    base = theirs.addresses[0].partition("/p2p/")[0]
    assert theirs.do("reachable", address=base) == "Public"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"/ip4/127.0.0.1/tcp/{taken.getsockname()[1]}"
    assert theirs.do("reachable", address=closed) == "Private"
