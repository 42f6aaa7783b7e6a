"""``lab.network``: the links and what goes wrong on them, by the names of the nodes.

Each verb takes no lab time and is written down as a command. What a fault does to connections is what TCP and libp2p
would do: a cut is silence, and after ``connection_timeout`` both ends give the connection up; a frame that was dropped
leaves a hole, so a byte stream is reset, while a pubsub RPC is simply lost; a corrupted frame fails its cipher's check,
which ends the connection (noise/README.md).
"""

from __future__ import annotations

from p2plab.host.nat.boxes import NatBox as NatBox
from p2plab.mock.network.churn import ChurnVerbs
from p2plab.mock.network.faults import Cut as Cut
from p2plab.mock.network.faults import FaultVerbs
from p2plab.mock.network.faults import FrameInfo as FrameInfo
from p2plab.mock.network.links import LinkVerbs
from p2plab.mock.network.nats import NatVerbs
from p2plab.mock.network.segments import SegmentVerbs
from p2plab.mock.network.zone import Zone as Zone
from p2plab.mock.network.zone import ZoneVerbs
from p2plab.text import plural

__all__ = ["Cut", "FrameInfo", "NatBox", "SimulatedNetwork", "Zone"]


class SimulatedNetwork(LinkVerbs, FaultVerbs, ChurnVerbs, NatVerbs, ZoneVerbs, SegmentVerbs):
    """The simulated network of a mock lab: its links, its faults, and the coming and going of its nodes."""

    def __repr__(self) -> str:
        latency = self._links.default.latency * 1000
        return f"<SimulatedNetwork: {latency:g} ms, {plural(len(list(self._ends())) // 2, 'connection')}>"
