"""Causes planted under real nodes, and under the sockets of other programs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.cli.parser import main
from p2plab.errors import DialError
from p2plab.explain.diagnosis.port import probe

SOMEBODY = "12D3KooWDtRJs7bmwLHooFDzzC8cQqc1dZMLtVv8XZASdByzTik4"

Speak = Callable[[socket.socket], None]


@contextmanager
def listening(speak: Speak) -> Iterator[int]:
    """A program at a port of the loopback, which says something to whoever connects."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return  # closed: the test is over
            with connection:
                connection.settimeout(5)
                try:
                    speak(connection)
                except OSError:
                    continue  # whoever asked has gone

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


def http(connection: socket.socket) -> None:
    connection.recv(64)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def ssh(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
    connection.recv(64)


def tls(connection: socket.socket) -> None:
    if connection.recv(64)[:1] != b"\x16":
        connection.sendall(bytes([0x15, 3, 3, 0, 2, 2, 10]))  # RFC 8446 section 6: fatal, unexpected_message


def nothing(connection: socket.socket) -> None:
    connection.recv(64)
    connection.recv(64)


def shut(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def chatter(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.org ESMTP\r\n")
    connection.recv(64)


def in_pieces(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"\x13")  # as js-libp2p does: the length by itself
    connection.recv(64)
    connection.sendall(b"/multistream/1.0.0\n")
    connection.recv(64)


def private(connection: socket.socket) -> None:
    connection.sendall(bytes(range(120, 144)))  # stands for a nonce
    connection.recv(64)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("speak", "speaks"),
    [
        (http, "http"),
        (ssh, "ssh"),
        (tls, "tls"),
        (nothing, "mute"),
        (shut, "shut"),
        (chatter, "unknown"),
        (in_pieces, "libp2p"),
        (private, "private"),
    ],
    ids=["http", "ssh", "tls", "nothing", "shut", "chatter", "in pieces", "private"],
)
def test_a_port_is_asked_who_answers(speak: Speak, speaks: str) -> None:
    with listening(speak) as port:
        assert probe("127.0.0.1", port, 0.5 if speak in (nothing, chatter) else 10.0).speaks == speaks


def test_a_port_at_which_nobody_listens_is_closed() -> None:
    assert probe("127.0.0.1", closed_port()).speaks == "closed"


def test_healthy_pairs_have_nothing_wrong_in_either_direction() -> None:
    with Lab("real", seed=3) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        for node in (alice, bob):
            node.subscribe("news")
        assert str(alice.diagnose(bob)).startswith("alice and bob talk")
        assert str(bob.diagnose(alice, dht=False, topic="news")).startswith("bob and alice talk")


Plant = Callable[[Lab, Any, Any, ExitStack], Any]


def closed(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return a.diagnose(f"/ip4/127.0.0.1/tcp/{closed_port()}/p2p/{SOMEBODY}")


def web_server(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return a.diagnose(f"/ip4/127.0.0.1/tcp/{stack.enter_context(listening(http))}/p2p/{SOMEBODY}")


def login_server(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return p2plab.diagnose(f"/ip4/127.0.0.1/tcp/{stack.enter_context(listening(ssh))}/p2p/{SOMEBODY}")


def wrong_peer(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return p2plab.diagnose(f"{b.addresses[0].partition('/p2p/')[0]}/p2p/{a.peer_id}")


def without_peer_id(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return p2plab.diagnose(b.addresses[0].partition("/p2p/")[0])


def other_security(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return a.diagnose(lab.start_node("carol", security=("tls",)))


def other_muxer(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return a.diagnose(lab.start_node("carol", muxers=("mplex",)))


def other_transport(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return a.diagnose(lab.start_node("carol", transports=("ws",)))


def private_network(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return a.diagnose(lab.start_node("carol", psk="ab" * 32))


def private_network_outside(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return p2plab.diagnose(lab.start_node("carol", psk="ab" * 32).addresses[0])


def silent_port(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    there = f"/ip4/127.0.0.1/tcp/{stack.enter_context(listening(nothing))}/p2p/{SOMEBODY}"
    return a.diagnose(there, timeout=0.3)


def shut_port(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return a.diagnose(f"/ip4/127.0.0.1/tcp/{stack.enter_context(listening(shut))}/p2p/{SOMEBODY}")


def unknown_name(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return a.diagnose(f"/dns4/nosuch.invalid/tcp/4001/p2p/{SOMEBODY}")


def relay_down(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    through = f"/ip4/127.0.0.1/tcp/{closed_port()}/p2p/{SOMEBODY}/p2p-circuit/p2p/{b.peer_id}"
    return a.diagnose(through)


def no_relay(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    return p2plab.diagnose(f"{b.addresses[0]}/p2p-circuit/p2p/{a.peer_id}")


def empty_table(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    one = lab.start_node("carol", remedies={"tables filled on connect": False})
    return one.diagnose(b, dht=True)


def gated(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    b.block(a)
    return a.diagnose(b)


def spelling(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    a.subscribe("chat")
    b.subscribe("Chat")
    return a.diagnose(b)


def cut(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    lab.network.partition([a], [b])
    return a.diagnose(b)


def crash(lab: Lab, a: Any, b: Any, stack: ExitStack) -> Any:
    b.crash()
    return a.diagnose(b)


@pytest.mark.parametrize(
    ("plant", "layer", "reason", "remedy"),
    [
        (closed, "port", "nothing listens at port", "give the port"),
        (web_server, "port", "an HTTP server answers there", "libp2p listener"),
        (login_server, "port", "an SSH server answers there", "libp2p listener"),
        (wrong_peer, "peer id", "another peer than the one dialled", "take the peer id"),
        (without_peer_id, "address", "does not say whom to expect", "/p2p/"),
        (other_security, "security", "no security protocol in common: the peer took none of '/noise'", "noise or tls"),
        (other_muxer, "muxer", "no muxer in common: the peer took none of '/yamux/1.0.0'", "yamux or mplex"),
        (other_transport, "transport", "it has tcp, and that is ws", "give alice that transport"),
        (private_network, "private network", "the peer is in a private network, and this node is in none", "same key"),
        (private_network_outside, "private network", "begins with random bytes", "the same key"),
        (silent_port, "port", "takes connections, and whoever has it answers nothing", "it hangs, is stopped"),
        (shut_port, "limit", "closes connections before a word is said", "look at the limits and the gate"),
        (unknown_name, "address", "the name has no address: nosuch.invalid", "the spelling of the name"),
        (relay_down, "port", "the relay cannot be reached: nothing listens at port", "start the node"),
        (no_relay, "relay", "does not answer '/libp2p/circuit/relay/0.2.0/hop'", "take another relay"),
        (empty_table, "DHT table", "the routing table of carol is empty", "carol.dht.bootstrap()"),
        (gated, "gate", "bob refused it, by its gate", "bob.gate"),
        (spelling, "topic", "bob does not subscribe to 'chat' but to 'Chat'", "one spelling"),
        (cut, "partition", "a partition keeps alice and bob apart", "lab.network.heal()"),
        (crash, "node", "bob crashed at", "bob.restart()"),
    ],
)
def test_a_planted_cause_is_named(plant: Plant, layer: str, reason: str, remedy: str) -> None:
    with ExitStack() as stack:
        lab = stack.enter_context(Lab("real", seed=3))
        found = plant(lab, lab.start_node("alice"), lab.start_node("bob"), stack)
        assert found.layer == layer, str(found)
        assert reason in found.reason
        assert remedy in found.remedy


def test_what_either_side_offers_is_in_the_evidence() -> None:
    with Lab("real", seed=3) as lab:
        alice, carol = lab.start_node("alice"), lab.start_node("carol", security=("tls",))
        evidence = alice.diagnose(carol).evidence
        assert "security: alice offers noise" in evidence
        assert "security: carol offers tls" in evidence


def test_nodes_outside_are_each_tried_and_what_cannot_be_seen_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with Lab("real", seed=3) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob", security=("tls",))
        found = p2plab.diagnose(alice.addresses[0], bob.addresses[0])
        assert found.layer is None
        assert "cannot be seen from here" in found.reason
        assert main(["diagnose", alice.addresses[0], "--json"]) == 0
        assert '"healthy": true' in capsys.readouterr().out
    assert main(["diagnose", "/ip4/0.0.0.0/tcp/4001"]) == 1
    assert capsys.readouterr().out.startswith("address: ")


@pytest.mark.parametrize("speak", [http, ssh, in_pieces, shut], ids=["http", "ssh", "libp2p", "shut"])
def test_a_node_outlives_a_dial_of_a_port_that_is_no_websocket(speak: Speak) -> None:
    with Lab("real", seed=3, transports=["ws"]) as lab, listening(speak) as port:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        with pytest.raises(DialError, match=r"handshake failed|timeout"):
            alice.connect(f"/ip4/127.0.0.1/tcp/{port}/ws/p2p/{SOMEBODY}", timeout=1)
        assert 0 < alice.ping(bob)
        assert not lab.events.filter(kind="node.crashed")
