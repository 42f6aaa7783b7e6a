"""A node's reachability, bound once for every world: what it learns of its addresses, its relays, and hole punching."""

from __future__ import annotations

from p2plab.host.nat.service import NatBelief as NatBelief
from p2plab.host.nat.service import ReachabilityBeliefs as ReachabilityBeliefs
from p2plab.host.nat.service import ReachabilityService as ReachabilityService
from p2plab.host.nat.service import beliefs_of as beliefs_of

__all__ = ["NatBelief", "ReachabilityBeliefs", "ReachabilityService", "beliefs_of"]
