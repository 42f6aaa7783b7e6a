"""``make compare-go``: the same scenarios on go-libp2p-pubsub and on a mock lab, side by side with intervals.

go runs in a simulated network (simnet) and in simulated time (synctest), see ``go/compare``; the graph, the matrix of
latencies, the sizes, the publishers and the seeds are the same on both sides. The table goes into
``docs/how-the-simulation-is-known-to-be-right.md``, between its markers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from math import fsum, sqrt
from pathlib import Path
from typing import Any, Final

from p2plab import MODEL_VERSION, Lab, __version__
from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams
from p2plab.pubsub.shell.delivery import DeliveryPath
from p2plab.runs.student import half_width
from tests.interop import compare_lookups

HERE: Final = Path(__file__).parent
GO: Final = HERE / "go"
PAGE: Final = HERE.parents[1] / "docs" / "how-the-simulation-is-known-to-be-right.md"
BEGIN, END = "<!-- table: make compare-go -->", "<!-- end of table -->"
NEAR: Final = 0.10  # how far the two may be from each other
V10, V11, V12 = (f"/meshsub/1.{minor}.0" for minor in range(3))
KIB: Final = 1024

FIGURES: Final = (
    "delivered", "p50", "p95", "p99", "duplicates", "IHAVE", "IWANT", "IDONTWANT", "GRAFT", "PRUNE", "mesh",
)  # fmt: skip
SMALL: Final = dict.fromkeys(("IHAVE", "IWANT", "GRAFT", "PRUNE", "IDONTWANT", "attackers in a mesh"), 0.05)


@dataclass
class Case:
    """One row of scenarios. ``rate`` is in bits a second, 0 for no limit; ``interval`` in seconds."""

    name: str
    size: int
    rate: int = 0
    flood: bool = False
    protocol: str = V12
    messages: int = 20
    interval: float = 1.0
    attackers: int = 0  # of the nodes, the last so many publish what the others reject; these score their peers
    reasons: dict[str, str] = field(default_factory=dict)  # why a figure is further away, where one is


@dataclass
class Outcome:
    """What one run gave: milliseconds, shares, and numbers a delivery."""

    latencies: list[float]
    wanted: int
    counts: dict[str, int]
    meshes: list[int]
    attack: dict[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """By the names of FIGURES."""
        ordered, wanted = sorted(self.latencies), self.wanted

        def quantile(share: float) -> float:
            return ordered[round(share * (len(ordered) - 1))] if ordered else 0.0

        return {
            "delivered": len(ordered) / wanted,
            "p50": quantile(0.50),
            "p95": quantile(0.95),
            "p99": quantile(0.99),
            **{name: self.counts.get(name, 0) / wanted for name in FIGURES[4:10]},
            "mesh": fsum(self.meshes) / len(self.meshes),
            **self.attack,
        }


FAST: Final = 20_000_000
PACED: Final = "go's QUIC paces its packets, whose headers count, and the line's queue drops some"
LATER: Final = {
    **dict.fromkeys(("p50", "p95", "p99"), PACED),
    "IWANT": "go's messages come a little later, after more of its gossip",
}
CASES: Final = (
    Case("1 KiB", KIB),
    Case("1 KiB, flood publishing", KIB, flood=True),
    Case("16 KiB, 20 Mbit/s", 16 * KIB, FAST, interval=2.0, reasons=LATER),
    Case("16 KiB, 20 Mbit/s, flood publishing", 16 * KIB, FAST, flood=True, interval=2.0, reasons=LATER),
    Case("16 KiB, 20 Mbit/s, v1.1", 16 * KIB, FAST, protocol=V11, interval=2.0, reasons=LATER),
    Case("16 KiB, 20 Mbit/s, v1.0", 16 * KIB, FAST, protocol=V10, interval=2.0, reasons=LATER),
    Case("128 KiB, 20 Mbit/s", 128 * KIB, FAST, messages=10, interval=4.0, reasons=LATER),
    Case("128 KiB, 20 Mbit/s, flood publishing", 128 * KIB, FAST, flood=True, messages=10, interval=4.0, reasons=LATER),
    Case("1 KiB, v1.1, scored, 10 of 50 publish what is rejected", KIB, protocol=V11, messages=30, attackers=10),
)

# How nodes rate their peers where there are attackers; compare_test.go has the same.
SCORE: Final = ScoreParams(
    topics={
        "news": TopicScoreParams(
            topic_weight=1.0, time_in_mesh_weight=0.01, time_in_mesh_quantum=1.0, time_in_mesh_cap=100.0,
            first_message_deliveries_weight=1.0, first_message_deliveries_decay=0.9, first_message_deliveries_cap=10.0,
            mesh_message_deliveries_weight=0.0, mesh_failure_penalty_weight=0.0,
            invalid_message_deliveries_weight=-10.0, invalid_message_deliveries_decay=0.99,
        )
    },
    gossip_threshold=-50.0, publish_threshold=-100.0, graylist_threshold=-200.0, opportunistic_graft_threshold=0.0,
    ip_colocation_factor_weight=0.0, behaviour_penalty_weight=-1.0, behaviour_penalty_threshold=6.0,
    behaviour_penalty_decay=0.9, decay_interval=1.0, decay_to_zero=0.01, retain_score=3600.0,
)  # fmt: skip


TOLD: Final = ("size", "rate", "flood", "protocol", "attackers")


def scenario(case: Case, seed: int, nodes: int = 50, dials: int = 7) -> dict[str, Any]:
    """Who dials whom, the latencies of the pairs (20 to 80 ms), who publishes, when heartbeats come."""
    draw = random.Random(f"compare {seed}")
    near: list[set[int]] = [set() for _ in range(nodes)]
    edges = []
    for node in range(nodes):
        made = 0
        while made < dials:
            other = draw.randrange(nodes)
            if other != node and other not in near[node]:
                near[node].add(other)
                near[other].add(node)
                edges.append([node, other])
                made += 1
    latency = [[0] * nodes for _ in range(nodes)]
    for a in range(nodes):
        for b in range(a):
            latency[a][b] = latency[b][a] = draw.randint(20, 80)
    return {
        **{name: value for name, value in asdict(case).items() if name in TOLD},
        "interval": case.interval,
        "nodes": nodes,
        "edges": edges,
        "latency": latency,
        "publish": [draw.randrange(nodes - case.attackers) for _ in range(case.messages)],
        # By then all are connected, and know each other's subscriptions.
        "heartbeat": [round(3 + draw.random(), 4) for _ in range(nodes)],
        "start": 30.0,
    }


# -- go


def go_program(folder: Path) -> Path:
    """The test binary, built in this folder; the first time that takes minutes."""
    program = folder / "compare.test"
    command = ["go", "test", "-c", "-o", str(program), "./compare"]
    subprocess.run(command, cwd=GO, env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}, check=True)
    return program


def run_go(program: Path, told: dict[str, Any]) -> Outcome:
    """One scenario, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "scenarios.json", Path(folder) / "results.json"
        asked.write_text(json.dumps([told]))
        environment = {**os.environ, "SCENARIOS": str(asked), "RESULTS": str(answered)}
        subprocess.run(
            [str(program), "-test.run", "TestScenarios", "-test.timeout", "20m"],
            env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        (result,) = json.loads(answered.read_text())
    attack = {}
    if told["attackers"]:
        attack = {
            "rejected": result["counts"].get("rejected", 0) / result["wanted"],
            "attackers in a mesh": result["attackers"],
            "an attacker's score": result["score"],
        }
    return Outcome(result["latencies"], result["wanted"], result["counts"], result["meshes"], attack)


# -- p2plab


@contextlib.contextmanager
def counted(quiet: set[int]) -> Iterator[Counter[str]]:
    """Count what nodes send, as go's tracer does; but for those that are ``quiet``."""
    counts: Counter[str] = Counter()
    send = DeliveryPath.send

    def counting(self: DeliveryPath, peers: Sequence[int], message: Any, cause: int) -> None:
        many, control = len(peers), message.control
        if control is not None and self._me not in quiet:
            counts["IHAVE"] += many * len(control.ihave)
            counts["IWANT"] += many * len(control.iwant)
            counts["IDONTWANT"] += many * len(control.idontwant)
            counts["GRAFT"] += many * len(control.graft)
            counts["PRUNE"] += many * len(control.prune)
        send(self, peers, message, cause)

    DeliveryPath.send = counting  # type: ignore[method-assign]
    try:
        yield counts
    finally:
        DeliveryPath.send = send  # type: ignore[method-assign]


def run_lab(told: dict[str, Any], seed: int) -> Outcome:
    """The same scenario in a mock lab with go's parameters, over QUIC as go's simulated network is."""
    protocols = GossipSubParams.go().protocols
    params = GossipSubParams.go(
        flood_publish=told["flood"],
        protocols=protocols[protocols.index(told["protocol"]) :],
        heartbeat_initial_delay=3.0,
    )
    fair = told["nodes"] - told["attackers"]
    scored = params.replace(score=SCORE) if told["attackers"] else params
    with (
        counted(set(range(fair, told["nodes"]))) as counts,
        Lab(seed=seed, latency=0.050, transport="quic", gossipsub=scored) as lab,
    ):
        nodes = lab.start_nodes(fair)
        for number in range(fair, told["nodes"]):
            nodes.append(lab.start_node(f"n{number}", gossipsub=params.replace(flood_publish=True)))
        for node in nodes[:fair] if told["attackers"] else ():
            node.add_validator("news", lambda message: not message.data.startswith(b"bad"))
        for node in nodes:
            node.subscribe("news")
        for a, b in told["edges"]:
            lab.network.set_link(between=(nodes[a], nodes[b]), latency=told["latency"][a][b] / 1000)
        if told["rate"]:
            for node in nodes:
                lab.network.set_node(node, up=told["rate"] / 8, down=told["rate"] / 8)
        lab.wire([(f"n{a}", f"n{b}") for a, b in told["edges"]])
        lab.run_until(told["start"])
        before = Counter(counts)
        published = {}
        for number, who in enumerate(told["publish"]):
            message = nodes[who].publish("news", f"m{number:06d}".encode().ljust(told["size"], b"\0"))
            published[message.id] = lab.now
            lab.run(told["interval"] / 2)
            for attacker in nodes[fair:]:
                attacker.publish("news", f"bad {attacker} {number}".encode().ljust(told["size"], b"\0"))
            lab.run(told["interval"] / 2)
        lab.run(10)
        counts.subtract(before)
        names = {node.name for node in nodes[:fair]}
        counts["duplicates"] = sum(str(one.node) in names for one in lab.events.filter(kind="pubsub.duplicate"))
        latencies = [
            (event.t - published[str(event.ref)]) * 1000
            for event in lab.events.filter(kind="pubsub.deliver")
            if event.peer is not None and str(event.ref) in published and str(event.node) in names
        ]
        wanted = len(published) * (fair - 1)
        meshes = [[str(peer) for peer in node.mesh("news")] for node in nodes[:fair]]
        attack = {}
        if told["attackers"]:
            seen = [
                row["score"] for node in nodes[:fair] for peer, row in node.scores().items() if str(peer) not in names
            ]
            attack = {
                "rejected": len(lab.events.filter(kind="pubsub.reject")) / wanted,
                "attackers in a mesh": sum(peer not in names for mesh in meshes for peer in mesh) / fair,
                "an attacker's score": fsum(seen) / len(seen),
            }
        return Outcome(latencies, wanted, dict(counts), [len(mesh) for mesh in meshes], attack)


# -- the table


@dataclass
class Pair:
    """A figure on both sides: means over the seeds with half the width of their 95 % intervals."""

    go: float
    go_half: float
    lab: float
    lab_half: float

    def near(self, small: float) -> bool:
        """Within 10 %, or so small on both sides that a ratio says nothing."""
        return abs(self.lab - self.go) <= max(NEAR * abs(self.go), small)


def mean(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and half the width of its interval."""
    middle = fsum(values) / len(values)
    if len(values) < 2:
        return middle, 0.0
    deviation = sqrt(fsum((value - middle) ** 2 for value in values) / (len(values) - 1))
    return middle, half_width(deviation, len(values), 0.95) or 0.0


def paired(go: Sequence[Outcome], lab: Sequence[Outcome]) -> dict[str, Pair]:
    """Every figure."""
    theirs, ours = ([one.figures() for one in side] for side in (go, lab))
    return {name: Pair(*mean([one[name] for one in theirs]), *mean([one[name] for one in ours])) for name in theirs[0]}


def rows(case: Case, pairs: dict[str, Pair]) -> list[str]:
    """A case as lines of a table."""
    found = []
    for name, pair in pairs.items():
        digits = 1 if name.startswith("p") else 3 if name == "delivered" else 2
        ratio = f"{pair.lab / pair.go:.2f}" if abs(pair.go) > SMALL.get(name, 0.0) else "–"
        verdict = ""
        if ratio != "–" and not pair.near(0.0):
            verdict = case.reasons.get(name, "" if pair.near(SMALL.get(name, 0.0)) else "**further than 10 %**")
        unit = " ms" if name.startswith("p") else ""
        first = case.name if name == FIGURES[0] else ""
        theirs = f"{pair.go:.{digits}f} ± {pair.go_half:.{digits}f}"
        ours = f"{pair.lab:.{digits}f} ± {pair.lab_half:.{digits}f}"
        found.append(f"| {first} | {name}{unit} | {theirs} | {ours} | {ratio} | {verdict} |")
    return found


def versions() -> str:
    """What was run."""
    modules = dict(re.findall(r"^\s+(\S+) (v\S+)", (GO / "go.mod").read_text(), re.MULTILINE))
    go = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()
    named = ("libp2p/go-libp2p-pubsub", "libp2p/go-libp2p", "marcopolo/simnet", "quic-go/quic-go")
    shown = ", ".join(f"{name.split('/')[1]} {modules['github.com/' + name]}" for name in named)
    return f"{go}; {shown}; p2plab {__version__}, model {MODEL_VERSION}; {date.today():%d %B %Y}"


def table(cases: Sequence[Case], seeds: int, results: dict[str, dict[str, Pair]]) -> str:
    """The section of the page."""
    lines = [
        BEGIN,
        f"{seeds} seeds, means with 95 % intervals. {versions()}.",
        "",
        "| scenario | figure | go | p2plab | p2plab / go | |",
        "|---|---|---|---|---|---|",
    ]
    for case in cases:
        if case.name in results:
            lines += rows(case, results[case.name])
    return "\n".join([*lines, END])


def say(*lines: str) -> None:
    """To whoever runs this."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    """0 where every figure is within 10 % or has its reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--keep", default="", help="a folder for go's results, to use again")
    options = parser.parse_args()
    chosen = [case for case in CASES if options.only in case.name]
    results = {}
    far = []
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(options.keep or folder)
        kept.mkdir(parents=True, exist_ok=True)
        program = go_program(Path(folder))
        for case in chosen:
            go, lab = [], []
            began = time.monotonic()
            for seed in range(options.seeds):
                told = scenario(case, seed)
                place = kept / f"{re.sub('[^a-z0-9]+', '-', case.name.lower())}-{seed}.json"
                if not place.exists():
                    place.write_text(json.dumps(asdict(run_go(program, told))))
                go.append(Outcome(**json.loads(place.read_text())))
                lab.append(run_lab(told, seed))
            results[case.name] = paired(go, lab)
            say(*rows(case, results[case.name]), f"({time.monotonic() - began:.0f} s)")
            far += [
                f"{case.name}: {name}"
                for name, pair in results[case.name].items()
                if not pair.near(SMALL.get(name, 0.0)) and name not in case.reasons
            ]
        lookups, astray = ("", []) if options.only else compare_lookups.table(program, min(options.seeds, 3))
        far += astray
    sections = {(BEGIN, END): table(CASES, options.seeds, results)}
    if lookups:
        sections[compare_lookups.BEGIN, compare_lookups.END] = lookups
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        for (begin, end), section in sections.items():
            before, _, rest = page.partition(begin)
            _, _, after = rest.partition(end)
            page = before + section + after
        PAGE.write_text(page, encoding="utf-8")
    else:
        say(*sections.values())
    for one in far:
        say(f"further than {NEAR:.0%}, without a reason: {one}")
    return int(bool(far))


if __name__ == "__main__":
    sys.exit(main())
