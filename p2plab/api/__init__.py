"""The faces: what users hold for a lab, its nodes, and what these are given.

Their verbs that are marked ``@commanded`` are in the table of commands.
"""

from __future__ import annotations

from p2plab.commanded import offer

__all__ = ["offer"]

offer("lab", "", "p2plab.api.aio.lab:AsyncLab")
offer("node", "", "p2plab.api.aio.node:AsyncNode")
offer("node", "dht", "p2plab.api.aio.dht:AsyncDht")
offer("node", "routing", "p2plab.api.aio.routing:AsyncRouting")
offer("node", "discovery", "p2plab.api.aio.discovery:AsyncDiscovery")
offer("node", "content", "p2plab.api.aio.content:AsyncContent")
offer("node", "content.blocks", "p2plab.api.faces.blocks:Blocks")
offer("lab", "dht", "p2plab.api.aio.lab_dht:AsyncLabDht")
offer("lab", "network", "p2plab.mock.network:SimulatedNetwork")
offer("lab", "network.zone", "p2plab.mock.network.zone:Zone")
