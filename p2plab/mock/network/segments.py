"""``lab.network``: segments, within which a multicast is heard, as mDNS sends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from p2plab.commanded import commanded
from p2plab.errors import ValidationError
from p2plab.mock.network.names import Names

if TYPE_CHECKING:
    from p2plab.mock.basis import MockBasis
    from p2plab.mock.world import MockWorld

__all__ = ["SegmentVerbs"]

EVERYBODY: Final = "lan"  # the segment of nodes that were put on no other, and stand behind no box
DELAY: Final = 10  # ticks, one millisecond, that a packet takes over a segment
LONGEST_NAME: Final = 64


class SegmentVerbs(Names):
    """Who hears whose multicasts."""

    def __init__(self, world: MockWorld) -> None:
        super().__init__(world)
        self._segments: dict[str, str] = {}  # by node

    @commanded("network", "network_segment alice,bob name=office", worlds="mock", takes={"name": "Name"})
    def segment(self, nodes: Any, name: str) -> None:
        """Put nodes on a segment of the network: they hear each other's multicasts (mDNS), and nobody else does.

        Nodes that were put on none are on one together; those behind a NAT box are on the box's.

        Args:
            nodes: a node or several, by object or name
            name: the segment's name

        Raises:
            ValidationError, UnknownNodeError: no such node, or no name.
        """
        given = [nodes] if isinstance(nodes, str) or not isinstance(nodes, Sequence) else list(nodes)
        names = [self._name(node) for node in given]
        if not names or not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
            raise ValidationError(f"a segment has nodes, and a name of 1 to {LONGEST_NAME} characters, not {name!r}")
        self._world.call(self._segment, names, name)

    def _segment(self, names: list[str], segment: str) -> None:
        self._segments.update(dict.fromkeys(names, segment))
        self._record("network.segment", {"segment": segment, "nodes": names})

    def _segment_of(self, host: MockBasis) -> str:
        chosen = self._segments.get(host.name)
        if chosen is not None:
            return chosen
        box = None if self._world.boxes is None else self._world.boxes.box_of(host)
        return EVERYBODY if box is None else box.name

    def _multicast(self, host: MockBasis, data: bytes) -> None:
        """Send a packet to all on a node's segment, itself included, but for those it is cut off from."""
        segment, world = self._segment_of(host), self._world
        seq = world.events.record("mdns.sent", host.index, size=len(data), data={"segment": segment})
        with world.events.because(seq):
            for other in world.all_hosts():
                if self._segment_of(other) == segment and not self._links.is_cut(host.index, other.index):
                    world.clock.after(DELAY, other.hear, data, None)
