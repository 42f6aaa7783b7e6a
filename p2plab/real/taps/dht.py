"""The messages of py-libp2p's DHT, as bytes: p2plab's own core records its messages itself."""

from __future__ import annotations

from p2plab.events import EventLog
from p2plab.kademlia.messages import type_name
from p2plab.stream.framing.frames import Way


def note_message(log: EventLog, me: int, peer: int, way: Way, message: bytes) -> None:
    """Record a message that is sent or has come, where the log wants to know."""
    if log.wants("dht.message"):
        # kad-dht/README.md, "RPC messages": the type is field 1, written first, and left out where it is 0.
        number = message[1] if message[:1] == b"\x08" and len(message) > 1 else 0
        log.record("dht.message", me, peer, size=len(message), data={"type": type_name(number), "way": way})
