"""Each remedy of a host and its streams turned off: the fault it is for is there. On, it is not (the other tests say).

A test that fails here may be good news: py-libp2p has mended something, and the remedy can go.
"""

from __future__ import annotations

import importlib
import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from libp2p.custom_types import TProtocol
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID

from p2plab import Lab, Node
from p2plab.admission import Limit, Limits
from p2plab.errors import ConfigurationError, DialError
from p2plab.real.connections.ports import HOLDS
from p2plab.real.host import RealHost
from p2plab.real.pylibp2p.remedies import REMEDIES
from p2plab.real.pylibp2p_pubsub.topics import NodeTopics
from p2plab.stream import NetStream, StreamError
from p2plab.stream.flow.window import WINDOW
from tests.unit.real.without import without

WAIT = 20.0
PING = TProtocol("/ipfs/ping/1.0.0")


@pytest.fixture
def lab_without() -> Iterator[Callable[..., Lab]]:
    """Makes a lab without some remedies."""
    labs: list[Lab] = []

    def make(*names: str) -> Lab:
        labs.append(Lab("real", seed=7, remedies=dict.fromkeys(names, False)))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


def host_of(node: Node) -> RealHost:
    return cast(RealHost, node.world.hosts()[node.name])


def peer_of(node: Node) -> ID:
    return ID.from_string(node.peer_id)


def nobody() -> tuple[socket.socket, str]:
    """A port at which nobody listens, held by a socket, as an address of bob's."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held, f"/ip4/127.0.0.1/tcp/{held.getsockname()[1]}"


@without("close inside run")
def test_a_stopped_node_goes_on_accepting(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("close inside run")
    alice = lab.start_node("alice")
    port = int(alice.addresses[0].split("/")[4])
    alice.stop()
    socket.create_connection(("127.0.0.1", port), timeout=WAIT).close()


@without("no retries")
def test_a_refused_dial_is_tried_again(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("no retries")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    held, address = nobody()
    with held, pytest.raises(DialError) as failed:
        alice.connect(f"{address}/p2p/{bob.peer_id}")
    assert failed.value.attempts[0][1] > 0.1 + 0.2 + 0.4 - 0.1  # its pauses, without the jitter


@without("one connection a peer")
def test_a_dial_waits_for_a_second_address(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("one connection a peer", "address by address")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    began = lab.now
    alice.connect(bob)
    assert lab.now - began > 0.25


@without("no auto-connector")
def test_a_node_dials_whom_it_knows(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("no auto-connector", "no dialling behind the back")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.register_peer(bob.peer_id, bob.addresses)
    alice.stop()
    alice.restart(reconnect=False)
    assert lab.run_until(lambda: lab.edges() == [("alice", "bob")], timeout=WAIT)


@without("no dialling behind the back")
def test_opening_a_stream_dials(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("no dialling behind the back")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.register_peer(bob.peer_id, bob.addresses)
    lab.world.run(host_of(alice).stack.host.new_stream, peer_of(bob), [PING])
    assert lab.run_until(lambda: lab.edges() == [("alice", "bob")], timeout=WAIT)


@without("no default limits")
def test_a_host_has_limits_of_its_own(lab_without: Callable[..., Lab]) -> None:
    node = lab_without("no default limits").start_node("alice")
    limits = cast(Any, host_of(node).stack.swarm._resource_manager).limits
    assert limits.max_connections > 0


@without("inbound slots")
def test_a_slot_stays_for_a_connection_that_is_closed(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("inbound slots")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    for _ in range(3):
        alice.connect(bob)
        alice.disconnect(bob)
    assert host_of(bob).stack.swarm._inbound_limiter.borrowed_tokens == 3


@without("addresses once")
def test_addresses_are_made_anew(lab_without: Callable[..., Lab]) -> None:
    host = host_of(lab_without("addresses once").start_node("alice")).stack.host
    assert host.get_addrs()[0] is not host.get_addrs()[0]


@without("guarded streams")
def test_a_strangers_bytes_end_the_host(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("guarded streams")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)

    async def rubbish() -> None:
        stream = await next(iter(host_of(alice).stack.swarm.get_connections())).new_stream()
        await stream.write(b"\x13/multistream/1.0.0\n\x03\xff\xfe\n")

    lab.world.run(rubbish)
    assert lab.run_until(lambda: lab.events.filter(kind="node.crashed", node="bob"), timeout=WAIT)


@without("address by address")
def test_a_peer_that_could_not_be_reached_is_refused_for_a_while(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("address by address")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    address = bob.addresses[0]
    bob.stop()
    with pytest.raises(DialError):
        alice.connect(address)
    bob.restart()
    with pytest.raises(DialError, match="negative cache"):
        alice.connect(bob)


@pytest.mark.skipif(not HOLDS, reason="ports are held on Linux only")
@without("ports of one's own")
def test_two_nodes_listen_at_one_port(lab_without: Callable[..., Lab], lab: Lab) -> None:
    other = lab_without("ports of one's own")
    address = other.start_node("alice").addresses[0].partition("/p2p/")[0]
    assert other.start_node("bob", listen=address).addresses[0].startswith(address)
    with pytest.raises(ConfigurationError):
        lab.start_node("carol", listen=lab.start_node("dave").addresses[0].partition("/p2p/")[0])


@without("the newest connection")
def test_the_connection_with_most_streams_is_taken(lab_without: Callable[..., Lab]) -> None:
    swarm = host_of(lab_without("the newest connection").start_node("alice")).stack.swarm

    def connection(age: float, streams: int) -> Any:
        dead = trio.Event()
        muxed = SimpleNamespace(event_shutting_down=dead)
        return SimpleNamespace(
            muxed_conn=muxed, _created_at=-age, get_streams=lambda: [None] * streams, is_closed=False
        )

    old, new = connection(9, 4), connection(1, 0)
    old.muxed_conn.event_shutting_down.set()
    assert swarm._best_connection([new, old]) is old
    assert swarm._best_connection([new, old]) is Swarm._best_connection(swarm, [new, old])


@without("uncut I/O")
def test_a_cancelled_write_kills_the_connection(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("uncut I/O")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")

    async def swallow(stream: NetStream) -> None:
        while await stream.read():
            pass

    bob.handle("/swallow/1", swallow)
    alice.connect(bob)

    async def cut(seconds: float) -> None:
        stream = await host_of(alice).open_stream("bob", ["/swallow/1"])
        with trio.move_on_after(seconds):
            await stream.write(bytes(50_000_000))

    def works() -> bool:
        try:
            return alice.ping(bob, timeout=2) > 0
        except (TimeoutError, StreamError):
            return False

    for attempt in range(40):  # which part of a frame it cuts is a matter of luck
        lab.world.run(cut, 0.01 + attempt * 0.003)
        if not works():
            return
    pytest.fail("forty cancelled writes did no harm")


@without("uncut negotiation")
def test_negotiations_are_cut_after_ten_seconds(lab_without: Callable[..., Lab]) -> None:
    config = host_of(lab_without("uncut negotiation").start_node("alice")).stack.swarm.connection_config
    assert config.outbound_stream_protocol_negotiation_timeout == 10
    assert config.inbound_stream_protocol_negotiation_timeout == 10


@pytest.mark.slow
@without("own window wait")
def test_a_write_to_one_who_does_not_read_fails(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("own window wait")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")

    async def idle(stream: NetStream) -> None:
        await trio.sleep_forever()

    bob.handle("/idle/1", idle)
    with pytest.raises(StreamError):
        alice.open_stream(bob, "/idle/1").write(bytes(100_000_000))


async def fill(lab: Lab, alice: Node, protocol: str) -> None:
    while True:  # only the one too many waits as long as that, also where a busy machine stands still for a second
        await lab.world.runtime.within(4.0, lambda: host_of(alice).open_stream("bob", [protocol]))


@without("room for a stream")
def test_a_stream_too_many_waits(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("room for a stream")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")

    async def idle(stream: NetStream) -> None:
        await trio.sleep_forever()

    bob.handle("/idle/1", idle)
    alice.connect(bob)
    with pytest.raises(TimeoutError):
        lab.world.run(fill, lab, alice, "/idle/1")
    assert len(alice.streams()) > 200


@without("kept windows")
def test_what_a_peer_sends_beyond_a_window_is_taken(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("kept windows")
    alice = lab.start_node("alice")
    bob = lab.start_node("bob", limits=Limits(peer=Limit(memory=8 * WINDOW)))

    async def idle(stream: NetStream) -> None:
        await trio.sleep_forever()

    bob.handle("/idle/1", idle)
    alice.open_stream(bob, "/idle/1")
    (far,) = [link.library.muxed_conn for link in host_of(alice).each_connection()]
    (near,) = [link.library.muxed_conn for link in host_of(bob).each_connection()]

    async def flood() -> None:
        stream = list(far.streams.values())[-1]
        for _ in range(16):
            stream.send_window = 1 << 30
            await stream.write(bytes(WINDOW))

    lab.world.run(flood)
    assert lab.run_until(lambda: sum(map(len, near.stream_buffers.values())) > 8 * WINDOW, timeout=WAIT)


@without("wake on reset")
def test_a_read_of_a_reset_stream_waits_on(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("wake on reset")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    alice.ping(bob)
    nursery = host_of(alice).stack._nursery

    async def idle(stream: NetStream) -> None:
        await trio.sleep_forever()

    def readers() -> int:
        return sum(task.name == "p2plab reading a stream" for task in nursery.child_tasks)

    def waiting() -> bool:
        muxed: Any = next(iter(host_of(alice).stack.swarm.get_connections())).muxed_conn
        return any(event.statistics().tasks_waiting for event in muxed.stream_events.values())

    bob.handle("/idle/1", idle)
    assert lab.run_until(lambda: readers() == 0, timeout=WAIT)
    stream = alice.open_stream(bob, "/idle/1")
    assert lab.run_until(waiting, timeout=WAIT)
    stream.reset()
    assert not lab.run_until(lambda: readers() == 0, timeout=1)


@without("tell reset from end")
def test_a_reset_reads_as_an_end(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("tell reset from end")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")

    async def reset(stream: NetStream) -> None:
        await stream.reset()

    bob.handle("/reset/1", reset)
    assert alice.open_stream(bob, "/reset/1").read() == b""


@without("prompt farewell")
def test_pubsub_keeps_a_peer_whose_connection_is_closed(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("prompt farewell")
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    pubsub = cast(NodeTopics, host_of(alice).pubsub).running.pubsub
    kept: list[bool] = []

    async def hang_up() -> None:
        link = next(host_of(alice).each_connection())
        await host_of(alice).disconnect("bob")
        assert link.closed.is_set()
        kept.append(peer_of(bob) in pubsub.peers)

    lab.world.run(hang_up)
    assert kept == [True]


def test_every_remedy_that_can_be_turned_off_has_such_a_test() -> None:
    for other in ("dht", "nat", "pubsub", "transports"):
        importlib.import_module(f"tests.unit.real.test_remedies_off_{other}")
    importlib.import_module("tests.unit.real.test_silent_peers")
    assert without.names == {name for name, remedy in REMEDIES.items() if not remedy.fixed and not remedy.process}
