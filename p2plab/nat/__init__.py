"""Reachability: what a node behind a NAT learns of itself, and how others reach it all the same.

Cores, each a state machine or a pair of coroutines over ``NetStream``, the same in every world: observed addresses
(identify), AutoNAT v1 and v2, Circuit Relay v2, AutoRelay, DCUtR, and the order in which addresses are dialled.
"""

from __future__ import annotations

from p2plab.nat.autorelay import AutoRelay as AutoRelay
from p2plab.nat.autorelay import AutoRelayParams as AutoRelayParams
from p2plab.nat.confidence import AddressStatus as AddressStatus
from p2plab.nat.confidence import Reachability as Reachability
from p2plab.nat.observed import ObservedAddresses as ObservedAddresses
from p2plab.nat.relay import RelayParams as RelayParams
from p2plab.nat.relay import RelayServer as RelayServer

__all__ = [
    "AddressStatus",
    "AutoRelay",
    "AutoRelayParams",
    "ObservedAddresses",
    "Reachability",
    "RelayParams",
    "RelayServer",
]
