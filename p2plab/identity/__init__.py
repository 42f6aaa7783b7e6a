"""Who a node is, and how it is written: keys, peer ids, signed records, multiaddrs, CIDs, varints, protobuf tables."""

from __future__ import annotations

from p2plab.identity.keys import Identity as Identity
from p2plab.identity.keys import marshal_public_key as marshal_public_key
from p2plab.identity.keys import parse_peer_id as parse_peer_id
from p2plab.identity.keys import peer_id_bytes as peer_id_bytes
from p2plab.identity.keys import peer_id_from_bytes as peer_id_from_bytes
from p2plab.identity.keys import peer_id_of as peer_id_of
from p2plab.identity.keys import public_key_of as public_key_of
from p2plab.identity.keys import unmarshal_public_key as unmarshal_public_key
from p2plab.identity.keys import verify as verify

__all__ = [
    "Identity",
    "marshal_public_key",
    "parse_peer_id",
    "peer_id_bytes",
    "peer_id_from_bytes",
    "peer_id_of",
    "public_key_of",
    "unmarshal_public_key",
    "verify",
]
