"""An in-memory transport: real py-libp2p nodes of one lab, on links that can be slow, lose, and be cut.

``/memory/<number>`` is an address in one lab (in one trio run): another lab has its own. Where the lab has NATs, nodes
have IP addresses, as in ``/ip4/20.0.0.1/memory/<number>``, and ``boxes`` say who gets through. What drives the links:

    network = MemoryNetwork.current()                  # in the lab's thread; made when first asked for
    link = network.link(alice.peer_id, bob.peer_id)    # what alice sends bob; the other way is another link
    link.set(delay=0.050, loss=0.01)                   # seconds, and a chance from 0 to 1
    link.set(cut=True); link.set(cut=False)            # a partition, and its end
    network.default.set(delay=0.020)                   # for the links of which nothing else was said

Rules the links live by:
- A connection is a stream, as over TCP: bytes arrive in order and none is missing. What is lost is sent again after
  ``retry`` seconds, and what comes after it waits for it.
- While a link is cut nothing arrives over it, the end of a connection included; when it heals, everything that was
  under way does. Connections last as long as their ends wish. A dial over a link that is cut, either way, fails.
- What was sent keeps the delay that it was sent with; a cut holds back what is under way too.
- Time is trio's, so that a mock clock moves it; chances come from ``network.random``, which is seeded.
"""

from __future__ import annotations

import errno
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final, Protocol

import trio
from libp2p.abc import IListener, IRawConnection, ITransport
from libp2p.custom_types import THandler
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.transport.exceptions import OpenConnectionError
from multiaddr import Multiaddr

from p2plab.chance import stream_of
from p2plab.errors import ValidationError
from p2plab.identity.address import Address, parse_address
from p2plab.real.transports.ends import Ends, Refused
from p2plab.typing import Chance

__all__ = ["Boxes", "MemoryLink", "MemoryNetwork", "MemoryTransport", "NoRoute", "Passage", "memory_number"]

MAX_LATENCY: Final = 1e6  # seconds that a link may take
MAX_LOSS: Final = 0.999  # chance of a loss: with more, nothing would arrive in a lab's life
RETRY: Final = 0.2  # seconds after which what was lost is sent again, as TCP's shortest timeout
ROOM: Final = 1024 * 1024  # bytes under way on one connection in one direction, before its writer has to wait


class NoRoute(Exception):
    """What is sent to an address cannot even leave."""


class Passage(Protocol):
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


class Boxes(Protocol):
    """The NATs of a lab."""

    def passage(self, dialler: str, address: Address) -> Passage | None:
        """The way from a peer to an address; None where nothing comes back. NoRoute, OSError."""


class MemoryNetwork:
    """The links and listeners of one lab."""

    def __init__(self) -> None:
        self.random = stream_of(0, "memory")
        self.default = MemoryLink()
        self.boxes: Boxes | None = None
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


class MemoryLink:
    """One way between two peers. ``changed`` is set, and replaced, whenever something of it is."""

    def __init__(self, default: MemoryLink | None = None) -> None:
        self._default = default
        self._own: dict[str, float] = {}
        if default is None:
            self._own.update(delay=0.0, loss=0.0, retry=RETRY, cut=False)
        self._changed = trio.Event()

    @property
    def delay(self) -> float:
        """Seconds that everything takes."""
        return self._get("delay")

    @property
    def loss(self) -> float:
        """The chance that something is lost, and sent again."""
        return self._get("loss")

    @property
    def retry(self) -> float:
        """Seconds until what was lost is sent again."""
        return self._get("retry")

    @property
    def cut(self) -> bool:
        """Whether nothing arrives."""
        return bool(self._get("cut"))

    def set(
        self,
        *,
        delay: float | None = None,
        loss: float | None = None,
        retry: float | None = None,
        cut: bool | None = None,
    ) -> None:
        """Change some of it. ValidationError, which changes nothing."""
        for name, value, most in (
            ("delay", delay, MAX_LATENCY),
            ("retry", retry, MAX_LATENCY),
            ("loss", loss, MAX_LOSS),
        ):
            if value is not None and not (isinstance(value, (int, float)) and 0 <= value <= most):
                raise ValidationError(f"{name}={value!r}: a memory link's is a number from 0 to {most:g}")
        wanted = {"delay": delay, "loss": loss, "retry": retry, "cut": cut}
        self._own.update({name: value for name, value in wanted.items() if value is not None})
        self._stir()

    def reset(self) -> None:
        """As the network's default again."""
        if self._default is not None:
            self._own.clear()
            self._stir()

    def took(self, chances: Chance) -> float:
        """Seconds that the next thing sent will take."""
        lost = 0
        while self.loss and chances.random() < self.loss:
            lost += 1
        return self.delay + lost * self.retry

    async def change(self) -> None:
        """Wait until it, or the default that it follows, is another."""
        async with trio.open_nursery() as nursery:
            for link in (self, self._default):
                if link is not None:
                    nursery.start_soon(_first, link._changed, nursery.cancel_scope)

    def _get(self, name: str) -> float:
        if name in self._own or self._default is None:
            return self._own[name]
        return self._default._get(name)

    def _stir(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


async def _first(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


@dataclass
class _Pipe:
    """One direction of one connection. ``waiting`` are (when it arrives, bytes); ``b""`` is the end."""

    link: MemoryLink
    chances: Chance
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    size: int = 0
    last: float = -math.inf
    ended: bool = False  # nothing more is sent
    dropped: bool = False  # nothing more is read
    changed: trio.Event = field(default_factory=trio.Event)

    def send(self, data: bytes) -> None:
        """Put it under way."""
        self.last = max(self.last, trio.current_time() + self.link.took(self.chances))
        self.waiting.append((self.last, data))
        self.size += len(data)
        self.stir()

    def stir(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    async def room(self) -> None:
        """Wait until something can be sent."""
        while self.size >= ROOM and not self.dropped and not self.ended:
            await self.changed.wait()

    async def receive(self, limit: int | None) -> bytes:
        """What has arrived; ``b""`` at the end."""
        while not self.dropped:
            if self.waiting and self.link.cut:
                await self._either(math.inf)
            elif self.waiting and self.waiting[0][0] > trio.current_time():
                await self._either(self.waiting[0][0])
            elif self.waiting:
                return self._take(limit)
            else:
                await self.changed.wait()
        return b""

    async def _either(self, deadline: float) -> None:
        """Wait for a moment, a change here, or a change of the link."""
        with trio.CancelScope(deadline=deadline) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_first, self.changed, scope)
                await self.link.change()
                scope.cancel()

    def _take(self, limit: int | None) -> bytes:
        due, data = self.waiting[0]
        if not data:
            return b""  # it stays at the end
        taken, rest = (data, b"") if limit is None else (data[:limit], data[limit:])
        if rest:
            self.waiting[0] = (due, rest)
        else:
            self.waiting.popleft()
        self.size -= len(taken)
        self.stir()
        return taken


class MemoryStream(ReadWriteCloser):
    """One end of a connection."""

    def __init__(self, ends: Ends, incoming: _Pipe, outgoing: _Pipe, passes: Callable[[], bool] | None = None) -> None:
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
        passage: Passage | None = None
        number = _number(maddr)
        if network.boxes is not None:
            passage = network.boxes.passage(self._peer_id, parse_address(str(maddr)))
            if passage is None:
                await trio.sleep_forever()  # nothing comes back: whoever dials gives up
            assert passage is not None
            number = passage.number
        listener = network.listeners.get(number)
        if listener is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at /memory/{number}")
        there, back = network.link(self._peer_id, listener.peer_id), network.link(listener.peer_id, self._peer_id)
        if there.cut or back.cut:
            raise OSError(errno.EHOSTUNREACH, "the link between the two is cut")
        await trio.sleep(there.took(network.random) + back.took(network.random))  # the round trip that it takes
        if network.listeners.get(number) is not listener:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at /memory/{number} any more")
        out, back_again = _Pipe(there, network.random), _Pipe(back, network.random)
        own = f"/memory/{network.free_number()}"
        if passage is None:
            here, far = Ends("memory", own, f"/memory/{number}"), Ends("memory", f"/memory/{number}", own)
            near, other = MemoryStream(here, back_again, out), MemoryStream(far, out, back_again)
        else:
            here = Ends("memory", passage.dialler, passage.dialled, known_by=(own, f"{own} listener"))
            far = Ends("memory", passage.listener, passage.seen, known_by=(f"{own} listener", own))
            near = MemoryStream(here, back_again, out, partial(passage.passes, True))
            other = MemoryStream(far, out, back_again, partial(passage.passes, False))
            passage.begin(near)
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
