"""A node's content routing, bound once for every world: its routers, and its server over HTTP."""

from __future__ import annotations

from p2plab.host.routing.service import RoutingService as RoutingService

__all__ = ["RoutingService"]
