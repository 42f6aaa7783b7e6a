"""What the tests of this folder share: nodes on p2plab's router, and peers that say what they are told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from p2plab import Lab, Node
from p2plab.pubsub import GossipSubParams
from p2plab.real.host import RealHost
from p2plab.real.pubsub.core_pubsub import CorePubsub

WAIT = 20.0
OURS = "/meshsub/1.1.0"  # what raw streams of the tests speak
NO_MESH = GossipSubParams.spec(D=0, D_low=0, D_high=0, D_out=0, D_score=0, flood_publish=False)  # gossip alone

Until = Callable[[Callable[[], object]], None]


def one_mesh(nodes: Sequence[Node], topic: str = "news") -> bool:
    """Whether every node has every other in reach over meshes that both ends believe in: what is published from now on
    gets to all. (Where one end alone knows of a mesh, a message may pass before the other does, and the gossip of the
    next heartbeat goes to whoever is outside of the mesh by then.)"""
    meshes = {node.name: {str(info.name) for info in node.mesh(topic)} for node in nodes}
    if not all(name in meshes[peer] for name, peers in meshes.items() for peer in peers):
        return False
    reached, waiting = {nodes[0].name}, [nodes[0].name]
    while waiting:
        new = meshes[waiting.pop()] - reached
        reached |= new
        waiting += new
    return len(reached) == len(nodes)


def pubsub_of(node: Node) -> CorePubsub:
    host = node.world.hosts()[node.name]
    assert isinstance(host, RealHost)
    assert isinstance(host.pubsub, CorePubsub)
    return host.pubsub


def speak(lab: Lab, node: Node, to: Node, *rpcs: bytes) -> None:
    """Have ``node`` open a pubsub stream of its own to a peer, and write these to it."""

    async def write() -> None:
        stream = await lab.aio[node.name].open_stream(to.name, OURS)
        for rpc in rpcs:
            await stream.write_message(rpc)

    lab.world.run(write)
