"""Floods from peers that mean harm: what is over a limit is refused at once, and the node stays of use to others."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any, cast

import pytest
from libp2p.network.stream.exceptions import StreamReset

import p2plab
from p2plab import Lab, Node
from p2plab.admission import Limit, Limits
from p2plab.events import Event
from p2plab.pubsub.rpc import RPC, Control, Prune, encode_rpc
from p2plab.real.host import RealHost
from p2plab.real.pylibp2p_pubsub.routers import TOLD
from p2plab.stream import NetStream, StreamError
from p2plab.stream.flow.window import WINDOW
from tests.unit.real.own_pubsub.scene import speak
from tests.unit.real.test_close import tasks
from tests.unit.real.test_remedies_off_pubsub import router_of
from tests.unit.real.test_strangers import WAIT, knock

ROOM = 5  # connections, or streams
FLOOD = 60
GREETING = b"\x13/multistream/1.0.0\n"


def held(node: Node, resource: str) -> int:
    return sum(row.used for row in node.usage() if (row.scope, row.resource) == ("node", resource))


def test_a_flood_of_connections_is_refused_before_a_byte_is_read(lab: Lab) -> None:
    alice = lab.start_node("alice", limits=Limits(node=Limit(connections_inbound=ROOM)))
    bob = lab.start_node("bob")
    before = lab.world.read(tasks)
    most: list[int] = []
    stop = lab.world.watch(lambda: most.append(held_inside(lab, "connections_inbound")))
    sockets = [knock(alice) for _ in range(FLOOD)]
    assert lab.run_until(lambda: len(refusals(lab, "connection.refused")) == FLOOD - ROOM, timeout=WAIT)
    assert {event.reason for event in refusals(lab, "connection.refused")} == {"limit"}
    gone = sum(hung_up(one) for one in sockets[ROOM:])
    assert gone >= FLOOD - 2 * ROOM  # which of them came first, the system decides
    assert alice.connect(bob).direction == "outbound"
    for one in sockets:
        one.close()
    assert lab.run_until(lambda: not held(alice, "connections_inbound"), timeout=WAIT)
    alice.disconnect(bob)
    assert bob.connect(alice).peer == alice.peer_id
    stop()
    assert max(most) == ROOM
    bob.disconnect(alice)
    assert lab.run_until(lambda: tasks() <= before, timeout=WAIT)


def refusals(lab: Lab, kind: str) -> list[Event]:
    return lab.events.filter(kind=kind, node="alice")


def held_inside(lab: Lab, resource: str) -> int:
    control = cast(RealHost, lab.world.hosts()["alice"]).ensure_admission_control()
    return sum(row.used for row in control.usage() if (row.scope, row.resource) == ("node", resource))


def hung_up(one: socket.socket) -> bool:
    """Whether the other end has closed the connection, or does so now."""
    one.settimeout(2.0)
    try:
        return one.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_a_peer_that_overruns_its_windows_fills_no_memory_and_loses_its_connection(lab: Lab) -> None:
    alice = lab.start_node("alice", limits=Limits(peer=Limit(memory=8 * WINDOW)))
    mallory, bob = lab.start_node("mallory"), lab.start_node("bob")

    async def ignore(stream: NetStream) -> None:
        await p2plab.sleep(WAIT)

    alice.handle("/ignore/1.0.0", ignore)
    bob.connect(alice)
    mallory.open_stream(alice, "/ignore/1.0.0")
    (far,) = [link.library.muxed_conn for link in links(lab, "mallory")]
    (near,) = [link.library.muxed_conn for link in links(lab, "alice") if link.info.peer == mallory.peer_id]

    async def flood() -> None:
        for stream in list(far.streams.values()):
            with suppress(Exception):  # until the connection goes, which the library tells in many ways
                for _ in range(64):
                    stream.send_window = 1 << 30
                    await stream.write(bytes(WINDOW))

    lab.world.run(flood)
    assert lab.run_until(lambda: lab.events.filter(kind="connection.closed", node=alice), timeout=WAIT)
    assert lab.run_until(lambda: not mallory.connections(), timeout=WAIT)
    assert sum(map(len, near.stream_buffers.values())) <= 4 * WINDOW
    (refused,) = refusals(lab, "stream.refused")
    assert (refused.peer, refused.reason) == ("mallory", "protocol violation")
    (closed,) = lab.events.filter(kind="connection.closed", node=alice)
    assert (closed.reason, closed.cause) == ("protocol violation", refused.seq)
    assert bob.ping(alice) > 0


@pytest.mark.parametrize("stack", [{}, {"transports": ["quic"]}], ids=["yamux", "quic"])
def test_streams_that_the_muxer_has_no_room_for_are_refused_instead_of_waiting(stack: dict[str, Any]) -> None:
    with Lab("real", seed=7, **stack) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")

        async def hold(stream: NetStream) -> None:
            await stream.read()

        bob.handle("/hold/1.0.0", hold)
        alice.connect(bob)
        host = lab.world.hosts()["alice"]
        opened: list[NetStream] = []

        async def flood() -> None:
            while True:
                opened.append(await host.open_stream("bob", ["/hold/1.0.0"]))

        with pytest.raises(StreamError, match="takes no more streams to bob") as raised:
            lab.world.run(flood)
        assert raised.value.kind == "limit"
        assert len(opened) > 100
        assert lab.why(raised.value)[-1].reason == "limit"

        async def end() -> None:
            for stream in opened:
                await stream.reset()

        lab.world.run(end)
        assert lab.run_until(lambda: not alice.streams() and not bob.streams(), timeout=WAIT)
        if not stack:  # QUIC gives room back when it sees fit
            assert alice.ping(bob) > 0


def test_topics_that_come_and_go_by_the_hundred_in_an_rpc_are_taken_in_part_and_the_log_says_so(lab: Lab) -> None:
    alice, mallory = lab.start_node("alice"), lab.start_node("mallory")
    mallory.connect(alice)
    churn = RPC(subscriptions=tuple((way, f"t{number}") for number in range(300) for way in (True, False)))
    speak(lab, mallory, alice, encode_rpc(churn), encode_rpc(RPC(subscriptions=((True, "last"),))))
    assert lab.run_until(lambda: alice.topic_peers("last"), timeout=WAIT)
    (dropped,) = refusals(lab, "pubsub.drop")
    assert (dropped.peer, dropped.topic, dropped.reason) == ("mallory", "t100", "too many topics")
    assert len(refusals(lab, "pubsub.peer_subscribed")) == 100 + 1


def test_what_is_said_of_topics_nobody_here_knows_is_not_answered_and_keeps_nothing(lab: Lab) -> None:
    alice, mallory = lab.start_node("alice"), lab.start_node("mallory")
    mallory.connect(alice)
    topics = [f"t{number}" for number in range(200)]
    told = Control(ihave=tuple((topic, (b"id",)) for topic in topics), prune=tuple(map(Prune, topics)))
    speak(lab, mallory, alice, encode_rpc(RPC(control=told)), encode_rpc(RPC(subscriptions=((True, "last"),))))
    assert lab.run_until(lambda: alice.topic_peers("last"), timeout=WAIT)
    ignored = refusals(lab, "pubsub.ihave_ignored")
    assert TOLD <= len(ignored) < len(topics)
    assert {event.reason for event in ignored} == {"not subscribed"}
    assert not lab.events.filter(kind="pubsub.iwant")
    assert not router_of(alice).back_off


def links(lab: Lab, name: str) -> list[Any]:
    return list(cast(RealHost, lab.world.hosts()[name]).each_connection())


@pytest.mark.parametrize("protocol", [None, "/ipfs/ping/1.0.0"], ids=["that say nothing", "that ping"])
def test_a_flood_of_streams_is_reset_and_others_are_served(lab: Lab, protocol: str | None) -> None:
    alice = lab.start_node("alice")
    mallory, bob = lab.start_node("mallory"), lab.start_node("bob")
    mallory.connect(alice)
    bob.connect(alice)
    alice.limits = Limits(peer=Limit(streams_inbound=ROOM))
    host = cast(RealHost, lab.world.hosts()["mallory"])

    async def flood() -> list[Any]:
        (link,) = host.each_connection()
        streams = [await link.library.new_stream() for _ in range(FLOOD)]
        for stream in streams:
            if protocol is not None:
                with suppress(StreamReset):
                    await stream.write(GREETING + bytes([len(protocol) + 1]) + protocol.encode() + b"\n")
        return streams

    opened = lab.world.run(flood)
    assert lab.run_until(lambda: len(refusals(lab, "stream.refused")) >= FLOOD - ROOM, timeout=WAIT)
    assert {event.reason for event in refusals(lab, "stream.refused")} == {"limit"}
    of_mallory = [row for row in alice.usage() if (row.name, row.resource) == ("mallory", "streams_inbound")]
    assert all(row.used <= ROOM for row in of_mallory)
    assert lab.run_until(
        lambda: sum(stream.muxed_stream.reset_received for stream in opened) >= FLOOD - ROOM, timeout=WAIT
    )
    assert bob.ping(alice) > 0
    mallory.disconnect(alice)
    assert lab.run_until(lambda: not any(row.name == "mallory" for row in alice.usage()), timeout=WAIT)
