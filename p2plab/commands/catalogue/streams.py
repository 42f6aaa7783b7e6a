"""Streams: answering a protocol, opening a stream, reading and writing. A stream is named connection/stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from weakref import WeakKeyDictionary

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Bytes, Payload, PeerName, ProtocolId, Seconds, listed
from p2plab.commands.running import finished, through
from p2plab.commands.table import Example, command
from p2plab.errors import ValidationError
from p2plab.stream import NetStream
from p2plab.worlds import World

if TYPE_CHECKING:
    from p2plab.api.aio.node import AsyncNode

READ_SIZE = 65_536
MOST_REMEMBERED = 1_000  # streams of a node
T = TypeVar("T")

StreamName = Annotated[
    Annotated[str, Field(min_length=1, max_length=64)] | None,
    About("a stream as 'streams' names it; left out: the last that a command opened at this node", "stream"),
]
Patience = Annotated[Seconds, About("seconds to wait for the peer", "number")]
ProtocolIds = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=1024)]],
    BeforeValidator(listed),
    Field(min_length=1, max_length=100),
    About("protocol ids, the most wanted first: a list, or text with commas", "protocol"),
]


# The streams that commands opened, by node: a node opens others by itself, for its protocols.
_opened: WeakKeyDictionary[World, dict[str, deque[str]]] = WeakKeyDictionary()


class StreamRow(TypedDict):
    """An open stream as its node sees it; sizes are bytes."""

    stream: str
    protocol: str
    peer: str
    direction: str
    state: str
    bytes_in: int
    bytes_out: int


class Streams(TypedDict):
    streams: list[StreamRow]
    count: int


class ServingResult(TypedDict):
    protocol: str
    served: bool


class WrittenResult(TypedDict):
    stream: str
    written: int


class Read(TypedDict):
    """``ended``: the peer writes no more."""

    stream: str
    data: bytes
    ended: bool


class Closed(TypedDict):
    stream: str
    closed: bool


def stream_row(stream: Any) -> StreamRow:
    return StreamRow(
        stream=name_of(stream),
        protocol=stream.protocol,
        peer=stream.peer.name or stream.peer.short,
        direction=stream.direction,
        state=stream.state,
        bytes_in=stream.bytes_in,
        bytes_out=stream.bytes_out,
    )


async def echo(stream: NetStream) -> None:
    """Send back what comes, until the end."""
    while True:
        data = await stream.read(READ_SIZE)
        if not data:
            return
        await stream.write(data)


async def discard(stream: NetStream) -> None:
    """Read what comes, until the end."""
    while await stream.read(READ_SIZE):
        pass


ANSWERS = {"echo": echo, "discard": discard}


@command(examples=["serve bob /echo/1.0.0", "serve bob /sink/1.0.0 answer=discard"])
async def serve(
    node: AsyncNode,
    protocol: ProtocolId,
    answer: Annotated[Literal["echo", "discard"], About("what becomes of what a peer sends")] = "echo",
) -> ServingResult:
    """Answer streams of a protocol: send back what comes, or throw it away."""
    node.handle(protocol, ANSWERS[answer])
    return ServingResult(protocol=protocol, served=protocol in node.protocols())


@command(verb="remove_handler", examples=[Example("remove_handler bob /echo/1.0.0", ("serve bob /echo/1.0.0",))])
async def remove_handler(node: AsyncNode, protocol: ProtocolId) -> ServingResult:
    """No longer answer a protocol."""
    node.remove_handler(protocol)
    return ServingResult(protocol=protocol, served=protocol in node.protocols())


@command(verb="open_stream", examples=[Example("open_stream alice bob /echo/1.0.0", ("serve bob /echo/1.0.0",))])
async def open_stream(node: AsyncNode, peer: PeerName, protocols: ProtocolIds) -> StreamRow:
    """Open a stream to a peer on the first of the protocols that it answers; it is dialled if need be."""
    stream = await finished(node.open_stream(peer, protocols))
    opened = _opened.setdefault(node.world, {}).setdefault(node.name, deque(maxlen=MOST_REMEMBERED))
    opened.append(name_of(stream))
    return stream_row(stream)


@command(examples=[Example("streams alice", ("serve bob /echo/1.0.0", "open_stream alice bob /echo/1.0.0"))])
async def streams(node: AsyncNode) -> Streams:
    """List a node's open streams."""
    rows = [stream_row(stream) for stream in node.streams()]
    return Streams(streams=rows, count=len(rows))


OPENED = ("serve bob /echo/1.0.0", "open_stream alice bob /echo/1.0.0")


@command(examples=[Example("stream_write alice hello", OPENED)])
async def stream_write(
    node: AsyncNode, data: Payload, stream: StreamName = None, timeout: Patience = 10.0
) -> WrittenResult:
    """Write to a stream; where the peer takes too long to take it all, the stream is reset."""
    found = _stream(node, stream)
    payload = data.encode() if isinstance(data, str) else data
    await _in_time(node, found, timeout, found.write, payload)
    return WrittenResult(stream=name_of(found), written=len(payload))


@command(examples=[Example("stream_read alice", (*OPENED, "stream_write alice hello"))])
async def stream_read(
    node: AsyncNode, limit: Bytes = READ_SIZE, stream: StreamName = None, timeout: Patience = 10.0
) -> Read:
    """Read from a stream: at least one byte, or its end."""
    found = _stream(node, stream)
    data: bytes = await _in_time(node, found, timeout, found.read, limit)
    return Read(stream=name_of(found), data=data, ended=not data)


@command(examples=[Example("stream_close alice", OPENED)])
async def stream_close(node: AsyncNode, stream: StreamName = None) -> Closed:
    """Close a stream in both directions."""
    found = _stream(node, stream)
    await finished(through(node, found.close))
    return Closed(stream=name_of(found), closed=found not in node.streams())


@command(examples=[Example("stream_reset alice", OPENED)])
async def stream_reset(node: AsyncNode, stream: StreamName = None) -> Closed:
    """Tear a stream down at once."""
    found = _stream(node, stream)
    await finished(through(node, found.reset))
    return Closed(stream=name_of(found), closed=found not in node.streams())


async def _in_time(
    node: AsyncNode, stream: NetStream, seconds: float, verb: Callable[..., Awaitable[T]], *args: Any
) -> T:
    """Await a verb of a stream until its deadline: a read that nobody answers would wait for ever."""
    node.world.call(stream.set_deadline, seconds)
    try:
        return await finished(through(node, verb, *args))
    finally:
        node.world.call(stream.set_deadline, None)


def name_of(stream: Any) -> str:
    """The name of a stream: numbers of streams are their connection's own."""
    return f"{stream.connection.id}/{stream.id}"


def _stream(node: AsyncNode, wanted: str | None) -> NetStream:
    """The node's open stream of this name; the last that a command opened there where none is named."""
    open_now = {name_of(stream): stream for stream in node.streams()}
    if wanted is None:
        for name in reversed(_opened.get(node.world, {}).get(node.name, ())):
            if name in open_now:
                return open_now[name]
        raise ValidationError(f"{node} has no stream open that a command opened: open_stream does that")
    if wanted in open_now:
        return open_now[wanted]
    raise ValidationError(f"{node} has no open stream {wanted}; it has {', '.join(list(open_now)[:8]) or 'none'}")
