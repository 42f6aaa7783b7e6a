"""Subscriptions inside the lab: ``TopicQueue``, whose faces are ``Subscription`` and ``AsyncSubscription``.

Every ``subscribe`` makes a queue of its own. Both the queue and the history are bounded: when the queue is full the
oldest message waiting in it goes, which is counted in ``dropped`` and told to ``on_drop``; the history forgets its
oldest silently, and ``get`` never takes from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p2plab.errors import ClosedError, ValidationError
from p2plab.pubsub.message import Message
from p2plab.text import shown
from p2plab.typing import Runtime, Waiter

QUEUE_LIMIT = 4_096
HISTORY_LIMIT = 4_096


def _as_it_is(entry: Any) -> Message:
    return entry  # type: ignore[no-any-return]  # without a ``read``, entries are messages


class TopicQueue:
    """The messages of one subscription.

    ``read`` makes the Message of an entry when somebody looks at it (entries are Messages without it), so that a
    simulated network of thousands does not build what nobody reads. ``on_drop`` is called with each entry lost,
    ``on_close`` with the queue when it is closed by its owner.
    """

    __slots__ = (
        "__weakref__",
        "_entries",
        "_history",
        "_on_close",
        "_on_drop",
        "_read",
        "_runtime",
        "_waiters",
        "closed",
        "dropped",
        "limit",
        "made_by",
        "owner",
        "received",
        "topic",
        "waiting",
    )

    def __init__(
        self,
        topic: str,
        runtime: Runtime,
        *,
        owner: str = "",
        read: Callable[[Any], Message] = _as_it_is,
        on_drop: Callable[[TopicQueue, Any], None] | None = None,
        on_close: Callable[[TopicQueue], None] | None = None,
        limit: int = QUEUE_LIMIT,
        history: int = HISTORY_LIMIT,
    ) -> None:
        self.topic = topic
        self.owner = owner
        self.made_by = -1  # the command of the lab's history that did, if one did
        self.limit = limit
        self.dropped = 0
        self.received = 0
        self.closed = False
        self._runtime = runtime
        self._read = read
        self._on_drop = on_drop
        self._on_close = on_close
        self.waiting = 0  # how many messages ``receive`` would give without waiting
        self._history = history
        self._entries: list[Any] = []  # what was received lately: the last ``waiting`` of it has not been taken yet
        self._waiters: list[Waiter] = []

    @property
    def messages(self) -> list[Message]:
        """The last messages received, oldest first, whether or not ``receive`` took them. Safe from any thread."""
        entries = self._entries[:]
        return [self._read(entry) for entry in entries[max(0, len(entries) - self._history) :]]

    def put(self, entry: Any) -> None:
        """Add a message, inside the lab; a closed queue takes none."""
        if self.closed:
            return
        self.received += 1
        entries = self._entries
        entries.append(entry)
        if self.waiting < self.limit:
            self.waiting += 1
        else:
            self.dropped += 1
            if self._on_drop is not None:
                self._on_drop(self, entries[-1 - self.limit])
        if len(entries) > 2 * self.limit:
            most = max(self.limit, self._history)
            if len(entries) > 2 * most:
                del entries[:-most]
        if self._waiters:
            self._wake()

    def _wake(self) -> None:
        # All of them: one that was just cancelled must not swallow the signal of one that still waits.
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.set()

    async def receive(self, timeout: float | None = None) -> Message:
        """The next message, waiting up to ``timeout`` seconds of lab time (None: for ever).

        TimeoutError when none came, ClosedError once the queue is closed and empty.
        """
        now = self._runtime.now
        deadline = None if timeout is None else now() + timeout
        while not self.waiting and not self.closed:  # again, where another reader was quicker
            await self._wait(timeout, None if deadline is None else max(0.0, deadline - now()))
        if self.waiting:
            entry = self._entries[-self.waiting]
            self.waiting -= 1
            return self._read(entry)
        raise ClosedError(f"the subscription to {self.topic!r} is closed; subscribe again to receive more")

    async def _wait(self, timeout: float | None, left: float | None) -> None:
        async def arrival() -> None:
            while not self.waiting and not self.closed:
                waiter = self._runtime.waiter()
                self._waiters.append(waiter)
                try:
                    await waiter.wait()
                finally:
                    if waiter in self._waiters:
                        self._waiters.remove(waiter)

        try:
            await self._runtime.within(left, arrival)
        except TimeoutError:
            if self.waiting or self.closed:
                return  # it came at the very instant the time ran out
            raise TimeoutError(f"no message on {self.topic!r} within {timeout:g} s") from None

    def close(self) -> None:
        """End the subscription, inside the lab; whoever waits gets a ClosedError. Closing again changes nothing."""
        if self.closed:
            return
        self.closed = True
        self._wake()
        if self._on_close is not None:
            self._on_close(self)

    def __repr__(self) -> str:
        return f"<TopicQueue {describe(self)}>"


def describe(queue: TopicQueue) -> str:
    """Topic, owner and numbers, for a repr."""
    owner = f" of {queue.owner}" if queue.owner else ""
    lost = f", {queue.dropped} dropped" if queue.dropped else ""
    closed = ", closed" if queue.closed else ""
    return f"{shown(queue.topic)!r}{owner}: {queue.received} received, {queue.waiting} waiting{lost}{closed}"


def checked_timeout(timeout: object) -> float | None:
    """ValidationError for what is neither None nor a number of seconds from 0 up."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 <= timeout < float("inf"):
        raise ValidationError(f"timeout is a number of seconds from 0 up, or None for no limit, not {timeout!r}")
    return float(timeout)
