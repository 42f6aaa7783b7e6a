"""The types that cross rooms: what a user is shown, and what a shell around a protocol core needs from its world.

``Runtime`` is time, timers, tasks and random numbers; ``LabCalls`` are the ways into a lab. Both are every world's, and
this module knows nothing of the cores. ``Host`` and ``World``, which do, are in ``p2plab.worlds``; here they have their
names, and no type checker sees them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableSequence, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar

from p2plab.constants import ROLE_PREFIX
from p2plab.errors.frames import UnknownVerbError

__all__ = [
    "Chance",
    "Connection",
    "Direction",
    "HomeNode",
    "Host",  # noqa: F822  by __getattr__
    "LabCalls",
    "LabHome",
    "OpenWorld",  # noqa: F822  by __getattr__
    "Outsider",
    "PeerId",
    "PeerInfo",
    "Runtime",
    "SimulatedWorld",  # noqa: F822  by __getattr__
    "Timer",
    "Waiter",
    "World",  # noqa: F822  by __getattr__
]

RELAY_ID = "/libp2p/circuit/relay/0.2.0/hop"  # relay/circuit-v2.md: who answers it is a relay

T = TypeVar("T")
P = ParamSpec("P")
Direction = Literal["outbound", "inbound"]


class PeerId(str):
    """A peer id as text (base58btc), which also knows the name its peer has in this lab, if any.

    It is a plain ``str`` in every comparison and format; only ``repr`` puts the name first and shortens the id.
    """

    __slots__ = ("name",)
    name: str | None

    def __new__(cls, text: str, name: str | None = None) -> PeerId:
        self = super().__new__(cls, text)
        self.name = name
        return self

    def __getnewargs__(self) -> tuple[str, str | None]:  # type: ignore[override]  # str's own gives one item
        return (str.__str__(self), self.name)

    @property
    def short(self) -> str:
        """The id's last six characters behind an ellipsis (all Ed25519 ids begin alike)."""
        return "…" + self[-6:]

    def __repr__(self) -> str:
        return f"{self.name} ({self.short})" if self.name else self.short


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """What is known of a peer: its ``name`` in the lab and its ``peer_id``; from identify (identify/README.md) its
    ``addresses``, multiaddrs ending in ``/p2p/...``, the ``protocols`` it answers, its ``agent_version`` and
    ``protocol_version``, and ``observed_address``, where it sees the asking node (None: it did not say).

    ``found_by``: the ways by which discovery found it, such as ``rendezvous``; none where it was not discovery.
    """

    name: str
    peer_id: PeerId
    addresses: list[str] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    agent_version: str = ""
    protocol_version: str = ""
    observed_address: str | None = None
    found_by: tuple[str, ...] = field(default=(), compare=False)

    @property
    def roles(self) -> list[str]:
        """What it is there for, as its protocols tell it: ``["pinner"]``."""
        told = [protocol.removeprefix(ROLE_PREFIX) for protocol in self.protocols if protocol.startswith(ROLE_PREFIX)]
        return (["relay"] if RELAY_ID in self.protocols else []) + told

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            hint = "" if name.startswith("_") else f"; a PeerInfo only tells of a peer: the node is lab[{self.name!r}]"
            raise UnknownVerbError(f"'PeerInfo' object has no attribute {name!r}{hint}")

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<PeerInfo {self.peer_id!r}>"


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection as one of its two ends sees it.

    ``local`` is this end and ``peer`` the other; ``direction`` is ``outbound`` at the end that dialled. ``transport``
    (such as ``tcp`` or ``quic-v1``), ``security`` and ``muxer`` are what the two agreed on, ``local_address`` and
    ``remote_address`` multiaddrs. ``relayed``: whether it goes over a relay, ``limited``: whether that relay limits its
    time or its bytes (relay/circuit-v2.md). ``opened_at`` is lab time in seconds; ``id`` is the lab's."""

    id: int
    local: PeerId
    peer: PeerId
    direction: Direction
    transport: str
    security: str
    muxer: str
    local_address: str
    remote_address: str
    opened_at: float
    relayed: bool = False
    limited: bool = False

    def __repr__(self) -> str:
        arrow = "→" if self.direction == "outbound" else "←"
        stack = "+".join(part for part in (self.transport, self.security, self.muxer) if part)
        return f"<Connection {self.local.name or self.local.short} {arrow} {self.peer!r} {stack}>"


@dataclass(frozen=True, slots=True)
class HomeNode:
    """A node that a lab's home knows: it comes back under this ``name``, with the same
    ``peer_id``, and listens at ``listen``. ``known_peers``: how many its address book has."""

    name: str
    peer_id: PeerId
    listen: list[str]
    known_peers: int


@dataclass(frozen=True, slots=True)
class LabHome:
    """What is in a lab's home, the directory at ``path``: its ``nodes``."""

    path: str
    nodes: list[HomeNode]

    def __str__(self) -> str:
        known = ", ".join(f"{node.name} at {' '.join(node.listen)}" for node in self.nodes)
        return f"{self.path}: {known or 'no node yet'}"


class Timer(Protocol):
    """A call that will be made later."""

    def cancel(self) -> None:
        """Make it not happen; harmless once it has."""


class Waiter(Protocol):
    """A one-shot signal: any number wait for it, one party sets it; setting it again changes nothing."""

    def set(self) -> None:
        """Let all that wait for it go on."""

    async def wait(self) -> None:
        """Wait until it is set; returns at once where it is."""


class Chance(Protocol):
    """A source of random numbers for a core: a stream of a lab's (``chance.py``) or, in tests, ``random.Random``."""

    def random(self) -> float:
        """A float from 0 up to, but not, 1."""

    def getrandbits(self, k: int, /) -> int:
        """A whole number of ``k`` random bits."""

    def randbytes(self, n: int, /) -> bytes:
        """``n`` random bytes."""

    def randrange(self, start: int, stop: int | None = None, /) -> int:
        """A whole number from ``start`` up to, but not, ``stop``; from 0 up to ``start`` where that is left out."""

    def choice(self, seq: Sequence[T], /) -> T:
        """One of a sequence's items."""

    def shuffle(self, x: MutableSequence[Any], /) -> None:
        """Put a list into a random order, in place."""

    def sample(self, population: Sequence[T], k: int, /) -> list[T]:
        """``k`` different items of a sequence, in random order."""


class Moment(Protocol):
    """A world's clock, read without a call: for what is done for every frame."""

    now: int  # ticks


class Runtime(Protocol):
    """What a shell around a protocol core needs from its world. All times are seconds of lab time (float)."""

    def now(self) -> float:
        """Seconds since the lab began."""

    def ticks(self) -> int:
        """The same as a whole number of ticks of 100 µs: what protocol cores are given as the time."""

    def timer(self, delay: float, action: Callable[[], None]) -> Timer:
        """Call ``action`` inside the lab, ``delay`` seconds from now."""

    def waiter(self) -> Waiter:
        """A new signal to wait for."""

    def spawn(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        """Run a coroutine beside the others; what it raises becomes an ``error`` event that names ``what``."""

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of lab time."""

    async def within(self, seconds: float | None, action: Callable[[], Awaitable[T]]) -> T:
        """Await ``action()``; after ``seconds`` it is cancelled and TimeoutError raised (None: no limit)."""

    def random(self, purpose: str) -> Chance:
        """The stream of random numbers of this purpose, derived from the lab's seed."""


class LabCalls(Protocol):
    """The ways into a lab.

    ``run`` blocks the calling thread until a coroutine verb has finished, ``arun`` awaits it, ``call`` makes a call
    that takes no lab time; each from any thread. ``run`` inside the lab raises InsideLabError; ``arun`` and ``call``
    work there. ``verb`` is a bound method of the world, a host, a stream or a queue, so that a command log can name it.
    """

    def run(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Block the calling thread until the coroutine verb has finished; what it returned. Raises InsideLabError."""

    async def arun(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await the coroutine verb; what it returned."""

    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call that takes no lab time, as a command; what it returned."""

    def read(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same as ``call`` for what only reads; the mock's command log leaves it out."""


class Outsider(Protocol):
    """A node outside the lab that was attached to it."""

    @property
    def name(self) -> str:
        """What the lab calls it."""

    @property
    def peer_id(self) -> PeerId:
        """Its peer id."""

    @property
    def addresses(self) -> list[str]:
        """Those it was attached by."""

    @property
    def running(self) -> bool:
        """Whether it answered when the lab last dialled it."""

    @property
    def info(self) -> PeerInfo:
        """What it says of itself."""


if not TYPE_CHECKING:
    _ABOVE = ("Host", "OpenWorld", "SimulatedWorld", "World")

    def __getattr__(name: str) -> Any:
        if name not in _ABOVE:
            raise AttributeError(f"module 'p2plab.typing' has no attribute {name!r}")
        return getattr(import_module("p2plab.worlds"), name)
