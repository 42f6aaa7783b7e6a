"""Where mock nodes listen: an IPv4 address and a port each. Several nodes may share an address, as behind one NAT or on
one machine; two cannot share a port of it."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from p2plab.errors import ConfigurationError, ValidationError

if TYPE_CHECKING:
    from p2plab.mock.basis import MockBasis

PORT = 4001
LAST_PORT = 65_535
BEHIND_ONE_BOX = 250  # nodes
# First octets for the nodes' IP addresses: of 250 nodes no two share a /8, of 50,000 no two a /16, unless ``ip=`` says
# so. Those that mean something special on real hosts are left out.
OCTETS = [octet for octet in range(11, 224) if octet not in (100, 127, 169, 172, 192, 198, 203)]


class Listeners:
    """Who listens where. A place is given by ``choose``, and taken by ``settle``."""

    def __init__(self) -> None:
        self._at: dict[str, MockBasis | dict[int, MockBasis]] = {}  # who is there alone, or who is at which port
        self._count = 0
        self._taken: dict[str, None] = {}  # addresses that were given to nobody who listens there: boxes
        self._shared = 0

    def choose(self, ip: object = None, port: object = None) -> tuple[str, int]:
        """A free place: at this IP address, or at one that nobody has; at this port, or at the next free one from 4001
        on. ValidationError for what is no address or port, ConfigurationError for a place that is taken."""
        if port is not None and (isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= LAST_PORT):
            raise ValidationError(f"port={port!r} is no port: give a whole number from 1 to {LAST_PORT}")
        if ip is None:
            return self.fresh_ip(), PORT if port is None else port
        try:
            address = str(IPv4Address(str(ip)))
        except ValueError as error:
            raise ValidationError(f"ip={ip!r} is no IPv4 address: {error}") from error
        taken = self._there(address)
        if port is None:
            return address, self._next_port(address, taken)
        if port in taken:
            raise ConfigurationError(
                f"{address}:{port} is {taken[port].name}'s already; leave port= out for the next free one"
            )
        return address, port

    def _next_port(self, address: str, taken: dict[int, MockBasis]) -> int:
        for port in range(PORT, LAST_PORT + 1):
            if port not in taken:
                return port
        raise ConfigurationError(f"every port of {address} from {PORT} on is taken; take another ip=")

    def fresh_ip(self) -> str:
        """A public IP address that nobody has."""
        number = self._count
        while True:
            high, low = divmod(number, len(OCTETS))
            address = f"{OCTETS[low]}.{high % 250}.{high // 250 % 250}.1"
            if address not in self._at and address not in self._taken:
                return address
            number += 1

    def box_ip(self) -> str:
        """The same for a box, which keeps it."""
        address = self.fresh_ip()
        self._taken[address] = None
        self._count += 1
        return address

    def shared_ip(self) -> str:
        """An address of a carrier's own network (RFC 6598) that nobody has: the outside of a box behind a box."""
        self._shared += 1
        return f"100.64.{self._shared // 250}.{self._shared % 250 + 1}"

    def private_ip(self, box: int, place: int) -> str:
        """The address of the ``place``-th node behind the ``box``-th box (RFC 1918). ConfigurationError beyond 250."""
        if place >= BEHIND_ONE_BOX:
            raise ConfigurationError(f"at most {BEHIND_ONE_BOX} nodes stand behind one box; take several")
        net = f"192.168.{box}" if box < 250 else f"10.{box // 250}.{box % 250}"
        return f"{net}.{place + 2}"

    def move(self, host: MockBasis, ip: str) -> None:
        """A node gets another IP address, and keeps its port."""
        left = {port: other for port, other in self._there(host.ip).items() if other is not host}
        if left:
            self._at[host.ip] = left
        else:
            del self._at[host.ip]
        host.ip = ip
        self._put(host)

    def any_at(self, ip: str) -> MockBasis | None:
        """A node with this IP address, at whatever port."""
        return next(iter(self._there(ip).values()), None)

    def settle(self, host: MockBasis) -> None:
        """A node takes its place."""
        self._put(host)
        self._count += 1

    def _put(self, host: MockBasis) -> None:
        there = self._at.get(host.ip)
        if there is None:
            self._at[host.ip] = host
        elif isinstance(there, dict):
            there[host.port] = host
        else:
            self._at[host.ip] = {there.port: there, host.port: host}

    def _there(self, ip: str) -> dict[int, MockBasis]:
        """Who is at an address, by port."""
        there = self._at.get(ip, {})
        return there if isinstance(there, dict) else {there.port: there}

    def at(self, ip: str | None, port: int | None) -> MockBasis | None:
        """Who listens there; None where there is nobody."""
        return self._there(ip or "").get(port or 0)
