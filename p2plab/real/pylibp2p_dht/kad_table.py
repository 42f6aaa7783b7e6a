"""py-libp2p's routing table: with what a laboratory needs of it otherwise, and as p2plab shows one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from libp2p.kad_dht import routing_table as librarys_table
from libp2p.kad_dht.routing_table import RoutingTable
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo

from p2plab.kademlia import KademliaRoutingTable
from p2plab.kademlia.key import KeySpace
from p2plab.kademlia.params import DhtParams, ticks
from p2plab.real.pylibp2p.remedies import Remedies
from p2plab.real.pylibp2p_dht.kad_streams import KadHost

ALIVE: Final = 300.0  # seconds since it was heard of for which a peer counts as alive
AT_ONCE: Final = 1_024  # streams of requests, and announcements of one peer in ten seconds
LIMITS: Final = DhtParams()

Note = Callable[..., Any]
"""``note(kind, peer, reason, data)`` records an event."""


class LabRoutingTable(RoutingTable):
    """Notes what enters and leaves it, and keeps clients out."""

    def __init__(self, host: KadHost, note: Note, remedies: Remedies) -> None:
        library_host: Any = host
        super().__init__(host.get_id(), library_host)
        self._open = not remedies.on("clients in nobody's table")
        self._kad_host = host
        self._note = note
        self._turned_away: set[ID] = set()

    async def add_peer(self, peer_obj: PeerInfo | ID, *, skip_server_mode_check: bool = False) -> bool:
        peer = peer_obj.peer_id if isinstance(peer_obj, PeerInfo) else peer_obj
        # Remedy "clients in nobody's table": whoever asks something is taken for a server there.
        if peer == self.local_id or not ((skip_server_mode_check and self._open) or self._kad_host.serves(peer)):
            return False
        known = self.peer_in_table(peer)
        bucket = self.find_bucket(peer)
        # Remedy "no ping for a referral".
        oldest = next(iter(bucket.peers.values()), None)
        full = bucket.size() >= bucket.bucket_size and not known and not self._should_split_bucket(bucket)
        if full and oldest is not None and time.time() - oldest[1] < ALIVE:
            added = False
        else:
            added = await super().add_peer(peer_obj, skip_server_mode_check=True)
        if added and not known:
            self._turned_away.discard(peer)
            self._note("dht.inserted", peer, "room", {"size": self.size()})
        elif full and not added and peer not in self._turned_away and len(self._turned_away) < AT_ONCE:
            self._turned_away.add(peer)
            self._note("dht.rejected", peer, "bucket full", {"size": bucket.size()})
        return added

    def add_at_once(self, peer: ID) -> bool:
        """Add a server that was connected; False where that takes a decision, and so time: ``add_peer``."""
        store = self._kad_host.get_peerstore()
        info = PeerInfo(peer, store.addrs(peer) if store.has_peer(peer) else [])
        bucket = self.find_bucket(peer)
        if bucket.size() >= bucket.bucket_size or not info.addrs or librarys_table._subnet_key(info) is not None:
            return False
        if not bucket.refresh_peer_last_seen(peer):
            bucket.peers[peer] = (info, time.time())
            self._note("dht.inserted", peer, "room", {"size": self.size()})
        return True

    def remove_peer(self, peer_id: ID, reason: str = "did not answer") -> bool:
        if not self._kad_host.running:
            return False  # the node went down in the middle of a query, which says nothing of the peer
        removed = super().remove_peer(peer_id)
        if removed:
            self._note("dht.evicted", peer_id, reason, {"size": self.size()})
        return removed


def table_of(library: RoutingTable, owner: int, space: KeySpace, epoch: float) -> KademliaRoutingTable:
    """The library's table as it is now, in buckets by shared bits (the library's hold ranges of keys)."""
    times: list[tuple[float, int]] = []
    for bucket in library.buckets:
        times += [(seen, space.index(peer.to_bytes())) for peer, (_, seen) in bucket.peers.items()]
    unlimited = DhtParams(k=max(LIMITS.k, len(times)), ip_limit_bucket=0, ip_limit_table=0)
    table = KademliaRoutingTable(owner, space, unlimited)
    for seen, peer in sorted(times):
        table.add(peer, max(0, ticks(seen - epoch)))
    most = max((len(bucket.peers) for bucket in table.buckets), default=0)
    table.params = LIMITS if most <= LIMITS.k else DhtParams(k=most)
    return table
