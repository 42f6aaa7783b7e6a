"""Seeing: what crosses the wire, as tables, numbers and files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import About, NodeName, NodeNames
from p2plab.commands.table import Example, command
from p2plab.commands.verbs import LabVerbs, NodeVerbs

FileName = Annotated[str, Field(min_length=1, max_length=1024), About("the path of a file, which is written anew")]


class Exchanged(TypedDict):
    """Payload bytes exchanged with a peer over a protocol, and bytes a second since the lab began."""

    peer: str
    peer_id: str
    protocol: str
    sent: int
    received: int
    sent_rate: float
    received_rate: float


class Exchanges(TypedDict):
    """``sent`` and ``received`` are bytes, of all rows together."""

    traffic: list[Exchanged]
    sent: int
    received: int


class Metrics(TypedDict):
    """``text`` is in Prometheus' text format, version 0.0.4."""

    text: str


class Captured(TypedDict):
    """A capture: how many ``frames`` and ``bytes`` it holds, and how many older frames were ``dropped``."""

    path: str
    running: bool
    frames: int
    bytes: int
    dropped: int


class Captures(TypedDict):
    captures: list[Captured]


@command(verb="traffic", examples=["traffic alice"])
async def traffic(node: NodeVerbs) -> Exchanges:
    """Show how many bytes a node has exchanged, by peer and protocol; the busiest first."""
    table = node.traffic()
    rows = [
        Exchanged(
            peer=row.peer.name or row.peer.short,
            peer_id=str(row.peer),
            protocol=row.protocol,
            sent=row.sent,
            received=row.received,
            sent_rate=row.sent_rate,
            received_rate=row.received_rate,
        )
        for row in table
    ]
    return Exchanges(traffic=rows, sent=table.sent, received=table.received)


@command(verb="metrics", examples=["metrics", "metrics only=alice"])
async def metrics(
    lab: LabVerbs, only: Annotated[NodeName | None, About("only this node's; left out: of all", "node")] = None
) -> Metrics:
    """Give the numbers of the nodes as Prometheus reads them."""
    return Metrics(text=lab.metrics(only))


@command(verb="capture", examples=["capture run.pcapng", "capture alice.pcapng nodes=alice"])
async def capture(
    lab: LabVerbs,
    path: FileName,
    nodes: Annotated[NodeNames | None, About("only what these nodes send and get; left out: all", "nodes")] = None,
    encrypted: Annotated[bool, About("as it crosses the network, instead of decrypted")] = False,
) -> Captured:
    """Begin to record what crosses the connections, for Wireshark; stop_captures writes the file."""
    return _row(lab.capture(path, nodes, encrypted))


@command(examples=["stop_captures", Example("stop_captures", ("capture run.pcapng", "ping alice bob"))])
async def stop_captures(lab: LabVerbs) -> Captures:
    """End the captures that are running, and write their files."""
    running = list(lab.captures)
    for one in running:
        one.stop()
    return Captures(captures=[_row(one) for one in running])


def _row(one: Any) -> Captured:
    return Captured(path=str(one.path), running=one.running, frames=one.frames, bytes=one.bytes, dropped=one.dropped)
