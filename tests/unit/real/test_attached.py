"""Nodes outside the lab: here those of a second lab, which this one knows nothing of but their addresses."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from p2plab import AsyncLab, Lab, Node
from p2plab.api.faces.outside import AttachedNode
from p2plab.errors import (
    AddressError,
    ConfigurationError,
    DialError,
    NotInThisWorldError,
    NotOursError,
    UnknownNodeError,
    ValidationError,
)
from p2plab.identity.keys import Identity
from p2plab.stream import NetStream

WAIT = 20.0


@pytest.fixture
def elsewhere() -> Iterator[Lab]:
    with Lab("real", seed=8) as lab:
        yield lab


@pytest.fixture
def stranger(elsewhere: Lab) -> Node:
    return elsewhere.start_node("stranger")


@pytest.fixture
def ext(lab: Lab, stranger: Node) -> AttachedNode:
    return lab.attach(stranger.addresses[0], name="ext")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class TestAttaching:
    def test_it_tells_what_identify_tells(self, ext: AttachedNode, stranger: Node) -> None:
        assert (ext.peer_id, ext.addresses) == (stranger.peer_id, stranger.addresses)
        assert ext.running
        assert ext.info.addresses == stranger.addresses
        assert ext.info.protocols == stranger.protocols()
        assert "libp2p" in ext.info.agent_version

    def test_without_a_name_it_gets_one_from_its_agent_version(self, lab: Lab, elsewhere: Lab) -> None:
        first, second = (lab.attach(node.addresses[0]) for node in elsewhere.start_nodes(2))
        assert "py-libp2p" in first.info.agent_version
        assert (first.name, second.name) == ("py-libp2p", "py-libp2p-2")

    @pytest.mark.parametrize(
        ("agent", "name"),
        [
            ("js-libp2p/3.3.11 node/22.20.0", "js-libp2p"),
            ("kubo/0.30.0/", "kubo"),
            ("github.com/somebody/thing@v1.2.3", "thing"),
            ("<script>alert(1)</script>", "scriptalert1"),
            ("x" * 200, "x" * 32),
            ("", "peer-"),
            ("\u202e☠", "peer-"),
        ],
    )
    def test_a_name_is_plain_whatever_the_agent_version_is(self, lab: Lab, agent: str, name: str) -> None:
        peer_id = Identity.derive(9, "somebody").peer_id
        made = lab.world.outside._name_for(agent, peer_id)  # type: ignore[attr-defined]  # a real world's
        assert made == (name if name != "peer-" else f"peer-{peer_id[-6:]}")

    def test_again_it_is_the_same_node(self, lab: Lab, ext: AttachedNode) -> None:
        assert lab.attach(ext.addresses[0]) == lab.attach(ext.addresses[0], name="ext") == ext
        assert lab.attached == {"ext": ext}
        assert len(lab.events.filter(kind="node.attached")) == 1
        with pytest.raises(ConfigurationError, match="as 'ext' and not 'other'"):
            lab.attach(ext.addresses[0], name="other")

    def test_two_calls_at_once_attach_it_once(self, lab: Lab, stranger: Node) -> None:
        import trio

        found: list[AttachedNode] = []

        async def one() -> None:
            found.append(await lab.aio.attach(stranger.addresses[0]))

        async def both() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(one)
                nursery.start_soon(one)

        lab.world.run(both)
        assert found[0] == found[1]
        assert len(lab.events.filter(kind="node.attached")) == len(lab.attached) == 1

    def test_a_name_belongs_to_one(self, lab: Lab, ext: AttachedNode, elsewhere: Lab) -> None:
        lab.start_node("alice")
        other = elsewhere.start_node("other")
        for taken in ("alice", "ext"):
            with pytest.raises(ConfigurationError, match=taken):
                lab.attach(other.addresses[0], name=taken)
        with pytest.raises(ConfigurationError, match="ext"):
            lab.start_node("ext")
        assert [node.name for node in lab.nodes] == ["alice"]

    def test_a_node_of_the_lab_is_not_attached_to_it(self, lab: Lab) -> None:
        alice = lab.start_node("alice")
        with pytest.raises(ConfigurationError, match="a node of this lab"):
            lab.attach(alice.addresses[0])

    @pytest.mark.parametrize("address", ["/ip4/127.0.0.1/tcp/4001", "here", "", []])
    def test_an_address_without_a_peer_is_refused(self, lab: Lab, address: str) -> None:
        with pytest.raises(AddressError):
            lab.attach(address)

    @pytest.mark.parametrize("address", [7, None, [7]])
    def test_what_is_no_address_at_all_is_refused(self, lab: Lab, address: str) -> None:
        with pytest.raises(ValidationError):
            lab.attach(address)

    def test_nobody_there_is_a_dial_error_and_attaches_nothing(self, lab: Lab) -> None:
        peer_id = Identity.derive(9, "nobody").peer_id
        with pytest.raises(DialError, match="refused"):
            lab.attach(f"/ip4/127.0.0.1/tcp/{free_port()}/p2p/{peer_id}")
        assert lab.attached == {}

    @pytest.mark.parametrize(("says", "reason"), [(b"HTTP/1.1 200 OK\r\n\r\n", "handshake failed"), (b"", "timeout")])
    def test_who_speaks_something_else_or_nothing_is_a_dial_error(self, lab: Lab, says: bytes, reason: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(says)
                    while says == b"" and connection.recv(1024):
                        pass

            thread = threading.Thread(target=answer)
            thread.start()
            peer_id = Identity.derive(9, "somebody").peer_id
            with pytest.raises(DialError, match=reason):
                lab.attach(f"/ip4/127.0.0.1/tcp/{server.getsockname()[1]}/p2p/{peer_id}", timeout=0.5)
            thread.join()
        assert lab.attached == {}

    def test_one_that_says_nothing_of_itself_gets_a_name_from_its_id(self, lab: Lab, stranger: Node) -> None:
        host: Any = stranger._host
        stranger.world.call(host.stack.host.get_mux().handlers.pop, "/ipfs/id/1.0.0")
        ext = lab.attach(stranger.addresses[0])
        assert ext.name == f"peer-{stranger.peer_id[-6:]}"
        assert (ext.info.agent_version, ext.info.protocols, ext.info.addresses) == ("", [], stranger.addresses)
        assert lab.start_node("alice").ping(ext) > 0

    def test_somebody_else_there_is_a_dial_error(self, lab: Lab, stranger: Node) -> None:
        wrong = stranger.addresses[0].replace(stranger.peer_id, Identity.derive(9, "nobody").peer_id)
        with pytest.raises(DialError, match="wrong peer"):
            lab.attach(wrong)

    def test_a_mock_lab_has_no_outside(self) -> None:
        with Lab(seed=7) as lab:
            assert lab.attached == {}
            with pytest.raises(NotInThisWorldError, match="real"):
                lab.attach("/ip4/127.0.0.1/tcp/4001")
            with pytest.raises(NotInThisWorldError):
                lab.detach("ext")

    async def _attach(self, address: str) -> tuple[str, bool]:
        async with AsyncLab("real", seed=7) as lab:
            ext = await lab.attach(address, name="ext")
            alice = await lab.start_node("alice")
            seconds = await alice.ping(ext)
            lab.detach(ext)
            return ext.name, seconds > 0 and lab.attached == {}

    def test_an_async_lab_attaches_too(self, stranger: Node) -> None:
        import asyncio

        assert asyncio.run(self._attach(stranger.addresses[0])) == ("ext", True)

    def test_over_a_transport_that_the_labs_nodes_do_without(self, lab: Lab, elsewhere: Lab) -> None:
        stranger = elsewhere.start_node("web", transports=["ws"])
        ext = lab.attach(stranger.addresses[0], name="web")
        alice = lab.start_node("alice")
        with pytest.raises(DialError, match="no transport"):
            alice.ping(ext)
        assert lab.start_node("bob", transports=["ws"]).ping(ext) > 0


class TestReachingIt:
    def test_with_the_same_words_as_a_node_of_the_lab(self, lab: Lab, ext: AttachedNode, stranger: Node) -> None:
        async def echo(stream: NetStream) -> None:
            await stream.write(await stream.read())

        stranger.handle("/echo/1.0.0", echo)
        alice = lab.start_node("alice")
        assert alice.connect(ext).peer.name == "ext"
        assert alice.ping("ext") > 0
        assert alice.ping(ext.peer_id) > 0
        assert alice.identify(ext).name == "ext"
        with alice.open_stream(ext, "/echo/1.0.0") as stream:
            stream.write(b"hello")
            assert stream.read() == b"hello"
        assert [peer.name for peer in alice.peers()] == ["ext"]
        assert lab.edges() == [("alice", "ext")]
        assert alice.disconnect(ext)
        assert lab.edges() == []

    def test_gossip_crosses_both_ways(self, lab: Lab, ext: AttachedNode, stranger: Node) -> None:
        alice = lab.start_node("alice")
        here, there = alice.subscribe("news"), stranger.subscribe("news")
        alice.connect(ext)
        assert lab.run_until(lambda: alice.topic_peers("news") and stranger.topic_peers("news"), timeout=WAIT)
        alice.publish("news", b"from here")
        assert there.get(timeout=WAIT).data == b"from here"
        assert here.get(timeout=WAIT).data == b"from here"
        stranger.publish("news", b"from there")
        message = here.get(timeout=WAIT)
        assert (message.data, message.sender and message.sender.name) == (b"from there", "ext")
        spread = lab.propagation(message)
        assert (spread.publisher, [delivery.node for delivery in spread.deliveries], spread.hops) == (
            "ext",
            ["alice"],
            1,
        )
        assert [event.node for event in lab.why(message)][-1] == "alice"

    def test_its_lookups_and_ours_find_each_other(self, lab: Lab, ext: AttachedNode, stranger: Node) -> None:
        alice = lab.start_node("alice")
        alice.connect(ext)
        assert alice.dht.find_peer(ext).peer is not None
        alice.dht.put("/lab/greeting", b"hi")
        assert stranger.dht.get("/lab/greeting").value == b"hi"

    def test_what_it_tells_later_is_known_too(self, lab: Lab, ext: AttachedNode, stranger: Node) -> None:
        async def handler(stream: NetStream) -> None: ...

        lab.start_node("alice").connect(ext)
        assert "/new/1.0.0" not in ext.protocols()
        stranger.handle("/new/1.0.0", handler)
        assert lab.run_until(lambda: "/new/1.0.0" in ext.protocols(), timeout=WAIT)

    def test_a_connection_from_before_is_its_own_too(self, lab: Lab, stranger: Node) -> None:
        alice = lab.start_node("alice")
        stranger.connect(alice.addresses[0])
        assert lab.run_until(lambda: alice.connections(), timeout=WAIT)
        assert lab.edges() == []
        ext = lab.attach(stranger.addresses[0], name="ext")
        assert lab.edges() == [("alice", "ext")]
        assert [connection.peer.name for connection in alice.connections()] == ["ext"]
        assert [event.peer for event in lab.events.filter(kind="connection.opened", node="alice")] == ["ext"]
        assert lab.events.filter(peer=str(ext.peer_id)) == lab.events.filter(peer="ext") != []

    def test_it_is_not_ours_to_stop(self, lab: Lab, ext: AttachedNode, stranger: Node) -> None:
        for order in (ext.stop, ext.crash, ext.restart):
            with pytest.raises(NotOursError, match="outside this lab"):
                order()
        with pytest.raises(AttributeError, match="takes no orders"):
            ext.publish("news", b"x")
        assert not hasattr(ext, "nonsense")
        assert stranger.running

    def test_it_is_no_node_of_the_labs_own(self, lab: Lab, ext: AttachedNode) -> None:
        lab.start_nodes(3)
        assert "ext" not in [node.name for node in lab.nodes]
        lab.wire("full")
        assert all("ext" not in edge for edge in lab.edges())
        with pytest.raises(UnknownNodeError, match="attached"):
            lab["ext"]

    def test_the_lab_that_looks_at_it_is_no_peer_of_its_protocols(self, ext: AttachedNode, stranger: Node) -> None:
        assert len(stranger.peers()) == 1
        stranger.subscribe("news")
        assert stranger.topic_peers("news") == []
        assert len(stranger.dht.routing_table()) == 0


class TestItsPicture:
    def test_the_graph_marks_it_as_outside_and_draws_its_edges(self, lab: Lab, ext: AttachedNode) -> None:
        alice = lab.start_node("alice")
        graph = lab.graph()
        assert repr(graph) == "<PeerGraph, real: 2 nodes, 0 edges: ext, alice>"
        hollow = [circle for circle in re.findall("<circle[^>]*>", graph.svg()) if 'stroke="#ffffff"' not in circle]
        assert len(hollow) == 1  # the lab's own are full, with a white rim
        alice.connect(ext)
        assert "1 edge" in repr(graph)
        graph.selected = "ext"
        assert graph.details["agent"] == ext.info.agent_version
        assert graph.details["addresses"] == ext.addresses

    def test_what_it_says_of_itself_is_shown_as_text_and_bounded(self, lab: Lab, ext: AttachedNode) -> None:
        hostile = "<script>alert(1)</script>\u202e\x00" + "x" * 1000
        host: Any = ext._host
        host.said = replace(host.said, agent_version=hostile, addresses=("/dns4/<script>/tcp/1",))
        graph = lab.graph(selected="ext")
        agent = graph.details["agent"]
        assert agent.startswith("<script>")  # the page sets it with textContent
        assert agent.isprintable()
        assert len(agent) <= 120
        assert "<script" not in graph.svg() + repr(graph) + repr(ext) + str(ext)

    def test_the_console_offers_it_as_a_peer(self, lab: Lab, ext: AttachedNode) -> None:
        from p2plab.commands.completion import complete

        lab.start_node("alice")
        assert complete("ping alice e", lab) == ["ext"]
        assert lab.execute_command("ping", peer="ext")["success"]
        assert lab.execute_command("attached")["result"]["attached"][0]["name"] == "ext"


class TestComingAndGoing:
    def test_its_death_is_noticed_and_so_is_its_return(self, lab: Lab, ext: AttachedNode, stranger: Node) -> None:
        stranger.crash()
        assert lab.run_until(lambda: not ext.running, timeout=WAIT)
        (lost,) = lab.events.filter(kind="node.lost")
        assert (lost.node, lost.reason) == ("ext", "refused")
        assert "lost" in repr(ext)
        stranger.restart()
        assert lab.run_until(lambda: ext.running, timeout=WAIT)
        assert [event.node for event in lab.events.filter(kind="node.found")] == ["ext"]
        assert lab.start_node("alice").ping(ext) > 0

    @pytest.mark.slow
    def test_silence_is_noticed_too(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("p2plab.real.outside.attached.EVERY", 0.1)
        monkeypatch.setattr("p2plab.real.outside.attached.TIMEOUT", 0.5)
        code = """
from p2plab import Lab
with Lab("real", seed=8) as lab:
    print(lab.start_node("stranger").addresses[0], flush=True)
    input()
"""
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdout is not None
            ext = lab.attach(process.stdout.readline().strip(), timeout=10)
            try:
                process.send_signal(signal.SIGSTOP)
                assert lab.run_until(lambda: not ext.running, timeout=WAIT)
                assert lab.events.filter(kind="node.lost")[0].reason == "timeout"
                process.send_signal(signal.SIGCONT)
                assert lab.run_until(lambda: ext.running, timeout=WAIT)
            finally:
                process.kill()

    def test_a_connection_that_it_closes_is_no_death(self, lab: Lab, ext: AttachedNode, stranger: Node) -> None:
        (before,) = stranger.connections()
        stranger.disconnect(before)
        assert lab.run_until(lambda: [c for c in stranger.connections() if c.id != before.id], timeout=WAIT)
        assert ext.running
        assert lab.events.filter(kind="node.lost") == []

    def test_detached_it_is_left_alone(self, lab: Lab, ext: AttachedNode, stranger: Node) -> None:
        alice = lab.start_node("alice")
        alice.connect(ext)
        lab.detach(ext)
        assert lab.attached == {}
        assert lab.edges() == []
        assert stranger.running
        assert lab.run_until(lambda: [peer.name for peer in stranger.peers()] == [alice.peer_id.short], timeout=WAIT)
        with pytest.raises(UnknownNodeError):
            lab.detach(ext)
        with pytest.raises(UnknownNodeError):
            alice.ping("ext")
        again = lab.attach(stranger.addresses[0], name="anew")
        assert [event.node for event in lab.events.filter(kind="node.detached")] == ["anew"]
        assert alice.ping(again) > 0

    def test_a_closed_lab_leaves_no_connection_to_it(self, elsewhere: Lab, stranger: Node) -> None:
        with Lab("real", seed=7) as lab:
            lab.attach(stranger.addresses[0])
            assert len(stranger.connections()) == 1
        assert elsewhere.run_until(lambda: not stranger.connections(), timeout=WAIT)
