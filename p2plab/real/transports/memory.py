"""An in-memory transport: real py-libp2p nodes of one lab, on links that can be slow, lose, and be cut.

``/memory/<number>`` is an address in one lab (in one trio run): another lab has its own. Where the lab has NATs, nodes
have IP addresses, as in ``/ip4/20.0.0.1/memory/<number>``, and ``boxes`` say who gets through. What drives the links:

    network = MemoryNetwork.current()                  # in the lab's thread; made when first asked for
    link = network.link(alice.peer_id, bob.peer_id)    # what alice sends bob; the other way is another link
    link.set(delay=0.050, loss=0.01)                   # seconds, and a chance from 0 to 1
    link.set(cut=True); link.set(cut=False)            # a partition, and its end
    network.default.set(delay=0.020)                   # for the links of which nothing else was said

The rules that links live by are in ``memory_link.py``.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Protocol

import trio
from libp2p.abc import IListener, IRawConnection, ITransport
from libp2p.custom_types import THandler
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.transport.exceptions import OpenConnectionError
from multiaddr import Multiaddr

from p2plab.chance import stream_of
from p2plab.identity.address import Address, parse_address
from p2plab.real.transports.ends import Ends, Refused
from p2plab.real.transports.memory_link import MemoryLink, MemoryPipe

__all__ = ["MemoryNetwork", "MemoryTransport", "NatModel", "NatPath", "NoRoute", "memory_number"]


class NoRoute(Exception):
    """What is sent to an address cannot even leave."""


class NatPath(Protocol):
    """How one connection passes the boxes: the number of the listener, and the addresses that its two ends have and see
    each other at."""

    number: int
    dialler: str
    dialled: str
    listener: str
    seen: str

    def begin(self, stream: MemoryStream) -> None:
        """The connection is there; this is its dialler's end."""

    def passes(self, from_dialler: bool) -> bool:
        """Whether something sent now gets through."""


class NatModel(Protocol):
    """The NATs of a lab."""

    def path(self, dialler: str, address: Address) -> NatPath | None:
        """The way from a peer to an address; None where nothing comes back. NoRoute, OSError."""


class MemoryNetwork:
    """The links and listeners of one lab."""

    def __init__(self) -> None:
        self.random = stream_of(0, "memory")
        self.default = MemoryLink()
        self.boxes: NatModel | None = None
        self.listeners: dict[int, MemoryListener] = {}
        self._links: dict[tuple[str, str], MemoryLink] = {}
        self._numbers = count(1)

    @classmethod
    def current(cls) -> MemoryNetwork:
        """That of the trio run that this is called in."""
        network = _networks.get(None)
        if network is None:
            network = cls()
            _networks.set(network)
        return network

    def link(self, sender: str, receiver: str) -> MemoryLink:
        """What the peer ``sender`` (its id) sends to ``receiver``."""
        return self._links.setdefault((sender, receiver), MemoryLink(self.default))

    def links(self) -> Iterator[tuple[str, str, MemoryLink]]:
        """Sender, receiver and link, of all that were used or set."""
        return ((sender, receiver, link) for (sender, receiver), link in self._links.items())

    def free_number(self) -> int:
        """One that nobody has or had."""
        return next(number for number in self._numbers if number not in self.listeners)


_networks: trio.lowlevel.RunVar[MemoryNetwork | None] = trio.lowlevel.RunVar("p2plab memory network")


class MemoryStream(ReadWriteCloser):
    """One end of a connection."""

    def __init__(
        self, ends: Ends, incoming: MemoryPipe, outgoing: MemoryPipe, passes: Callable[[], bool] | None = None
    ) -> None:
        self.ends = ends
        self._passes = passes
        self._incoming = incoming
        self._outgoing = outgoing

    async def read(self, n: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        return b"" if n == 0 else await self._incoming.receive(n)

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        await self._outgoing.room()
        if self._outgoing.ended or self._outgoing.dropped:
            raise ConnectionClosedError("the connection is closed", transport="memory")
        if data and (self._passes is None or self._passes()):
            self._outgoing.send(bytes(data))

    async def close(self) -> None:
        if not self._outgoing.ended:
            self._outgoing.send(b"")
            self._outgoing.ended = True
        self._incoming.dropped = True
        for pipe in (self._incoming, self._outgoing):
            pipe.stir()
        await trio.lowlevel.checkpoint()

    def lose(self) -> None:
        """Give the connection up, at both of its ends: what was under way is lost."""
        for pipe in (self._incoming, self._outgoing):
            pipe.waiting.clear()
            pipe.waiting.append((-math.inf, b""))
            pipe.size, pipe.ended = 0, True
            pipe.stir()

    def get_remote_address(self) -> tuple[str, int] | None:
        return None


class MemoryTransport(ITransport):
    """That of the node with this peer id. ``refused(address, error)`` is told of what came in and failed."""

    def __init__(self, peer_id: str, refused: Refused) -> None:
        self._peer_id = peer_id
        self._refused = refused

    async def dial(self, maddr: Multiaddr) -> IRawConnection:
        network = MemoryNetwork.current()
        await trio.lowlevel.checkpoint()
        path: NatPath | None = None
        number = _number(maddr)
        if network.boxes is not None:
            path = network.boxes.path(self._peer_id, parse_address(str(maddr)))
            if path is None:
                await trio.sleep_forever()  # nothing comes back: whoever dials gives up
            assert path is not None
            number = path.number
        listener = network.listeners.get(number)
        if listener is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at /memory/{number}")
        there, back = network.link(self._peer_id, listener.peer_id), network.link(listener.peer_id, self._peer_id)
        if there.cut or back.cut:
            raise OSError(errno.EHOSTUNREACH, "the link between the two is cut")
        await trio.sleep(there.took(network.random) + back.took(network.random))  # the round trip that it takes
        if network.listeners.get(number) is not listener:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at /memory/{number} any more")
        out, back_again = MemoryPipe(there, network.random), MemoryPipe(back, network.random)
        own = f"/memory/{network.free_number()}"
        if path is None:
            here, far = Ends("memory", own, f"/memory/{number}"), Ends("memory", f"/memory/{number}", own)
            near, other = MemoryStream(here, back_again, out), MemoryStream(far, out, back_again)
        else:
            here = Ends("memory", path.dialler, path.dialled, known_by=(own, f"{own} listener"))
            far = Ends("memory", path.listener, path.seen, known_by=(f"{own} listener", own))
            near = MemoryStream(here, back_again, out, partial(path.passes, True))
            other = MemoryStream(far, out, back_again, partial(path.passes, False))
            path.begin(near)
        if not listener.accept(other):
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"who listens at /memory/{number} is going")
        return RawConnection(near, True)

    def create_listener(self, handler_function: THandler) -> MemoryListener:
        return MemoryListener(self._peer_id, handler_function, self._refused)

    def can_dial(self, maddr: Multiaddr) -> bool:
        return parse_address(str(maddr)).transport == "memory"

    def can_listen(self, maddr: Multiaddr) -> bool:
        return self.can_dial(maddr)

    def protocols(self) -> list[str]:
        return ["memory"]


class MemoryListener(IListener):
    """Where a node is reached. The swarm puts in its nursery."""

    background_nursery: trio.Nursery

    def __init__(self, peer_id: str, handler: THandler, refused: Refused) -> None:
        self.peer_id = peer_id
        self._handler = handler
        self._refused = refused
        self._number: int | None = None

    async def listen(self, maddr: Multiaddr) -> None:
        network = MemoryNetwork.current()
        number = _number(maddr) or network.free_number()
        if number in network.listeners:
            raise OpenConnectionError(f"somebody listens at /memory/{number} already")
        self._number = number
        network.listeners[number] = self

    def accept(self, stream: MemoryStream) -> bool:
        """A connection came in; whether it is taken."""
        try:
            self.background_nursery.start_soon(self._handle, stream)
        except RuntimeError:  # the nursery is closed: the node is on its way out
            return False
        return True

    async def _handle(self, stream: MemoryStream) -> None:
        try:
            await self._handler(stream)
        except Exception as error:  # noqa: BLE001  # the library's; it must not end the swarm whose nursery this is
            self._refused(stream.ends.remote, error)
            await stream.close()

    def get_addrs(self) -> tuple[Multiaddr, ...]:
        return () if self._number is None else (Multiaddr(f"/memory/{self._number}"),)

    async def close(self) -> None:
        if self._number is not None:
            MemoryNetwork.current().listeners.pop(self._number, None)
            self._number = None


def _number(address: Multiaddr) -> int:
    return memory_number(parse_address(str(address)))


def memory_number(address: Address) -> int:
    """Of an address in memory: its number."""
    return next((int(value) for name, value in address.parts if name == "memory" and value), 0)
