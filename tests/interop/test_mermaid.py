"""Sequence diagrams that are exported here are read by Mermaid's own parser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from p2plab import Lab
from tests.interop.provide import HERE, mermaid_reader

pytestmark = pytest.mark.slow


def test_mermaid_reads_what_is_exported_and_what_a_peer_chose_is_text(tmp_path: Path) -> None:
    with Lab(seed=7) as lab:
        a, b, c = lab.start_nodes(3)
        lab.wire("line")
        topic = "x\n  p0->>p1: <script>alert(1)</script>; end"
        for node in (a, b, c):
            node.subscribe(topic)
        lab.run(2)
        message = a.publish(topic, b"y")
        lab.run(1)
        received = len(lab.events.filter(kind="pubsub.receive"))
        paths = [lab.export(tmp_path / "run.mmd"), lab.export(tmp_path / "message.mmd", message=message)]
    folder = Path(shutil.copytree(HERE / "mermaid", tmp_path / "mermaid"))
    read = [*mermaid_reader(folder), *map(str, paths)]
    done = subprocess.run(read, capture_output=True, text=True, check=True, timeout=60)
    whole, of_message = map(json.loads, done.stdout.splitlines())
    assert whole["diagramType"] == of_message["diagramType"] == "sequence"
    assert sorted(whole["actors"]) == ["n0", "n1", "n2"]
    assert of_message["messages"] == received + 1  # and the note that it was published
