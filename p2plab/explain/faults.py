"""What the event log says stood between two nodes: a node that had gone, a partition, a hold; and who refused whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from p2plab.events import Event, EventLog

__all__ = ["Fault", "fault_between", "refusal_of"]

ADMISSION = {  # by the reason of a refusal: the layer that refused
    "blocked": "gate",
    "not allowed": "gate",
    "predicate": "gate",
    "unauthorized": "authorization",
    "limit": "limit",
    "too many handshakes": "limit",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """``layer``: node, partition, hold, gate, authorization or limit. ``event`` is the one that shows it."""

    layer: str
    reason: str
    remedy: str
    event: Event


def fault_between(log: EventLog, a: str, b: str, before: int | None = None) -> Fault | None:
    """What stood between two nodes before the event number ``before`` (None: what stands there now), if the log has
    it: one of them gone, a partition, a hold."""
    for name in (a, b):
        last = _last(log.filter(kind="node", node=name), before)
        if last is not None and last.kind in ("node.crashed", "node.stopped"):
            ended = last.kind.partition(".")[2]
            back = next((one for one in log.filter(kind="node.restarted", node=name) if one.seq > last.seq), None)
            came = "has not come back" if back is None else f"came back at {back.t:.4f} s only"
            return Fault("node", f"{name} {ended} at {last.t:.4f} s, and {came}", f"{name}.restart()", last)
    return _in_network(log, a, b, before)


def _in_network(log: EventLog, a: str, b: str, before: int | None) -> Fault | None:
    cuts: list[Event] = []
    holds: list[Event] = []
    for event in log.filter(kind="network"):
        if before is not None and event.seq >= before:
            break
        data = event.data or {}
        if event.kind == "network.partition" and _apart(data.get("groups", ()), a, b):
            cuts.append(event)
        elif event.kind == "network.heal":
            groups = data.get("groups")
            cuts = [] if groups is None else [cut for cut in cuts if (cut.data or {}).get("groups") != groups]
        elif event.kind == "network.hold" and set(data.get("between", ())) == {a, b}:
            holds.append(event)
        elif event.kind == "network.release" and set(data.get("between", (a, b))) == {a, b}:
            holds = []
    if cuts:
        data = cuts[-1].data or {}
        groups = " | ".join(", ".join(group) for group in data["groups"])
        way = "one way, " if data.get("one_way") else ""
        reason = f"a partition keeps {a} and {b} apart since {cuts[-1].t:.4f} s ({way}{groups[:200]})"
        return Fault("partition", reason, "lab.network.heal()", cuts[-1])
    if holds:
        way = " one way" if (holds[-1].data or {}).get("one_way") else ""
        reason = f"what {a} and {b} send each other is held back{way} since {holds[-1].t:.4f} s"
        return Fault("hold", reason, f"lab.network.release({a}, {b})", holds[-1])
    return None


def _apart(groups: Sequence[Sequence[str]], a: str, b: str) -> bool:
    of_a = [at for at, group in enumerate(groups) if a in group]
    of_b = [at for at, group in enumerate(groups) if b in group]
    return bool(of_a and of_b and of_a != of_b)


def _last(events: Sequence[Event], before: int | None) -> Event | None:
    earlier = [event for event in events if before is None or event.seq < before]
    return earlier[-1] if earlier else None


def refusal_of(log: EventLog, event: Event) -> Fault | None:
    """Whose gate, authorization or limit an event goes back to, if it does: read from its causes."""
    for link in reversed(log.chain(event).events):
        if link.kind not in ("connection.refused", "stream.refused"):
            continue
        layer = ADMISSION.get(str(link.reason))
        if layer is not None and link.node is not None:
            return Fault(layer, _refused(link), _let_in(layer, link.node, link.peer), link)
    return None


def _refused(event: Event) -> str:
    text = (event.data or {}).get("text") or event.reason
    return f"{event.node} refused it, by its {ADMISSION[str(event.reason)]}: {text}"


def _let_in(layer: str, name: str, peer: str | None) -> str:
    if layer == "gate":
        return f"change {name}.gate, or take the rule away with {name}.unblock(...)"
    if layer == "authorization":
        return f"add {peer or 'the peer'} to {name}.authorize"
    return f"raise {name}.limits, or close what {name} does not need"
