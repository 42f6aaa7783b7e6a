"""Any moment of a million rows: the first seek, later ones anywhere, and while the log grows."""

from __future__ import annotations

import random
import statistics
import time

from p2plab import Lab
from p2plab.events import EventLog, NetworkState

ROWS = 1_000_000
NODES = 1_000


def long_run() -> Lab:
    """A thousand nodes that publish, crash and come back until the log has a million rows."""
    lab = Lab(seed=1)
    nodes = lab.start_nodes(NODES)
    lab.wire("random", degree=10)
    for node in nodes:
        node.subscribe("news")
    lab.run(5)
    draw = random.Random(1)
    while len(lab.events) < ROWS:
        victim = nodes[draw.randrange(NODES)]
        if victim.running:
            victim.crash()
        else:
            victim.restart(state=draw.choice(["kept", "lost"]))
        nodes[next(i for i, node in enumerate(nodes) if node.running)].publish("news", b"x" * 100)
        lab.run(0.5)
    return lab


def looked_at(state: NetworkState) -> int:
    """What a picture reads of a state."""
    return len(state.nodes) + len(state.edges) + len(state.meshes["news"]) + len(state.subscriptions["news"])


def timed(log: EventLog, at: float | None) -> tuple[float, float]:
    """Seconds of the seek alone, and with all that a picture reads."""
    began = time.perf_counter()
    state = log.state(at=at)
    sought = time.perf_counter() - began
    assert looked_at(state) > NODES
    return sought, time.perf_counter() - began


def test_a_seek_anywhere_in_a_million_rows() -> None:
    with long_run() as lab:
        log, draw = lab.events, random.Random(2)
        first = timed(log, log.now)
        later = [timed(log, 5 + draw.random() * (log.now - 5)) for _ in range(60)]
        growing = []
        for _ in range(30):
            lab.run(0.1)
            growing.append(timed(log, None))
        print(f"\n{len(log):,} rows of {NODES} nodes, {log.now:.0f} s of lab time")
        print(f"first seek {first[0]:.2f} s, with what a picture reads {first[1]:.2f} s")
        for name, times in (("later", later), ("growing", growing)):
            sought, read = ([one[part] * 1e3 for one in times] for part in (0, 1))
            print(
                f"{name}: median {statistics.median(sought):.1f} ms, worst {max(sought):.1f} ms; "
                f"with what a picture reads {statistics.median(read):.1f} ms, worst {max(read):.1f} ms"
            )
