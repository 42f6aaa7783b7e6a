"""What crosses the wire can be looked at, in both worlds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import Lab, Node
from p2plab.errors import ValidationError
from p2plab.stream import NetStream

Wait = Callable[[Callable[[], object]], None]


async def echo(stream: NetStream) -> None:
    await stream.write(await stream.read())


def row(node: Node, peer: Node, protocol: str) -> tuple[int, int]:
    """Bytes sent and received."""
    rows = [row for row in node.traffic() if (row.peer, row.protocol) == (peer.peer_id, protocol)]
    return (rows[0].sent, rows[0].received) if rows else (0, 0)


def test_traffic_is_counted_by_peer_and_protocol_at_both_ends(lab: Lab, alice: Node, bob: Node) -> None:
    bob.handle("/echo/1.0.0", echo)
    stream = alice.open_stream(bob, "/echo/1.0.0")
    stream.write(b"x" * 5_000)
    received = 0
    while received < 5_000:
        received += len(stream.read())
    assert row(alice, bob, "/echo/1.0.0") == (5_000, 5_000)
    assert row(bob, alice, "/echo/1.0.0") == (5_000, 5_000)
    alice.ping(bob)
    assert row(alice, bob, "/ipfs/ping/1.0.0") == (32, 32)
    assert row(alice, bob, "/multistream/1.0.0")[0] > 0


def test_traffic_of_pubsub_and_the_dht_is_counted(lab: Lab, alice: Node, bob: Node, wait: Wait) -> None:
    alice.connect(bob)
    news = bob.subscribe("news")
    wait(lambda: alice.topic_peers("news"))
    before = alice.traffic()
    alice.publish("news", b"x" * 700)
    news.get()
    wait(lambda: sum(row.received for row in bob.traffic() if "/meshsub/" in row.protocol) >= 700)
    assert sum(row.sent for row in alice.traffic(since=before) if "/meshsub/" in row.protocol) >= 700
    alice.dht.put("/lab/greeting", b"hi")
    sent, received = row(alice, bob, "/p2plab/kad/1.0.0")
    assert min(sent, received) > len("/lab/greeting")
    wait(lambda: row(bob, alice, "/p2plab/kad/1.0.0") == (received, sent))


def test_streams_are_events_at_both_ends_with_their_protocols_whoever_speaks_on_them(
    lab: Lab, alice: Node, bob: Node, wait: Wait
) -> None:
    alice.ping(bob)

    def seen(node: Node, kind: str) -> set[tuple[str, str]]:
        events = lab.events.filter(kind=f"stream.{kind}", node=node)
        return {((event.data or {})["protocol"], str(event.peer)) for event in events}

    for node, peer in ((alice, "bob"), (bob, "alice")):
        asked, pinged = ("/ipfs/id/1.0.0", peer), ("/ipfs/ping/1.0.0", peer)
        wait(lambda node=node, both={asked, pinged}: both <= seen(node, "opened") & seen(node, "closed"))  # type: ignore[misc]
    opened = [event.data or {} for event in lab.events.filter(kind="stream.opened", node=bob)]
    assert [data["direction"] for data in opened if data["protocol"] == "/ipfs/ping/1.0.0"] == ["inbound"]


def test_the_steps_of_a_handshake_are_events_of_the_connection(lab: Lab, alice: Node, bob: Node) -> None:
    connection = alice.connect(bob)
    steps = lab.events.filter(kind="connection.step", node=alice)
    assert [event.data for event in steps] == [
        {"step": step, "connection": connection.id}
        for step in ("tcp", "multistream-select /noise", "noise", "multistream-select /yamux/1.0.0")
    ]
    assert {event.peer for event in steps} == {"bob"}


def test_at_level_all_every_message_of_the_dht_is_an_event_with_type_size_and_peer(
    lab: Lab, alice: Node, bob: Node, wait: Wait
) -> None:
    lab.events.level = "all"
    alice.connect(bob)
    wait(lambda: len(alice.dht.routing_table()) and len(bob.dht.routing_table()))
    alice.dht.put("/lab/greeting", b"hello there")

    def seen(node: Node, way: str) -> list[tuple[str | None, int | None]]:
        events = lab.events.filter(kind="dht.message", node=node)
        found = [(event, event.data or {}) for event in events]
        return [(event.peer, event.size) for event, data in found if (data["type"], data["way"]) == ("PUT_VALUE", way)]

    wait(lambda: seen(alice, "received"))
    ((peer, size),) = seen(alice, "sent")
    assert peer == "bob"
    assert size is not None
    assert size > len("hello there")
    assert seen(bob, "received") == [("alice", size)]


def test_at_level_all_every_frame_is_an_event_and_its_arrival_names_its_sending(
    lab: Lab, alice: Node, bob: Node
) -> None:
    lab.events.level = "all"
    alice.ping(bob)
    arrived = [event for event in lab.events.filter(kind="link.arrived", node=bob) if event.size]
    assert len(arrived) > 5
    for event in arrived:
        cause = lab.events.by_seq(event.cause or -1)
        assert cause is not None
        assert (cause.kind, cause.node, cause.peer, cause.size) == ("link.sent", "alice", "bob", event.size)


def test_frames_can_be_looked_at_from_any_moment_on(lab: Lab, alice: Node, bob: Node) -> None:
    alice.connect(bob)
    alice.ping(bob)
    lab.events.level = "all"
    alice.ping(bob)
    lab.events.level = "messages"
    alice.ping(bob)
    lab.events.level = "all"
    alice.ping(bob)
    arrived = [event for event in lab.events.filter(kind="link.arrived", node=bob) if event.cause is not None]
    assert len(arrived) > 5
    for event in arrived:
        cause = lab.events.by_seq(event.cause or 0)
        assert cause is not None
        assert (cause.kind, cause.node, cause.peer, cause.size) == ("link.sent", "alice", "bob", event.size)


def test_below_level_all_no_frame_is_recorded(lab: Lab, alice: Node, bob: Node) -> None:
    alice.ping(bob)
    assert not lab.events.filter(kind="link")
    assert "dht.message" not in lab.events.counts


def test_rates_are_since_an_earlier_table_of_the_same_node_and_nothing_else(lab: Lab, alice: Node, bob: Node) -> None:
    assert not alice.traffic(since=alice.traffic()).sent
    for wrong in (5, bob.traffic()):
        with pytest.raises(ValidationError, match="take an earlier table of alice's"):
            alice.traffic(since=wrong)  # type: ignore[arg-type]


def test_a_capture_takes_a_path(lab: Lab) -> None:
    with pytest.raises(ValidationError, match=r"the path of a capture is .*, not 5"):
        lab.capture(5)  # type: ignore[arg-type]
    assert not lab.captures
