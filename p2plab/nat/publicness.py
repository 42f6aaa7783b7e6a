"""Which addresses mean the same to everybody: the public ones (addressing/README.md; RFC 1918, RFC 6598, RFC 4193)."""

from __future__ import annotations

from ipaddress import ip_address

from p2plab.identity.address import Address

__all__ = ["ip_is_public", "is_public"]


def ip_is_public(ip: str) -> bool:
    """Whether an IP address is one of the public Internet: none that is private, shared (100.64.0.0/10), link-local,
    loopback, or reserved for documentation."""
    address = ip_address(ip)
    return address.is_global and not address.is_multicast


def is_public(address: Address) -> bool:
    """Whether an address can be dialled from anywhere: a public IP address, or a DNS name, and not through a relay."""
    if address.relayed:
        return False
    if address.ip is not None:
        return ip_is_public(address.ip)
    return address.host is not None and address.host != "localhost" and not address.host.endswith(".local")
