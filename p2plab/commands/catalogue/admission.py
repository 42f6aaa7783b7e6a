"""Whom a node lets in, how much they take, and who goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import About, PeerName, named, number
from p2plab.commands.catalogue.connections import NOBODY
from p2plab.commands.table import Example, command
from p2plab.errors import ValidationError

if TYPE_CHECKING:
    from p2plab.api.aio.node import AsyncNode

What = Annotated[
    str,
    BeforeValidator(named),
    Field(min_length=1, max_length=2000),
    About("a node's name, a peer id, an IP address or subnet (10.0.0.0/8), a multiaddr, or a protocol id", "peer"),
]
Tag = Annotated[str, Field(min_length=1, max_length=200), About("what it is for, in a word")]


class Rules(TypedDict):
    """What the node's gate blocks and, where it allows only some, what it allows."""

    block: list[str]
    allow: list[str] | None


class Protected(TypedDict):
    """The tags that protect the peer."""

    peer: str
    protected: bool
    tags: list[str]


class Tagged(TypedDict):
    """The peer's tags, with their values."""

    peer: str
    tags: dict[str, int]
    value: int


class WatermarksResult(TypedDict):
    """``grace`` is in seconds."""

    low: int
    high: int
    grace: float


class UsageRow(TypedDict):
    """``limit`` is null where there is none; memory is in bytes."""

    scope: str
    name: str
    resource: str
    used: int
    limit: int | None


class UsageResult(TypedDict):
    usage: list[UsageRow]
    watermarks: WatermarksResult | None


def rules_of(node: AsyncNode) -> Rules:
    gate = node.gate
    if gate is None:
        return Rules(block=[], allow=None)
    return Rules(
        block=[str(rule) for rule in gate.block],
        allow=None if gate.allow is None else [str(rule) for rule in gate.allow],
    )


def protected_row(node: AsyncNode, peer: str) -> Protected:
    tags = node.protections(peer)
    return Protected(peer=peer, protected=bool(tags), tags=tags)


def tagged_row(node: AsyncNode, peer: str) -> Tagged:
    tags = node.tags(peer)
    return Tagged(peer=peer, tags=tags, value=sum(tags.values()))


@command(verb="block", examples=[f"block alice {NOBODY}", "block alice 192.0.2.0/24", "block bob /secret/1.0.0"])
async def block(node: AsyncNode, what: What) -> Rules:
    """Have a node's gate block a peer, an address, a subnet or a protocol.

    Connections that it fits are closed.
    """
    node.block(what)
    return rules_of(node)


@command(verb="unblock", examples=[Example("unblock alice 192.0.2.0/24", ("block alice 192.0.2.0/24",))])
async def unblock(node: AsyncNode, what: What) -> Rules:
    """Take back what a node's gate was told to block; an error where it blocks no such thing."""
    if not node.unblock(what):
        blocked = rules_of(node)["block"]
        raise ValidationError(f"{node}'s gate does not block {what!r}; it blocks {', '.join(blocked[:8]) or 'nothing'}")
    return rules_of(node)


@command(examples=["gate alice", Example("gate alice", ("block alice 192.0.2.0/24",))])
async def gate(node: AsyncNode) -> Rules:
    """List the rules of a node's gate."""
    return rules_of(node)


@command(verb="protect", examples=["protect alice bob friend"])
async def protect(node: AsyncNode, peer: PeerName, tag: Tag) -> Protected:
    """Keep a peer's connections from being closed above the high watermark."""
    node.protect(peer, tag)
    return protected_row(node, peer)


@command(verb="unprotect", examples=[Example("unprotect alice bob friend", ("protect alice bob friend",))])
async def unprotect(node: AsyncNode, peer: PeerName, tag: Tag) -> Protected:
    """Take a protection away; the peer may have others."""
    node.unprotect(peer, tag)
    return protected_row(node, peer)


@command(verb="tag", examples=["tag alice bob storage 10"])
async def tag(
    node: AsyncNode,
    peer: PeerName,
    tag: Tag,
    value: Annotated[
        int,
        BeforeValidator(number),
        Field(ge=-1_000_000_000, le=1_000_000_000),
        About("what the peer is worth for that: a whole number", "number"),
    ],
) -> Tagged:
    """Give a peer a value: above the high watermark those with the least go first."""
    node.tag(peer, tag, value)
    return tagged_row(node, peer)


@command(verb="untag", examples=[Example("untag alice bob storage", ("tag alice bob storage 10",))])
async def untag(node: AsyncNode, peer: PeerName, tag: Tag) -> Tagged:
    """Take a tag away from a peer."""
    node.untag(peer, tag)
    return tagged_row(node, peer)


@command(examples=["usage alice"])
async def usage(node: AsyncNode) -> UsageResult:
    """Show what a node's connections and streams take, and its limits and watermarks."""
    rows = [
        UsageRow(scope=row.scope, name=row.name, resource=row.resource, used=row.used, limit=row.limit)
        for row in node.usage()
    ]
    marks = node.watermarks
    shown = None if marks is None else WatermarksResult(low=marks.low, high=marks.high, grace=float(marks.grace))
    return UsageResult(usage=rows, watermarks=shown)
