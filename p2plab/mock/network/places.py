"""Where mock nodes listen: an IPv4 address and a port each. Several nodes may share an address, as behind one NAT or on
one machine; two cannot share a port of it."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from p2plab.errors import ConfigurationError, ValidationError

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost

PORT = 4001
LAST_PORT = 65_535
# First octets for the nodes' IP addresses: of 250 nodes no two share a /8, of 50,000 no two a /16, unless ``ip=`` says
# so. Those that mean something special on real hosts are left out.
OCTETS = [octet for octet in range(11, 224) if octet not in (100, 127, 169, 172, 192, 198, 203)]


class Places:
    """Who listens where. A place is given by ``choose``, and taken by ``settle``."""

    def __init__(self) -> None:
        self._at: dict[str, dict[int, MockHost]] = {}
        self._count = 0

    def choose(self, ip: object = None, port: object = None) -> tuple[str, int]:
        """A free place: at this IP address, or at one that nobody has; at this port, or at the next free one from 4001
        on. ValidationError for what is no address or port, ConfigurationError for a place that is taken."""
        if port is not None and (isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= LAST_PORT):
            raise ValidationError(f"port={port!r} is no port: give a whole number from 1 to {LAST_PORT}")
        if ip is None:
            return self._fresh_ip(), PORT if port is None else port
        try:
            address = str(IPv4Address(str(ip)))
        except ValueError as error:
            raise ValidationError(f"ip={ip!r} is no IPv4 address: {error}") from error
        taken = self._at.get(address, {})
        if port is None:
            return address, self._next_port(address, taken)
        if port in taken:
            raise ConfigurationError(
                f"{address}:{port} is {taken[port].name}'s already; leave port= out for the next free one"
            )
        return address, port

    def _next_port(self, address: str, taken: dict[int, MockHost]) -> int:
        for port in range(PORT, LAST_PORT + 1):
            if port not in taken:
                return port
        raise ConfigurationError(f"every port of {address} from {PORT} on is taken; take another ip=")

    def _fresh_ip(self) -> str:
        number = self._count
        while True:
            high, low = divmod(number, len(OCTETS))
            address = f"{OCTETS[low]}.{high % 250}.{high // 250 % 250}.1"
            if address not in self._at:
                return address
            number += 1

    def settle(self, host: MockHost) -> None:
        """A node takes its place."""
        self._at.setdefault(host.ip, {})[host.port] = host
        self._count += 1

    def at(self, ip: str | None, port: int | None) -> MockHost | None:
        """Who listens there; None where there is nobody."""
        return self._at.get(ip or "", {}).get(port or 0)
