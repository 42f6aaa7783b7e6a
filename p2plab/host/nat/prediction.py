"""What would happen if nodes dialled each other: reasoned on boxes that have seen no packet, so that nothing changes.

Each node is thought to have spoken with a relay, as AutoRelay has it do, and with nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from p2plab.nat.matrix import ReachabilityMatrix, Way
from p2plab.network.nat import Arrived, Box, Dropped, Endpoint, Realms, Transport

if TYPE_CHECKING:
    from p2plab.host.host import Host
    from p2plab.host.nat.boxes import BoxedNodes

__all__ = ["predicted"]

ROUNDS = 4  # of packets each way; what has not met by then does not
ELSEWHERE = Endpoint("198.18.0.1", 4001)  # a stranger, RFC 2544's range for tests: nobody of the lab has it


def predicted(
    hosts: Sequence[Host[Any]],
    every: Sequence[Host[Any]],
    boxes: BoxedNodes | None,
    is_cut: Callable[[Host[Any], Host[Any]], bool],
) -> ReachabilityMatrix:
    """The way between each ordered pair of these nodes, ``every`` being all of the lab. ``is_cut(a, b)``: whether a
    partition keeps what a sends from b."""
    found = _Prediction(every, boxes, is_cut)
    ways = {(a.name, b.name): found.way(a, b) for a in hosts for b in hosts if a is not b}
    return ReachabilityMatrix([host.name for host in hosts], ways)


class _Prediction:
    def __init__(
        self,
        every: Sequence[Host[Any]],
        boxes: BoxedNodes | None,
        is_cut: Callable[[Host[Any], Host[Any]], bool],
    ) -> None:
        self._every = every
        self._boxes = boxes
        self._is_cut = is_cut

    def way(self, a: Host[Any], b: Host[Any]) -> Way:
        """From the first to the second."""
        boxes = self._boxes
        for host in (a, b):
            if not host.running:
                return Way("no", f"{host.name} is not running")
        if self._is_cut(a, b) or self._is_cut(b, a):
            return Way("no", "the network is partitioned between the two")
        if boxes is None:
            return Way("direct", f"{b.name} has a public address")
        wires = [wire for wire in boxes.wires(a) if wire in boxes.wires(b)]
        if not wires:
            return Way("no", f"{a.name} and {b.name} have no transport in common")
        dials = [_direct(boxes, wire, a, b) for wire in wires]
        direct = next((way for way in dials if way.how == "direct"), dials[0])
        if direct.how == "direct":
            return direct
        if a.reachability is not None and a.reachability.relay is not None and not boxes.is_behind(a):
            return Way("direct", f"{b.name} keeps a connection to {a.name}, which relays for it")
        relay = self._relay(boxes, a, b)
        if relay is None:
            return Way("no", f"{direct.reason}; and no node of the lab relays for others")
        for wire in wires:
            back = _direct(boxes, wire, b, a)
            if back.how == "direct":
                how = f"over {relay.name}, then {b.name} dials {a.name}: {back.reason}"
                return Way("reversed", f"{direct.reason}; {how}")
        for wire in wires:
            met, why = _punch(boxes, wire, a, b, boxes.endpoint(relay))
            if met:
                return Way("punched", f"{direct.reason}; over {relay.name}, then {why}")
        return Way("relayed", f"{direct.reason}; over {relay.name}, and no hole can be punched: {why}")

    def _relay(self, boxes: BoxedNodes, a: Host[Any], b: Host[Any]) -> Host[Any] | None:
        """A running relay in the open that both reach."""
        for host in self._every:
            service = host.reachability
            if service is None or service.relay is None or not host.running or host in (a, b):
                continue
            if boxes.is_behind(host):
                continue
            if not any(self._is_cut(one, host) for one in (a, b)):
                return host
        return None


def _blank(boxes: BoxedNodes, hosts: Sequence[Host[Any]]) -> Realms:
    """The same boxes, before any packet."""
    made: dict[Box, Box] = {}
    realms = Realms()

    def copy(box: Box | None) -> Box | None:
        if box is None:
            return None
        if box not in made:
            made[box] = box.blank(copy(box.outer))
            realms.add_box(made[box])
        return made[box]

    for host in hosts:
        realms.place(boxes.endpoint(host).ip, copy(boxes.box_of(host)))
    return realms


def _direct(boxes: BoxedNodes, wire: Transport, a: Host[Any], b: Host[Any]) -> Way:
    """Whether a's dial of an address of b's arrives, and the answer too."""
    here, there = boxes.endpoint(a), boxes.endpoint(b)
    realms = _blank(boxes, [a, b])
    own = realms.send(wire, here, there, 0)
    if isinstance(own, Arrived) and _answered(realms, wire, own, here, there):
        if not boxes.is_behind(b):
            return Way("direct", f"{b.name} has a public address")
        return Way("direct", "both stand behind the same box" if not boxes.passes(a, b) else "the box lets the dial in")
    realms = _blank(boxes, [a, b])
    outside = realms.send(wire, there, ELSEWHERE, 0)
    if isinstance(outside, Arrived) and outside.source != there:
        result = realms.send(wire, here, outside.source, 0)
        if isinstance(result, Arrived) and _answered(realms, wire, result, here, outside.source):
            return Way("direct", f"the box of {b.name} lets everybody in ({outside.source})")
        if isinstance(result, Dropped):
            return Way("no", f"the box of {b.name} drops the dial ({result.rule.split(':')[0]})")
        return Way("no", f"the box of {b.name} answers from another port than was asked")
    dropped = own if isinstance(own, Dropped) else None
    return Way(
        "no", f"{b.name} cannot be dialled" if dropped is None else f"{b.name} cannot be dialled: {dropped.rule}"
    )


def _answered(realms: Realms, wire: Transport, there: Arrived, here: Endpoint, asked: Endpoint) -> bool:
    back = realms.send(wire, there.at, there.source, 0)
    return isinstance(back, Arrived) and back.at == here and back.source == asked


def _punch(boxes: BoxedNodes, wire: Transport, a: Host[Any], b: Host[Any], relay: Endpoint) -> tuple[bool, str]:
    """Whether packets of both meet: each sends to the address that the relay saw, and answers where one came from."""
    realms = _blank(boxes, [a, b])
    ends = (boxes.endpoint(a), boxes.endpoint(b))
    seen = [realms.send(wire, end, relay, 0) for end in ends]
    if not isinstance(seen[0], Arrived) or not isinstance(seen[1], Arrived):
        return False, "one of the two does not reach the relay"
    targets = {ends[0]: [seen[1].source], ends[1]: [seen[0].source]}
    heard: dict[Endpoint, bool] = {ends[0]: False, ends[1]: False}
    for _ in range(ROUNDS):
        sent = [(end, to, realms.leave(wire, end, to, 0)) for end in ends for to in targets[end]]
        for _end, _to, packet in sent:
            result = packet if isinstance(packet, Dropped) else realms.enter(wire, packet, 0)
            if isinstance(result, Arrived) and result.at in heard:
                heard[result.at] = True
                if result.source not in targets[result.at]:
                    targets[result.at].append(result.source)
    if all(heard.values()):
        return True, "both send at the same time, and each box takes the other's packets for answers"
    return False, _why_not(boxes.box_of(a), boxes.box_of(b), a.name, b.name)


def _why_not(one: Box | None, other: Box | None, a: str, b: str) -> str:
    dependent = [name for name, box in ((a, one), (b, other)) if box is not None and box.mapping in ("ADM", "APDM")]
    if len(dependent) == 2:
        return f"the boxes of {a} and {b} both take another port for each destination, which neither can foresee"
    if dependent:
        rest = b if dependent == [a] else a
        first = f"the box of {dependent[0]} takes another port for each destination"
        return f"{first}, and that of {rest} lets in only known ones"
    return "the boxes drop the packets of both"
