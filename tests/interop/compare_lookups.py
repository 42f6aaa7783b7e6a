"""The part of ``make compare-go`` about Kademlia: lookups of go-libp2p-kad-dht in a simulated network beside a mock
lab's, with and without peers that are gone."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from math import fsum, sqrt
from pathlib import Path
from typing import Any, Final

from p2plab import Lab
from p2plab.identity.keys import peer_id_bytes
from p2plab.kademlia import DhtParams
from p2plab.kademlia.key import kademlia_key
from p2plab.runs.student import half_width

BEGIN, END = "<!-- table: lookups -->", "<!-- end of lookups -->"
FIGURES: Final = ("queries", "hops", "recall", "listed", "seconds")
NEAR: Final = 0.10  # how far the two may be from each other
REASONS: Final = {  # why a figure is further away, where one is
    "listed": "go's list names peers that are gone; a mock lab's only such as answered",
    "seconds": "when the three closest have answered go hangs up on whom it still dials and dials anew",
}
NODES, LOOKUPS = 150, 40
LATENCY = 50  # ms, one way, of every pair
SHARES: Final = (0.0, 0.3)  # of the nodes: gone, while all tables still name them
K: Final = 20

Found = dict[str, float]


def table(program: Path, seeds: int) -> tuple[str, list[str]]:
    """The section of the page, and what is further away without a reason."""
    far = []
    lines = [
        BEGIN,
        f"{NODES} nodes, {LOOKUPS} lookups for random keys, {seeds} seeds, means with 95 % intervals over the seeds.",
        "",
        "| gone | figure | go-libp2p-kad-dht | p2plab, resiliency 3 | p2plab / go | | p2plab, as it is |",
        "|---|---|---|---|---|---|---|",
    ]
    for gone in SHARES:
        told = [asked(seed, gone) for seed in range(seeds)]
        sides = [
            [run_go(program, one) for one in told],
            [run_lab(one, seed, 3) for seed, one in enumerate(told)],
            [run_lab(one, seed, None) for seed, one in enumerate(told)],
        ]
        for figure in FIGURES:
            means = [mean([fsum(found[figure] for found in run) / len(run) for run in side]) for side in sides]
            go, lab, default = (f"{middle:.2f} ± {half:.2f}" for middle, half in means)
            first = f"{gone:.0%}" if figure == FIGURES[0] else ""
            ratio = means[1][0] / means[0][0]
            verdict = "" if abs(ratio - 1) <= NEAR else REASONS.get(figure, "**further than 10 %**")
            if abs(ratio - 1) > NEAR and figure not in REASONS:
                far.append(f"lookups, {gone:.0%} gone: {figure}")
            lines.append(f"| {first} | {figure} | {go} | {lab} | {ratio:.2f} | {verdict} | {default} |")
    return "\n".join([*lines, END]), far


def mean(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and half the width of its interval."""
    middle = fsum(values) / len(values)
    if len(values) < 2:
        return middle, 0.0
    deviation = sqrt(fsum((value - middle) ** 2 for value in values) / (len(values) - 1))
    return middle, half_width(deviation, len(values), 0.95) or 0.0


def asked(seed: int, gone: float) -> dict[str, Any]:
    """Who is there, the latencies of the pairs, and what is looked for."""
    latency = [[LATENCY] * NODES for _ in range(NODES)]
    keys = [f"key {seed} {number}" for number in range(LOOKUPS)]
    return {"nodes": NODES, "gone": round(gone * NODES), "latency": latency, "keys": keys}


def run_go(program: Path, told: dict[str, Any]) -> list[Found]:
    """Each lookup's figures."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, answered = Path(folder) / "lookups.json", Path(folder) / "results.json"
        wanted.write_text(json.dumps([told]))
        environment = {**os.environ, "LOOKUPS": str(wanted), "RESULTS": str(answered)}
        subprocess.run(
            [str(program), "-test.run", "TestLookups", "-test.timeout", "20m"],
            env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        (result,) = json.loads(answered.read_text())
    return [{name: float(one[name]) for name in FIGURES} for one in result]


def run_lab(told: dict[str, Any], seed: int, resiliency: int | None) -> list[Found]:
    """The same in a mock lab, with as little care about IP addresses; ``resiliency`` of 3 is go-libp2p-kad-dht's."""
    params = DhtParams(
        k=K, alpha=10, resiliency=resiliency, retries=0, ip_limit_bucket=0, ip_limit_table=0, ip_limit_lookup=0,
        refresh_interval=None, check_after=None, success_rates=False,
        query_timeout=5.0,  # for which go's QUIC tries to dial
    )  # fmt: skip
    with Lab(seed=seed, latency=LATENCY / 1000, transport="quic", dht=params) as lab:
        nodes = lab.start_nodes(told["nodes"])
        lab.dht.fill()
        left = len(nodes) - told["gone"]
        for node in nodes[left:]:
            node.crash(silent=True)
        keys = {node.name: kademlia_key(peer_id_bytes(node.peer_id)) for node in nodes[:left]}
        found = []
        for number, text in enumerate(told["keys"]):
            node = nodes[number % left]
            lookup = node.dht.closest_peers(text.encode())
            target = kademlia_key(text.encode())
            others = sorted((key ^ target, name) for name, key in keys.items() if name != node.name)[:K]
            nearest = {name for _, name in others}
            recall = len(nearest & {peer.name for peer in lookup.peers}) / K
            found.append({
                "queries": float(sum(not query.failed and query.duration is not None for query in lookup.path)),
                "hops": float(lookup.hops),
                "recall": recall,
                "listed": recall,  # its list has none but those that answered
                "seconds": lookup.duration,
            })  # fmt: skip
        return found
