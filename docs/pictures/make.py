"""Makes the pictures of docs/charts-and-views.md from one run: ``python docs/pictures/make.py``."""

from __future__ import annotations

import random
from pathlib import Path

from p2plab import Lab, charts

HERE = Path(__file__).parent
CHARTS = ("latency", "throughput", "bandwidth", "mesh_sizes", "duplicates", "scores", "lookups")
VIEWS = ("gossip", "dht", "connections", "inspector")


def played() -> Lab:
    """Twenty nodes that gossip, lose one of them, and look values up."""
    lab = Lab(seed=7, recording="all", latency=0.05, jitter=0.02)
    nodes = lab.start_nodes(20)
    lab.wire("random", degree=6)
    for node in nodes[:16]:
        node.subscribe("news")
    lab.run(3)
    for number in range(30):
        nodes[number % 5].publish("news", b"x" * (200 + number))
        lab.run(0.3)
    nodes[12].crash()
    lab.run(2)
    lab.dht.fill()
    for number in range(4):
        nodes[number].dht.put(f"/lab/{number}", b"hi")
        nodes[number + 8].dht.get(f"/lab/{number}")
    return lab


def fetched() -> str:
    """The content view, in the middle of a fetch from five peers that send a million bytes a second each."""
    with Lab(seed=8) as lab:
        peers = lab.start_nodes(5)
        bob = lab.start_node("bob")
        lab.wire("full")
        for peer in peers:
            lab.network.set_node(peer, up=1e6)
            cid = peer.content.add(random.Random(9).randbytes(10_000_000))
        bob.content.fetch(cid)
        return str(lab.views.content(cid).svg(1.5))


def svgs(lab: Lab) -> dict[str, str]:
    """Every picture, by its name."""
    made = {name: getattr(charts, name)(lab).svg() for name in CHARTS}
    received = lab.events.filter(kind="pubsub.receive")[40]
    lab.cursor.selection = {"kind": "event", "id": received.seq}
    for name in VIEWS:
        view = getattr(lab.views, name)()
        made[name] = view.svg()
        view.close()
    return made


if __name__ == "__main__":
    with played() as lab:
        for name, svg in svgs(lab).items():
            (HERE / f"{name}.svg").write_text(svg + "\n", encoding="utf-8")
    (HERE / "content.svg").write_text(fetched() + "\n", encoding="utf-8")
