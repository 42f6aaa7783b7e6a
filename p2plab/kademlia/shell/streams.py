"""The DHT over streams: how a request is carried, and how a stream of requests is answered (kad-dht/README.md, "RPC
messages").

One stream a request: open, send the message with its length in front, read one answer, close; on any error, reset. The
other end may send several requests on one stream, and all are answered in turn. What is read is bounded before it is
read.

An ADD_PROVIDER has no answer: it is sent, this end of the stream is closed, and the other end is given a moment to
close its own, by which time it has read it. A server may say something all the same (the echo of ipfs/specs), reset the
stream (js-libp2p, when this end closes) or go on waiting: what was sent has been sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from p2plab.errors import ProtocolViolation
from p2plab.kademlia.messages import ADD_PROVIDER, SILENCE, DhtMessage, decode_message, encode_message
from p2plab.kademlia.node import KademliaNode
from p2plab.kademlia.shell.interface import KademliaNetworkInterface, Request
from p2plab.stream.errors import StreamError
from p2plab.typing import Runtime

__all__ = ["MOMENT", "stream_handler", "stream_request"]

MOMENT: Final = 2.0  # seconds that a server has to show that it has read an announcement


def stream_request(
    runtime: Runtime, node: KademliaNode, open_stream: Callable[[int, list[str]], Awaitable[Any]]
) -> Request:
    """A ``request`` for KademliaNetworkInterface over the streams that ``open_stream(peer, protocols)`` opens."""

    async def exchange(peer: int, message: DhtMessage) -> DhtMessage | None:
        stream = await open_stream(peer, [node.params.protocol])
        try:
            await stream.write_message(encode_message(message, node.space))
            if message.type == ADD_PROVIDER:
                await _heard_out(runtime, stream, node.params.max_message_size)
                return None
            data = await stream.read_message(node.params.max_message_size)
            reply = None if data is None else decode_message(data, node.space, node.params)
        except BaseException:
            await stream.reset()
            raise
        await stream.close()
        return reply

    async def request(peer: int, message: DhtMessage, size: int, timeout: float, cause: int) -> DhtMessage | None:
        return await runtime.within(timeout, lambda: exchange(peer, message))

    return request


async def _heard_out(runtime: Runtime, stream: Any, limit: int) -> None:
    """Close this end, and wait until the other has closed, reset or answered, ``MOMENT`` at most."""
    with suppress(StreamError, ProtocolViolation, TimeoutError):
        await stream.close_write()
        await runtime.within(MOMENT, lambda: stream.read_message(limit))
    await stream.reset()


def stream_handler(
    interface: KademliaNetworkInterface, sender_of: Callable[[Any], int]
) -> Callable[[Any], Awaitable[None]]:
    """A stream handler that answers DHT requests. ``sender_of(stream)`` is the index of the peer at the other end."""
    node, runtime = interface.node, interface.runtime

    async def handle(stream: Any) -> None:
        sender = sender_of(stream)
        try:
            while True:
                params = node.params
                data = await runtime.within(
                    params.idle_timeout, lambda: stream.read_message(node.params.max_message_size)
                )
                if data is None:
                    break
                reply = interface.take(sender, decode_message(data, node.space, node.params))
                if reply is None:
                    break
                if reply is SILENCE:
                    continue
                await stream.write_message(encode_message(reply, node.space))
        except (ProtocolViolation, StreamError, TimeoutError) as error:
            text = str(error)[:200]
            interface.log.record("dht.refused", node.me, sender, reason="bad request", data={"text": text})
            await stream.reset()
            return
        await stream.close()

    return handle
