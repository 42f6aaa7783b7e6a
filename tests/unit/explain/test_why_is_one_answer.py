"""``lab.why(x, node=)`` and ``node.why(x)`` are one answer, and one that always says something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from p2plab import Lab
from p2plab.errors import DialError, ValidationError
from p2plab.events import EventLog
from p2plab.explain.peers import why_peer
from p2plab.explain.why import why
from p2plab.stream import NetStream, StreamError


@pytest.fixture(params=["mock", pytest.param("real", marks=pytest.mark.real)])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param, seed=7) as lab:
        yield lab


def pair(lab: Lab) -> tuple[Any, Any]:
    return lab.start_node("alice"), lab.start_node("bob")


def test_of_a_peer_it_is_about_the_connection_first() -> None:
    with Lab(seed=7) as lab:
        alice, bob = pair(lab)
        assert "have never dialled each other" in alice.why(bob).answer
        alice.connect(bob)
        answer = alice.why(bob).answer
        assert "alice and bob are connected since" in answer
        assert "alice dialled" in answer
        for asked in (lab.why(bob, node=alice), lab.why("bob", alice), lab.why(bob, at="alice")):
            assert asked.answer == answer
        assert "alice and bob" not in alice.why(bob, dht=True).answer
        assert lab.why(bob, node=alice, dht=True).answer == alice.why(bob, dht=True).answer


def test_of_a_message_too() -> None:
    with Lab(seed=7) as lab:
        alice, bob = pair(lab)
        bob.subscribe("news")
        alice.connect(bob)
        lab.run(1)
        message = alice.publish("news", "hello")
        lab.run(1)
        assert "bob did get it" in bob.why(message).answer
        assert lab.why(message.id, node=bob).answer == bob.why(message).answer


def test_it_never_says_that_there_is_no_reason() -> None:
    with Lab(seed=7) as lab:
        alice, bob = pair(lab)
        for _ in range(2):
            for node, peer in ((alice, bob), (bob, alice)):
                for topic in (None, "news"):
                    answer = node.why(peer, topic=topic).answer
                    assert answer
                    assert "no reason recorded" not in answer
                    assert "has nothing about" not in answer
            alice.connect(bob)
            bob.disconnect(alice)


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (lambda lab, a, b: lab.network.partition([a], [b]), "a partition keeps alice and bob apart"),
        (lambda lab, a, b: lab.network.hold(a, b), "is held back"),
        (lambda lab, a, b: b.crash(), "bob crashed at"),
        (lambda lab, a, b: b.block(a), "bob refused it, by its gate"),
    ],
)
def test_a_dial_that_failed_names_the_fault_behind_it(fault: Any, named: str) -> None:
    with Lab(seed=7) as lab:
        alice, bob = pair(lab)
        fault(lab, alice, bob)
        with pytest.raises(DialError) as raised:
            alice.connect(bob)
        assert named in lab.why(raised.value).answer
        assert named in alice.why(bob).answer


def test_a_fault_that_was_over_before_the_dial_is_not_named() -> None:
    with Lab(seed=7) as lab:
        alice, bob = pair(lab)
        lab.network.partition([alice], [bob])
        lab.network.heal()
        alice.connect(bob)
        assert "partition" not in alice.why(bob).answer


def test_a_crashed_node_is_connected_with_nobody_until_it_connects_again() -> None:
    with Lab(seed=7) as lab:
        alice, bob = pair(lab)
        alice.connect(bob)
        bob.crash()
        lab.run(0.5)
        told = f"bob and alice are not connected: bob crashed at {lab.now - 0.5:.4f} s, and has not come back"
        assert bob.why(alice).answer.startswith(told)
        assert bob.why(alice).answer.count("crashed") == 1
        bob.restart()
        lab.run(0.5)
        assert bob.why(alice).answer.startswith("bob and alice are not connected: bob crashed at")
        alice.connect(bob)
        alice.disconnect(bob)
        lab.run(0.5)
        assert "closed by peer" in bob.why(alice).answer


def test_a_dial_that_failed_before_the_node_came_back_says_that_it_did() -> None:
    with Lab(seed=7) as lab:
        alice, bob = pair(lab)
        bob.crash()
        with pytest.raises(DialError):
            alice.connect(bob)
        assert "and has not come back" in alice.why(bob).answer
        lab.run(1)
        bob.restart()
        assert f"and came back at {lab.now:.4f} s only" in alice.why(bob).answer


def test_of_a_connection_and_a_stream_it_says_how_they_stand(lab: Lab) -> None:
    async def echo(stream: NetStream) -> None:
        await stream.write(await stream.read())

    alice, bob = pair(lab)
    bob.handle("/echo/1.0.0", echo)
    connection = alice.connect(bob)
    stream = alice.open_stream(bob, "/echo/1.0.0")
    since = re.compile(r"since (\S+) s")  # by the event's clock, which a real lab reads once more
    told, of_stream = lab.why(connection).answer, lab.why(stream).answer
    assert since.sub("since T", told) == "alice's connection with bob is open since T: alice dialled bob, requested"
    assert since.sub("since T", of_stream) == "alice's stream with bob is open since T"
    opened = [
        lab.events.filter(kind="connection.opened", node="alice")[0],
        next(
            event
            for event in lab.events.filter(kind="stream.opened", node="alice")
            if (event.data or {})["protocol"] == "/echo/1.0.0"
        ),
    ]
    assert [float(since.findall(answer)[0]) for answer in (told, of_stream)] == [round(event.t, 4) for event in opened]
    bob.disconnect(alice)
    assert lab.run_until(lambda: stream.state == "reset", timeout=20)
    for subject, kind in ((connection, "connection was closed"), (stream, "stream was reset")):
        chain = lab.why(subject)
        assert kind in chain.answer.replace("with bob ", "")
        assert (chain[0].kind, chain[0].node) == ("lab.command", "bob")
    with pytest.raises(StreamError) as caught:
        stream.read()
    assert "connection closed" in lab.why(caught.value).answer


def test_of_an_error_it_is_what_was_refused_or_the_error_itself() -> None:
    async def echo(stream: NetStream) -> None:
        await stream.write(await stream.read())

    with Lab(seed=7) as lab:
        alice, bob = pair(lab)
        bob.handle("/echo/1.0.0", echo)
        bob.authorize = []
        with pytest.raises(StreamError) as refused:
            alice.open_stream(bob, "/echo/1.0.0")
        assert "behind it: bob refused it, by its authorization" in lab.why(refused.value).answer
        with pytest.raises(ValidationError) as unknown:
            alice.dht.put("/nobodys/x", b"1")
        assert lab.why(unknown.value).answer == str(unknown.value)


def test_node_and_at_together_are_an_error() -> None:
    with Lab(seed=7) as lab:
        alice, bob = pair(lab)
        with pytest.raises(ValidationError, match="not both"):
            lab.why(bob, node=alice, at=alice)


def test_of_a_message_that_came_long_before_its_event_it_is_the_delivery() -> None:
    tick = 0
    log = EventLog(10_000, lambda: tick)
    alice, bob = log.register("alice"), log.register("bob")
    tick = 10_000
    log.record("pubsub.publish", alice, topic="news", ref="aa")
    sent, came = (
        SimpleNamespace(id="aa", topic="news", data=b"", received_from=SimpleNamespace(name="alice"), received_at=at)
        for at in (1.0, 1.0002)
    )
    tick = 10_200  # a busy machine looked at its signature meanwhile
    delivered = log.record("pubsub.deliver", bob, alice, topic="news", ref="aa")
    assert why(log, came)[-1].seq == delivered
    assert why(log, sent)[-1].kind == "pubsub.publish"


def test_two_nodes_are_connected_while_one_of_their_connections_is() -> None:
    tick = 0
    log = EventLog(10_000, lambda: tick)
    alice, bob = log.register("alice"), log.register("bob")
    told = []
    for kind, number in (("opened", 1), ("opened", 2), ("closed", 2), ("closed", 1), ("opened", 3)):
        tick += 10_000
        data = {"connection": number, "direction": "outbound"}
        log.record(f"connection.{kind}", node=alice, peer=bob, reason="closed here", data=data)
        told.append(why_peer(log, "alice", "bob", None, None, None).answer)
    assert told == [
        "alice and bob are connected since 1.0000 s: alice dialled",
        "alice and bob are connected since 1.0000 s: alice dialled",
        "alice and bob are connected since 1.0000 s: alice dialled",
        "alice and bob are not connected: closed at 4.0000 s, closed here",
        "alice and bob are connected since 5.0000 s: alice dialled",
    ]
    tick += 10_000
    log.record("connection.failed", node=alice, peer=bob, reason="timed out")
    assert "are connected since 5.0000 s" in why_peer(log, "alice", "bob", None, None, None).answer
