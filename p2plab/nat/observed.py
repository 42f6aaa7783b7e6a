"""Observed addresses: how others see this node, believed once enough agree (identify/README.md, "observedAddr").

One peer may lie, and behind a symmetric NAT every peer sees another port. So, as go-libp2p does
(p2p/host/observedaddrs), an address counts when four observers in different networks have seen it, at most three count
for each address the node listens on, and an observer's word ends with its connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from p2plab.identity.address import Address, parse_address

__all__ = ["ACTIVATION", "MAX_PER_LOCAL", "Observation", "ObservedAddresses", "observer_group"]

ACTIVATION: Final = 4  # observers; go-libp2p's ActivationThresh
MAX_PER_LOCAL: Final = 3  # go-libp2p's maxExternalThinWaistAddrsPerLocalAddr
MAX_REMEMBERED: Final = 64  # observed addresses for each local one, so that lies cost a bounded amount


def observer_group(ip: str) -> str:
    """Observers of one group count once: an IPv4 address, an IPv6 /56 (go-libp2p's getObserver)."""
    if ":" not in ip:
        return ip
    from ipaddress import IPv6Network

    return str(IPv6Network((ip, 56), strict=False))


@dataclass(frozen=True, slots=True)
class Observation:
    """An address as it was seen, for which address it stands, and by how many groups of observers."""

    address: str
    local: str
    observers: int
    believed: bool


@dataclass(slots=True)
class _Seen:
    by: dict[str, int] = field(default_factory=dict)  # observers' groups, with how many connections each


class ObservedAddresses:
    """What a node's peers have said of its addresses. ``activation`` observers are needed before one is believed."""

    def __init__(self, activation: int = ACTIVATION) -> None:
        self.activation = activation
        self._seen: dict[str, dict[str, _Seen]] = {}  # local, then observed
        self._said: dict[int, tuple[str, str, str]] = {}  # by connection: local, observed, group

    def observed(self, connection: int, local: str, observed: str, observer_ip: str) -> bool:
        """A peer said how it sees this node over a connection; whether the believed addresses have changed by it.

        Left out: what is no address of the local one's transport, loopback and relayed addresses.
        """
        before = self.believed()
        self._forget(connection)
        if not self._fits(parse_address(local), parse_address(observed)):
            return before != self.believed()
        every = self._seen.setdefault(local, {})
        if observed not in every and len(every) >= MAX_REMEMBERED:
            return before != self.believed()
        group = observer_group(observer_ip)
        seen = every.setdefault(observed, _Seen())
        seen.by[group] = seen.by.get(group, 0) + 1
        self._said[connection] = local, observed, group
        return before != self.believed()

    def gone(self, connection: int) -> bool:
        """A connection has ended and its observation with it; whether the believed addresses have changed."""
        before = self.believed()
        self._forget(connection)
        return before != self.believed()

    def _forget(self, connection: int) -> None:
        said = self._said.pop(connection, None)
        if said is None:
            return
        local, observed, group = said
        seen = self._seen[local][observed]
        seen.by[group] -= 1
        if not seen.by[group]:
            del seen.by[group]
        if not seen.by:
            del self._seen[local][observed]

    @staticmethod
    def _fits(local: Address, observed: Address) -> bool:
        if observed.relayed or observed.ip is None or observed.transport != local.transport:
            return False
        return not observed.ip.startswith("127.") and observed.ip not in ("::1", "0.0.0.0", "::")

    def observations(self) -> list[Observation]:
        """Everything seen, most observers first; of equals, what was seen first."""
        rows = []
        for local, every in self._seen.items():
            ordered = sorted(every.items(), key=lambda item: -len(item[1].by))
            for rank, (address, seen) in enumerate(ordered):
                believed = len(seen.by) >= self.activation and rank < MAX_PER_LOCAL
                rows.append(Observation(address, local, len(seen.by), believed))
        return rows

    def believed(self) -> list[str]:
        """The addresses that enough observers agree on."""
        return list(dict.fromkeys(row.address for row in self.observations() if row.believed))

    def mapping(self, local: str) -> str | None:
        """What the observations say of the NAT: ``endpoint-independent`` where most observers agree on one address,
        ``endpoint-dependent`` where each sees another, None with fewer observers than it takes to tell."""
        every = self._seen.get(local, {})
        observers = sum(len(seen.by) for seen in every.values())
        if observers < self.activation:
            return None
        most = max(len(seen.by) for seen in every.values())
        return "endpoint-independent" if most * 2 > observers else "endpoint-dependent"
