"""Causes that no event names, because whoever recorded it could not know: inferred from the rest of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p2plab.events.event import Event
    from p2plab.events.reading import LogReader


def inferred_cause(log: LogReader, links: Sequence[Event]) -> Event | None:
    """What led to the last of these events, each of which caused the one before it; None where nothing says."""
    if links[-1].kind == "pubsub.gossip":
        return _advertised(log, links)
    if links[-1].kind == "connection.refused" and len(links) > 1:
        return _dialled(log, links[-1], links[-2])
    return None


def _advertised(log: LogReader, links: Sequence[Event]) -> Event | None:
    """How a node had come by the message that it advertised. Gossip is the heartbeat's doing, which has no cause;
    but without the message there would have been none."""
    gossip = links[-1]
    ref = next((link.ref for link in links if link.ref), None)
    if ref is None:
        return None
    had = log.filter(kind="pubsub", node=gossip.node, ref=ref, until=gossip.t)
    return next((one for one in had if one.kind in ("pubsub.publish", "pubsub.receive")), None)


def _dialled(log: LogReader, refused: Event, failed: Event) -> Event | None:
    """The dial that a listener refused as it came in, when it could not know yet whose it was: that of the node for
    which it failed."""
    if failed.kind != "connection.failed":
        return None
    dials = log.filter(kind="connection.dialled", node=failed.node, peer=refused.node, until=refused.t)
    return dials[-1] if dials else None
