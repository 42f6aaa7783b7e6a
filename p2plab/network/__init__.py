"""The simulated network: time, links and what can go wrong with them. It knows nothing of libp2p's protocols."""

from __future__ import annotations

from p2plab.network.clock import Clock as Clock
from p2plab.network.draws import Draws as Draws
from p2plab.network.links import Link as Link
from p2plab.network.links import Links as Links
from p2plab.network.links import Pipe as Pipe

__all__ = ["Clock", "Draws", "Link", "Links", "Pipe"]
