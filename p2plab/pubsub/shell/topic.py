"""A topic as one node knows it."""

from __future__ import annotations

from p2plab.errors import ValidationError
from p2plab.pubsub.rpc import RpcLimits
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


def checked_topic(topic: object) -> str:
    """ValidationError for what is no topic: a str of 1 to 1,024 bytes in UTF-8."""
    if not isinstance(topic, str):
        raise ValidationError(f"a topic is a str such as 'news', not {topic!r}")
    try:
        size = len(topic.encode())
    except UnicodeEncodeError as error:
        raise ValidationError(f"the topic {topic[:40]!r} cannot be written as UTF-8") from error
    if not 0 < size <= RpcLimits().topic:
        raise ValidationError(f"a topic has 1 to {RpcLimits().topic} bytes in UTF-8; {topic[:40]!r} has {size}")
    return topic


def checked_data(data: object, limit: int) -> bytes:
    """The payload as bytes, a str as UTF-8; ValidationError for other types and for more than ``limit`` bytes."""
    if isinstance(data, str):
        try:
            data = data.encode()
        except UnicodeEncodeError as error:
            raise ValidationError(f"the message {data[:40]!r} cannot be written as UTF-8; give bytes") from error
    elif isinstance(data, (bytearray, memoryview)):
        data = bytes(data)
    if not isinstance(data, bytes):
        raise ValidationError(f"a message is bytes, or a str as UTF-8, not {type(data).__name__}")
    if len(data) > limit:
        raise ValidationError(f"a message has at most {limit} bytes here; this one has {len(data)}")
    return data
