"""Remedy "ports of one's own": the library's listeners let others listen at their ports.

A port that somebody else has is noticed before it is listened at. On Linux, a node's TCP ports are then held by sockets
that are bound and do not listen, which keeps others away while the node is down. UDP ports are not: what is bound to
one gets datagrams.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from typing import NamedTuple

from p2plab.identity.address import parse_address
from p2plab.real.pylibp2p.remedies import Remedies

HOLDS = sys.platform == "linux"  # elsewhere, what is bound may be handed connections though it does not listen


class Ports:
    """The ports of one node."""

    def __init__(self, remedies: Remedies) -> None:
        self._guards = remedies.on("ports of one's own")
        self._held: dict[str, socket.socket] = {}

    def claim(self, addresses: Iterable[str]) -> list[str]:
        """Hold the ports of these addresses, those of port 0 excepted; the addresses whose ports somebody else has."""
        if not self._guards:
            return []
        return [address for address in addresses if address not in self._held and not self._claim(address)]

    def hold(self, addresses: Iterable[str]) -> None:
        """Hold the ports of these addresses, at which this node listens."""
        for address in addresses:
            place = _place(address)
            if address not in self._held and place is not None:
                self._hold(address, place)

    def release(self) -> None:
        """Hold nothing any more."""
        for held in self._held.values():
            held.close()
        self._held.clear()

    def _claim(self, address: str) -> bool:
        place = _place(address)
        if place is None or place.where[1] == 0:
            return True
        with socket.socket(place.family, place.kind) as probe:
            if place.kind == socket.SOCK_STREAM:  # what is left of closed connections is no matter
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(place.where)
            except OSError:
                return False
        self._hold(address, place)
        return True

    def _hold(self, address: str, place: _Place) -> None:
        if not HOLDS or not self._guards or place.kind != socket.SOCK_STREAM:
            return
        held = socket.socket(place.family, place.kind)
        # Without SO_REUSEADDR, so that another's claim fails.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            held.bind(place.where)
        except OSError:
            held.close()  # it goes unheld
        else:
            self._held[address] = held


class _Place(NamedTuple):
    family: socket.AddressFamily
    kind: socket.SocketKind
    where: tuple[str, int]


def _place(address: str) -> _Place | None:
    """Where that is; None where it is no socket's address."""
    parsed = parse_address(address)
    if parsed.ip is None or parsed.port is None:
        return None
    tcp = any(name == "tcp" for name, _ in parsed.parts)
    return _Place(
        socket.AF_INET6 if ":" in parsed.ip else socket.AF_INET,
        socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM,
        (parsed.ip, parsed.port),
    )
