"""Hole punching in the mock world: packets of both sides, at their times, through the boxes as they are when they come.

Each side sends to the other's addresses; where a packet comes from, it is answered. When both have heard each other,
there is a way, and the dialler's handshake takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from p2plab.identity.address import parse_address
from p2plab.mock.driver.tasks import Signal
from p2plab.nat.dcutr import PATIENCE
from p2plab.network.nat import Arrived, Dropped, Endpoint, Transport, Underway

if TYPE_CHECKING:
    from p2plab.mock.basis import MockBasis

__all__ = ["Punch", "punch"]

TCP_AGAIN = 1.0  # seconds after which a SYN is sent again, RFC 6298


Place: TypeAlias = tuple[Transport, Endpoint]


class Punch:
    """What one side has heard of the other."""

    def __init__(self, host: MockBasis, peer: MockBasis) -> None:
        self.host = host
        self.peer = peer
        self.heard: dict[Place, None] = {}  # where the other's packets seem to come from
        self.met = Signal(host.world.clock)
        self.over = False


async def punch(host: MockBasis, peer: MockBasis, addresses: Sequence[str], attempt: int) -> tuple[Place, ...]:
    """Send to a peer's addresses until its packets come, and give up after 5 seconds. Returns where they come from."""
    world = host.world
    boxes = world.boxes
    assert boxes is not None
    mine = boxes.punches[host.index, peer.index] = Punch(host, peer)
    own = boxes.wires(host)
    targets: dict[Transport, list[Endpoint]] = {wire: [] for wire in own}
    for address in map(parse_address, addresses):
        wire: Transport = "udp" if address.transport == "quic-v1" else "tcp"
        if address.ip and address.port and wire in own:
            targets[wire].append(Endpoint(address.ip, address.port))
    draws = world.runtime.random(f"dcutr/{host.name}")

    async def keep_sending(wire: Transport) -> None:
        while not mine.over:
            for to in targets[wire]:
                _send(mine, (wire, to), attempt)
            gap = (10 + draws.randrange(191)) / 1000 if wire == "udp" else TCP_AGAIN
            await world.runtime.sleep(gap)

    for wire in [wire for wire in own if targets[wire]] or own[:1]:
        host.spawn(partial(keep_sending, wire), f"{host.name} punching a hole to {peer.name}")
    try:
        await world.runtime.within(PATIENCE, mine.met.wait)
    except TimeoutError:
        return ()
    finally:
        mine.over = True
    return tuple(mine.heard)


def _send(mine: Punch, place: Place, attempt: int) -> None:
    """One packet, on its way."""
    (wire, to), host, world = place, mine.host, mine.host.world
    boxes = world.boxes
    assert boxes is not None
    if world.links.is_cut(host.index, mine.peer.index):
        return
    world.events.record("dcutr.packet", host.index, mine.peer.index, data={"address": str(to), "attempt": attempt})
    left = boxes.realms.leave(wire, boxes.endpoint(host), to, world.clock.now)
    if isinstance(left, Dropped):
        boxes.note(host.index, mine.peer.index, left, to)
        return
    latency = world.links.ticks(host.index, mine.peer.index).latency
    world.clock.after(latency, _arrive, (mine, wire, left, attempt), None)


def _arrive(packet: tuple[Punch, Transport, Underway, int], _: object) -> None:
    sender, wire, left, attempt = packet
    world = sender.host.world
    boxes = world.boxes
    assert boxes is not None
    result = boxes.realms.enter(wire, left, world.clock.now)
    if isinstance(result, Dropped):
        boxes.note(sender.host.index, sender.peer.index, result, left.to)
        return
    theirs = boxes.punches.get((sender.peer.index, sender.host.index))
    if theirs is None or not _is_for(result, theirs.host) or (wire, result.source) in theirs.heard:
        return
    theirs.heard[wire, result.source] = None
    _send(theirs, (wire, result.source), attempt)
    if any(kind == wire for kind, _ in sender.heard):
        theirs.met.set()
        sender.met.set()


def _is_for(result: Arrived, host: MockBasis) -> bool:
    return result.at == Endpoint(host.ip, host.port)
