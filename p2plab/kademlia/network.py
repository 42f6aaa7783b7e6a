"""The shell around a DHT node, by its public name."""

from __future__ import annotations

from p2plab.kademlia.shell.interface import KademliaNetworkInterface as KademliaNetworkInterface
from p2plab.kademlia.shell.interface import Request as Request

__all__ = ["KademliaNetworkInterface", "Request"]
