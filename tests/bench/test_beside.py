"""Connect, ping, echo, gossip and start-up: p2plab beside py-libp2p as it comes, as p2plab sets it, and js-libp2p."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import trio

from p2plab import Lab
from tests.bench.beside import MESSAGES, NODES, ROUNDS, SETTLE, SIZE, timed
from tests.bench.js import js_measures
from tests.bench.test_real import echo

ROOT = Path(__file__).parents[2]


def straight(how: str) -> dict[str, float]:
    """In a process of its own, run by itself."""
    command = [sys.executable, "-m", "tests.bench.beside", how]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def in_a_lab() -> dict[str, float]:
    """The same with p2plab, its connections introduced and everything recorded as usual."""
    found: dict[str, float] = {}
    with Lab("real") as lab:
        began = time.perf_counter()
        nodes = lab.start_nodes(ROUNDS + 1)
        found["start of a node"] = (time.perf_counter() - began) / len(nodes)
        hosts = list(lab.world.hosts().values())
        nodes[1].handle("/echo/1", echo)

        async def echoed() -> None:
            stream = await hosts[0].open_stream("n1", ["/echo/1"])
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.write, bytes(SIZE))
                got = 0
                while got < SIZE:
                    got += len(await stream.read())
            await stream.close()

        async def pairs() -> None:
            found["connect"] = statistics.median([await timed(hosts[0].connect, node.name) for node in nodes[1:]])
            found["ping"] = statistics.median([await timed(hosts[0].ping, "n1") for _ in range(5 * ROUNDS)])
            found["echo, MB/s"] = SIZE / 1e6 / statistics.median([await timed(echoed) for _ in range(5)])

        async def gossip() -> None:
            for number in range(NODES):
                for step in (1, 3):
                    await hosts[number].connect(f"n{(number + step) % NODES}")
            queues = [host.subscribe("news") for host in hosts[:NODES]]
            await trio.sleep(SETTLE)
            times = []
            for number in range(MESSAGES):
                began = time.perf_counter()
                hosts[number % NODES].publish("news", b"x" * 100)
                for queue in queues:
                    await queue.receive(10)
                times.append(time.perf_counter() - began)
            found["gossip"] = statistics.median(times)

        lab.world.run(pairs)
        lab.world.run(gossip)
    return found


def test_beside_others() -> None:
    columns = {
        "py-libp2p, as it comes": straight("defaults"),
        "py-libp2p, as p2plab sets it": straight("tuned"),
        "p2plab": in_a_lab(),
    }
    js, why_not = js_measures()
    if js:
        columns["js-libp2p"] = js
    print(f"\n{'median':18}" + "".join(f"{name:>30}" for name in columns))
    for row in columns["p2plab"]:
        cells = [column.get(row) for column in columns.values()]
        shown = [
            "–" if cell is None else f"{cell:.1f} MB/s" if row.endswith("MB/s") else f"{cell * 1e3:.1f} ms"
            for cell in cells
        ]
        print(f"{row.partition(',')[0]:18}" + "".join(f"{cell:>30}" for cell in shown))
    if why_not:
        print(f"js-libp2p was not measured: {why_not}")
