"""What the card of a node or an edge says beside what the picture itself knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from p2plab.errors import LabError
from p2plab.events import EventLog
from p2plab_widgets.text import shown

if TYPE_CHECKING:
    from p2plab import Lab


def node_details(lab: Lab, name: str, neighbours: Sequence[str]) -> dict[str, Any]:
    """A node's short peer id, addresses and agent, as its neighbours know them, and how it was found; ``error`` where
    the lab says one."""
    details: dict[str, Any] = {}
    try:
        own = {str(node): node for node in lab.nodes}
        attached = lab.attached.get(name)
        if attached is not None:
            details["short"] = attached.peer_id.short
            details["addresses"] = [shown(address) for address in attached.addresses]
            details["agent"] = shown(attached.info.agent_version)
        if name in own:
            details["short"] = own[name].peer_id.short
            details["addresses"] = [shown(address) for address in own[name].addresses]
        known = (info for other in neighbours if other in own for info in own[other].peers() if info.name == name)
        info = next(known, None)
        found = ways_found(lab.events, name)
        if found:
            details["found"] = [shown(line) for line in found]
        if info is not None:
            details.setdefault("short", info.peer_id.short)
            details.setdefault("addresses", [shown(address) for address in info.addresses])
            details["agent"] = shown(info.agent_version)
    except LabError as error:
        details["error"] = shown(str(error))
    return details


def ways_found(log: EventLog, name: str, at: float | None = None) -> list[str]:
    """How a node was found, up to a moment: each way of discovery, with those who found it so, as a line."""
    found: dict[str, list[str]] = {}
    for event in log.filter(kind="discovery.found", peer=name, until=at):
        found.setdefault(str(event.reason), []).append(str(event.node))
    return [f"{way}: {', '.join(nodes[:8])}{'…' if len(nodes) > 8 else ''}" for way, nodes in found.items()]


def edge_details(lab: Lab, a: str, b: str) -> list[list[Any]]:
    """The connections between two nodes, as either end has them: rows of a term and its values."""
    rows: list[list[Any]] = []
    try:
        own = {str(node): node for node in lab.nodes}
        for end, other in ((a, b), (b, a)):
            if end not in own or not own[end].running:
                continue
            for connection in own[end].connections(other):
                words = [connection.direction, connection.transport, connection.security, connection.muxer]
                rows.append([f"at {shown(end)}", [shown(", ".join(str(word) for word in words if word))]])
    except LabError as error:
        rows.append(["error", [shown(str(error))]])
    return rows
