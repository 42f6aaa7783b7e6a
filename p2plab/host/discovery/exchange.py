"""Peer exchange as a way of finding peers: whom a PRUNE recommends (gossipsub-v1.1.md, "PRUNE Backoff and Peer
Exchange").

The router does it all: it recommends at most 16 peers with their signed records, and dials those that a peer
recommends whose score allows it. Here the setting turns it on, and who came that way is put down.
"""

from __future__ import annotations

from typing import ClassVar

from p2plab.host.discovery.way import HostWay

__all__ = ["PeerExchangeWay"]


class PeerExchangeWay(HostWay):
    """It has nothing to do by itself: ``p2plab.host.pubsub`` tells the service whom it is about to dial."""

    name: ClassVar[str] = "peer-exchange"
