"""Discovery bound to a node: the service behind ``node.discovery``, and the ways in which it finds peers."""

from p2plab.host.discovery.service import DiscoveryService as DiscoveryService

__all__ = ["DiscoveryService"]
