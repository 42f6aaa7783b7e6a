"""Numbers for Prometheus, as its own client reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from p2plab import Lab
from p2plab.exports.metrics import FAMILIES
from p2plab.stream import NetStream

BACKENDS = [pytest.param("mock", id="mock"), pytest.param("real", id="real", marks=pytest.mark.real)]
PATIENCE = 20.0


@pytest.fixture(params=BACKENDS)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param, seed=7, recording="counters") as lab:
        yield lab


def numbers(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """By name and label values."""
    found: dict[tuple[str, tuple[str, ...]], float] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge")
        for sample in family.samples:
            assert sample.name.startswith("p2plab_")
            assert sample.name.endswith("_total") == (family.type == "counter")
            key = (sample.name.removeprefix("p2plab_"), tuple(sample.labels.values()))
            assert key not in found
            found[key] = sample.value
    return found


async def echo(stream: NetStream) -> None:
    await stream.write(await stream.read())
    await stream.read()


def test_what_nodes_did_is_counted_whatever_the_level(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    bob.handle("/echo/1.0.0", echo)
    connection = alice.connect(bob)
    news = bob.subscribe("news")
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=PATIENCE)
    alice.publish("news", b"hello")
    news.get()
    stream = alice.open_stream(bob, "/echo/1.0.0")
    stream.write(b"x" * 400)
    received = 0
    while received < 400:
        received += len(stream.read())
    alice.dht.put("/lab/greeting", b"hi")

    of_alice, of_both = numbers(alice.metrics()), numbers(lab.metrics())
    assert of_alice.items() <= of_both.items()

    def of(name: str, *labels: str) -> float:
        return of_both[name, labels]

    about = (connection.transport, connection.security, connection.muxer)
    assert of("node_running", "alice") == 1
    assert of("connections", "alice", "outbound", *about) == of("connections", "bob", "inbound", *about) == 1
    assert of("connection_events_total", "alice", "dialled") == of("connection_events_total", "alice", "opened") == 1
    assert of("streams", "alice", "/echo/1.0.0", "outbound") == of("streams", "bob", "/echo/1.0.0", "inbound") == 1
    assert of("sent_bytes_total", "alice", "bob", "/echo/1.0.0") == 400
    assert of("received_bytes_total", "bob", "alice", "/echo/1.0.0") == 400
    assert of("pubsub_messages_total", "alice", "published") == of("pubsub_messages_total", "bob", "delivered") == 1
    assert of("pubsub_messages_total", "bob", "rejected") == 0
    assert of("dht_queries_total", "alice", "sent") >= 1
    assert of("events_total", "alice", "pubsub.publish") == lab.events.counts_of("alice")["pubsub.publish"] == 1
    assert of("errors_total", "alice", "raised") == 0


def test_counters_never_fall_and_errors_count(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")

    async def broken(stream: NetStream) -> None:
        raise RuntimeError("on purpose")

    bob.handle("/broken/1.0.0", broken)
    alice.open_stream(bob, "/broken/1.0.0")
    assert lab.run_until(lambda: "error" in lab.events.counts_of("bob"), timeout=PATIENCE)
    before = numbers(lab.metrics())
    assert before["errors_total", ("bob", "raised")] == 1
    alice.disconnect(bob)
    alice.crash()
    after = numbers(lab.metrics())
    assert after["node_running", ("alice",)] == 0
    for (name, labels), count in before.items():
        if name.endswith("_total"):
            assert after[name, labels] >= count


def test_a_name_that_a_peer_chose_is_a_label_and_nothing_else() -> None:
    evil = '/chat"} 1\\\revil{x="1.0.0'
    with Lab(seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        bob.handle(evil, echo)
        alice.open_stream(bob, evil).write(b"x" * 10)
        lab.run(1)
        families = list(text_string_to_metric_families(lab.metrics()))
    assert {family.name for family in families if not family.name.startswith(("p2plab_", "gossipsub_"))} == set()
    labels = [sample.labels for family in families for sample in family.samples if "protocol" in sample.labels]
    assert evil in {one["protocol"] for one in labels}


def test_a_lab_without_nodes_has_no_numbers() -> None:
    with Lab(seed=7) as lab:
        assert lab.metrics() == ""
    assert len({name for name, _, _ in FAMILIES}) == len(FAMILIES)
