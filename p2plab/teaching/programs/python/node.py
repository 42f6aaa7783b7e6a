"""A py-libp2p node for lesson 12, without p2plab. Change what you like, and start it again.

It prints "listening on ADDRESS", and a line for all that it hears. It ends when its input does.
"""

from __future__ import annotations

import sys

import libp2p
import trio
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr


async def greet(stream: INetStream) -> None:
    """A protocol of its own: one name comes, one greeting goes back."""
    name = await stream.read(1000)
    await stream.write(b"hello " + name + b", here is py-libp2p")
    await stream.close()


async def main() -> None:
    host = libp2p.new_host()
    router = GossipSub([TProtocol("/meshsub/1.1.0")], degree=6, degree_low=4, degree_high=12, heartbeat_interval=1)
    pubsub = Pubsub(host, router)
    async with (
        host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]),
        background_trio_service(pubsub),
        background_trio_service(router),
    ):
        host.set_stream_handler(TProtocol("/greet/1.0.0"), greet)
        await pubsub.wait_until_ready()
        inbox = await pubsub.subscribe("news")
        print("listening on", host.get_addrs()[0], flush=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_input_ends, nursery.cancel_scope)
            while True:
                message = await inbox.get()
                if message.from_id == host.get_id().to_bytes():
                    continue
                print(f"heard on news: {message.data.decode()}", flush=True)
                if message.data == b"roll call":
                    await pubsub.publish("news", b"py-libp2p is here")


async def until_input_ends(scope: trio.CancelScope) -> None:
    await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
    scope.cancel()


if __name__ == "__main__":
    trio.run(main)
