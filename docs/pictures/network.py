"""The picture in the README, made by a run: ``python docs/pictures/network.py`` writes it anew."""

from __future__ import annotations

from pathlib import Path

from p2plab import Lab

PICTURE = Path(__file__).with_name("network.svg")


def picture() -> str:
    """Sixteen nodes, 30 ms after alice published: who has the message, and when it came."""
    with Lab(seed=12) as lab:
        alice = lab.start_node("alice")
        lab.start_nodes(15)
        lab.wire("random", degree=3)
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(3)
        message = alice.publish("news", "hello, network!")
        lab.run(1)
        at = lab.propagation(message).published_at + 0.05
        return str(lab.graph(topic="news", colour="delay", message=message).svg(at))


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
