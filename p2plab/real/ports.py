"""Remedy "ports of one's own": the library's listeners let others listen at their ports.

A port that somebody else has is noticed before it is listened at. On Linux, a node's ports are then held by sockets
that are bound and do not listen, which keeps others away while the node is down.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable

from multiaddr import Multiaddr

from p2plab.real.remedies import Remedies

HOLDS = sys.platform == "linux"  # elsewhere, what is bound may be handed connections though it does not listen


class Ports:
    """The TCP ports of one node."""

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
            if HOLDS and self._guards and address not in self._held:
                self._hold(address)

    def release(self) -> None:
        """Hold nothing any more."""
        for held in self._held.values():
            held.close()
        self._held.clear()

    def _claim(self, address: str) -> bool:
        family, where = _place(address)
        if where[1] == 0:
            return True
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # what is left of closed connections is no matter
            try:
                probe.bind(where)
            except OSError:
                return False
        if HOLDS:
            self._hold(address)
        return True

    def _hold(self, address: str) -> None:
        family, where = _place(address)
        held = socket.socket(family, socket.SOCK_STREAM)
        # Without SO_REUSEADDR, so that another's claim fails.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            held.bind(where)
        except OSError:
            held.close()  # it goes unheld
        else:
            self._held[address] = held


def _place(address: str) -> tuple[socket.AddressFamily, tuple[str, int]]:
    parsed = Multiaddr(address)
    port = int(parsed.value_for_protocol("tcp") or 0)
    protocols = [protocol.name for protocol in parsed.protocols()]
    if "ip6" in protocols:
        return socket.AF_INET6, (str(parsed.value_for_protocol("ip6")), port)
    return socket.AF_INET, (str(parsed.value_for_protocol("ip4")), port)
