"""IDONTWANT takes back what still waits on the sender's uplink (gossipsub-v1.2.md, "IDONTWANT Message")."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.mock.idontwant import withdraw
from p2plab.mock.world import MockWorld
from p2plab.network.frames import PIECE
from p2plab.pubsub import GossipSubParams
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control, rpc_size

SIZE = 5_000  # bytes of a message, which take a second on the slow uplink, in one piece
NEVER = 1 << 30


def slow_publisher(threshold: int, transport: str = "ideal") -> tuple[Lab, str]:
    """Everybody in everybody's mesh; the publisher's uplink takes a second for a copy, the others' are fast."""
    params = GossipSubParams.spec(idontwant_message_threshold=threshold)
    lab = Lab(seed=1, latency=0.010, recording="all", gossipsub=params, transport=transport)
    nodes = lab.start_nodes(5)
    lab.wire("full")
    lab.network.set_node(nodes[0], up=float(SIZE))
    for node in nodes:
        node.subscribe("news")
    lab.run(5)
    message = nodes[0].publish("news", bytes(SIZE))
    lab.run(6)
    assert len(lab.events.filter(kind="pubsub.deliver")) == len(nodes)
    return lab, message.id


def copies_from_publisher(lab: Lab) -> int:
    arrived = lab.events.filter(kind="link.arrived")
    return sum(1 for event in arrived if event.peer == "n0" and (event.size or 0) > SIZE)


@pytest.mark.parametrize("transport", ["ideal", "quic"])
def test_a_slow_uplink_is_spared_the_copies_that_others_delivered_first(transport: str) -> None:
    lab, message = slow_publisher(1_024, transport)
    gone = lab.events.filter(kind="pubsub.withdrawn")
    # The first copy takes a second; while the second is under way, the first receiver's neighbours say they have it.
    assert copies_from_publisher(lab) == 2
    assert {(event.node, event.ref, event.topic, event.reason) for event in gone} == {
        ("n0", message, "news", "peer does not want it")
    }
    assert len(gone) == 2
    world = lab["n0"].world
    assert isinstance(world, MockWorld)
    for (end,) in world.host_named("n0").connected.values():  # what did not leave does not count as sent
        assert end.rpcs_sent == end.remote.rpcs_received
    assert all(SIZE < (event.size or 0) < SIZE + 200 for event in gone)
    plain, _ = slow_publisher(NEVER, transport)
    assert copies_from_publisher(plain) == 4
    assert plain.events.filter(kind="pubsub.withdrawn") == []


def test_the_cause_is_the_idontwant_that_came() -> None:
    lab, message = slow_publisher(1_024)
    event = lab.events.filter(kind="pubsub.withdrawn")[0]
    said = next(cause for cause in lab.why(event) if cause.kind == "pubsub.idontwant")
    assert (said.node, said.ref) == (event.peer, message)


def test_what_waits_behind_moves_up() -> None:
    def second_message(threshold: int) -> float:
        lab = Lab(seed=1, latency=0.010, gossipsub=GossipSubParams.spec(idontwant_message_threshold=threshold))
        nodes = lab.start_nodes(5)
        lab.wire("full")
        lab.network.set_node(nodes[0], up=float(SIZE))
        for node in nodes:
            node.subscribe("news")
        lab.run(5)
        nodes[0].publish("news", bytes(SIZE))
        after = nodes[0].publish("news", b"short")
        lab.run(8)
        times = [event.t for event in lab.events.filter(kind="pubsub.deliver", ref=after.id)]
        assert len(times) == 5
        return max(times) - 5

    assert second_message(1_024) < second_message(NEVER)


def test_an_rpc_that_says_more_goes_without_the_message() -> None:
    lab = Lab(seed=1)
    a, b = lab.start_nodes(2)
    lab.wire("full")
    a.subscribe("news")
    got = b.subscribe("news")
    lab.run(3)
    lab.network.set_node(a, up=10_000.0)
    world = a.world
    assert isinstance(world, MockWorld)
    host, target = world.host_named("n0"), world.host_named("n1").index
    end = host.connected[target][0]
    signer = Identity.derive(1, "n0")
    first, second, third = (
        Publication("news", bytes(1_000), peer_id_bytes(signer.peer_id), bytes([seqno]) * 8, sign=signer.sign)
        for seqno in (1, 2, 3)
    )
    both = RPC((second, third), Control(graft=("news",)))

    def send() -> None:
        for rpc in (RPC((first,)), both):
            end.send(rpc_size(rpc), end.remote.receive_rpc, rpc)
        line = world.links.uplink(host.index)
        assert line is not None
        withdraw(host, target, [second.id, b"unknown", first.id])  # the first has begun to leave

    world.call(send)
    lab.run(3)
    assert [message.seqno for message in got.messages] == [
        int.from_bytes(bytes([seqno]) * 8, "big") for seqno in (1, 3)
    ]
    assert [event.ref for event in lab.events.filter(kind="pubsub.withdrawn")] == [second.ref]
    assert both.publish == (second, third)  # others may have been sent the same RPC


def test_a_message_of_several_pieces_whose_first_waits_is_taken_back_whole() -> None:
    lab = Lab(seed=1, recording="all")
    a, b, c = lab.start_nodes(3)
    lab.wire("full")
    news = [node.subscribe("news") for node in (a, b, c)]
    lab.run(3)
    lab.network.set_node(a, up=10_000.0)
    world = a.world
    assert isinstance(world, MockWorld)
    host = world.host_named("n0")
    signer = Identity.derive(1, "n0")
    large = Publication("news", bytes(4 * PIECE), peer_id_bytes(signer.peer_id), bytes(8), sign=signer.sign)

    def send() -> None:
        for node in (b, c):
            end = host.connected[world.host_named(node.name).index][0]
            end.send(rpc_size(RPC((large,))), end.remote.receive_rpc, RPC((large,)))
        withdraw(host, world.host_named("n2").index, [large.id])  # its first piece waits for that of n1 to pass

    world.call(send)
    lab.run(6)
    assert len(news[1].messages) == 1
    to_n2 = [event for event in lab.events.filter(kind="link.arrived", node="n2", peer="n0") if not event.size]
    assert to_n2 == [], "no empty frame goes in its place"
    assert [event.ref for event in lab.events.filter(kind="pubsub.withdrawn")] == [large.ref]


def test_without_a_limit_on_the_uplink_nothing_waits_and_nothing_is_taken_back() -> None:
    lab = Lab(seed=1)
    nodes = lab.start_nodes(5)
    lab.wire("full")
    for node in nodes:
        node.subscribe("news")
    lab.run(5)
    nodes[0].publish("news", bytes(SIZE))
    lab.run(5)
    assert lab.events.filter(kind="pubsub.idontwant")
    assert lab.events.filter(kind="pubsub.withdrawn") == []
