"""Hole punching between real nodes in memory: packets of both sides, at their times, through the boxes as they are when
they come. Each side sends to the other's addresses, as TCP repeats a SYN; where a packet comes from, it is answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from p2plab.identity.address import parse_address
from p2plab.nat.dcutr import PATIENCE
from p2plab.network.nat import Dropped, Endpoint, Underway
from p2plab.real.transports.memory import MemoryNetwork

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis
    from p2plab.real.nat.boxes import MemoryBoxes

__all__ = ["Punch", "punch"]

AGAIN: Final = 1.0  # seconds after which a SYN is sent again, RFC 6298


class Punch:
    """What one side has heard of the other."""

    def __init__(self, boxes: MemoryBoxes, host: RealBasis, peer: RealBasis, attempt: int) -> None:
        self.boxes = boxes
        self.host = host
        self.peer = peer
        self.attempt = attempt
        self.heard: dict[Endpoint, None] = {}  # where the other's packets seem to come from
        self.met = trio.Event()

    def send(self, to: Endpoint) -> None:
        """One packet, on its way."""
        boxes, host, peer = self.boxes, self.host, self.peer
        link = MemoryNetwork.current().link(str(host.peer_id), str(peer.peer_id))
        if link.cut:
            return
        host.record("dcutr.packet", peer.index, data={"address": str(to), "attempt": self.attempt})
        left = boxes.realms.leave(boxes.wire, boxes.endpoint(host), to, boxes.world.runtime.ticks())
        if isinstance(left, Dropped):
            boxes.note(host, peer, left, to)
        else:
            boxes.world.runtime.timer(link.delay, partial(self._arrive, left))

    def _arrive(self, left: Underway) -> None:
        boxes = self.boxes
        result = boxes.realms.enter(boxes.wire, left, boxes.world.runtime.ticks())
        if isinstance(result, Dropped):
            boxes.note(self.host, self.peer, result, left.to)
            return
        theirs = boxes.punches.get((self.peer.index, self.host.index))
        if theirs is None or result.at != boxes.endpoint(theirs.host) or result.source in theirs.heard:
            return
        theirs.heard[result.source] = None
        theirs.send(result.source)
        if self.heard:
            theirs.met.set()
            self.met.set()


async def punch(
    boxes: MemoryBoxes, host: RealBasis, peer: RealBasis, addresses: Sequence[str], attempt: int
) -> tuple[Endpoint, ...]:
    """Send to a peer's addresses until its packets come, and give up after 5 seconds. Returns where they come from."""
    mine = boxes.punches[host.index, peer.index] = Punch(boxes, host, peer, attempt)
    targets = [boxes.endpoint_at(parse_address(address)) for address in addresses]
    with trio.move_on_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_keep_sending, mine, targets)
            await mine.met.wait()
            nursery.cancel_scope.cancel()
    return tuple(mine.heard) if mine.met.is_set() else ()


async def _keep_sending(mine: Punch, targets: Sequence[Endpoint]) -> None:
    while True:
        for to in targets:
            mine.send(to)
        await trio.sleep(AGAIN)
