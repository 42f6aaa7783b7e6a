"""Seeing: what crosses the wire, as tables, numbers and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typing_extensions import TypedDict

from p2plab.commands.arguments import About, NodeName
from p2plab.commands.rows import Captured, capture_row
from p2plab.commands.table import Example, command

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab


class Metrics(TypedDict):
    """``text`` is in Prometheus' text format, version 0.0.4."""

    text: str


class Captures(TypedDict):
    captures: list[Captured]


@command(verb="metrics", examples=["metrics", "metrics only=alice"])
async def metrics(
    lab: AsyncLab, only: Annotated[NodeName | None, About("only this node's; left out: of all", "node")] = None
) -> Metrics:
    """Give the numbers of the nodes as Prometheus reads them."""
    return Metrics(text=lab.metrics(only))


@command(examples=["stop_captures", Example("stop_captures", ("capture run.pcapng", "ping alice bob"))])
async def stop_captures(lab: AsyncLab) -> Captures:
    """End the captures that are running, and write their files."""
    running = list(lab.captures)
    for one in running:
        one.stop()
    return Captures(captures=[capture_row(one) for one in running])
