"""A world that was made for this test alone: what the Host does is the same there."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from p2plab.constants import IDENTIFY_ID, PING_ID
from p2plab.errors import ClosedError, DialError, UnknownNodeError
from p2plab.identity import peer_id_bytes
from p2plab.stream import NetStream, StreamError
from tests.unit.host.toy import ToyHost, ToyWorld

ECHO = "/echo/1.0.0"
STRANGER = "12D3KooWC2X6PR2nXDVG79VXoZxDU1ec5D392p7rPC6T9LxsAi9Q"


@pytest.fixture
def world() -> ToyWorld:
    return ToyWorld()


@pytest.fixture
def alice(world: ToyWorld) -> ToyHost:
    return world.start("alice")


@pytest.fixture
def bob(world: ToyWorld) -> ToyHost:
    async def echo(stream: NetStream) -> None:
        while data := await stream.read():
            await stream.write(data)

    host = world.start("bob")
    host.handle(ECHO, echo)
    return host


def done(world: ToyWorld, *verbs: Callable[[], Awaitable[Any]]) -> Any:
    return world.runtime.run(*verbs)[-1]


def cid_of(peer_id: str) -> str:
    """A peer id as CIDv1 (peer-ids.md, "String representation")."""
    return "b" + base64.b32encode(b"\x01\x72" + peer_id_bytes(peer_id)).decode().lower().rstrip("=")


def test_ping_identify_and_a_stream_run_over_it(world: ToyWorld, alice: ToyHost, bob: ToyHost) -> None:
    assert done(world, lambda: alice.ping("bob")) == 0.0
    info = done(world, lambda: alice.identify("bob"))
    assert (info.name, info.addresses) == ("bob", bob.addresses)
    assert {PING_ID, IDENTIFY_ID, ECHO} <= set(info.protocols)

    async def talk() -> bytes:
        async with await alice.open_stream("bob", [ECHO]) as stream:
            await stream.write(b"hello")
            return await stream.read_exactly(5)

    assert done(world, talk) == b"hello"
    assert [event.kind for event in world.events.filter(node="alice", kind="ping")] == ["ping.reply"]
    assert [peer.name for peer in alice.peers()] == ["bob"]
    assert [peer.name for peer in bob.peers()] == ["alice"]


def test_a_peer_is_meant_by_name_base58_cid_or_address(world: ToyWorld, alice: ToyHost, bob: ToyHost) -> None:
    texts = ["bob", str(bob.peer_id), cid_of(bob.peer_id), bob.addresses[0], bob.place]
    for text in texts:
        assert done(world, partial(alice.connect, text)).peer == bob.peer_id
        assert [connection.peer for connection in alice.connections(text)] == [bob.peer_id]
        assert done(world, partial(alice.disconnect, text)) is True
        assert alice.connections() == []
    with pytest.raises(UnknownNodeError, match="'bobby'"):
        done(world, lambda: alice.connect("bobby"))


def test_an_address_that_was_added_by_hand_is_dialled(world: ToyWorld, alice: ToyHost, bob: ToyHost) -> None:
    alice.register_peer(cid_of(STRANGER), [bob.place])
    assert [info.addresses for info in alice.known_peers()] == [[f"{bob.place}/p2p/{STRANGER}"]]
    assert done(world, lambda: alice.connect(STRANGER)).peer == bob.peer_id, "a toy world proves nothing"


def test_verbs_at_the_same_time_share_a_dial(world: ToyWorld, alice: ToyHost, bob: ToyHost) -> None:
    world.runtime.run(*[lambda: alice.connect("bob")] * 5)
    assert len(world.events.filter(kind="connection.dialled")) == 1
    assert len(alice.connections()) == 1


def test_a_dial_that_fails_says_why_and_where(world: ToyWorld, alice: ToyHost, bob: ToyHost) -> None:
    done(world, bob.stop)
    with pytest.raises(DialError, match="nobody listens") as caught:
        done(world, lambda: alice.connect("bob"))
    assert [address for address, _, _ in caught.value.attempts] == bob.addresses
    (failed,) = world.events.filter(kind="connection.failed")
    assert (failed.reason, failed.peer) == ("refused", "bob")
    with pytest.raises(ClosedError, match="bob is not running"):
        done(world, lambda: bob.ping("alice"))


def test_who_comes_back_dials_those_it_had_dialled(world: ToyWorld, alice: ToyHost, bob: ToyHost) -> None:
    done(world, lambda: alice.connect("bob"))
    done(world, alice.stop)
    assert bob.connections() == []
    alice.restart()
    world.runtime.drain()
    assert [peer.name for peer in alice.peers()] == ["bob"]


def test_a_protocol_that_nobody_answers_is_refused_with_an_event(world: ToyWorld, alice: ToyHost, bob: ToyHost) -> None:
    with pytest.raises(StreamError, match="/none/1") as caught:
        done(world, lambda: alice.open_stream("bob", ["/none/1"]))
    assert caught.value.kind == "protocol not supported"
    (refused,) = world.events.filter(kind="stream.refused", node="alice")
    assert caught.value.event == refused.seq


def test_admission_is_asked_for_connections_and_streams(world: ToyWorld, alice: ToyHost, bob: ToyHost) -> None:
    done(world, lambda: alice.connect("bob"))
    bob.ensure_admission_control().block(ECHO)
    with pytest.raises(StreamError):
        done(world, lambda: alice.open_stream("bob", [ECHO]))
    assert done(world, lambda: alice.ping("bob")) == 0.0
    assert world.events.filter(kind="stream.refused", node="bob")[0].reason == "blocked"
    bob.ensure_admission_control().block("alice")
    assert alice.connections() == []


def test_peers_are_told_of_a_new_protocol(world: ToyWorld, alice: ToyHost, bob: ToyHost) -> None:
    done(world, lambda: alice.connect("bob"))

    async def nothing(stream: NetStream) -> None:
        await stream.close()

    bob.handle("/new/1.0.0", nothing)
    world.runtime.drain()
    assert "/new/1.0.0" in alice.peers()[0].protocols
