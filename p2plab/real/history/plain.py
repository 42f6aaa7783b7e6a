"""What a p2plab lab did, on py-libp2p alone. Made by lab.history().as_libp2p_script(); it runs by itself:

python script.py
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import libp2p
import trio
from libp2p.abc import INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.network.config import ConnectionConfig
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.peerinfo import PeerInfo, info_from_p2p_addr
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

MESHSUB = [TProtocol(f"/meshsub/{version}") for version in ("1.2.0", "1.1.0", "1.0.0")]

running = AsyncExitStack()
tasks: list[trio.Nursery] = []
nodes: dict[str, Node] = {}


class Node:
    """A host with GossipSub and a DHT."""

    def __init__(self, name: str, seed: bytes, degrees: tuple[int, int, int], **settings: Any) -> None:
        self.name = name
        config = ConnectionConfig(max_connections_per_peer=settings["per_peer"], min_connections=0, low_watermark=0)
        self.host: Any = libp2p.new_host(key_pair=create_new_key_pair(seed), connection_config=config)
        self.router = GossipSub(
            MESHSUB,
            *degrees,
            heartbeat_interval=settings["heartbeat"],
            spam_protection_enabled=settings["spam_protection"],
            adaptive_gossip_enabled=False,
        )
        self.pubsub = Pubsub(self.host, self.router)
        self.queue = settings["queue"]
        self.messages: dict[str, Any] = {}
        self.dht: Any = None

    async def run(self, listen: Sequence[str], task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Until the program ends."""
        async with (
            self.host.run([Multiaddr(address) for address in listen]),
            background_trio_service(self.pubsub),
            background_trio_service(self.router),
        ):
            await self.pubsub.wait_until_ready()
            self.dht = KadDHT(self.host, DHTMode.SERVER)
            async with background_trio_service(self.dht):
                task_status.started()
                await trio.sleep_forever()


class Stream:
    """A stream with the words that handlers of a lab use."""

    def __init__(self, stream: INetStream) -> None:
        self.library = stream
        self.protocol = str(stream.get_protocol())

    async def read(self, limit: int = 65536) -> bytes:
        """What comes next; nothing at the end."""
        try:
            return await self.library.read(limit)
        except StreamEOF:
            return b""

    async def write(self, data: bytes) -> None:
        await self.library.write(data)

    async def close(self) -> None:
        await self.library.close()

    async def close_write(self) -> None:
        close: Any = self.library
        await close.close_write()

    async def reset(self) -> None:
        await self.library.reset()


async def tried(verb: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Do it, and print what came of it."""
    said = ", ".join(argument.name if isinstance(argument, Node) else repr(argument)[:80] for argument in arguments)
    try:
        result = await verb(*arguments)
    except Exception as error:  # whatever it is, the program goes on
        print(f"{verb.__name__}({said}): raised {type(error).__name__}: {error}")
        return None
    print(f"{verb.__name__}({said}): {result if not isinstance(result, Stream) else 'a stream'}")
    return result


async def start(name: str, seed: bytes, listen: Sequence[str], **settings: Any) -> Node:
    node = nodes[name] = Node(name, seed, **settings)
    await tasks[0].start(node.run, listen)
    print(f"{name} is {node.host.get_id()}")
    return node


def info(peer: Node | str) -> PeerInfo:
    """Where a node, or whoever a multiaddr names, can be dialled."""
    if isinstance(peer, str):
        return info_from_p2p_addr(Multiaddr(peer))
    return PeerInfo(peer.host.get_id(), peer.host.get_transport_addrs())


async def connect(node: Node, peer: Node | str) -> str:
    there = info(peer)
    await node.host.connect(there)
    await node.pubsub.wait_for_peer(there.peer_id)
    # As with a remedy of the lab's, or the tables would stay empty.
    await node.dht.add_peer(there.peer_id)
    if isinstance(peer, Node):
        await peer.pubsub.wait_for_peer(node.host.get_id())
        peer.host.get_peerstore().add_addrs(node.host.get_id(), info(node).addrs, 3600)
        await peer.dht.add_peer(node.host.get_id())
    return "connected"


async def disconnect(node: Node, peer: Node | str) -> str:
    await node.host.disconnect(info(peer).peer_id)
    return "disconnected"


async def ping(node: Node, peer: Node | str) -> str:
    stream = await node.host.new_stream(info(peer).peer_id, [TProtocol("/ipfs/ping/1.0.0")])
    began = trio.current_time()
    await stream.write(bytes(32))
    await stream.read(32)
    took = trio.current_time() - began
    await stream.close()
    return f"{took * 1e3:.1f} ms"


async def subscribe(node: Node, topic: str) -> str:
    node.messages[topic] = await node.pubsub.subscribe(topic)
    return "subscribed"


async def publish(node: Node, topic: str, data: bytes) -> str:
    for queue in node.pubsub.peer_queues.values():
        queue._queue.max_size = node.queue
    await node.pubsub.publish(topic, data)
    return f"{len(data)} bytes"


async def receive(node: Node, topic: str) -> bytes:
    """The next message, for ten seconds."""
    with trio.fail_after(10):
        data: bytes = (await node.messages[topic].get()).data
        return data


async def put(node: Node, key: str, value: bytes | str) -> str:
    await node.dht.put_value(key, value.encode() if isinstance(value, str) else value)
    return "put"


async def get(node: Node, key: str) -> bytes | None:
    value: bytes | None = await node.dht.get_value(key)
    return value


async def stop(node: Node) -> str:
    await node.host.close()
    return "stopped"


def handle(node: Node, protocol: str, handler: Callable[[Any], Awaitable[None]]) -> None:
    """Answer a protocol with a handler as a lab has it."""

    async def answer(stream: INetStream) -> None:
        try:
            await handler(Stream(stream))
            await stream.close()
        except Exception as error:  # in py-libp2p itself, it would end the host
            print(f"handler of {protocol}: raised {type(error).__name__}: {error}")
            await stream.reset()

    node.host.set_stream_handler(TProtocol(protocol), answer)


async def open_stream(node: Node, peer: Node | str, protocols: Sequence[str]) -> Stream:
    return Stream(await node.host.new_stream(info(peer).peer_id, [TProtocol(protocol) for protocol in protocols]))
