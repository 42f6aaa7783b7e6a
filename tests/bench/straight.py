"""The same things as a real lab does, written straight on py-libp2p with the same settings: what p2plab is measured by.

Settings are those of FACTS' remedies (windows, queues, heartbeat, one connection a peer); nothing is recorded, checked
or kept.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

os.environ.setdefault("PY_YAMUX_RELEASE_ON_READ", "0")

import libp2p
import trio
from libp2p.abc import INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig
from libp2p.peer.peerinfo import PeerInfo
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

ECHO = TProtocol("/echo/1")
PING = TProtocol("/ipfs/ping/1.0.0")
PROTOCOLS = [TProtocol(f"/meshsub/{version}") for version in ("1.2.0", "1.1.0", "1.0.0")]


class StraightNode:
    """A host with GossipSub."""

    def __init__(self, number: int) -> None:
        config = ConnectionConfig(max_connections_per_peer=1, min_connections=0, low_watermark=0)
        self.host: Any = libp2p.new_host(
            key_pair=create_new_key_pair(number.to_bytes(32, "big")), connection_config=config
        )
        self.router = GossipSub(
            PROTOCOLS, 6, 4, 12, heartbeat_interval=1, spam_protection_enabled=False, adaptive_gossip_enabled=False
        )
        self.pubsub = Pubsub(self.host, self.router)
        self.host.set_stream_handler(ECHO, echo)

    async def connect(self, other: StraightNode) -> None:
        """Until pubsub can be used."""
        await self.host.connect(PeerInfo(other.host.get_id(), other.host.get_transport_addrs()))
        await self.pubsub.wait_for_peer(other.host.get_id())

    async def ping(self, other: StraightNode) -> None:
        stream = await self.host.new_stream(other.host.get_id(), [PING])
        await stream.write(bytes(32))
        await stream.read(32)
        await stream.close()

    async def echo(self, other: StraightNode, size: int) -> None:
        stream = await self.host.new_stream(other.host.get_id(), [ECHO])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.write, bytes(size))
            got = 0
            while got < size:
                got += len(await stream.read(65536))
        await stream.close()


async def echo(stream: INetStream) -> None:
    """Give back what comes."""
    while True:
        try:
            await stream.write(await stream.read(65536))
        except Exception:  # noqa: BLE001  # the library's end of a stream
            return


@asynccontextmanager
async def running(count: int) -> AsyncIterator[Sequence[StraightNode]]:
    """Some nodes, each listening on the loopback."""
    nodes = [StraightNode(number) for number in range(count)]
    async with AsyncExitStack() as stack:
        for node in nodes:
            await stack.enter_async_context(node.host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]))
            await stack.enter_async_context(background_trio_service(node.pubsub))
            await stack.enter_async_context(background_trio_service(node.router))
            await node.pubsub.wait_until_ready()
        yield nodes
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for node in nodes:
                    nursery.start_soon(node.host.close)
                    node.pubsub.seen_messages.stop()
