"""The transport models against the documents they follow."""

from __future__ import annotations

import pytest

from p2plab import Lab, Node
from p2plab.errors import ValidationError
from p2plab.network.window import INITIAL, CongestionWindow
from p2plab.stream import NetStream

KIB = 1024
PATH = 0.140  # seconds there and back


def lab_of(transport: str) -> tuple[Lab, Node, Node]:
    lab = Lab(transport=transport, latency=PATH / 2)
    alice, bob = lab.start_nodes(2)
    alice.connect(bob)
    return lab, alice, bob


def transfer(lab: Lab, sender: Node, receiver: Node, size: int) -> float:
    """Seconds until the last byte is there."""
    got: list[tuple[float, int]] = []

    async def sink(stream: NetStream) -> None:
        while data := await stream.read():
            got.append((lab.now, len(data)))

    receiver.handle("/sink/1.0.0", sink)
    stream = sender.open_stream(receiver, "/sink/1.0.0")
    began = lab.now
    stream.write(bytes(size))
    assert lab.run_until(lambda: sum(count for _, count in got) == size, timeout=60)
    took = got[-1][0] - began
    stream.close()
    return took


def test_96_kib_over_a_cold_path_take_two_round_trips_more() -> None:
    # RFC 6928: ten segments of 1,460 bytes, then twice as much in each round trip: 14.6 + 29.2 + 58.4 kB > 96 KiB.
    ideal, tcp = lab_of("ideal"), lab_of("tcp")
    tcp[0].run(10)  # idle, so that the handshakes' own traffic has not opened the window
    assert transfer(*ideal, 96 * KIB) == pytest.approx(PATH / 2, abs=0.001)
    assert transfer(*tcp, 96 * KIB) == pytest.approx(PATH / 2 + 2 * PATH, abs=0.001)


def test_a_warm_connection_is_faster_and_an_idle_one_starts_again() -> None:
    lab, alice, bob = lab_of("tcp")
    lab.run(10)
    cold = transfer(lab, alice, bob, 96 * KIB)
    warm = transfer(lab, alice, bob, 96 * KIB)
    lab.run(10)
    idle = transfer(lab, alice, bob, 96 * KIB)
    assert warm < cold
    assert idle == pytest.approx(cold)


def test_the_first_window_is_ten_segments_and_quic_s_is_quic_go_s() -> None:
    window = CongestionWindow("tcp")
    assert window.room(0, 1400) == 14_600
    assert CongestionWindow("quic").room(0, 1400) == 32 * 1280
    window.sent(0, 14_600)
    assert window.room(1399, 1400) == 0
    window.came(1400, 14_600)
    assert window.room(1399, 1400) == 0
    assert window.room(1400, 1400) == 29_200  # slow start: what was acknowledged may be sent, and as much again


def test_a_window_that_is_not_used_does_not_grow() -> None:
    window = CongestionWindow("tcp")
    for tick in range(0, 20_000, 1_000):
        window.room(tick, 100)
        window.sent(tick, 1_000)
        window.came(tick + 100, 1_000)
    assert window.room(20_000, 100) == INITIAL


def test_tcp_starts_again_after_an_idle_time_and_quic_does_not() -> None:
    def after_idling(transport: str) -> int:
        window = CongestionWindow(transport)
        size = window.room(0, 100)
        window.sent(0, size)
        window.came(100, size)
        assert window.room(100, 100) == 2 * size
        return window.room(50_000, 100) // size

    assert (after_idling("tcp"), after_idling("quic")) == (1, 2)


@pytest.mark.parametrize("transport", ["ideal", "tcp", "quic"])
def test_connections_that_are_busy_at_once_share_the_sender_s_line(transport: str) -> None:
    """Ten receivers of 100 kB each over 1 MB/s: all are done when all is sent, none of them long before."""
    with Lab(transport=transport, latency=0.010) as lab:
        sender, *others = lab.start_nodes(11)
        lab.network.set_node(sender, up=1e6)
        done: list[float] = []

        async def sink(stream: NetStream) -> None:
            count = 0
            while count < 100_000:
                count += len(await stream.read())
            done.append(lab.now)

        streams = []
        for other in others:
            other.handle("/sink/1.0.0", sink)
            sender.connect(other)
            streams.append(sender.open_stream(other, "/sink/1.0.0"))
        began = lab.now
        for stream in streams:
            stream.write(bytes(100_000))
        assert lab.run_until(lambda: len(done) == 10, timeout=20)
        assert done[-1] - began == pytest.approx(1.02, abs=0.06)
        assert done[0] - began > 0.85


def test_quic_connects_in_one_round_trip_and_tcp_takes_more() -> None:
    def dial(transport: str) -> tuple[float, str, str]:
        lab = Lab(transport=transport, latency=PATH / 2)
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        (opened,) = lab.events.filter(kind="connection.opened", node=alice)
        connection = alice.connections()[0]
        return round(opened.t, 4), connection.transport, connection.security

    assert dial("quic") == (PATH, "quic-v1", "tls")  # RFC 9000 section 7
    # SYN and SYN-ACK, multistream-select for /noise, Noise XX (whose third message goes with the next proposal),
    # multistream-select for the muxer: a round trip each.
    assert dial("tcp") == (round(4 * PATH, 4), "tcp", "noise")


def test_a_lost_packet_holds_up_other_streams_on_tcp_and_not_on_quic() -> None:
    def second_stream(transport: str) -> float:
        lab, alice, bob = lab_of(transport)
        arrived: dict[str, float] = {}

        async def sink(stream: NetStream) -> None:
            name = await stream.read()
            arrived[name.decode()] = lab.now

        bob.handle("/sink/1.0.0", sink)
        first, second = (alice.open_stream(bob, "/sink/1.0.0") for _ in range(2))
        began = lab.now
        lab.network.delay(1.0, 1)  # the next frame, as if it had to be sent again
        first.write(b"first")
        second.write(b"second")
        assert lab.run_until(lambda: len(arrived) == 2, timeout=5)
        assert arrived["first"] - began >= 1.0
        return arrived["second"] - began

    assert second_stream("tcp") >= 1.0
    assert second_stream("quic") == pytest.approx(PATH / 2, abs=0.001)


def test_a_transport_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValidationError, match="ideal, tcp, quic"):
        Lab(transport="carrier pigeon")
