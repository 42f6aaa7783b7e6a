"""Connecting, disconnecting, ping and identify."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import Lab, Node
from p2plab.errors import DialError
from p2plab.typing import PeerId

Wait = Callable[[Callable[[], object]], None]
NOBODY = "12D3KooWGRUfvqMAzYbVY2DBjTZyb7Tk6r8sQk5xzKDkA1nHkaVZ"


def test_both_ends_show_a_connection(lab: Lab, alice: Node, bob: Node, wait: Wait) -> None:
    connection = alice.connect(bob)
    assert (connection.direction, connection.local, connection.peer) == ("outbound", alice.peer_id, bob.peer_id)
    assert (connection.transport, connection.security, connection.muxer) == ("tcp", "noise", "yamux")
    assert not connection.relayed
    wait(lambda: bob.peers() and bob.connections())
    (other_end,) = bob.connections()
    assert (other_end.direction, other_end.peer) == ("inbound", alice.peer_id)
    assert alice.connections() == alice.connections(bob) == [connection]
    assert [peer.name for peer in alice.peers()] == ["bob"]
    assert [peer.name for peer in bob.peers()] == ["alice"]
    assert lab.edges() == [("alice", "bob")]


@pytest.mark.parametrize("form", ["node", "name", "peer id", "address", "peer info"])
def test_a_peer_may_be_named_in_every_form(alice: Node, bob: Node, form: str) -> None:
    forms = {"node": bob, "name": "bob", "peer id": bob.peer_id, "address": bob.addresses[0]}
    forms["peer info"] = bob.identify(alice)
    alice.disconnect(bob)
    target = alice if form == "peer info" else bob
    dialler = bob if form == "peer info" else alice
    dialler.disconnect(target)
    assert dialler.connect(forms[form]).peer == target.peer_id


@pytest.mark.parametrize("again", ["node", "name", "peer id", "address"])
def test_connecting_again_gives_the_connection_there_is(alice: Node, bob: Node, again: str) -> None:
    first = alice.connect(bob)
    target = {"node": bob, "name": "bob", "peer id": str(bob.peer_id), "address": bob.addresses[0]}[again]
    assert alice.connect(target).id == first.id
    assert len(alice.connections()) == 1


def test_a_peer_s_own_connection_serves_both(alice: Node, bob: Node, wait: Wait) -> None:
    alice.connect(bob)
    wait(bob.connections)
    assert bob.connect(alice).direction == "inbound"
    assert len(bob.connections()) == 1


def test_disconnect_ends_it_at_both_ends_and_says_whether_there_was_one(
    lab: Lab, alice: Node, bob: Node, wait: Wait
) -> None:
    alice.connect(bob)
    wait(bob.peers)
    assert alice.disconnect(bob) is True
    assert not alice.peers()
    assert not alice.connections()
    wait(lambda: not bob.peers())
    assert lab.edges() == []
    assert alice.disconnect(bob) is False
    assert [event.reason for event in lab.events.filter(kind="connection.closed", node=alice)] == ["closed here"]
    assert [event.reason for event in lab.events.filter(kind="connection.closed", node=bob)] == ["closed by peer"]


def test_what_was_disconnected_can_be_connected_again(alice: Node, bob: Node, wait: Wait) -> None:
    first = alice.connect(bob)
    alice.disconnect(bob)
    wait(lambda: not bob.peers())
    assert alice.connect(bob).id != first.id
    assert alice.ping(bob) > 0


def test_ping_gives_seconds_and_dials_if_need_be(lab: Lab, alice: Node, bob: Node) -> None:
    seconds = alice.ping(bob)
    assert isinstance(seconds, float)
    assert seconds > 0
    assert lab.edges() == [("alice", "bob")]
    (reply,) = lab.events.filter(kind="ping.reply", node=alice)
    assert reply.data == {"rtt": seconds}


def test_identify_tells_who_the_peer_is(alice: Node, bob: Node) -> None:
    async def echo(stream: object) -> None: ...

    bob.handle("/echo/1.0.0", echo)
    info = alice.identify(bob)
    assert (info.name, info.peer_id, info.addresses) == ("bob", bob.peer_id, bob.addresses)
    assert info.agent_version
    assert info.protocols == bob.protocols()
    assert "/echo/1.0.0" in info.protocols
    assert str(info) == "bob"


def test_peers_show_what_identify_said(alice: Node, bob: Node, wait: Wait) -> None:
    alice.connect(bob)
    wait(lambda: bob.peers() and bob.peers()[0].protocols)
    for node, peer in ((alice, bob), (bob, alice)):
        (info,) = node.peers()
        assert (info.name, info.peer_id, bool(info.agent_version)) == (peer.name, peer.peer_id, True)
        assert "/ipfs/ping/1.0.0" in info.protocols


def test_the_address_book_holds_peers_and_what_was_added_by_hand(alice: Node, bob: Node) -> None:
    alice.register_peer(bob.peer_id, bob.addresses)
    assert [(info.name, info.addresses) for info in alice.known_peers()] == [("bob", bob.addresses)]
    assert alice.peers() == []
    address = f"/ip4/127.0.0.1/tcp/1/p2p/{NOBODY}"
    alice.register_peer(NOBODY, address)
    assert NOBODY in [str(info.peer_id) for info in alice.known_peers()]


def test_a_peer_id_in_the_address_book_can_be_dialled(alice: Node, bob: Node) -> None:
    alice.register_peer(str(bob.peer_id), bob.addresses)
    assert alice.connect(str(bob.peer_id)).peer == bob.peer_id


def test_a_peer_id_without_an_address_cannot_be_dialled(lab: Lab, alice: Node) -> None:
    with pytest.raises(DialError, match="no address of it is known") as raised:
        alice.connect(NOBODY)
    assert raised.value.attempts == []
    assert isinstance(raised.value, ConnectionError)
    causes = lab.why(raised.value)
    assert (causes[0].kind, causes[-1].kind) == ("lab.command", "connection.failed")


def test_an_address_where_nobody_listens_is_told_with_what_was_tried(lab: Lab, alice: Node) -> None:
    address = f"/ip4/127.0.0.1/tcp/1/p2p/{NOBODY}"
    with pytest.raises(DialError) as raised:
        alice.connect(address, timeout=3)
    ((tried, seconds, why),) = raised.value.attempts
    assert tried == address
    assert 0 <= seconds
    assert why in str(raised.value)
    assert address in str(raised.value)
    (failed,) = lab.events.filter(kind="connection.failed", node=alice)
    assert failed.reason in {"refused", "unreachable"}
    assert alice.connections() == []


def test_whoever_proves_to_be_somebody_else_is_not_connected(lab: Lab, alice: Node, bob: Node) -> None:
    where = bob.addresses[0].partition("/p2p/")[0]
    with pytest.raises(DialError, match="wrong peer"):
        alice.connect(f"{where}/p2p/{NOBODY}", timeout=5)
    assert alice.connections() == []
    assert [event.reason for event in lab.events.filter(kind="connection.failed", node=alice)] == ["wrong peer"]
    assert alice.connect(bob).peer == bob.peer_id


def test_a_node_cannot_dial_itself(alice: Node) -> None:
    for target in (alice, "alice", alice.peer_id, alice.addresses[0]):
        with pytest.raises(DialError, match="alice cannot dial itself"):
            alice.connect(target)
    assert alice.connections() == []


def test_peer_ids_given_back_know_their_peer_s_name(alice: Node, bob: Node) -> None:
    peer = alice.connect(bob).peer
    assert isinstance(peer, PeerId)
    assert peer.name == "bob"
    assert repr(alice.connect(bob)) == f"<Connection alice → {peer!r} tcp+noise+yamux>"
