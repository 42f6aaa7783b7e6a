"""What an argument may be: objects of libraries, large messages, seeds of text; and what contradicts itself."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.errors import UnknownNodeError, ValidationError


def test_an_empty_lab_is_true(lab: Lab) -> None:
    assert len(lab) == 0
    assert lab


def test_a_peer_may_be_an_object_of_a_library_s(lab: Lab) -> None:
    pytest.importorskip("libp2p", reason="py-libp2p is not installed")
    from libp2p.peer.id import ID
    from libp2p.peer.peerinfo import info_from_p2p_addr
    from multiaddr import Multiaddr

    alice, bob = lab.start_nodes(2)
    address = Multiaddr(bob.addresses[0])
    assert alice.connect(address).peer == bob.peer_id
    for peer in (ID.from_base58(str(bob.peer_id)), info_from_p2p_addr(address)):
        assert alice.ping(peer) > 0
        found = alice.dht.find_peer(peer).peer
        assert found is not None
        assert found.name == "n1"
    with pytest.raises(ValidationError, match="a peer is a Node, a node's name"):
        alice.ping(3.5)


def test_a_name_that_is_likely_meant_is_said(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    for mistaken in (lambda: alice.connect("bbo"), lambda: alice.ping("Bob"), lambda: alice.block("bobb")):
        with pytest.raises(UnknownNodeError, match=r"did you mean bob\? "):
            mistaken()
    with pytest.raises(UnknownNodeError, match="names have no slash, and an address begins with /"):
        alice.connect("ip4/127.0.0.1/tcp/4001")
    with pytest.raises(UnknownNodeError, match=r"did you mean alice\? "):
        lab["alcie"]
    with pytest.raises(ValidationError, match=r"did you mean "):
        lab.start_node("carol", bootstap=[])
    alice.block(str(bob.peer_id))
    assert alice.unblock(str(bob.peer_id))


def test_a_command_about_a_node_that_is_not_there_fails(lab: Lab) -> None:
    lab.start_node("alice")
    for command, arguments in (("events", {"node": "alic"}), ("block", {"node": "alice", "what": "alic"})):
        answer = lab.execute_command(command, **arguments)
        assert not answer["success"]
        assert "did you mean alice?" in answer["error"]


def test_an_argument_of_text_or_of_progress_takes_nothing_else(lab: Lab) -> None:
    alice, bob = lab.start_nodes(2)
    for call in (
        lambda: lab.events.filter(topic=3),  # type: ignore[arg-type]
        lambda: lab.events.filter(reason=[1]),  # type: ignore[arg-type]
        lambda: lab.start_nodes(2, prefix=5),  # type: ignore[arg-type]
        lambda: alice.perf(bob, 10, 10, progress="x"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValidationError, match=r"not (3|\[1\]|5|'x')"):
            call()
    assert repr(lab.events.filter(reason="requestd")).endswith("did you mean requested?")


def test_peers_of_a_topic_that_nobody_has_say_so(lab: Lab) -> None:
    alice, _ = lab.start_nodes(2)
    alice.subscribe("news")
    assert alice.mesh("nes") == alice.fanout("nes") == []
    assert repr(alice.mesh("nes")) == "[]  # no node subscribes to 'nes'; did you mean news?"
    assert repr(alice.mesh("news")) == "[]"
