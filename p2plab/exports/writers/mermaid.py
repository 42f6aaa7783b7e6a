"""A sequence diagram in Mermaid, for a bug report: GitHub draws it from the text."""

from __future__ import annotations

from typing import IO, Final

from p2plab.events.event import Row
from p2plab.exports.writers.selection import Selection
from p2plab.text import shown

__all__ = ["MOST_ARROWS", "write_mermaid"]

MOST_ARROWS: Final = 200  # GitHub draws no more than about this many in a page that can be read
MOST_NODES: Final = 30
_LABEL: Final = 80
# Kinds that tell of something between two nodes, and the arrow from the first to the second: "<" from peer to node.
_ARROWS: Final = {
    "connection.opened": (">", "->>", "connected"),
    "connection.failed": (">", "--x", "no connection"),
    "connection.closed": (">", "--)", "disconnected"),
    "pubsub.graft": (">", "->>", "GRAFT"),
    "pubsub.prune": (">", "-->>", "PRUNE"),
    "pubsub.receive": ("<", "->>", "message"),
    "pubsub.duplicate": ("<", "-->>", "duplicate"),
    "pubsub.reject": ("<", "-x", "rejected"),
    "pubsub.iwant": (">", "->>", "IWANT"),
    "dht.query": (">", "->>", "query"),
    "dht.answer": ("<", "-->>", "answer"),
    "dht.query_failed": (">", "--x", "no answer"),
}
_NOTES: Final = {
    "pubsub.publish": "publishes",
    "node.crashed": "crashes",
    "node.stopped": "stops",
    "node.restarted": "restarts",
    "error": "error",
    "task.note": "note",
}


def write_mermaid(selection: Selection, file: IO[bytes]) -> int:
    """Write the first ``MOST_ARROWS`` events between nodes, with what nodes did by themselves; returns how many. A
    connection is drawn once, by the end that dialled."""
    lines: list[str] = []
    nodes: dict[int, str] = {}
    left = 0
    for row in selection.rows():
        line = _line(selection, row, nodes)
        if line is None:
            continue
        if not line or len(lines) >= MOST_ARROWS:
            left += 1
            continue
        lines.append(f"    {line}")
    people = [f"    participant {name} as {_text(selection.name(node))}" for node, name in nodes.items()]
    more = [f"    Note over {next(iter(nodes.values()))}: and {left} more"] if left and nodes else []
    file.write("\n".join(["sequenceDiagram", *people, *lines, *more, ""]).encode())
    return len(lines)


def _line(selection: Selection, row: Row, nodes: dict[int, str]) -> str | None:
    """The line of an event; None where it has none, empty where there is no room for its nodes."""
    kind, node, peer, at = row[2], row[3], row[4], row[0] / selection.log.resolution
    if kind == "connection.opened" and (row[10] or {}).get("direction") == "inbound":
        return None
    about = " ".join(part for part in (row[5] or "", f"…{row[6][-6:]}" if row[6] else "", row[8] or "") if part)
    if kind in _ARROWS and node >= 0 and peer >= 0:
        way, arrow, word = _ARROWS[kind]
        a, b = (node, peer) if way == ">" else (peer, node)
        first, second = _named(a, nodes), _named(b, nodes)
        return f"{first}{arrow}{second}: {_text(f'{at:.3f} s {word} {about}')}" if first and second else ""
    if kind in _NOTES and node >= 0:
        name = _named(node, nodes)
        return f"Note over {name}: {_text(f'{at:.3f} s {_NOTES[kind]} {about}')}" if name else ""
    return None


def _named(node: int, nodes: dict[int, str]) -> str:
    if node not in nodes and len(nodes) >= MOST_NODES:
        return ""
    return nodes.setdefault(node, f"p{len(nodes)}")


def _text(text: str) -> str:
    """A label. A peer may have chosen parts of it: what means something to Mermaid or HTML is written by its code."""
    plain = shown(text.strip(), _LABEL)
    return "".join(one if one.isalnum() or one in " .,_/…-=()'" else f"#{ord(one)};" for one in plain) or "-"
