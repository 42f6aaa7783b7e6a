"""mDNS (libp2p/specs discovery/mdns.md): py-libp2p's own, for nodes that were started with ``mdns=True`` and no others.

It multicasts on every interface of the machine, and tells the addresses at which the node listens, which are of no use
to others while they are the loopback's. Whom a node finds, the library puts into the node's address book; here that
becomes an event. Where ``P2PLAB_NO_MULTICAST`` is set, as in the tests, it is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from libp2p.discovery.events.peerDiscovery import peerDiscovery
from libp2p.peer.peerinfo import PeerInfo

from p2plab.errors import ConfigurationError, ValidationError

FORBIDDEN: Final = "P2PLAB_NO_MULTICAST"
MOST: Final = 1_000  # peers that become events; the address books take more
ADDRESSES: Final = 8  # of a peer, in its event


def check_mdns(value: object) -> bool:
    """Whether a node is to be found by mDNS. ValidationError; ConfigurationError where nothing may multicast."""
    if not isinstance(value, bool):
        raise ValidationError(f"mdns={value!r}: it is False, or True for a node that multicasts to be found")
    if value and os.environ.get(FORBIDDEN):
        raise ConfigurationError(f"mdns=True multicasts, which {FORBIDDEN} forbids here; a bootstrap list needs none")
    return value


class MdnsFinds:
    """Who was found, for one lab. The library calls from a thread of its own, once for each node that looks."""

    def __init__(self, note: Callable[[str, list[str]], None], inside: Callable[[Callable[[], None]], None]) -> None:
        self._note = note
        self._inside = inside
        self._known: dict[str, None] = {}
        self._listens = False

    def listen(self) -> None:
        """Some node of the lab looks for others."""
        if not self._listens:
            self._listens = True
            peerDiscovery.register_peer_discovered_handler(self._heard)

    def close(self) -> None:
        """The lab ends."""
        if self._listens:
            self._listens = False
            peerDiscovery.unregister_peer_discovered_handler(self._heard)

    def _heard(self, info: PeerInfo) -> None:
        peer_id, addresses = str(info.peer_id), [str(address)[:200] for address in info.addrs[:ADDRESSES]]
        self._inside(lambda: self._take(peer_id, addresses))

    def _take(self, peer_id: str, addresses: list[str]) -> None:
        if peer_id not in self._known and len(self._known) < MOST:
            self._known[peer_id] = None
            self._note(peer_id, addresses)
