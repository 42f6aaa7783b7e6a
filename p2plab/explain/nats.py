"""NATs and relays between two nodes, in words: read from the event log."""

from __future__ import annotations

from collections import Counter

from p2plab.events import Event, EventLog
from p2plab.text import plural

__all__ = ["behind_nat", "why_ended", "why_relayed", "why_unreachable"]


def behind_nat(log: EventLog, node: str, before: int | None = None) -> str:
    """The box that a node stood behind before an event (None: now), as in ``nat2 (symmetric)``; empty for none."""
    found = ""
    for event in log.filter(kind="nat"):
        data = event.data or {}
        if before is not None and event.seq >= before:
            break
        if node in data.get("nodes", ()):
            found = f"{data['box']} ({data['kind']})" if event.kind == "nat.box" else ""
    return found


def relays_of(log: EventLog, node: str, before: int | None = None) -> list[str]:
    """The relays at which a node had a slot."""
    held: dict[str, None] = {}
    for event in log.filter(kind="relay", node=node):
        if before is not None and event.seq >= before:
            break
        if event.kind == "relay.reserved" and event.peer is not None:
            held[event.peer] = None
        elif event.kind == "relay.lost":
            held.pop(event.peer or "", None)
    return list(held)


def why_unreachable(log: EventLog, a: str, b: str, before: int | None = None) -> str:
    """What stood in the way of a dial of ``b``, who stands behind a NAT; empty where ``b`` does not."""
    box = behind_nat(log, b, before)
    if not box:
        return ""
    relays = relays_of(log, b, before)
    slot = f"has a slot at {', '.join(relays)}" if relays else "has no slot at a relay over which it could be dialled"
    return f"{b} stands behind {box} and {slot}; lab.diagnose({a}, {b}) and lab.reachability() say more"


def why_relayed(log: EventLog, opened: Event) -> str:
    """Of a ``connection.opened`` that goes over a relay: over which, and what became of making it a direct one. Empty
    for one that is direct."""
    inbound = (opened.data or {}).get("direction") == "inbound"
    dialler, listener = (opened.peer, opened.node) if inbound else (opened.node, opened.peer)
    if dialler is None or listener is None:
        return ""
    before = [event for event in log.filter(kind="relay.circuit", peer=dialler, reason="OK")
              if event.seq < opened.seq and (event.data or {}).get("target") == listener]  # fmt: skip
    if not before:
        return ""
    circuit = before[-1]
    other = log.filter(kind="connection.opened", node=opened.node, peer=opened.peer)
    if any(circuit.seq < event.seq < opened.seq for event in other):
        return ""  # that one went over it
    ended = [event for event in log.filter(kind="dcutr.ended", node=listener, peer=dialler) if event.seq > circuit.seq]
    fate = why_ended(log, ended[-1]) if ended else "no hole has been punched yet"
    return f"over the relay {circuit.node}: {fate}"


def why_ended(log: EventLog, ended: Event) -> str:
    """Of a ``dcutr.ended``: what came of the punching, and what the boxes dropped meanwhile."""
    attempts = (ended.data or {}).get("attempts", 0)
    told = f"hole punching {ended.reason}" + (f" after {plural(attempts, 'attempt')}" if attempts else "")
    pair = {ended.node, ended.peer}
    started = [event for event in log.filter(kind="dcutr.started", node=ended.node, peer=ended.peer)
               if event.seq < ended.seq]  # fmt: skip
    since = started[-1].seq if started else -1
    dropped: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], str] = {}
    for event in log.filter(kind="nat.dropped"):
        if since < event.seq < ended.seq and {event.node, event.peer} == pair:
            data = event.data or {}
            key = str(event.node), str(data.get("box", ""))
            dropped[key] += 1
            last[key] = str(data.get("rule", event.reason))
    lines = [
        f"{box or 'the way'} dropped {plural(count, 'packet')} of {node} ({last[node, box]})"
        for (node, box), count in dropped.items()
    ]
    boxes = [f"{node} stands behind {box}" for node in sorted(map(str, pair)) if (box := behind_nat(log, node))]
    if ended.reason in ("SUCCESS", "CONNECTION_REVERSED") or not lines:
        return told
    return "; ".join([told, *boxes, *_dependent(log, pair), *lines])


def _dependent(log: EventLog, pair: set[str | None]) -> list[str]:
    """Boxes that keep no port, without which all the rest of the rules could be met."""
    boxes = {(event.data or {}).get("box"): event.data or {} for event in log.filter(kind="nat.box")}
    return [
        f"{name} takes another port for each destination, so that the address others told of it is not the one it uses"
        for name, box in boxes.items()
        if box.get("mapping") in ("ADM", "APDM") and pair & set(box.get("nodes", ()))
    ]
