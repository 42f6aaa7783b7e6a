"""The trail of what crosses from one host of a real lab to another, so that what happens at the far end can name its
cause at the near one.

Each kind of what crosses has a key of its own type, which both ends can make from what they know. The near end leaves
the event that led to it under the key, the far end looks it up. Peers outside the lab leave no trail.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "CircuitEnded",
    "ConnectionClosed",
    "DialRefused",
    "Dialled",
    "MeshChanged",
    "MessageSent",
    "RpcSent",
    "StreamOpened",
    "StreamRefused",
    "SubscriptionSent",
    "Trail",
    "TrailKey",
]

LENGTH = 65_536  # entries; the oldest go


@dataclass(frozen=True, slots=True)
class Dialled:
    """A node dials another; both by their peer ids."""

    dialler: str
    listener: str


@dataclass(frozen=True, slots=True)
class DialRefused:
    """The listener's admission refuses a dialler, by its peer id ("" before it has proved that)."""

    dialler: str
    listener: str


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """One end closes the connection of this number."""

    connection: int


@dataclass(frozen=True, slots=True)
class CircuitEnded:
    """A relay ends what goes over a stream of its, by the number of its connection and its own there."""

    connection: int
    stream: int


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """A stream is opened, by the number of its connection and its own there."""

    connection: int
    stream: int


@dataclass(frozen=True, slots=True)
class StreamRefused:
    """The far end refuses a stream."""

    connection: int
    stream: int


@dataclass(frozen=True, slots=True)
class MessageSent:
    """A pubsub message goes out from a node (by its index in the log)."""

    message_id: bytes
    sender: int


@dataclass(frozen=True, slots=True)
class SubscriptionSent:
    """A node tells its peers that it subscribes to a topic, or no longer does."""

    topic: str
    sender: int


@dataclass(frozen=True, slots=True)
class MeshChanged:
    """A GRAFT or PRUNE (``kind`` is the event's) goes from one node to another."""

    kind: str
    topic: str
    sender: int
    receiver: int


@dataclass(frozen=True, slots=True)
class RpcSent:
    """The RPC of this number is written to a stream."""

    connection: int
    stream: int
    number: int


TrailKey: TypeAlias = (
    Dialled
    | DialRefused
    | ConnectionClosed
    | CircuitEnded
    | StreamOpened
    | StreamRefused
    | MessageSent
    | SubscriptionSent
    | MeshChanged
    | RpcSent
)


class Trail:
    """One per lab; it keeps the last LENGTH keys."""

    def __init__(self) -> None:
        self._events: OrderedDict[TrailKey, int] = OrderedDict()

    def leave(self, key: TrailKey, seq: int) -> None:
        """Note the event that the far end's will follow from."""
        self._events[key] = seq
        if len(self._events) > LENGTH:
            self._events.popitem(last=False)

    def follow(self, key: TrailKey) -> int:
        """The event noted under this key, or -1."""
        return self._events.get(key, -1)

    def take(self, key: TrailKey) -> int:
        """The same, for a key that nobody else will follow: it makes room for others."""
        return self._events.pop(key, -1)
