"""The Kademlia DHT: the routing table, the store and the node that the nodes of a lab are made of, and what a lookup
gives.

Rules of the room: cores (everything but ``shell``) are sans-I/O; peers are small ints, whose ids and
Kademlia keys the world's ``KeySpace`` knows; time is ticks.
"""

from __future__ import annotations

from p2plab.identity.cid import cid_of as cid_of
from p2plab.kademlia.key import KeySpace as KeySpace
from p2plab.kademlia.lookups.result import Lookup as Lookup
from p2plab.kademlia.lookups.result import Query as Query
from p2plab.kademlia.node import KademliaNode as KademliaNode
from p2plab.kademlia.params import ALPHA_VALUE as ALPHA_VALUE
from p2plab.kademlia.params import K_VALUE as K_VALUE
from p2plab.kademlia.params import DhtParams as DhtParams
from p2plab.kademlia.params import LibraryDhtParams as LibraryDhtParams
from p2plab.kademlia.storage.datastore import DHTDatastore as DHTDatastore
from p2plab.kademlia.storage.records import PlainValidator as PlainValidator
from p2plab.kademlia.storage.records import Validator as Validator
from p2plab.kademlia.table.routing_table import KademliaRoutingTable as KademliaRoutingTable

__all__ = [
    "ALPHA_VALUE",
    "K_VALUE",
    "DHTDatastore",
    "DhtParams",
    "KademliaNode",
    "KademliaRoutingTable",
    "KeySpace",
    "LibraryDhtParams",
    "Lookup",
    "PlainValidator",
    "Query",
    "Validator",
    "cid_of",
]
