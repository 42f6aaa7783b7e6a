"""Reachability of real nodes: p2plab's AutoNAT, relays and hole punching over py-libp2p's streams on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from random import Random
from typing import Any

import pytest
import trio

from p2plab import AsyncLab, Event, Lab, Node
from p2plab.errors import DialError, ValidationError
from p2plab.nat import RelayParams
from p2plab.nat.autonat_v1 import AUTONAT_V1_ID, DialBackStatus, ask_dial_back
from p2plab.nat.autonat_v2 import Nonces, probe
from p2plab.nat.autonat_v2_messages import DIAL_REQUEST_ID
from p2plab.nat.relay_messages import (
    HOP_ID,
    STOP_ID,
    HopMessage,
    HopType,
    RelayStatus,
    Reservation,
    StopMessage,
    StopType,
    decode_hop,
    encode_hop,
    encode_stop,
)
from p2plab.stream import StreamError

MOST = 4096


def circuit(node: Node) -> str:
    """Its first address over a relay."""
    return next(address for address in node.addresses if "/p2p-circuit" in address)


def has_slot(node: Node) -> bool:
    return any("/p2p-circuit" in address for address in node.addresses)


def closed_ends(lab: Lab) -> int:
    """How many ends of connections between alice and bob have closed."""
    return sum(
        len(lab.events.filter(kind="connection.closed", node=a, peer=b))
        for a, b in (("alice", "bob"), ("bob", "alice"))
    )


def data(event: Event) -> dict[str, Any]:
    assert event.data is not None
    return event.data


async def swallow(stream: Any) -> None:
    while await stream.read():
        pass


async def flood(stream: Any) -> None:
    while True:
        await stream.write(bytes(10_000))


class TestRelays:
    def test_two_nodes_meet_over_a_relay_within_its_limits_to_the_byte(self) -> None:
        """One circuit that is used up one way, one the other way; one that lasts its time; one too many."""
        limits = RelayParams(data=60_000, circuits=1)
        with Lab("real", seed=7, nat="p2plab", relay=limits) as lab:
            r = lab.start_node("r", role="relay")
            alice, bob, carol = lab.start_node("alice"), lab.start_node("bob"), lab.start_node("carol")
            bob.connect(r)
            assert lab.run_until(lambda: has_slot(bob), timeout=30)
            assert bob.nat.relays == ("r",)
            assert str(r.peer_id) in circuit(bob)
            assert data(lab.events.filter(kind="relay.reserved", node="bob")[0])["limit"] == {
                "seconds": 120,
                "bytes": 60_000,
            }

            connection = alice.connect(circuit(bob))
            assert (connection.relayed, connection.limited, connection.transport) == (True, True, "p2p-circuit")
            (other_end,) = bob.connections(alice)
            assert (other_end.id, other_end.relayed, other_end.direction) == (connection.id, True, "inbound")
            assert alice.ping(bob) > 0
            assert circuit(bob) in alice.identify(bob).addresses

            with pytest.raises(DialError, match="RESOURCE_LIMIT_EXCEEDED"):
                carol.connect(circuit(bob))

            bob.handle("/sink/1.0.0", swallow)
            bob.handle("/flood/1.0.0", flood)
            for protocol, way in (("/sink/1.0.0", "there"), ("/flood/1.0.0", "back")):
                stream = alice.open_stream(circuit(bob), protocol)
                if way == "there":
                    with contextlib.suppress(StreamError):  # the relay may end it before all of it is written
                        stream.write(bytes(70_000))
                assert lab.run_until(lambda: closed_ends(lab) == 2 * (1 + (way == "back")), timeout=30)  # noqa: B023
                ended = lab.events.filter(kind="relay.ended", node="r")[-1]
                assert (ended.reason, data(ended)[way]) == ("data limit", 60_000)
                assert data(ended)["back" if way == "there" else "there"] < 60_000
                for node, peer in (("alice", "bob"), ("bob", "alice")):
                    closed = lab.events.filter(kind="connection.closed", node=node, peer=peer)[-1]
                    assert closed.reason == "data limit"
                    assert "relay.ended" in [cause.kind for cause in lab.why(closed)]

            short = lab.start_node("short", role="relay", relay=RelayParams(duration=3.0))
            bob.connect(short)
            over = f"{short.addresses[0]}/p2p-circuit/p2p/{bob.peer_id}"
            assert lab.run_until(lambda: over in bob.addresses, timeout=30)
            alice.connect(over)
            began = lab.events.filter(kind="relay.circuit", node="short")[-1].t
            assert lab.run_until(lambda: not alice.connections(bob), timeout=30)
            ended = lab.events.filter(kind="relay.ended", node="short")[-1]
            assert ended.reason == "duration limit"
            assert ended.t - began >= 3.0

            statuses = {status.address: status for status in bob.reachability()}
            (own,) = statuses.values()
            assert own.confidence >= 1
            assert "r" in {peer.name for peer in own.by}
            assert lab.events.filter(kind="error") == []

    def test_refusals_come_by_their_codes_and_a_slot_goes_with_its_relay(self) -> None:
        with Lab("real", seed=7) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob", nat="p2plab")
            carol = lab.start_node("carol")  # which has none of it until the lab has a relay
            r = lab.start_node("r", role="relay", relay=RelayParams(reservations=1))
            over = f"{r.addresses[0]}/p2p-circuit/p2p/"
            with pytest.raises(DialError, match="NO_RESERVATION"):
                alice.connect(over + bob.peer_id)
            with pytest.raises(DialError, match="circuit over a circuit"):
                alice.connect(f"{over}{carol.peer_id}/p2p-circuit/p2p/{bob.peer_id}")
            with pytest.raises(DialError, match="is the relay in that address itself"):
                r.connect(over + bob.peer_id)
            bob.connect(r)
            assert lab.run_until(lambda: has_slot(bob), timeout=30)
            dave = lab.start_node("dave", nat="p2plab")
            dave.connect(r)
            assert lab.run_until(lambda: bool(lab.events.filter(kind="relay.refused", node="dave")), timeout=30)
            assert lab.events.filter(kind="relay.refused", node="dave")[0].reason == "RESERVATION_REFUSED"
            assert not has_slot(dave)
            assert alice.connect(over + bob.peer_id).relayed
            with pytest.raises(DialError, match="NO_RESERVATION"):
                alice.connect(over + carol.peer_id)

            r.crash()
            assert lab.run_until(lambda: not has_slot(bob) and not alice.connections(bob), timeout=30)
            assert alice.connect(bob).relayed is False
            r.restart()
            bob.connect(r)
            assert lab.run_until(lambda: has_slot(bob), timeout=30)
            r.set_role(None)
            with pytest.raises(DialError, match="relay refused"):
                dave.connect(over + bob.peer_id)

    def test_a_relay_that_lies_about_who_connects_is_found_out(self) -> None:
        with Lab("real", seed=7) as lab:
            liar, alice = lab.start_node("liar"), lab.start_node("alice")
            carol = lab.start_node("carol")

            async def lie(stream: Any) -> None:
                asked = decode_hop(await stream.read_message(MOST))
                if asked.type == HopType.RESERVE:
                    there = Reservation(2_000_000_000, (liar.addresses[0],), None)
                    await stream.write_message(
                        encode_hop(HopMessage(HopType.STATUS, reservation=there, status=RelayStatus.OK))
                    )
                    return
                stop = await lab.aio["liar"].open_stream("bob", STOP_ID)
                await stop.write_message(encode_stop(StopMessage(StopType.CONNECT, carol.peer_id)))
                await stop.read_message(MOST)
                await stream.write_message(encode_hop(HopMessage(HopType.STATUS, status=RelayStatus.OK)))

                async def back() -> None:
                    while part := await stop.read():
                        await stream.write(part)

                async with trio.open_nursery() as nursery:
                    nursery.start_soon(back)
                    while part := await stream.read():
                        await stop.write(part)

            liar.handle(HOP_ID, lie)
            bob = lab.start_node("bob", nat="p2plab")
            bob.connect(liar)
            assert lab.run_until(lambda: has_slot(bob), timeout=30)
            with pytest.raises(DialError):
                alice.connect(circuit(bob), timeout=5)
            assert bob.connections(alice) == []

            def refusals() -> list[str | None]:
                return [event.reason for event in lab.events.filter(kind="connection.failed", node="bob")]

            assert lab.run_until(lambda: refusals() == ["wrong peer"], timeout=30)


class TestAutoNat:
    def test_an_open_port_is_public_and_a_closed_one_is_told_apart(self) -> None:
        """py-libp2p's own server answers OK for the closed one."""

        async def ask() -> None:
            async with AsyncLab("real", seed=7, nat="p2plab") as lab:
                servers, alice = await lab.start_nodes(3), await lab.start_node("alice")
                for server in servers:
                    await alice.connect(server)
                assert await lab.run_until(lambda: alice.reachability()[0].status == "public", timeout=20)
                assert alice.reachability()[0].confidence >= 2
                assert {event.reason for event in lab.events.filter(kind="autonat.served", peer="alice")} == {"OK"}
                assert alice.nat.public

                with socket.create_server(("127.0.0.1", 0)) as taken:
                    closed = f"/ip4/127.0.0.1/tcp/{taken.getsockname()[1]}"
                stream: Any = await alice.open_stream(servers[0], AUTONAT_V1_ID)
                verdict = await ask_dial_back(stream, alice.peer_id, ["/ip4/127.0.0.2/tcp/1", closed])
                assert verdict.status == DialBackStatus.E_DIAL_ERROR
                stream = await alice.open_stream(servers[0], DIAL_REQUEST_ID)
                assert (await probe(stream, Nonces(), [closed], Random(7))).reachable is False
                stream = await alice.open_stream(servers[0], DIAL_REQUEST_ID)
                refused = await probe(stream, Nonces(), ["/ip4/127.0.0.2/tcp/1", "/ip4/10.0.0.1/tcp/1"], Random(7))
                assert (refused.reachable, refused.reason) == (None, "E_DIAL_REFUSED")

        asyncio.run(ask())

    def test_whose_it_is_is_checked(self) -> None:
        with pytest.raises(ValidationError, match="nat='ours'"):
            Lab("real", nat="ours")
        with pytest.raises(ValidationError, match="RelayParams"):
            Lab("real", relay=3)
        with pytest.raises(ValidationError, match="AutoRelayParams"):
            Lab("real", autorelay=3)
