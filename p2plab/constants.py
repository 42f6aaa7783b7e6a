"""Protocol ids and numbers that more than one room needs, each with its source in libp2p/specs."""

from __future__ import annotations

from typing import Final

__all__ = [
    "AGENT_VERSION",
    "FLOODSUB_ID",
    "GOSSIPSUB_IDS",
    "IDENTIFY_ID",
    "IDENTIFY_PUSH_ID",
    "KAD_ID",
    "LAB_KAD_ID",
    "LARGEST_MESSAGE_SIZE",
    "MAX_MESSAGE_SIZE",
    "MAX_REQUEST",
    "MAX_RESPONSE",
    "MAX_TRANSFER",
    "MODEL_VERSION",
    "MULTISTREAM_ID",
    "NOISE_ID",
    "PERF_ID",
    "PING_ID",
    "PING_SIZE",
    "ROLE_PREFIX",
    "TICKS_PER_SECOND",
    "VERSION",
    "YAMUX_ID",
]

MODEL_VERSION: Final = 4  # of what a mock lab computes: another number where a golden digest is another (CHANGELOG.md)
VERSION: Final = "0.1.0"  # p2plab's own; the build reads it here
AGENT_VERSION: Final = f"p2plab/{VERSION}"

MULTISTREAM_ID: Final = "/multistream/1.0.0"  # connections/README.md, multistream-select
NOISE_ID: Final = "/noise"  # noise/README.md
YAMUX_ID: Final = "/yamux/1.0.0"  # yamux/README.md
IDENTIFY_ID: Final = "/ipfs/id/1.0.0"  # identify/README.md
IDENTIFY_PUSH_ID: Final = "/ipfs/id/push/1.0.0"
PING_ID: Final = "/ipfs/ping/1.0.0"  # ping/ping.md
PING_SIZE: Final = 32  # bytes of a ping's payload, ping/ping.md
ROLE_PREFIX: Final = "/p2plab/role/"  # p2plab's own: a node that answers /p2plab/role/pinner has that role
PERF_ID: Final = "/perf/1.0.0"  # perf/perf.md
FLOODSUB_ID: Final = "/floodsub/1.0.0"  # pubsub/README.md
GOSSIPSUB_IDS: Final = ("/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0")  # pubsub/gossipsub/*.md, newest first
KAD_ID: Final = "/ipfs/kad/1.0.0"  # kad-dht/README.md; carries /pk and /ipns records only
LAB_KAD_ID: Final = "/p2plab/kad/1.0.0"  # the lessons' own namespace

MAX_MESSAGE_SIZE: Final = 1 << 20  # bytes of one pubsub RPC, go-libp2p-pubsub's DefaultMaxMessageSize
LARGEST_MESSAGE_SIZE: Final = 16 << 20  # that a lab may be set to; Ethereum's gossip allows 10 MiB
MAX_REQUEST: Final = 1 << 20  # bytes of a request, py-libp2p's RequestResponseConfig
MAX_RESPONSE: Final = 10 << 20  # bytes of a response, the same
MAX_TRANSFER: Final = 1 << 32  # bytes either way that perf measures with: a peer can make a node send so many
TICKS_PER_SECOND: Final = 10_000  # a tick of the simulated network is 100 µs
