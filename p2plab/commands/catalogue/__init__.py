"""The commands that p2plab has, a file a subject. Importing them puts them into the table."""

from __future__ import annotations

from p2plab.commands.catalogue import (
    admission,
    connections,
    dht,
    events,
    network,
    nodes,
    outside,
    pubsub,
    reasons,
    seeing,
    streams,
    table,
    time,
)

__all__ = ["GROUPS"]

# The groups in the order in which people read about them, and their titles.
GROUPS = {
    module.__name__.rpartition(".")[2]: str(module.__doc__).partition("\n")[0]
    for module in (
        nodes,
        connections,
        outside,
        admission,
        streams,
        pubsub,
        reasons,
        dht,
        network,
        seeing,
        time,
        events,
        table,
    )
}
