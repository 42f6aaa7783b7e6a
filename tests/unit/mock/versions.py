# ruff: noqa: T201  # a program of its own
"""Do two checkouts of p2plab decide alike? Random lists of commands run in both, each in a process of its own:

    python tests/unit/mock/versions.py OLD NEW [how many lists] [first seed]

Compared are the digest without the commands' own rows, and each command's outcome. Nothing here knows either version's
table of commands, so that a renamed command shows as a difference.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"
STRANGER = "12D3KooWC2X6PR2nXDVG79VXoZxDU1ec5D392p7rPC6T9LxsAi9Q"
Call = tuple[str, dict[str, Any]]


def calls(seed: int) -> tuple[dict[str, Any], list[Call]]:
    """The settings of a lab, and what is done in it."""
    draw = random.Random(f"versions/{seed}")
    settings: dict[str, Any] = {"seed": seed, "transport": draw.choice(["ideal", "tcp", "quic"])}
    settings |= draw.choice([{"latency": 0.01}, {"latency": 0.05, "jitter": 0.02}, {"network": "regions"}])
    settings |= draw.choice([{}, {"router": "floodsub"}, {"recording": "all"}])
    names = [f"n{number}" for number in range(draw.randint(3, 9))]
    topics, protocols = ["news", "sport"], ["/echo/1.0.0", "/none/1.0.0"]
    made: list[Call] = [("start_nodes", {"count": len(names)})]
    if draw.random() < 0.7:
        made.append(("wire", {"shape": draw.choice(["ring", "random", "full", "line"])}))
    for _ in range(draw.randint(10, 40)):
        a, b = draw.sample(names, 2)
        number = draw.randint(0, 9)
        choices: list[Call] = [
            ("connect", {"node": a, "peer": b}),
            ("connect", {"node": a, "peer": draw.choice(["nobody", "/ip4/1.2.3.4/tcp/4001", CID])}),
            ("disconnect", {"node": a, "peer": b}),
            ("ping", {"node": a, "peer": b}),
            ("identify", {"node": a, "peer": b}),
            ("protocols", {"node": a}),
            ("subscribe", {"node": a, "topic": draw.choice(topics)}),
            ("subscribe", {"node": b, "topic": draw.choice(topics)}),
            ("unsubscribe", {"node": a, "topic": draw.choice(topics)}),
            ("publish", {"node": a, "topic": draw.choice(topics), "message": f"message {number}"}),
            ("publish", {"node": b, "topic": draw.choice(topics), "message": "x" * (number * 700)}),
            ("dht_put", {"node": a, "key": f"/lab/{number}", "value": f"value {number}"}),
            ("dht_get", {"node": b, "key": f"/lab/{number}"}),
            ("dht_provide", {"node": a, "cid": CID}),
            ("dht_find_providers", {"node": b, "cid": CID}),
            ("dht_find_peer", {"node": a, "peer": b}),
            ("serve", {"node": b, "protocol": draw.choice(protocols)}),
            ("open_stream", {"node": a, "peer": b, "protocols": draw.choice(protocols)}),
            ("stream_write", {"node": a, "data": f"data {number}"}),
            ("perf", {"node": a, "peer": b}),
            ("request", {"node": a, "peer": b, "protocol": "/echo/1.0.0", "data": "hi"}),
            ("block", {"node": a, "what": b}),
            ("unblock", {"node": a, "what": b}),
            ("protect", {"node": a, "peer": b, "tag": "friend"}),
            ("register_node", {"node": a, "node_id": STRANGER, "addrs": ["/ip4/1.2.3.4/tcp/1"]}),
            ("crash", {"node": a}),
            ("stop", {"node": a}),
            ("restart", {"node": a}),
            ("network_partition", {"groups": [[a], [b]]}),
            ("network_heal", {}),
            ("network_set_link", {"loss": 0.02, "latency": 0.03}),
            ("run", {"seconds": number * 0.3}),
            ("peers", {"node": a}),
            ("connections", {"node": a}),
            ("mesh", {"node": a, "topic": topics[0]}),
            ("scores", {"node": a}),
            ("protocols", {"node": b}),
            ("traffic", {"node": a}),
        ]
        made.append(draw.choice(choices))
    made.append(("run", {"seconds": 3}))
    return settings, made


def play(seeds: range) -> None:
    """Run the lists, and print a line of JSON for each."""
    from p2plab import Lab
    from tests.unit.mock.digests import without_commands

    for seed in seeds:
        settings, made = calls(seed)
        with Lab(**settings) as lab:
            outcomes = []
            for name, arguments in made:
                told = lab.execute_command(name, **arguments)
                outcomes.append([name, told["success"], told.get("result"), told.get("error_type")])
            print(
                json.dumps(
                    [
                        seed,
                        without_commands(lab.events),
                        sum(event.kind != "lab.command" for event in lab.events),
                        outcomes,
                    ]
                ),
                flush=True,
            )


def answers(checkout: str, count: str, first: str) -> list[str]:
    """What one checkout makes of them. This file's functions are used for both, so that the lists are the same."""
    code = (
        "import sys, importlib.util as u; import tests.unit.mock; "
        "s = u.spec_from_file_location('versions_here', sys.argv[1]); m = u.module_from_spec(s); "
        "s.loader.exec_module(m); m.play(range(int(sys.argv[3]), int(sys.argv[3]) + int(sys.argv[2])))"
    )
    if not (Path(checkout) / "tests/unit/mock/digests.py").exists():
        code = f"import sys; sys.path.append({str(ROOT)!r}); " + code
    environment = {**os.environ, "PYTHONPATH": f"{checkout}{os.pathsep}{checkout}/widgets"}
    command = [sys.executable, "-c", code, __file__, count, first]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{checkout}: {done.stderr}")
    return done.stdout.splitlines()


def main(old: str, new: str, count: str = "50", first: str = "0") -> int:
    """Say where the two differ; the number of lists that do."""
    differing, failing, ran = 0, 0, 0
    for before, after in zip(answers(old, count, first), answers(new, count, first), strict=True):
        (seed, *_, outcomes), (_, digest, rows, others) = json.loads(before), json.loads(after)
        ran += len(outcomes)
        failing += sum(not outcome[1] for outcome in outcomes)
        if json.loads(before)[:3] == [seed, digest, rows] and outcomes == others:
            continue
        differing += 1
        print(f"list {seed} differs: {rows} rows after, {json.loads(before)[2]} before")
        for number, (a, b) in enumerate(zip(outcomes, others, strict=True)):
            if a != b:
                print(f"  first at command {number}:\n    before {str(a)[:400]}\n    after  {str(b)[:400]}")
                break
    print(f"{count} lists, {ran} commands ({failing} refused): {differing} differ")
    return differing


if __name__ == "__main__":
    sys.exit(min(1, main(*sys.argv[1:])))
