"""The simulated network: time, links and what can go wrong with them. It knows nothing of libp2p's protocols."""

from __future__ import annotations

from p2plab.network.churn import Change as Change
from p2plab.network.churn import Churn as Churn
from p2plab.network.churn import load_trace as load_trace
from p2plab.network.clock import Clock as Clock
from p2plab.network.draws import Draws as Draws
from p2plab.network.frames import Frame as Frame
from p2plab.network.latency_files import load_matrix as load_matrix
from p2plab.network.link import Link as Link
from p2plab.network.links import FrameFault as FrameFault
from p2plab.network.links import Links as Links
from p2plab.network.links import Partition as Partition
from p2plab.network.matrix import LatencyMatrix as LatencyMatrix
from p2plab.network.matrix import regions as regions
from p2plab.network.pipe import TRANSPORTS as TRANSPORTS
from p2plab.network.pipe import Pipe as Pipe

__all__ = [
    "TRANSPORTS",
    "Change",
    "Churn",
    "Clock",
    "Draws",
    "Frame",
    "FrameFault",
    "LatencyMatrix",
    "Link",
    "Links",
    "Partition",
    "Pipe",
    "load_matrix",
    "load_trace",
    "regions",
]
