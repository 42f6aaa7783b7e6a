# Made of p2plab/pubsub/shell/aio.py by `python p2plab/api/generate.py`: change that file and run it again.

"""What a user holds for a subscription: ``Subscription``. What takes no lab time is in ``SubscriptionFace``."""

from __future__ import annotations

from p2plab.pubsub.message import Message
from p2plab.pubsub.shell.aio import SubscriptionFace
from p2plab.pubsub.shell.subscription import checked_timeout

__all__ = ["Subscription"]


class Subscription(SubscriptionFace):
    """A subscription as ``Node.subscribe`` gives it."""

    def get(self, timeout: float | None = 10.0) -> Message:
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
            >>> (news.get(timeout=5)).data
            b'hello'
        """
        return self._world.run(self._queue.receive, checked_timeout(timeout))

    def close(self) -> None:
        """End it; who waits for a message gets a ClosedError. Closing again changes nothing.

        Example:
            >>> news = bob.subscribe("news")
            >>> news.close()
            >>> bob.topics()
            []
        """
        self._world.call(self._queue.close)
