"""Why a peer is not in a routing table: what the table says of it now, and what the event log says happened to it."""

from __future__ import annotations

from p2plab.events import EventLog
from p2plab.kademlia.node import KademliaNode

__all__ = ["why_not_in_table"]

_ABOUT = ("dht.inserted", "dht.evicted", "dht.rejected")


def why_not_in_table(node: KademliaNode, peer: int, log: EventLog) -> str:
    """A sentence for "why is this peer not in my table?", with the numbers it was decided on."""
    owner, name = node.space.info(node.me).name, node.space.info(peer).name
    if peer == node.me:
        return f"{owner} is the owner of the table, which is in none of its buckets"
    index = node.table.index_of(peer)
    bucket = node.table.buckets[index] if index < len(node.table.buckets) else None
    if bucket is not None and peer in bucket.peers:
        return f"{name} is in {owner}'s table, in bucket {index} ({len(bucket.peers)} of {node.params.k} places taken)"
    if bucket is not None and peer in (bucket.replacements or ()):
        waiting = bucket.replacements or []
        return (
            f"bucket {index} of {owner} is full ({len(bucket.peers)} of {node.params.k}); {name} is one of "
            f"{len(waiting)} who wait for a place, which comes free when a peer of the bucket fails to answer"
        )
    if node.contacts.get(peer) is False:
        return f"{name} is connected to {owner} but is a DHT client, and clients are in nobody's table"
    events = [
        event
        for event in log.filter(kind="dht", node=_in_log(node, node.me), peer=_in_log(node, peer))
        if event.kind in _ABOUT
    ]
    if not events:
        return f"{owner} has never had an answer from {name}: being named by somebody is not enough to be taken in"
    last = events[-1]
    numbers = ", ".join(f"{key} {value}" for key, value in (last.data or {}).items())
    said = {"dht.evicted": "left the table", "dht.rejected": "was not taken in", "dht.inserted": "was taken in"}
    return f"{name} {said[last.kind]} at {last.t:.3f} s: {last.reason} ({numbers})"


def _in_log(node: KademliaNode, peer: int) -> str:
    """The name under which a log has a peer: its name in the lab, or its id."""
    peer_id = node.space.peer_id(peer)
    return peer_id.name or str(peer_id)
