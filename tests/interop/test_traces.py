"""Traces go both ways: what go-libp2p-pubsub writes is opened here, and its own code reads what is exported here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import p2plab
from p2plab import Lab
from tests.interop.provide import GO, go_environment, missing_go

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["go"])
def tracer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that traces five hosts, or reads a trace."""
    missing = missing_go()
    if missing is not None:
        pytest.skip(missing)
    program = tmp_path_factory.mktemp("go") / "tracer"
    subprocess.run(["go", "build", "-o", str(program), "./trace"], cwd=GO, env=go_environment(), check=True)
    return program


def test_what_go_traces_is_opened_here(tracer: Path, tmp_path: Path) -> None:
    subprocess.run([str(tracer), "-make", str(tmp_path)], check=True, timeout=60)
    view, other = p2plab.open(tmp_path / "trace.pb"), p2plab.open(tmp_path / "trace.json")
    assert view.events.digest() == other.events.digest()
    published = view.events.filter(kind="pubsub.publish")[0]
    assert view.propagation(published.ref).reached == 1.0
    assert view.events.counts["pubsub.reject"] >= 1


def test_go_reads_what_is_exported_here(tracer: Path, tmp_path: Path) -> None:
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(8)
        lab.wire("random", degree=3)
        for node in nodes:
            node.subscribe("news")
        lab.run(2)
        nodes[0].publish("news", b"hello")
        lab.run(1)
        path = lab.export(tmp_path / "run.pb")
        counts = dict(lab.events.counts)
        ids = {str(node.peer_id) for node in nodes}
    done = subprocess.run([str(tracer), "-read", str(path)], check=True, timeout=60, capture_output=True, text=True)
    said = json.loads(done.stdout)
    assert said["kinds"]["DELIVER_MESSAGE"] == counts["pubsub.deliver"] == 8
    assert said["kinds"]["GRAFT"] == counts["pubsub.graft"]
    assert said["kinds"]["ON_NEW_OUTBOUND_STREAM"] == counts["connection.opened"]
    assert (said["topics"], set(said["peers"]), said["ordered"]) == ({"news": 1}, ids, True)
