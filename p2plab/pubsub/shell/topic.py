"""A topic as one node knows it."""

from __future__ import annotations

from p2plab.pubsub.shell.subscription import TopicQueue
from p2plab.pubsub.validation import TopicValidator


class Topic:
    """The node's subscriptions to a topic, and the validators its messages pass, in the order they were added."""

    __slots__ = ("name", "queues", "validators")

    def __init__(self, name: str) -> None:
        self.name = name
        self.queues: list[TopicQueue] = []
        self.validators: list[TopicValidator] = []

    @property
    def subscribed(self) -> bool:
        """Whether the node has a subscription to it."""
        return bool(self.queues)

    def __repr__(self) -> str:
        return f"<Topic {self.name!r}: {len(self.queues)} subscriptions, {len(self.validators)} validators>"
