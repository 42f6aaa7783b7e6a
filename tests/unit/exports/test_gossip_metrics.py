"""GossipSub's numbers under their shared names, from every kind of log, as Prometheus' own client reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import p2plab
from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.exports.gossip_metrics import MAX_TOPICS, NAMES

ROOT = Path(__file__).parents[3]


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """By name and labels."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("gossipsub_"):
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in found
                found[key] = sample.value
    return found


def total(text: str, name: str, **labels: str) -> float:
    return sum(
        value for (told, has), value in samples(text).items() if told == f"gossipsub_{name}" and labels.items() <= has
    )


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7, recording="all") as lab:
        nodes = lab.start_nodes(12)
        lab.wire("random", degree=7)
        for node in nodes:
            node.subscribe("news")
        nodes[5].add_validator("news", lambda message: message.data != b"bad")
        lab.run(3)
        nodes[0].publish("news", b"x" * 2000)
        nodes[1].publish("news", b"bad")
        lab.run(3)
        yield lab


def test_counters_are_the_log_s_own_counts(lab: Lab) -> None:
    text, counts = lab.metrics(), lab.events.counts
    for name, kind in (
        ("message_published_total", "pubsub.publish"),
        ("message_delivered_total", "pubsub.deliver"),
        ("message_duplicate_total", "pubsub.duplicate"),
        ("message_rejected_total", "pubsub.reject"),
        ("peer_graft_total", "pubsub.graft"),
    ):
        assert total(text, name, topic="news") == counts[kind] > 0
    assert total(text, "message_received_total", validation_result="reject", node="n5") == 1
    assert total(text, "message_received_total", validation_result="accept") == counts["pubsub.deliver"] - 2


def test_gauges_are_the_network_s_state(lab: Lab) -> None:
    text, state = lab.metrics(), lab.events.state()
    for node in lab.nodes:
        neighbours = {name for edge in state.edges if node.name in edge for name in edge} - {node.name}
        assert samples(text)["gossipsub_peers_total", frozenset({("node", node.name)})] == len(neighbours)
        assert total(text, "mesh_peers_total", node=node.name) == len(node.mesh("news"))


def test_histograms_have_the_published_bounds_and_the_lab_s_times(lab: Lab) -> None:
    text = lab.metrics()
    bounds = {
        dict(labels)["le"] for name, labels in samples(text) if name == "gossipsub_message_latency_seconds_bucket"
    }
    assert bounds == {"0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf"}
    delivered = lab.events.filter(kind="pubsub.deliver")
    sent = {event.ref: event.t for event in lab.events.filter(kind="pubsub.publish")}
    times = [event.t - sent[event.ref] for event in delivered if event.peer is not None]
    assert total(text, "message_latency_seconds_count") == len(times)
    assert total(text, "message_latency_seconds_sum") == pytest.approx(sum(times))
    assert total(text, "message_latency_seconds_bucket", le="0.025") == sum(time <= 0.025 for time in times)
    scores = {dict(labels)["le"] for name, labels in samples(text) if name == "gossipsub_peer_score_bucket"}
    assert scores == {"-100", "-10", "-1", "0", "1", "10", "100", "+Inf"}


def test_looking_changes_nothing_and_the_same_run_says_the_same(lab: Lab) -> None:
    digest = lab.events.digest()
    assert lab.metrics() == lab.metrics()
    assert lab.events.digest() == digest
    assert "heartbeat_duration" not in lab.metrics()  # the machine's time, which no mock lab tells


def test_a_log_that_was_loaded_has_the_same(lab: Lab, tmp_path: Path) -> None:
    view = p2plab.open(lab.events.save(tmp_path / "run.jsonl"))
    assert samples(view.metrics()) == samples(lab.metrics())
    assert samples(view.metrics("n5")) == samples(lab["n5"].metrics())
    with pytest.raises(ValidationError, match="n99"):
        view.metrics("n99")


def test_a_trace_of_go_has_them_too() -> None:
    view = p2plab.open(ROOT / "fixtures" / "traces" / "go-pubsub-0.19.pb.gz")
    text = view.metrics()
    assert total(text, "message_delivered_total", topic="news") == 14
    assert total(text, "rpc_received_total", message_type="graft") > 0
    assert total(text, "peer_prune_total") == 0


@pytest.mark.real
def test_real_nodes_have_the_same_names(lab: Lab) -> None:
    with Lab("real", seed=7, recording="all") as real:
        alice, bob = real.start_node("alice"), real.start_node("bob")
        alice.connect(bob)
        news = bob.subscribe("news")
        alice.subscribe("news")
        assert real.run_until(lambda: alice.topic_peers("news"), timeout=20)
        alice.publish("news", b"hello")
        news.get(timeout=20)
        text = real.metrics()
    assert total(text, "message_published_total", node="alice", topic="news") == 1
    assert total(text, "message_received_total", node="bob", validation_result="accept") == 1
    assert total(text, "rpc_sent_total", node="alice", message_type="messages") >= 1
    assert total(text, "message_latency_seconds_count", node="bob") == 1


def test_levels_that_do_not_record_something_leave_it_out() -> None:
    with Lab(seed=7, recording="decisions") as lab:
        a, b = lab.start_nodes(2)
        a.connect(b)
        for node in (a, b):
            node.subscribe("news")
        lab.run(3)
        a.publish("news", b"x")
        names = {name for name, _ in samples(lab.metrics())}
    assert {"gossipsub_peer_graft_total", "gossipsub_mesh_peers_total"} <= names
    assert not any("message_delivered" in name or "latency" in name for name in names)


def test_topics_that_peers_choose_are_bounded() -> None:
    with Lab(seed=7) as lab:
        a, b = lab.start_nodes(2)
        a.connect(b)
        for number in range(MAX_TOPICS + 20):
            a.publish(f'topic"\n{number}', b"x")
        text = lab.metrics()
    topics = {
        dict(labels).get("topic") for name, labels in samples(text) if name == "gossipsub_message_published_total"
    }
    assert len(topics) == MAX_TOPICS + 1
    assert total(text, "message_published_total", topic="(others)") == 20


def test_the_dashboard_asks_for_names_there_are() -> None:
    board: Any = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    asked = set(re.findall(r"gossipsub_\w+", json.dumps(board)))
    known = {*NAMES, *(f"{name}_bucket" for name in NAMES)}
    assert asked <= known
    assert {name for name in NAMES if name not in asked and f"{name}_bucket" not in asked} == set()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 10
    variables = {variable["name"] for variable in board["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(board["panels"]))) <= {*variables, "__rate_interval"}
