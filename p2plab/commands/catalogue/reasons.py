"""Reasons: why a message did not arrive, and why a peer is treated as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from p2plab.commands.arguments import About, NodeName
from p2plab.commands.catalogue.events import SENT, Text
from p2plab.commands.rows import Reason, reason_row
from p2plab.commands.table import Example, command
from p2plab.errors import ValidationError

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab


@command(examples=[Example("why_missing carol", SENT)])
async def why_missing(
    lab: AsyncLab,
    node: Annotated[NodeName, About("where it did not arrive", "node")],
    message: Annotated[Text | None, About("the message's id; left out: the last one published")] = None,
) -> Reason:
    """Explain why a message did not reach a node, or that it did."""
    if message is None:
        published = lab.events.filter(kind="pubsub.publish")
        if not published:
            raise ValidationError("no message has been published yet: publish alice news hello")
        message = str(published[-1].ref)
    return reason_row(lab.why(message, at=node))
