"""The commands that do more than one verb does, a file a subject; the others are made of the verbs (``derived``).

Importing this puts all of them into the table.
"""

from __future__ import annotations

from typing import Final

from p2plab.commands.catalogue import (
    admission,
    connections,
    content,
    dht,
    events,
    network,
    nodes,
    outside,
    pubsub,
    reasons,
    routing,
    seeing,
    streams,
    table,
    time,
)
from p2plab.commands.derived import derive

__all__ = ["GROUPS", "WRITTEN"]

# The modules of the commands that are written out.
WRITTEN: Final = (
    nodes,
    connections,
    outside,
    admission,
    streams,
    pubsub,
    reasons,
    dht,
    content,
    routing,
    network,
    seeing,
    time,
    events,
    table,
)

# The groups in the order in which people read about them, and their titles.
GROUPS: Final = {
    "nodes": "Starting, listing and stopping nodes, and wiring them up",
    "connections": "Dialling, hanging up, and asking peers who they are",
    "outside": "Nodes outside the lab, in any language",
    "admission": "Whom a node lets in, how much they take, and who goes first",
    "streams": "Streams: answering a protocol, opening one, reading and writing. A stream is named connection/stream",
    "pubsub": "Publish-subscribe: subscriptions, messages, meshes and scores",
    "reasons": "Reasons: why a message did not arrive, and why a peer is treated as it is",
    "dht": "The DHT: values, providers, peers, and the tables. Keys are paths, peer ids or names of nodes",
    "routing": "Content routing: several routers behind one question; roles, and how good providers are",
    "discovery": "Discovery: being found under a namespace, and finding who is there",
    "content": "Content: files as blocks that are named by their hash, and those a node has",
    "network": "The simulated network: links, bandwidths, and what goes wrong on them. Rates are bytes a second",
    "seeing": "Seeing: what crosses the wire, as tables, numbers and files",
    "time": "Time: letting it pass, and waiting for something",
    "events": "What happened, and why; and the log as a file",
    "table": "The table about itself",
}

derive()
