"""Reasons: why a message did not arrive, and why a peer is treated as it is."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from p2plab.commands.arguments import About, NodeName, PeerName, TopicName
from p2plab.commands.catalogue.events import SENT, EventRow, Text, event_row
from p2plab.commands.table import Example, command
from p2plab.commands.verbs import LabVerbs, NodeVerbs
from p2plab.errors import ValidationError
from p2plab.events import Chain


class Reason(TypedDict):
    """``answer`` in a sentence; ``causes``: the events behind it, oldest first."""

    answer: str
    causes: list[EventRow]


def _reason(chain: Chain) -> Reason:
    return Reason(answer=chain.answer, causes=[event_row(link) for link in chain])


@command(examples=[Example("why_missing carol", SENT)])
async def why_missing(
    lab: LabVerbs,
    node: Annotated[NodeName, About("where it did not arrive", "node")],
    message: Annotated[Text | None, About("the message's id; left out: the last one published")] = None,
) -> Reason:
    """Explain why a message did not reach a node, or that it did."""
    if message is None:
        published = lab.events.filter(kind="pubsub.publish")
        if not published:
            raise ValidationError("no message has been published yet: publish alice news hello")
        message = str(published[-1].ref)
    return _reason(lab.why(message, at=node))


@command(examples=[Example("why_peer bob alice", SENT)])
async def why_peer(node: NodeVerbs, peer: PeerName, topic: TopicName | None = None) -> Reason:
    """Explain how a node treats a peer: what it last decided about it, why, and how it scores it."""
    return _reason(node.why(peer, topic))
