"""What a real node asks of its publish-subscribe, whichever router that stands on.

``topics.NodeTopics`` gives it on py-libp2p's own router, ``core_pubsub.CorePubsub`` on p2plab's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from p2plab.host.protocols import HostPubsub

if TYPE_CHECKING:
    from p2plab.real.connections.connections import RealConnection
    from p2plab.real.pylibp2p.stack import Stack

__all__ = ["NodePubsub"]


class NodePubsub(HostPubsub, Protocol):
    """One node's, which outlives the node's stacks. Everything is called in the lab's thread; what is no coroutine
    takes no time. ``subscribe`` and ``publish`` raise ClosedError while the node does not run."""

    # -- the node's life

    def service(self, stack: Stack) -> AbstractAsyncContextManager[object]:
        """What runs with a new stack: made before the stack listens, and open from then until its end."""

    def came_up(self, stack: Stack) -> None:
        """The stack is ready: the node is on it from now on."""

    def went_down(self) -> None:
        """The node's stack is gone, and every connection with it; the subscriptions stay."""

    def close(self) -> None:
        """Close every subscription, without a word to the peers."""

    # -- its peers

    async def meet(self, link: RealConnection, protocols: Sequence[str]) -> None:
        """The peer of a new connection speaks these: return when pubsub can be used with it, if it speaks any of ours.
        StreamError, or trio.TooSlowError."""

    def connection_closed(self, link: RealConnection) -> None:
        """A connection is gone; there may be another to the same peer."""

    def measured(self, peer: int, rtt: float) -> None:
        """A round trip to a peer was measured, in seconds; py-libp2p's routers do not ask for it."""
