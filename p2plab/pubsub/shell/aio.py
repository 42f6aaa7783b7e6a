"""What a user holds for a subscription: ``AsyncSubscription``. What takes no lab time is in ``SubscriptionFace``."""

from __future__ import annotations

from collections.abc import AsyncIterator

from p2plab.errors import ClosedError
from p2plab.errors.frames import Faced
from p2plab.pubsub.message import Message
from p2plab.pubsub.shell.subscription import TopicQueue, checked_timeout, describe
from p2plab.typing import LabCalls

__all__ = ["AsyncSubscription", "SubscriptionFace"]


class SubscriptionFace(Faced):
    """What both faces of a subscription share."""

    def __init__(self, queue: TopicQueue, world: LabCalls) -> None:
        self._queue = queue
        self._world = world

    @property
    def queue(self) -> TopicQueue:
        """The inside of it, which its node holds as long as it is subscribed."""
        return self._queue

    @property
    def topic(self) -> str:
        """The topic subscribed to."""
        return self._queue.topic

    @property
    def messages(self) -> list[Message]:
        """The last messages received, oldest first (at most 4,096); ``get`` never takes from it."""
        return self._queue.messages

    @property
    def dropped(self) -> int:
        """How many messages went because the queue of those not yet got was full."""
        return self._queue.dropped

    @property
    def closed(self) -> bool:
        """Whether the subscription has ended."""
        return self._queue.closed

    async def __aiter__(self) -> AsyncIterator[Message]:
        """The messages as they come, until the subscription is closed."""
        while True:
            try:
                message = await self._world.arun(self._queue.receive, None)
            except ClosedError:
                if self._queue.closed:
                    return
                raise
            yield message

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {describe(self._queue)}>"


class AsyncSubscription(SubscriptionFace):
    """A subscription as ``AsyncNode.subscribe`` gives it."""

    async def get(self, timeout: float | None = 10.0) -> Message:
        """Take the next message that was not taken yet; wait for it if need be.

        Args:
            timeout: seconds of lab time to wait; None: no limit

        Returns:
            The Message: ``topic``, ``data``, ``sender``, ``received_from``, ``id``, ``seqno``, ``received_at``.

        Raises:
            TimeoutError: none came in time.
            ClosedError: the subscription is closed, and no message waits in it.

        Example:
            >>> news = bob.subscribe("news")
            >>> lab.run(1)
            >>> message = alice.publish("news", b"hello")
            >>> (await news.get(timeout=5)).data
            b'hello'
        """
        return await self._world.arun(self._queue.receive, checked_timeout(timeout))

    async def close(self) -> None:
        """End it; who waits for a message gets a ClosedError. Closing again changes nothing.

        Example:
            >>> news = bob.subscribe("news")
            >>> news.close()
            >>> bob.topics()
            []
        """
        self._world.call(self._queue.close)
