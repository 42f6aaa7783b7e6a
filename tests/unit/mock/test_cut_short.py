"""What is left of a dial that was cut short, by its time limit or by the end of a node: nothing, at either end."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.errors import ClosedError, DialError

LATENCY = 0.2
ENDED = r"handshake failed|closed by peer"
STEPS = {"quic": (0.41, 0.8), "tcp": (0.3, 0.9, 1.3, 1.7, 2.2)}  # seconds at which a dial is under way


def under_way() -> list[tuple[str, float]]:
    return [(transport, at) for transport, moments in STEPS.items() for at in moments]


@pytest.mark.parametrize(("transport", "limit"), under_way())
def test_a_dial_whose_time_ends_leaves_no_connection_open(transport: str, limit: float) -> None:
    lab = Lab(seed=1, latency=LATENCY, transport=transport)
    a, b = lab.start_node("a"), lab.start_node("b")
    with pytest.raises(DialError, match="unreachable" if limit < 2 * LATENCY else "timeout: "):
        a.connect(b, timeout=limit)
    assert not a.connections()
    lab.run(5)
    assert not b.connections()
    assert not lab.edges()
    assert not any(node.streams() for node in lab.nodes)


def test_a_dial_that_was_late_says_how_far_it_was() -> None:
    lab = Lab(seed=1, latency=LATENCY)
    a, b = lab.start_node("a"), lab.start_node("b")
    with pytest.raises(DialError, match="the handshake was under way"):
        a.connect(b, timeout=1)
    with pytest.raises(DialError, match="had not said yet who it is"):
        a.connect(b, timeout=2)
    with pytest.raises(DialError, match="nothing came back"):
        a.connect(b, timeout=0.1)


def test_a_dial_over_a_relay_whose_time_ends_leaves_no_circuit() -> None:
    lab = Lab(seed=1, latency=LATENCY)
    relay, a, b = lab.start_node("r", role="relay"), lab.start_node("a"), lab.start_node("b")
    lab.network.add_nat([a], kind="symmetric")
    lab.network.add_nat([b], kind="symmetric")
    a.connect(relay)
    b.connect(relay)
    lab.run(30)
    for limit in (1.1, 2.1, 4.4):
        with pytest.raises(DialError):
            a.connect(b, timeout=limit)
        lab.run(5)
        assert [connection.peer for connection in a.connections()] == [relay.peer_id]
        assert [connection.peer for connection in b.connections()] == [relay.peer_id]
        assert not any(node.streams() for node in lab.nodes)


@pytest.mark.parametrize("how", ["crash", "stop"])
@pytest.mark.parametrize(("transport", "at"), [*under_way(), ("quic", 0.2), ("tcp", 0.2)])
def test_a_listener_that_goes_ends_the_handshakes_it_answers(how: str, transport: str, at: float) -> None:
    lab = Lab(seed=1, latency=LATENCY, transport=transport)
    a, b = lab.start_node("a"), lab.start_node("b")
    lab.at(at, b.crash if how == "crash" else lab.aio["b"].stop)
    with pytest.raises(DialError, match=ENDED):
        a.connect(b, timeout=100)
    assert lab.now == pytest.approx(max(at + LATENCY, 2 * LATENCY), abs=0.001)
    assert not a.connections()
    assert not b.connections()


@pytest.mark.parametrize("at", STEPS["tcp"])
def test_a_listener_that_goes_silently_answers_when_it_is_back(at: float) -> None:
    lab = Lab(seed=1, latency=LATENCY)
    a, b = lab.start_node("a"), lab.start_node("b")
    lab.at(at, b.crash, silent=True)
    lab.at(3.0, b.restart)
    with pytest.raises(DialError, match=ENDED):
        a.connect(b, timeout=100)
    assert lab.now == pytest.approx(3.0 + LATENCY, abs=0.001)
    assert a.connect(b).peer == b.peer_id


def test_a_connection_to_a_node_that_went_silently_can_be_hung_up() -> None:
    lab = Lab(seed=1)
    a, b = lab.start_node("a"), lab.start_node("b")
    a.connect(b)
    b.crash(silent=True)
    assert a.disconnect(b)
    assert not a.connections()
    assert not lab.edges()


@pytest.mark.parametrize("silent", [True, False])
def test_a_crash_that_is_refused_since_the_node_is_down_changes_nothing(silent: bool) -> None:
    with Lab(seed=3) as lab:
        a, b = lab.start_nodes(2)
        b.crash(silent=silent)
        with pytest.raises(ClosedError, match="n1 is not running"):
            b.crash(silent=not silent)
        with pytest.raises(DialError, match="unreachable" if silent else "nobody listens there"):
            a.connect(b)
        b.restart()
        assert a.ping(b) > 0
