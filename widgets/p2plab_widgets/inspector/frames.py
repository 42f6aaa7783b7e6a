"""Which bytes belong to an event: the frame among those recorded that carried it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from p2plab.errors import LabError
from p2plab.events import Event
from p2plab.exports import RecordedFrame
from p2plab.identity.cid import multihash_of

__all__ = ["frame_of", "was_sent_here"]

TICK: Final = 2e-4  # seconds by which a frame and its event may differ
# By the beginning of a kind: what its protocol's id has in it.
FAMILIES: Final = {"pubsub": ("/meshsub/", "/floodsub/"), "dht": ("/kad/",), "identify": ("/ipfs/id/",),
                   "ping": ("/ipfs/ping/",), "relay": ("/libp2p/circuit/relay/",), "dcutr": ("/libp2p/dcutr",),
                   "bitswap": ("/ipfs/bitswap",)}  # fmt: skip
# Kinds that tell of what came from the peer; of the others the bytes went to it.
CAME: Final = ("pubsub.receive", "pubsub.deliver", "pubsub.duplicate", "pubsub.reject", "pubsub.ignore", "dht.answer",
               "dht.request", "identify.received", "pubsub.peer_subscribed", "pubsub.peer_unsubscribed",
               "pubsub.rpc_received", "ping.reply", "link.arrived", "pubsub.iwant_served",
               "pubsub.graft_refused", "pubsub.ihave_ignored", "relay.reserved", "relay.refused", "relay.circuit",
               "dcutr.exchanged", "bitswap.have", "bitswap.dont_have", "bitswap.block", "bitswap.duplicate",
               "bitswap.unasked", "bitswap.refused")  # fmt: skip

# Kinds whose frame names the CID; a frame with a block has the block and its prefix instead.
NAMES_CID: Final = ("bitswap.want", "bitswap.have", "bitswap.dont_have")


def was_sent_here(event: Event) -> bool:
    """Whether the node of the event sent the bytes that it is about, rather than got them."""
    return event.kind not in CAME and event.reason != "peer asked"


def frame_of(event: Event, frames: Sequence[RecordedFrame]) -> RecordedFrame | None:
    """The frame that carried what an event is about; None where none of those recorded did."""
    if event.node is None:
        return None
    family = FAMILIES.get(event.kind.partition(".")[0])
    sent = was_sent_here(event)
    marks = _marks(event)
    best: tuple[int, float, RecordedFrame] | None = None
    for frame in frames:
        ends = (frame.sender, frame.receiver) if sent else (frame.receiver, frame.sender)
        if ends[0] != event.node or (event.peer is not None and ends[1] != event.peer):
            continue
        if family is not None and not any(part in frame.protocol for part in family):
            continue
        if marks and not any(mark in frame.data for mark in marks):
            continue
        late = frame.t - event.t if sent else event.t - frame.t  # sent at the event or after it, or got before it
        if late < -TICK or late > 30:
            continue
        found = (0 if marks else 1, late, frame)
        if best is None or found[:2] < best[:2]:
            best = found
    return None if best is None else best[2]


def _marks(event: Event) -> list[bytes]:
    """Bytes of which one has to be in the frame: those by which a message, a key or a block is known."""
    if event.kind in NAMES_CID and event.ref:
        try:
            return [multihash_of(event.ref)]
        except LabError:
            return []
    if event.kind.startswith("pubsub.") and event.ref:
        try:
            binary = bytes.fromhex(event.ref)
        except ValueError:
            return []
        return [binary, binary[-8:]] if len(binary) > 8 else [binary]  # an id is named, or is sender and number
    if event.kind.startswith("pubsub.") and event.topic:
        return [event.topic.encode()]
    return []
