"""Publish and subscribe, DHT providers, and a protocol on streams, with three nodes and without Jupyter.

python plain_script.py [--real]
"""

from __future__ import annotations

import argparse

from p2plab import Lab
from p2plab.kademlia import cid_of
from p2plab.stream import NetStream

GREET = "/greet/1.0.0"


def pubsub(lab: Lab) -> None:
    """Everybody subscribes; what one publishes comes to all."""
    inboxes = {node.name: node.subscribe("news") for node in lab.nodes}
    lab.run_until(lambda: all(len(node.mesh("news")) == len(node.peers()) for node in lab.nodes), timeout=30)
    lab["alice"].publish("news", "hello")
    for name, inbox in inboxes.items():
        print(f"pubsub: {name} got {inbox.get(timeout=10).data.decode()!r}")


def providers(lab: Lab) -> None:
    """One says that it has some content; another finds out who has it, by asking along the DHT."""
    cid = cid_of(b"a photo of the sea")
    lab["alice"].dht.provide(cid)
    found = lab["carol"].dht.find_providers(cid)
    print(f"dht: carol found {[peer.name for peer in found.providers]}")


def streams(lab: Lab) -> None:
    """A protocol of one's own: a handler at one end, a stream at the other."""

    async def greet(stream: NetStream) -> None:
        name = await stream.read()
        await stream.write(b"hello " + name)

    lab["bob"].handle(GREET, greet)
    stream = lab["alice"].open_stream("bob", GREET)
    stream.write(b"alice")
    print(f"stream: bob says {stream.read().decode()!r}")
    stream.close()


def main() -> None:
    """Run all three in one lab."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", action="store_true", help="py-libp2p hosts instead of simulated ones")
    with Lab("real" if parser.parse_args().real else "mock", seed=7) as lab:
        for name in ("alice", "bob", "carol"):
            lab.start_node(name)
        lab.wire("line")  # alice - bob - carol
        for part in (pubsub, providers, streams):
            part(lab)


if __name__ == "__main__":
    main()
