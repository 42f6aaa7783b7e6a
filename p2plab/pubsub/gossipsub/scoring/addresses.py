"""How many peers share an IP address (gossipsub-v1.1.md, "P₆")."""

from __future__ import annotations

import functools
import ipaddress

from p2plab.pubsub.gossipsub.scoring.params import ScoreParams

__all__ = ["Addresses"]


@functools.lru_cache(maxsize=64)
def _networks(blocks: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """The blocks of addresses, the same object for all nodes."""
    return tuple(ipaddress.ip_network(block) for block in blocks)


class Addresses:
    """The peers of one node on each IP that counts, the retained ones too; those on the whitelist do not count, nor
    what is no IP."""

    __slots__ = ("_counts", "_params")

    def __init__(self, params: ScoreParams) -> None:
        self.begin(params)

    def begin(self, params: ScoreParams) -> None:
        """Forget all, and go by other parameters."""
        self._params = params
        self._counts: dict[str, int] = {}

    def _whitelisted(self, ip: str) -> bool:
        if not self._params.ip_colocation_factor_weight or not ip:
            return True
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return True  # a relayed peer's address is no IP
        return any(address in block for block in _networks(tuple(self._params.ip_colocation_factor_whitelist)))

    def enter(self, ip: str) -> bool:
        """One more peer is there; whether there are now more than may be."""
        if ip not in self._counts and self._whitelisted(ip):
            return False
        self._counts[ip] = self._counts.get(ip, 0) + 1
        return self.surplus(ip) > 0

    def leave(self, ip: str) -> None:
        """One less."""
        count = self._counts.get(ip, 0)
        if count > 1:
            self._counts[ip] = count - 1
        else:
            self._counts.pop(ip, None)

    def surplus(self, ip: str) -> int:
        """How many peers too many there are on an IP (P6 is the square)."""
        return max(0, self._counts.get(ip, 0) - self._params.ip_colocation_factor_threshold)
