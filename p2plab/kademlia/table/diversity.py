"""IP diversity: which addresses count as one party's (ipfs/specs routing/kad-dht, "IP Diversity Filter").

Somebody who makes many peer ids cheaply still has few networks to put them in, so a routing table takes only so many
peers of one group. IPv4 is grouped by /16, and by /8 where one party holds a whole /8. The specification groups IPv6
by autonomous system, which needs a table that no small package carries: /32, what a provider is usually given, stands
for it. Private, loopback and other addresses that are not global are nobody's group, so that a lab on one machine or
in one private network is not limited; so are DNS names and relayed addresses.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable
from typing import Final

__all__ = ["ip_groups"]

# The /8 blocks that one party still holds whole, as go-libp2p-kbucket reckons them.
_CLASS_A: Final = frozenset({12, 17, 19, 38, 48, 53, 56, 73})


def ip_groups(addresses: Iterable[str]) -> tuple[str, ...]:
    """The groups of these multiaddrs, in order, each once: ``("203.0.0.0/16", "2001:db8::/32")``."""
    groups: dict[str, None] = {}
    for address in addresses:
        parts = address.split("/", 4)
        if len(parts) > 2 and parts[1] in ("ip4", "ip6") and "p2p-circuit" not in address:
            group = _group(parts[2])
            if group:
                groups[group] = None
    return tuple(groups)


@functools.lru_cache(maxsize=65_536)
def _group(text: str) -> str | None:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    if not ip.is_global:
        return None
    bits = 32 if ip.version == 6 else 8 if ip.packed[0] in _CLASS_A else 16
    return str(ipaddress.ip_network((ip, bits), strict=False))
