"""Links: latency, jitter, loss, bandwidth, sites (issue: what a frame's way costs)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.errors import MissingExtraError, UnknownNodeError, ValidationError
from p2plab.network import load_matrix, regions
from p2plab.network.jitter import DISTRIBUTIONS, quantiles
from p2plab.stream import NetStream


def pair(lab: Lab) -> tuple[Node, Node]:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    lab.wire("line")
    return alice, bob


def transfer(sender: Node, receiver: Node, size: int) -> float:
    """Seconds of lab time from the first write to the arrival of the last byte."""
    arrived: list[int] = []

    async def sink(stream: NetStream) -> None:
        while data := await stream.read():
            arrived.append(len(data))

    receiver.handle("/sink/1.0.0", sink)
    stream = sender.open_stream(receiver, "/sink/1.0.0")
    world = sender.world
    began = world.now
    stream.write(bytes(size))
    assert world.run(world.until, lambda: sum(arrived) == size, 600.0)
    took = world.now - began
    stream.close()
    return took


def test_a_ping_takes_the_latency_there_and_back() -> None:
    alice, bob = pair(Lab(latency=0.035))
    assert alice.ping(bob) == pytest.approx(0.070)


def test_one_direction_can_be_slower_than_the_other() -> None:
    lab = Lab(latency=0.010)
    alice, bob = pair(lab)
    lab.network.set_link(latency=0.100, between=(alice, bob), one_way=True)
    assert (lab.network.link(alice, bob).latency, lab.network.link(bob, alice).latency) == (0.100, 0.010)
    assert alice.ping(bob) == bob.ping(alice) == pytest.approx(0.110)


def test_fields_that_are_not_given_stay_as_they_were() -> None:
    lab = Lab(latency=0.010)
    alice, bob = pair(lab)
    lab.network.set_link(loss=0.25, between=(alice, bob))
    lab.network.set_link(latency=0.050, between=("alice", "bob"))
    link = lab.network.link(alice, bob)
    assert (link.latency, link.loss) == (0.050, 0.25)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_jitter_has_the_scale_its_distribution_says(distribution: str) -> None:
    table = quantiles(distribution, 1000)
    mean = sum(table) / len(table)
    spread = math.sqrt(sum((value - mean) ** 2 for value in table) / len(table))
    if distribution == "uniform":  # the standard deviation of a uniform distribution of half-width w is w / √3
        assert round(mean) == 0
        assert spread == pytest.approx(1000 / math.sqrt(3), rel=0.01)
    elif distribution == "normal":
        assert round(mean) == 0
        assert spread == pytest.approx(1000, rel=0.03)
    else:
        assert mean == pytest.approx(1000, rel=0.03)
        assert min(table) >= 0


def test_jitter_never_reorders_what_one_connection_carries() -> None:
    lab = Lab(seed=4, latency=0.050, jitter=0.050)
    alice, bob = pair(lab)
    news = bob.subscribe("news")
    lab.run(1)
    for number in range(50):
        alice.publish("news", str(number))
        lab.run(0.001)
    lab.run(1)
    assert [message.data for message in news.messages] == [str(number).encode() for number in range(50)]


def test_a_lost_packet_costs_time_and_never_bytes() -> None:
    whole, lossy = Lab(seed=2, recording="all"), Lab(seed=2, recording="all")
    lossy.network.set_link(loss=0.2)
    assert transfer(*pair(lossy), 100_000) > transfer(*pair(whole), 100_000)
    assert lossy.events.counts["link.retransmitted"] > 0
    assert not whole.events.filter(kind="link.retransmitted")
    # RFC 6298: no packet is sent again before the timeout, which Linux never sets below 200 ms.
    waits = [event.data["retransmission"] for event in lossy.events.filter(kind="link.retransmitted") if event.data]
    assert min(waits) >= 0.2


def test_a_fault_does_not_shift_the_draws_of_other_purposes() -> None:
    def jittered(loss: float) -> list[float]:
        lab = Lab(seed=9, latency=0.050, jitter=0.020)
        alice, bob = pair(lab)
        carol = lab.start_node("carol")
        lab.wire("full")
        lab.network.set_link(loss=loss, between=(alice, carol))
        return [alice.ping(bob) for _ in range(5)]

    assert jittered(0.0) == jittered(0.5)


def test_a_narrow_line_takes_its_time_over_every_byte() -> None:
    lab = Lab(latency=0.010)
    alice, bob = pair(lab)
    lab.network.set_node(alice, up=1e6)
    assert transfer(alice, bob, 1_000_000) == pytest.approx(1.0, rel=0.05)
    lab.network.set_node(alice)
    lab.network.set_node(bob, down=2e6)
    assert transfer(alice, bob, 1_000_000) == pytest.approx(0.5, rel=0.10)


def test_what_two_send_to_one_shares_its_line() -> None:
    lab = Lab(latency=0.010)
    nodes = lab.start_nodes(3)
    lab.wire("full")
    lab.network.set_node(nodes[0], down=1e6)
    arrived: list[int] = []

    async def sink(stream: NetStream) -> None:
        while data := await stream.read():
            arrived.append(len(data))

    nodes[0].handle("/sink/1.0.0", sink)
    for sender in nodes[1:]:
        stream = sender.open_stream(nodes[0], "/sink/1.0.0")
        lab.at(lab.now, stream.aio.write, bytes(200_000))
    began = lab.now
    assert lab.run_until(lambda: sum(arrived) == 400_000, timeout=5)
    assert lab.now - began == pytest.approx(0.4, rel=0.1)


def test_sizes_on_the_wire_are_those_of_the_encoded_messages() -> None:
    from p2plab.pubsub.rpc import encode_rpc

    lab = Lab(recording="all")
    alice, bob = pair(lab)
    bob.subscribe("news")
    lab.run(1)
    seen: list[Any] = []
    lab.network.delay(0.0, lambda frame: seen.append(frame))
    alice.publish("news", b"x" * 1000)
    lab.run(0.5)
    (frame,) = [frame for frame in seen if frame.kind == "rpc" and frame.what.publish]
    encoded = len(encode_rpc(frame.what))
    # Yamux puts 12 bytes before it, Noise 2 bytes of length and 16 of authentication tag around it.
    assert frame.size == encoded + 12 + 18


@pytest.mark.parametrize(
    "bad",
    [
        {"latency": -0.001},
        {"latency": math.nan},
        {"latency": math.inf},
        {"latency": "fast"},
        {"jitter": 1.0},
        {"loss": 1.5},
        {"loss": -0.1},
        {"loss": 1.0},
        {"duplicate": math.nan},
        {"distribution": "lumpy"},
        {"speed": 3},
    ],
)
def test_a_link_that_cannot_be_is_refused_and_nothing_changes(bad: dict[str, Any]) -> None:
    lab = Lab(latency=0.010)
    alice, bob = pair(lab)
    with pytest.raises(ValidationError):
        lab.network.set_link(**bad)
    assert alice.ping(bob) == pytest.approx(0.020)


def test_who_a_link_is_between_is_checked() -> None:
    lab = Lab()
    alice, _ = pair(lab)
    stranger = Lab().start_node("alice")
    with pytest.raises(UnknownNodeError):
        lab.network.set_link(latency=0.1, between=("alice", "nobody"))
    with pytest.raises(ValidationError):
        lab.network.set_link(latency=0.1, between=(alice, alice))
    with pytest.raises(ValidationError):
        lab.network.set_link(latency=0.1, between=(alice, stranger))
    with pytest.raises(ValidationError):
        lab.network.set_node(alice, up=-1)


def test_presets_and_regions() -> None:
    lab = Lab(seed=1, network="regions")
    lab.start_nodes(200)
    alice = lab.start_node("alice", region="europe")
    bob = lab.start_node("bob", region="japan")
    assert lab.network.link(alice, bob).latency == pytest.approx(0.252 / 2)  # 252 ms there and back, regions.csv
    homes = [lab.network.region(node) for node in lab.nodes]
    assert homes.count("europe") > homes.count("asia-pacific") > homes.count("south-america")
    with pytest.raises(ValidationError, match="region"):
        lab.start_node("carol", region="atlantis")
    with pytest.raises(ValidationError, match="preset"):
        lab.network.preset("moon")
    lab.network.preset("lan")
    assert lab.network.link(alice, bob).latency < 0.001


def test_the_region_table_is_symmetric_and_weighted() -> None:
    table = regions()
    count = len(table)
    assert all(table.seconds[a][b] == table.seconds[b][a] for a in range(count) for b in range(count))
    assert sum(table.weights) == 10_000


def test_a_matrix_from_csv(tmp_path: Path) -> None:
    file = tmp_path / "latencies.csv"
    file.write_text("site,alice,bob,carol\nalice,0,30,50\nbob,30,0,70\ncarol,50,70,0\n")
    lab = Lab()
    alice, bob = pair(lab)
    lab.network.load_latencies(file)
    assert alice.ping(bob) == pytest.approx(0.030)
    carol = lab.start_node("carol")  # came later, so the file did not place her
    assert lab.network.link(alice, carol).latency == pytest.approx(0.020)


def test_a_matrix_by_order_is_taken_by_as_many_nodes_as_it_has_sites(tmp_path: Path) -> None:
    file = tmp_path / "latencies.csv"
    file.write_text("site,x,y\nx,0,8\ny,8,0\n")
    lab = Lab()
    alice, bob = pair(lab)
    lab.network.load_latencies(file)
    assert alice.ping(bob) == pytest.approx(0.008)


def test_gml_without_networkx_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "networkx", None)
    file = tmp_path / "net.gml"
    file.write_text("graph [ ]")
    with pytest.raises(MissingExtraError, match="networkx"):
        load_matrix(file)
