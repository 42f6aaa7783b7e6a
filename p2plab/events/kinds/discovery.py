"""Events of discovery: how nodes find each other, and what rendezvous points say."""

from __future__ import annotations

from p2plab.events.kinds._table import DECISIONS, MESSAGES, Kind

KINDS = {
    "discovery.advertised": Kind(
        DECISIONS, "the node can be found under a namespace, by this way; data: namespace, ttl (s)"
    ),
    "discovery.withdrawn": Kind(DECISIONS, "the node is not to be found under a namespace any more; data: namespace"),
    "discovery.asked": Kind(MESSAGES, "the node asked this way who is there; data: namespace, limit"),
    "discovery.answered": Kind(MESSAGES, "what this way gave; data: namespace, peers, refused"),
    "discovery.found": Kind(
        DECISIONS, "the node found the peer by this way, for the first time; data: namespace, addresses"
    ),
    "discovery.failed": Kind(DECISIONS, "this way did not work; data: what was tried, namespace, text"),
    "name.resolved": Kind(
        MESSAGES,
        "an address that begins with a name was resolved; data: address, addresses, queries, what was left out",
    ),
    "name.failed": Kind(DECISIONS, "an address that begins with a name stands for nothing; data: address, text"),
    "mdns.sent": Kind(MESSAGES, "the node sent a packet to all on its segment; data: segment"),
    "rendezvous.registered": Kind(
        DECISIONS, "the point registered the peer; data: namespace, ttl (s), whether renewed, number"
    ),
    "rendezvous.refused": Kind(DECISIONS, "the point refused the peer's request; data: request, namespace, text"),
    "rendezvous.removed": Kind(DECISIONS, "the peer's registration at the point is gone; data: namespace"),
    "rendezvous.discovered": Kind(
        MESSAGES, "the point told the peer who is registered; data: namespace, registrations given, of how many"
    ),
}

REASONS = {
    "by rendezvous": "a rendezvous point has it, or was asked",
    "by dht": "the DHT has it, where a namespace is a key whose providers are the peers in it",
    "by identify": "the peer told its role by identify",
    "by topic": "the peer published its role on the topic p2plab/roles",
    "by bootstrap": "the peer is of the bootstrap list",
    "by http": "a server of routing over HTTP has it",
    "by mdns": "the peer has said on the node's segment that it is there",
    "by random-walk": "the peer was met on the way to a random key of the DHT",
    "by peer-exchange": "a PRUNE has recommended the peer",
    "by pubsub": "the peer is connected and subscribes to the topic",
    "name not found": "the name in the address is not known, or has no such records",
    "no name server": "nobody could be asked about the name in the address",
    "ttl over": "a registration's time to live has passed",
    "unregistered": "the peer took it back",
    "E_INVALID_NAMESPACE": "the namespace is empty, no text, or over 255 bytes",
    "E_INVALID_SIGNED_PEER_RECORD": "there is no signed peer record, or its signature does not hold",
    "E_INVALID_TTL": "the TTL is under the point's least or over its most",
    "E_INVALID_COOKIE": "the cookie is not one of this point's for this namespace",
    "E_NOT_AUTHORIZED": "the record is another peer's, or the peer has as many registrations as one may have",
    "E_UNAVAILABLE": "the point is full, or the peer asks too often",
}
