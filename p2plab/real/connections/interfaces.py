"""Addresses that stand for others: every interface of this machine (0.0.0.0, ::), and names of the DNS."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

import trio

from p2plab.errors import AddressError
from p2plab.identity.address import Address, parse_address

__all__ = ["check_dialable", "expanded", "resolved"]

_FAMILIES: Final = {"dns4": socket.AF_INET, "dns6": socket.AF_INET6, "dns": socket.AF_UNSPEC}
_MOST: Final = 8  # addresses of one name that are tried


def expanded(addresses: Iterable[str]) -> list[str]:
    """The same, with an address for each interface in place of one that stands for them all; the loopback is last.

    Nobody can dial 0.0.0.0, so it is never told to a peer. Where no interface is up, it becomes the loopback.
    """
    found: dict[str, None] = {}
    for text in addresses:
        address = parse_address(text)
        if not _is_unspecified(address):
            found[text] = None
            continue
        for ip in _interfaces(str(address.ip)):
            found[str(_at(address, ip))] = None
    return list(found)


def check_dialable(address: Address) -> None:
    """AddressError for an address that nobody can be at."""
    if _is_unspecified(address):
        raise AddressError(
            f"{address.ip} stands for all interfaces of whoever listens there, and is no address one can dial; take "
            "one of its addresses, such as those that node.addresses lists"
        )


async def resolved(address: Address) -> list[Address]:
    """The addresses that one with a DNS name stands for, in the resolver's order; itself, where it has an IP address.
    AddressError where the name is unknown."""
    name, value = address.parts[0] if address.parts else ("", None)
    family = _FAMILIES.get(name)
    if family is None or value is None:
        return [address]
    try:
        answers = await trio.socket.getaddrinfo(value, None, family=family, type=socket.SOCK_STREAM)
    except OSError as error:
        raise AddressError(f"the name {value!r} could not be resolved: {error.strerror or error}") from error
    ips = dict.fromkeys(str(answer[4][0]).partition("%")[0] for answer in answers)
    return [_at(address, ip) for ip in list(ips)[:_MOST]]


def _is_unspecified(address: Address) -> bool:
    return address.ip is not None and ipaddress.ip_address(address.ip).is_unspecified


def _at(address: Address, ip: str) -> Address:
    kind = "ip6" if ":" in ip else "ip4"
    return Address(((kind, ip), *address.parts[1:]), address.peer_id)


def _interfaces(unspecified: str) -> list[str]:
    """This machine's addresses of the family, but for link-local ones, which need a zone."""
    import psutil  # type: ignore[import-untyped]  # multiaddr needs it for the same

    family, loopback = (socket.AF_INET6, "::1") if ":" in unspecified else (socket.AF_INET, "127.0.0.1")
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    own = [
        ipaddress.ip_address(entry.address.partition("%")[0])
        for name, entries in psutil.net_if_addrs().items()
        if name in up
        for entry in entries
        if entry.family == family
    ]
    usable = [ip for ip in own if not ip.is_link_local]
    usable.sort(key=lambda ip: ip.is_loopback)
    return [str(ip) for ip in usable] or [loopback]
