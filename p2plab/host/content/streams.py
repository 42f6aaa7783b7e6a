"""The streams of a protocol of messages, as Bitswap and GraphSync are.

A node writes on a stream that it opens to a peer, and reads those that its peers open. A stream to write on is kept
while either of the two waits for the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from p2plab.errors import LabError
from p2plab.stream import NetStream

if TYPE_CHECKING:
    from p2plab.host.host import Host

__all__ = ["MessageStreams"]

MAX_STREAMS: Final = 16  # that one peer may have open at a time
_WRITABLE: Final = ("open", "read closed")


class MessageStreams:
    """One node's streams of a protocol, by peer. ``what`` names its tasks: ``Bitswap``."""

    def __init__(self, host: Host[Any], protocols: Sequence[str], what: str) -> None:
        self.host = host
        self._protocols = list(protocols)
        self._what = f"{what} of {host.name}"
        self._writing: dict[int, NetStream] = {}
        self._sending: dict[int, None] = {}
        self._inbound: dict[int, list[NetStream]] = {}

    @property
    def peers(self) -> set[int]:
        """With whom there are streams."""
        return {*self._writing, *self._inbound}

    # -- writing

    def send(self, peer: int, write: Callable[[int], Awaitable[None]]) -> None:
        """Have ``write(peer)`` run as a task, where none does for this peer and it is connected."""
        if peer not in self._sending and self.host.connections_to(peer):
            self._sending[peer] = None
            self.host.spawn(partial(write, peer), self._what)

    async def to(self, peer: int) -> NetStream:
        """The stream to write on. StreamError where it cannot be opened."""
        stream = self._writing.get(peer)
        if stream is None or stream.state not in _WRITABLE:
            stream = self._writing[peer] = await self.host.switch.open_to(peer, self._protocols)
        return stream

    def keep(self, peer: int, stream: NetStream) -> None:
        """A stream to write on that was opened already; one that there is stays instead."""
        if peer in self._writing and self._writing[peer].state in _WRITABLE:
            self.host.spawn(stream.close, self._what)
        else:
            self._writing[peer] = stream

    def broken(self, peer: int) -> None:
        """What was written did not get through."""
        self._writing.pop(peer, None)
        self._sending.pop(peer, None)

    async def written(self, peer: int, idle: Callable[[int], bool]) -> None:
        """There is no more to send for now."""
        self._sending.pop(peer, None)
        await self.tidy(peer, idle)

    async def tidy(self, peer: int, idle: Callable[[int], bool]) -> None:
        """Close the stream to write on where neither of the two waits for the other."""
        if peer in self._writing and peer not in self._sending and idle(peer):
            stream = self._writing.pop(peer)
            try:
                await stream.close()
            except (LabError, OSError):
                return  # it was torn down at the same time, which is recorded

    # -- reading

    async def accept(self, peer: int, stream: NetStream, refused: bool) -> bool:
        """Whether a stream that a peer opened is to be read; reset where the peer is ``refused`` or has too many."""
        open_here = self._inbound.setdefault(peer, [])
        if len(open_here) >= MAX_STREAMS or refused:
            await stream.reset()
            return False
        open_here.append(stream)
        return True

    async def ended(self, peer: int, stream: NetStream) -> None:
        """A stream that was accepted has been read to its end."""
        if stream in self._inbound.get(peer, ()):
            self._inbound[peer].remove(stream)
        await stream.close()

    # -- peers that go

    def cut_off(self, peer: int) -> None:
        """Reset what the peer has open."""
        for stream in self._inbound.pop(peer, []):
            self.host.spawn(stream.reset, self._what)

    def gone(self, peer: int) -> None:
        """The last connection to a peer is gone."""
        self._writing.pop(peer, None)
        self._inbound.pop(peer, None)

    def down(self) -> None:
        """The node has gone, with its connections and tasks."""
        self._sending.clear()
        self._writing.clear()
        self._inbound.clear()
