"""Why a peer is not in a routing table: what the table says of it now, and what the event log says happened to it."""

from __future__ import annotations

from collections.abc import Mapping

from p2plab.events import Event, EventLog
from p2plab.kademlia.table.routing_table import KademliaRoutingTable

__all__ = ["last_about", "why_not_in_table"]

_ABOUT = ("dht.inserted", "dht.evicted", "dht.rejected")


def why_not_in_table(table: KademliaRoutingTable, peer: int, log: EventLog, contacts: Mapping[int, bool]) -> str:
    """A sentence for "why is this peer not in my table?", with the numbers it was decided on. ``contacts`` are the
    connected peers, and whether each is a server."""
    space, k = table.space, table.params.k
    owner, name = space.info(table.local).name, space.info(peer).name
    if peer == table.local:
        return f"{owner} is the owner of the table, which is in none of its buckets"
    index = table.index_of(peer)
    bucket = table.buckets[index] if index < len(table.buckets) else None
    if bucket is not None and peer in bucket.peers:
        return f"{name} is in {owner}'s table, in bucket {index} ({len(bucket.peers)} of {k} places taken)"
    if bucket is not None and peer in (bucket.replacements or ()):
        waiting = bucket.replacements or []
        return (
            f"bucket {index} of {owner} is full ({len(bucket.peers)} of {k}); {name} is one of "
            f"{len(waiting)} who wait for a place, which comes free when a peer of the bucket fails to answer"
        )
    if contacts.get(peer) is False:
        return f"{name} is connected to {owner} but is a DHT client, and clients are in nobody's table"
    last = last_about(log, _in_log(table, table.local), _in_log(table, peer))
    if last is None:
        return f"{owner} has never had an answer from {name}: being named by somebody is not enough to be taken in"
    numbers = ", ".join(f"{key} {value}" for key, value in (last.data or {}).items())
    said = {"dht.evicted": "left the table", "dht.rejected": "was not taken in", "dht.inserted": "was taken in"}
    return f"{name} {said[last.kind]} at {last.t:.3f} s: {last.reason} ({numbers})"


def last_about(log: EventLog, owner: str, peer: str) -> Event | None:
    """The last thing that was decided about a peer and the owner's table; names as the log has them."""
    decided = [event for event in log.filter(kind="dht", node=owner, peer=peer) if event.kind in _ABOUT]
    return decided[-1] if decided else None


def _in_log(table: KademliaRoutingTable, peer: int) -> str:
    """The name under which a log has a peer: its name in the lab, or its id."""
    peer_id = table.space.peer_id(peer)
    return peer_id.name or str(peer_id)
