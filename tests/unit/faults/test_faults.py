"""Faults: what they do to messages and connections, and that they undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from p2plab import Lab, Node
from p2plab.errors import ClosedError, ConfigurationError, DialError, UnknownNodeError, ValidationError
from p2plab.network import Churn, load_trace
from p2plab.stream import NetStream, StreamError


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=3, latency=0.020, connection_timeout=30.0) as lab:
        lab.start_nodes(4)
        lab.wire("full")
        yield lab


def reasons(lab: Lab, node: Node) -> list[str | None]:
    return [event.reason for event in lab.events.filter(kind="connection.closed", node=node)]


def test_a_partition_is_silence_and_then_a_timeout(lab: Lab) -> None:
    a, b, c, d = lab.nodes
    lab.network.partition([a, b], [c, d])
    assert a.ping(b) == pytest.approx(0.040)
    with pytest.raises(TimeoutError):
        a.ping(c, timeout=5)
    assert ("n0", "n2") in lab.edges()
    lab.run(30)
    assert lab.edges() == [("n0", "n1"), ("n2", "n3")]
    assert reasons(lab, a) == ["timeout", "timeout"]
    with pytest.raises(DialError, match="unreachable"):
        a.connect(c, timeout=3)


def test_what_was_sent_into_a_partition_comes_after_it_heals(lab: Lab) -> None:
    a, _, c, _ = lab.nodes
    news = c.subscribe("news")
    lab.run(1)
    cut = lab.network.partition([a], [c], ["n1", "n3"])
    a.publish("news", "into the void")
    lab.run(5)
    assert not news.messages
    cut.heal()
    assert lab.run_until(lambda: len(news.messages) == 1, timeout=10)
    lab.run(60)
    assert len(lab.edges()) == 6  # no connection was lost


def test_a_one_way_partition_stops_one_way_only(lab: Lab) -> None:
    a, b, *_ = lab.nodes
    lab.network.partition([a], [b], one_way=True)
    heard_a, heard_b = a.subscribe("x"), b.subscribe("x")
    lab.run(2)
    assert b.topics() == a.topics() == ["x"]
    assert [info.name for info in a.topic_peers("x")] == ["n1"]
    assert b.topic_peers("x") == []
    assert not heard_a.messages
    assert not heard_b.messages


@pytest.mark.parametrize("groups", [(["n0", "n1"], ["n1"]), (["n0", "n0"], ["n1"])])
def test_a_partition_that_names_a_node_twice_is_refused(lab: Lab, groups: tuple[list[str], ...]) -> None:
    with pytest.raises(ValidationError, match="twice"):
        lab.network.partition(*groups)
    assert lab["n0"].ping("n1") == pytest.approx(0.040)


def test_a_partition_needs_groups_of_known_nodes(lab: Lab) -> None:
    with pytest.raises(ValidationError):
        lab.network.partition(["n0"])
    with pytest.raises(UnknownNodeError):
        lab.network.partition(["n0"], ["nobody"])


def test_held_messages_come_in_order_when_they_are_released(lab: Lab) -> None:
    a, b, *_ = lab.nodes
    lab.network.partition([a, b], ["n2", "n3"])
    news = b.subscribe("news")
    lab.run(1)
    lab.network.hold(a, b)
    for word in ("one", "two", "three"):
        a.publish("news", word)
    lab.run(20)
    assert not news.messages
    assert lab.network.release(a, b) >= 3
    lab.run(1)
    assert [message.data for message in news.messages] == [b"one", b"two", b"three"]


def test_a_dropped_rpc_is_lost_and_a_dropped_piece_of_a_stream_resets_it(lab: Lab) -> None:
    a, b, *_ = lab.nodes
    lab.network.partition([a, b], ["n2", "n3"])

    async def read_all(stream: NetStream) -> None:
        while await stream.read():
            continue

    b.handle("/sink/1.0.0", read_all)
    stream = a.open_stream(b, "/sink/1.0.0")
    lab.network.drop(lambda frame: frame.kind == "data", between=(a, b))
    stream.write(b"lost")
    lab.run(1)
    with pytest.raises(StreamError):
        stream.write(b"more")
    lab.network.clear()
    assert a.ping(b) == pytest.approx(0.040)  # the connection lives
    (dropped,) = lab.events.filter(kind="link.dropped")
    assert dropped.reason == "dropped on request"


@pytest.mark.parametrize("action", ["drop", "corrupt", "delay"])
def test_a_function_of_frames_that_raises_or_waits_is_an_event_and_touches_no_frame(lab: Lab, action: str) -> None:
    a, b, *_ = lab.nodes

    async def later(frame: object) -> bool:
        return True

    for wrong in (lambda frame: frame.nothing, later):
        fault = getattr(lab.network, action)
        fault(*(1.0,) * (action == "delay"), wrong)
        assert a.ping(b) == pytest.approx(0.040)
        lab.network.clear()
    told = {(event.reason, (event.data or {})["type"]) for event in lab.events.filter("error")}
    assert told == {("frame function", "AttributeError"), ("frame function", "TypeError")}


def test_a_count_of_drops_ends_by_itself(lab: Lab) -> None:
    a, b, *_ = lab.nodes
    lab.network.partition([a, b], ["n2", "n3"])
    news = b.subscribe("news")
    lab.run(1)
    lab.network.drop(1, between=(a, b))
    message = a.publish("news", "first")
    lab.run(0.1)
    assert not news.messages
    a.publish("news", "second")
    assert news.get(timeout=1).data == b"second"
    assert lab.events.filter(kind="link.dropped")[0].cause is not None
    assert message.id != news.messages[-1].id


def test_a_corrupted_frame_ends_its_connection(lab: Lab) -> None:
    a, b, *_ = lab.nodes
    lab.network.corrupt(1, between=(a, b))
    with pytest.raises(StreamError):
        a.ping(b)
    lab.run(1)
    assert ("n0", "n1") not in lab.edges()
    assert "corrupted" in reasons(lab, a) + reasons(lab, b)


def test_a_delayed_frame_delays_those_behind_it(lab: Lab) -> None:
    a, b, *_ = lab.nodes
    lab.network.delay(0.5, lambda frame: frame.kind == "data", between=(a, b))
    assert a.ping(b) == pytest.approx(1.04, abs=0.001)  # there and back, half a second later each


def test_a_crash_resets_and_a_silent_one_times_out(lab: Lab) -> None:
    a, b, c, _ = lab.nodes
    b.crash()
    lab.run(0.1)
    assert "crashed" in reasons(lab, a)
    c.crash(silent=True)
    lab.run(10)
    assert ("n0", "n2") in lab.edges() or any(info.name == "n2" for info in a.peers())
    lab.run(30)
    assert "timeout" in reasons(lab, a)
    assert not b.running
    assert not c.running
    with pytest.raises(DialError, match="refused"):
        a.connect(b)
    with pytest.raises(ClosedError):
        b.crash()


def test_a_restarted_node_dials_again_and_remembers_what_it_kept(lab: Lab) -> None:
    a, b, *_ = lab.nodes
    kept = b.subscribe("kept")
    identity = b.peer_id
    b.crash()
    lab.run(1)
    with pytest.raises(ConfigurationError):
        a.restart()
    b.restart()
    lab.run(2)
    assert b.peer_id == identity
    assert b.topics() == ["kept"]
    assert not kept.closed
    assert {info.name for info in b.peers()} >= {"n2", "n3"}  # whom it had dialled; n0 had dialled it
    b.crash()
    b.restart(state="lost", reconnect=False)
    lab.run(1)
    assert b.topics() == []
    assert kept.closed
    assert b.peers() == []


def test_a_message_published_while_a_node_is_down_does_not_reach_it(lab: Lab) -> None:
    a, b, *_ = lab.nodes
    news = b.subscribe("news")
    lab.run(1)
    b.crash()
    a.publish("news", "nobody home")
    lab.run(2)
    assert not news.messages


def test_actions_happen_at_their_time_and_what_they_raise_is_an_event(lab: Lab) -> None:
    a, b, *_ = lab.nodes
    news = b.subscribe("news")
    ticks: list[float] = []
    lab.at(5.0, a.publish, "news", "at five")
    clock = lab.every(2.0, lambda: ticks.append(lab.now))
    lab.at(3.0, lambda: 1 / 0)
    lab.at(4.0, a.disconnect, b)
    lab.at(4.5, a.connect, b)  # a verb that blocks outside is awaited in here
    lab.run(6.5)
    clock.cancel()
    lab.run(10)
    assert ticks == [2.0, 4.0, 6.0]
    assert news.messages[0].received_at > 5.0
    (error,) = lab.events.filter(kind="error")
    assert error.data is not None
    assert error.data["type"] == "ZeroDivisionError"
    assert error.reason == "action"
    assert ("n0", "n1") in lab.edges()
    with pytest.raises(ValidationError, match="passed"):
        lab.at(1.0, a.publish, "news", "too late")


def test_churn_follows_its_means(lab: Lab) -> None:
    lab.start_nodes(60)
    churn = lab.network.churn("exponential", nodes=lab.nodes[4:], up=20.0, down=10.0, state="lost")
    up: list[int] = []
    lab.every(1.0, lambda: up.append(sum(node.running for node in lab.nodes[4:])))
    lab.run(600)
    # 56 nodes, up two thirds of the time: the average of 600 samples of a binomial, correlated over some 7 s, has a
    # standard deviation of about 0.4 nodes; five of those leave no room for chance.
    assert sum(up[60:]) / len(up[60:]) == pytest.approx(56 * 2 / 3, abs=2.0)
    churn.cancel()
    before = lab.events.counts["node.crashed"]
    lab.run(100)
    assert lab.events.counts["node.crashed"] == before


@pytest.mark.parametrize("shape", [0.34, 0.59, 1.0, 2.0])
def test_weibull_sessions_have_the_mean_asked_for(shape: float) -> None:
    import random

    draw, churn = random.Random(1), Churn(model="weibull", shape=shape)
    durations = [churn.draw(100.0, draw) for _ in range(20_000)]
    # The relative spread of a Weibull distribution falls with its shape; 0.34 has a standard deviation of 3.6 means.
    assert sum(durations) / len(durations) == pytest.approx(100.0, rel=0.12 if shape < 0.5 else 0.05)


def test_a_trace_drives_the_nodes_it_names(lab: Lab, tmp_path: Path) -> None:
    trace = tmp_path / "churn.csv"
    trace.write_text("time,node,up\n1.0,n1,down\n2.5,n1,up\n3.0,n2,down\n")
    lab.network.churn(trace)
    lab.run(2)
    assert [node.running for node in lab.nodes] == [True, False, True, True]
    lab.run(2)
    assert [node.running for node in lab.nodes] == [True, True, False, True]


def test_a_trace_cut_in_the_middle_is_loaded_up_to_the_cut(tmp_path: Path) -> None:
    trace = tmp_path / "churn.csv"
    trace.write_text("1.0,n1,down\n2.5,n1,up\n3.0,n")
    with pytest.warns(UserWarning, match=r"cut off in line 3; the 2 changes"):
        changes = load_trace(trace)
    assert [change.time for change in changes] == [1.0, 2.5]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("1.0,n1,sideways\n2,n1,up\n", "line 1"), ("2,n1,down\n1,n1,up\n", "line 2"), ("x,n1,up\n", "line 1")],
)
def test_a_trace_that_is_wrong_says_where(tmp_path: Path, text: str, wrong: str) -> None:
    trace = tmp_path / "churn.csv"
    trace.write_text(text)
    with pytest.raises(ValidationError, match=wrong):
        load_trace(trace)


def test_churn_settings_are_checked(lab: Lab, tmp_path: Path) -> None:
    for bad in ({"up": 0}, {"up": -5.0}, {"shape": 0.01, "model": "weibull"}, {"speed": 3}, {"model": "gaussian"}):
        with pytest.raises(ValidationError):
            lab.network.churn(**bad)
    with pytest.raises(ValidationError):
        lab.network.churn(tmp_path / "missing.csv")
    lab.run(100)
    assert all(node.running for node in lab.nodes)


def test_what_needs_a_simulated_network_says_so() -> None:
    pytest.importorskip("libp2p", reason="py-libp2p is not installed")
    from p2plab.errors import NotInThisWorldError

    with Lab("real") as real, pytest.raises(NotInThisWorldError, match="simulated network"):
        real.network.preset("lan")
