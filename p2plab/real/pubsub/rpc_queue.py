"""The RPCs that wait for one peer: bounded, so that a peer that does not read costs no more than this.

- Where the queue is full a message goes, and so does gossip: the peer can do without. Subscriptions, GRAFTs and PRUNEs,
  which both ends have to agree about, find room up to twice the bound.
- IDONTWANT overtakes all but a peer's first RPC: it is of no use after the message that it is about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from p2plab.constants import MAX_MESSAGE_SIZE
from p2plab.identity.varint import encode_varint
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control, encode_rpc, rpc_size
from p2plab.real.pylibp2p.remedies import OUTBOUND_QUEUE

__all__ = ["Parcel", "RpcQueue"]

MAX_BYTES: Final = 16 * MAX_MESSAGE_SIZE


class Parcel:
    """An RPC on its way, to any number of peers. ``cause`` is the event that led to it."""

    __slots__ = ("_frame", "cause", "rpc", "size")

    def __init__(self, rpc: RPC, size: int, cause: int) -> None:
        self.rpc = rpc
        self.size = size
        self.cause = cause
        self._frame = b""

    @property
    def frame(self) -> bytes:
        """Its bytes, with the length in front; made once for all peers, and only when the first is written."""
        if not self._frame:
            data = encode_rpc(self.rpc)
            self._frame = encode_varint(len(data)) + data
        return self._frame


class RpcQueue:
    """At most ``limit`` RPCs of ``max_bytes`` in all. ``dropped`` counts those that found no room."""

    def __init__(self, limit: int = OUTBOUND_QUEUE, max_bytes: int = MAX_BYTES) -> None:
        self.limit = limit
        self.max_bytes = max_bytes
        self.size = 0
        self.dropped = 0
        self._waiting: deque[Parcel] = deque()
        self._urgent: deque[Parcel] = deque()
        self._has_begun = False
        self._closed = False
        self._came = trio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._urgent)

    def put(self, parcel: Parcel) -> bool:
        """Have it wait; False where there is no room."""
        full = len(self) >= self.limit or self.size + parcel.size > self.max_bytes
        if full and not (_lasts(parcel.rpc) and len(self) < 2 * self.limit):
            self.dropped += 1
            return False
        (self._urgent if _hurries(parcel.rpc) else self._waiting).append(parcel)
        self.size += parcel.size
        self._came.set()
        return True

    def withdraw(self, is_unwanted: Callable[[Publication], bool]) -> list[Publication]:
        """Take messages out that the peer does not want; those that were still there."""
        gone: list[Publication] = []
        for _ in range(len(self._waiting)):
            parcel = self._waiting.popleft()
            found = [publication for publication in parcel.rpc.publish if is_unwanted(publication)]
            if found:
                gone += found
                self.size -= parcel.size
                rest = _without(parcel, found)
                if rest is None:
                    continue
                parcel = rest
                self.size += rest.size
            self._waiting.append(parcel)
        return gone

    async def take(self, most: int) -> list[Parcel]:
        """What is to be written next, of about ``most`` bytes at most; waits until there is something. Empty once the
        queue is closed."""
        while not len(self) and not self._closed:
            self._came = trio.Event()
            await self._came.wait()
        taken: list[Parcel] = []
        size = 0
        while len(self) and not self._closed and (not taken or size < most):
            overtakes = self._urgent and (self._has_begun or not self._waiting)
            parcel = (self._urgent if overtakes else self._waiting).popleft()
            self._has_begun = True
            size += parcel.size
            taken.append(parcel)
        self.size -= size
        return taken

    def close(self) -> None:
        """Nothing more is written."""
        self._closed = True
        self._came.set()


def _lasts(rpc: RPC) -> bool:
    """Whether what it says holds until it is taken back."""
    return bool(rpc.subscriptions) or (rpc.control is not None and bool(rpc.control.graft or rpc.control.prune))


def _hurries(rpc: RPC) -> bool:
    control = rpc.control
    if control is None or not control.idontwant or rpc.publish or rpc.subscriptions:
        return False
    return control == Control(idontwant=control.idontwant)


def _without(parcel: Parcel, messages: list[Publication]) -> Parcel | None:
    """The same without some messages; None where nothing is left."""
    rpc = parcel.rpc
    rest = tuple(publication for publication in rpc.publish if publication not in messages)
    if not (rest or rpc.control is not None or rpc.subscriptions or rpc.test_extension):
        return None
    left = RPC(rest, rpc.control, rpc.subscriptions, test_extension=rpc.test_extension)
    return Parcel(left, rpc_size(left), parcel.cause)
