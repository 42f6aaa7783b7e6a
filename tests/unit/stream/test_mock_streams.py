"""Streams in the mock world: negotiation on the wire, back-pressure, limits, priorities."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import p2plab
from p2plab import Lab, Node
from p2plab.errors import ValidationError
from p2plab.mock.connections.stream import MockStream
from p2plab.mock.host import MockHost
from p2plab.mock.world import MockWorld
from p2plab.stream import NetStream, StreamError
from p2plab.stream.metrics import negotiations
from p2plab.stream.negotiation.multistream import frame
from p2plab.stream.negotiation.negotiate import list_protocols

HEADER = frame("/multistream/1.0.0")


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7, latency=0.010) as lab:
        yield lab


@pytest.fixture
def alice(lab: Lab) -> Node:
    return lab.start_node("alice")


@pytest.fixture
def bob(lab: Lab) -> Node:
    return lab.start_node("bob")


async def sink(stream: NetStream) -> None:
    """Reads whatever comes."""
    while await stream.read():
        pass


async def sleeper(stream: NetStream) -> None:
    """Reads nothing for an hour."""
    await p2plab.sleep(3600)


def world_of(lab: Lab) -> MockWorld:
    world: Any = lab.nodes[0].world
    assert isinstance(world, MockWorld)
    return world


def host_of(node: Node) -> MockHost:
    world: Any = node.world
    host: MockHost = world.hosts()[node.name]
    return host


class TestNegotiation:
    def test_a_stream_is_open_after_one_round_trip_and_a_lazy_one_at_once(
        self, lab: Lab, alice: Node, bob: Node
    ) -> None:
        bob.handle("/echo/1.0.0", sink)
        alice.connect(bob)
        began = lab.now
        alice.open_stream(bob, "/echo/1.0.0")
        assert lab.now - began == pytest.approx(0.020)
        began = lab.now
        alice.open_stream(bob, "/echo/1.0.0", lazy=True).write(b"x")
        assert lab.now == began

    def test_a_lazy_stream_reads_the_refusal(self, alice: Node, bob: Node) -> None:
        stream = alice.open_stream(bob, "/nobody/1.0.0", lazy=True)
        stream.write(b"hello?")
        with pytest.raises(StreamError) as caught:
            stream.read()
        assert caught.value.kind == "protocol not supported"

    def test_every_message_of_it_can_be_recorded(self, lab: Lab, alice: Node, bob: Node) -> None:
        bob.handle("/echo/1.0.0", sink)
        alice.connect(bob)
        lab.run(1)
        lab.events.level = "all"
        stream = alice.open_stream(bob, ["/nope/1.0.0", "/echo/1.0.0"])
        said = [
            {key: value for key, value in (event.data or {}).items() if key != "stream"}
            for event in lab.events.filter(kind="stream.step", node=alice)
            if (event.data or {}).get("stream") == stream.id
        ]
        assert said == [
            {"sent": "/multistream/1.0.0"},
            {"sent": "/nope/1.0.0"},
            {"received": "/multistream/1.0.0"},
            {"received": "na"},
            {"sent": "/echo/1.0.0"},
            {"received": "/echo/1.0.0"},
        ]

    def test_the_handshakes_negotiations_can_be_recorded(self, lab: Lab, alice: Node, bob: Node) -> None:
        lab.events.level = "all"
        alice.connect(bob)
        steps = [event.data or {} for event in lab.events.filter(kind="stream.step", node=alice)]
        assert [step["sent"] for step in steps if "connection" in step and "sent" in step] == [
            "/multistream/1.0.0",
            "/noise",
            "/multistream/1.0.0",
            "/yamux/1.0.0",
        ]

    def test_time_and_failures_are_told_by_protocol(self, lab: Lab, alice: Node, bob: Node) -> None:
        bob.handle("/echo/1.0.0", sink)
        alice.open_stream(bob, "/echo/1.0.0")
        alice.open_stream(bob, ["/nope/1.0.0", "/echo/1.0.0"])
        with pytest.raises(StreamError):
            alice.open_stream(bob, "/nope/1.0.0")
        table = {each.protocol: each for each in negotiations(lab.events, alice)}
        assert (table["/echo/1.0.0"].agreed, table["/nope/1.0.0"].refused) == (2, 1)
        assert table["/echo/1.0.0"].mean == pytest.approx(0.030)
        assert table["/echo/1.0.0"].slowest == pytest.approx(0.040)

    def test_a_node_lists_its_protocols(self, lab: Lab, alice: Node, bob: Node) -> None:
        bob.handle("/echo/1.0.0", sink)
        alice.connect(bob)
        lab.run(1)
        raw = bare_stream(lab, alice, bob)
        listed: list[str] = []

        async def ask() -> None:
            listed.extend(await list_protocols(raw, lab.nodes[0].world.runtime))

        lab.at(lab.now, ask)
        assert lab.run_until(lambda: listed, timeout=1)
        assert listed == bob.protocols()
        lab.run(1)
        assert not lab.events.filter(kind="error")

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"\xff" * 12, "protocol violation"),
            (HEADER + b"\xff\xff\x7f", "protocol violation"),
            (b"GET / HTTP/1.1\r\n" * 5, "protocol violation"),
            (HEADER, "deadline"),
            (b"", "deadline"),
        ],
    )
    def test_a_dialler_that_breaks_the_rules_loses_its_stream_and_keeps_its_connection(
        self, lab: Lab, alice: Node, bob: Node, data: bytes, reason: str
    ) -> None:
        alice.connect(bob)
        lab.run(1)
        attack(lab, alice, bob, [data])
        assert lab.run_until(lambda: lab.events.filter(kind="stream.refused", node=bob), timeout=11)
        (refused,) = lab.events.filter(kind="stream.refused", node=bob)
        assert refused.reason == reason
        assert lab.edges() == [("alice", "bob")]
        assert alice.ping(bob) > 0
        assert not lab.events.filter(kind="error")

    @pytest.mark.dear
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.one_of(st.binary(max_size=60), st.sampled_from([HEADER, frame("na"), frame("ls"), frame("/x/1")])),
            max_size=6,
        )
    )
    def test_whatever_a_dialler_sends_the_node_lives(self, pieces: list[bytes]) -> None:
        with Lab(seed=1, latency=0.001) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            alice.connect(bob)
            attack(lab, alice, bob, pieces)
            lab.run(11)
            assert alice.ping(bob) > 0
            lab.run(1)
            assert bob.streams() == []
            assert not lab.events.filter(kind="error")


def bare_stream(lab: Lab, dialler: Node, listener: Node) -> MockStream:
    """A stream just opened, on which nothing is agreed."""
    world = world_of(lab)
    end = host_of(dialler).connected[host_of(listener).index][0]
    number = world.next_number()
    raw, twin = MockStream(end, number, "outbound"), MockStream(end.remote, number, "inbound")
    raw.twin, twin.twin = twin, raw

    def begin() -> None:
        end.add_stream(raw)
        end.send(0, twin.on_open, None, number)

    world.call(begin)
    return raw


def attack(lab: Lab, dialler: Node, listener: Node, pieces: list[bytes]) -> None:
    """Open a stream without playing by the rules, and send these bytes."""
    world = world_of(lab)
    raw = bare_stream(lab, dialler, listener)

    async def send() -> None:
        for piece in pieces:
            await raw.send(piece)

    def begin() -> None:
        world.runtime.spawn(send, "an attack")

    world.call(begin)


class TestBackPressure:
    def test_a_slow_reader_stops_its_writer_within_the_window(self, alice: Node, bob: Node) -> None:
        with Lab(seed=1, stream_window=20_000) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            bob.handle("/slow/1.0.0", sleeper)
            stream = alice.open_stream(bob, "/slow/1.0.0")
            lab.at(lab.now, partial(stream.aio.write, bytes(100_000)))
            lab.run(5)
            (there,) = bob.streams(protocol="/slow/1.0.0")
            assert stream.window == 0
            assert 19_900 <= there.queued <= 20_000  # the negotiation's own bytes have used a little of it

    def test_the_writer_goes_on_as_the_reader_reads(self, lab: Lab, alice: Node, bob: Node) -> None:
        async def slow(stream: NetStream) -> None:
            while await stream.read(50_000):
                await p2plab.sleep(0.1)

        bob.handle("/slow/1.0.0", slow)
        stream = alice.open_stream(bob, "/slow/1.0.0")
        began = lab.now
        stream.write(bytes(1_000_000))
        # All but a window had to be read first, 50 kB in a tenth of a second.
        assert lab.now - began > (1_000_000 - 262_144 - 50_000) / 50_000 * 0.1
        assert stream.bytes_out == 1_000_000

    def test_a_stream_that_is_stuck_does_not_hold_up_another(self, lab: Lab, alice: Node, bob: Node) -> None:
        bob.handle("/slow/1.0.0", sleeper)
        bob.handle("/fast/1.0.0", sink)
        stuck = alice.open_stream(bob, "/slow/1.0.0")
        lab.at(lab.now, partial(stuck.aio.write, bytes(1_000_000)))
        lab.run(1)
        free = alice.open_stream(bob, "/fast/1.0.0")
        free.write(bytes(3_000_000))
        assert (free.bytes_out, stuck.bytes_out, stuck.aio.window) == (3_000_000, 0, 0)

    def test_a_connections_memory_has_a_limit_that_names_itself(self) -> None:
        with Lab(seed=1, stream_window=100_000, connection_memory=1_000_000) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            bob.handle("/slow/1.0.0", sleeper)
            alice.connect(bob)
            lab.run(1)
            opened = []
            with pytest.raises(StreamError, match="limit of 1000000 bytes") as caught:
                while True:
                    opened.append(alice.open_stream(bob, "/slow/1.0.0"))
            assert caught.value.kind == "limit"
            assert 6 <= len(opened) <= 10
            opened.pop().reset()
            lab.run(1)
            assert alice.open_stream(bob, "/slow/1.0.0").state == "open"
            assert lab.edges() == [("alice", "bob")]

    @pytest.mark.parametrize("settings", [{"stream_window": 0}, {"stream_window": "big"}, {"connection_memory": 1000}])
    def test_windows_that_make_no_sense_are_refused(self, settings: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match="bytes"):
            Lab(seed=1, **settings)


class TestPriorities:
    def busy(self, lab: Lab, alice: Node, bob: Node, size: int = 10_000_000) -> Any:
        """A transfer from alice to bob over a line of 10 Mbit/s."""
        lab.network.set_node(alice, up=1.25e6)
        bob.handle("/file/1.0.0", sink, priority="bulk")
        stream = alice.open_stream(bob, "/file/1.0.0", priority="bulk")
        lab.at(lab.now, partial(stream.aio.write, bytes(size)))
        lab.run(1)
        return stream

    def test_a_ping_stays_fast_under_a_transfer(self, lab: Lab, alice: Node, bob: Node) -> None:
        idle = alice.ping(bob)
        self.busy(lab, alice, bob)
        frame_time = 16_414 / 1.25e6
        assert alice.ping(bob) <= idle + 3 * frame_time

    def test_without_priorities_it_waits_for_a_piece_and_no_more(self, lab: Lab, alice: Node, bob: Node) -> None:
        from p2plab.network.links import FirstInFirstOut

        world_of(lab).links.discipline = FirstInFirstOut
        idle = alice.ping(bob)
        self.busy(lab, alice, bob)
        assert idle < alice.ping(bob) <= idle + 3 * 5_840 / 1.25e6

    def test_the_transfer_still_gets_the_line(self, lab: Lab, alice: Node, bob: Node) -> None:
        stream = self.busy(lab, alice, bob)
        began, sent = lab.now, bob.streams(protocol="/file/1.0.0")[0].bytes_in
        for _ in range(20):
            alice.ping(bob)
        seconds = lab.now - began
        received = bob.streams(protocol="/file/1.0.0")[0].bytes_in - sent
        assert received >= 0.9 * 1.25e6 * seconds
        assert stream.state == "open"

    def test_two_transfers_share_by_weight(self, lab: Lab, alice: Node, bob: Node) -> None:
        lab.network.set_node(alice, up=1.25e6)
        for name, weight in (("/one/1.0.0", 1), ("/three/1.0.0", 3)):
            bob.handle(name, sink)
            stream = alice.open_stream(bob, name, priority=weight)
            lab.at(lab.now, partial(stream.aio.write, bytes(10_000_000)))
        lab.run(4)
        one, three = (bob.streams(protocol=name)[0].bytes_in for name in ("/one/1.0.0", "/three/1.0.0"))
        assert 2.5 <= three / one <= 3.5

    def test_what_was_sent_before_a_connection_is_closed_still_arrives(self, lab: Lab, alice: Node, bob: Node) -> None:
        got: list[int] = []

        async def count(stream: NetStream) -> None:
            try:
                while data := await stream.read():
                    got.append(len(data))
            except StreamError as error:
                got.append(-1 if error.kind == "reset" else -2)

        lab.network.set_node(alice, up=1.25e6)
        bob.handle("/count/1.0.0", count, priority="bulk")
        stream = alice.open_stream(bob, "/count/1.0.0", priority="bulk")
        stream.write(bytes(200_000))
        alice.disconnect(bob)
        lab.run(2)
        # All frames arrive; the last may come together with the end of the connection, before it could be read.
        assert sum(got[:-1]) >= 12 * 16_384
        assert got[-1] == -1


class TestLimits:
    def test_of_ping_a_peer_may_have_two_streams_open(self, lab: Lab, alice: Node, bob: Node) -> None:
        first = [alice.open_stream(bob, "/ipfs/ping/1.0.0") for _ in range(2)]
        with pytest.raises(StreamError) as caught:
            alice.open_stream(bob, "/ipfs/ping/1.0.0").read()
        assert caught.value.kind == "reset"
        assert lab.events.filter(kind="stream.refused", node=bob)[-1].reason == "limit"
        assert [stream.state for stream in first] == ["open", "open"]

    def test_pings_at_the_same_time_take_turns(self, lab: Lab, alice: Node, bob: Node) -> None:
        alice.connect(bob)
        trips: list[float] = []

        async def ping() -> None:
            trips.append(await lab.aio["alice"].ping("bob"))

        for _ in range(5):
            lab.at(lab.now, ping)
        assert lab.run_until(lambda: len(trips) == 5, timeout=5)
        assert trips == [pytest.approx(0.020)] * 5
