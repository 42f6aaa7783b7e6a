"""FloodSub: every message goes to every peer known to subscribe to its topic.

Rules (gossipsub-v1.0.md, "In the beginning was floodsub"; protocol id /floodsub/1.0.0):
- A message met for the first time is passed on to all peers in the topic; the seen cache stops it from going round.
- It never goes back to its author, nor to the peer it came from.
"""

from __future__ import annotations

from p2plab.constants import FLOODSUB_ID
from p2plab.effects import SEND
from p2plab.pubsub.message import Publication
from p2plab.pubsub.router import NOTHING, Effects, Router


class FloodSub(Router):
    """The flooding router."""

    protocols = (FLOODSUB_ID,)

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        if type(self).duplicate is Router.duplicate:
            self.seen.settled = -1  # no copy ever changes anything

    def recipients(self, publication: Publication, sender: int) -> list[int]:
        """The peers a message goes to. Override it to try another rule."""
        origin = publication.origin
        return [peer for peer in self.topics.get(publication.topic, ()) if peer != sender and peer != origin]

    def forward(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        peers = self.recipients(publication, peer)
        return ((SEND, peers, publication.rpc),) if peers else NOTHING

    def publish(self, publication: Publication, message_id: bytes, now: int) -> Effects:
        return self.forward(self.me, publication, message_id, now)
