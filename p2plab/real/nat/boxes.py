"""NATs in front of real nodes that meet in memory: which node stands behind which box, and what the boxes let through.

The boxes are the simulated network's own (``p2plab.network.nat``). A node's endpoint is its IP address in the simulated
network and the number that it listens at; it dials from there, too, as libp2p reuses its port. Memory follows TCP.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from p2plab.errors import NotInThisWorldError
from p2plab.host.nat.boxes import NatVerbs
from p2plab.identity.address import Address
from p2plab.network.nat import Arrived, Box, Dropped, Endpoint, Realms, Transport
from p2plab.real.transports.memory import MemoryStream, NoRoute, memory_number

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis
    from p2plab.real.nat.punching import Punch
    from p2plab.real.protocols import NodeWorld

__all__ = ["MemoryBoxes", "RealNatVerbs", "dialled_peer"]

GIVEN_UP: Final = 5.0  # seconds after which both ends give up a connection that a box no longer lets through
FIRST_FRESH: Final = 1_000_000  # numbers that nobody listens at, to dial back from

dialled_peer: ContextVar[str] = ContextVar("whom this task dials", default="")
_from: ContextVar[Endpoint | None] = ContextVar("where this task dials from, if not from its node's own", default=None)


class Places:
    """IP addresses, each given once."""

    def __init__(self) -> None:
        self._public = self._shared = 0

    def fresh_ip(self) -> str:
        """A public one."""
        self._public += 1
        return f"{20 + self._public // 62_500}.{self._public // 250 % 250}.{self._public % 250}.1"

    box_ip = fresh_ip

    def shared_ip(self) -> str:
        """One of a carrier's own network (RFC 6598)."""
        self._shared += 1
        return f"100.64.{self._shared // 250}.{self._shared % 250 + 1}"

    def private_ip(self, box: int, place: int) -> str:
        """That of the ``place``-th node behind the ``box``-th box (RFC 1918)."""
        net = f"192.168.{box}" if box < 250 else f"10.{box // 250}.{box % 250}"
        return f"{net}.{place + 2}"


class MemoryBoxes:
    """One a lab. Implements ``BoxedNodes`` and what the memory transport asks of boxes."""

    wire: Transport = "tcp"

    def __init__(self, world: NodeWorld) -> None:
        self.world = world
        self.realms = Realms()
        self.places = Places()
        self.punches: dict[tuple[int, int], Punch] = {}
        self._count = 0
        self._second_ip: dict[int, str] = {}  # by node: the address that it dials back from
        self._fresh = FIRST_FRESH
        for host in world.real_hosts():
            if host.in_memory:
                self.settle(host)

    # -- where nodes are

    def settle(self, host: RealBasis) -> None:
        """A node has a place in this network from now on, in the open."""
        if host.ip is None:
            host.ip = self.places.fresh_ip()
            self.realms.place(host.ip, None)

    def move(self, host: RealBasis, ip: str) -> None:
        """A node gets another IP address, and keeps its number."""
        host.ip = ip

    def next_box(self) -> int:
        """A number for a box."""
        self._count += 1
        return self._count

    def endpoint(self, host: RealBasis) -> Endpoint:
        """Where a node listens, and sends from."""
        return Endpoint(host.ip or "", int(host.listen[0].rpartition("/")[2]))

    def box_of(self, host: RealBasis) -> Box | None:
        """The innermost box that a node stands behind."""
        return self.realms.realm_of(host.ip or "")

    def put_behind(self, host: RealBasis, box: Box) -> None:
        """A node stands behind a box, at the address it has by now."""
        self.realms.place(host.ip or "", box)

    def is_behind(self, host: RealBasis) -> bool:
        """Whether a node stands behind any box."""
        return self.box_of(host) is not None

    def passes(self, a: RealBasis, b: RealBasis) -> bool:
        """Whether what the two send each other meets a box at all."""
        return self.box_of(a) is not self.box_of(b)

    def wires(self, host: RealBasis) -> Sequence[Transport]:
        """Memory follows TCP."""
        return (self.wire,)

    def address_of(self, endpoint: Endpoint, wire: Transport = "tcp") -> str:
        """An endpoint as a multiaddr."""
        return f"/ip4/{endpoint.ip}/memory/{endpoint.port}"

    def at(self, endpoint: Endpoint) -> RealBasis | None:
        """Who is there, running or not."""
        return next((host for host in self.world.real_hosts() if host.ip and self.endpoint(host) == endpoint), None)

    def endpoint_at(self, address: Address) -> Endpoint:
        """What an address in memory means; one without an IP address means whoever has that number."""
        number = memory_number(address)
        if address.ip is not None:
            return Endpoint(address.ip, number)
        hosts = [host for host in self.world.real_hosts() if host.ip is not None]
        return next((at for at in map(self.endpoint, hosts) if at.port == number), Endpoint("", number))

    # -- packets

    def note(self, sender: RealBasis, peer: RealBasis | None, dropped: Dropped, to: Endpoint) -> int:
        """A box dropped a packet; returns the event."""
        data = {"box": dropped.box, "rule": dropped.rule, "address": str(to)}
        there = -1 if peer is None else peer.index
        return self.world.events.record("nat.dropped", sender.index, there, reason=dropped.reason, data=data)

    @contextmanager
    def from_elsewhere(self, host: RealBasis) -> Iterator[None]:
        """Around a dial from an endpoint that the node does not listen at, at another IP address than it is known by
        (autonat-v1.md allows both): from its own, a box with address-dependent filtering would let the dial in."""
        ip = self._second_ip.get(host.index)
        if ip is None:
            ip = self._second_ip[host.index] = self.places.fresh_ip()
            self.realms.place(ip, self.box_of(host))
        self._fresh += 1
        token = _from.set(Endpoint(ip, self._fresh))
        try:
            yield
        finally:
            _from.reset(token)

    def path(self, dialler: str, address: Address) -> BoxPath | None:
        """As ``p2plab.real.transports.memory.NatModel``."""
        host, to, now = self.world.find(dialler), self.endpoint_at(address), self.world.runtime.ticks()
        assert host is not None
        source = _from.get() or self.endpoint(host)
        meant = self.at(to)
        left = self.realms.leave(self.wire, source, to, now)
        if isinstance(left, Dropped):
            self.note(host, meant, left, to)
            raise NoRoute(left.rule)
        there = self.realms.enter(self.wire, left, now)
        if isinstance(there, Dropped):
            self._unanswered(host, self.note(host, meant, there, to))
            return None
        listener = self.at(there.at)
        if listener is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at {address}")
        back = self.realms.send(self.wire, there.at, there.source, now)
        if isinstance(back, Arrived) and (back.at != source or back.source != to):
            rule = f"the answer comes from {back.source}, and {to} was asked"
            box = self.box_of(listener)
            back = Dropped("" if box is None else box.name, rule, "filtered")
        if isinstance(back, Dropped):
            self._unanswered(host, self.note(listener, host, back, there.source))
            return None
        return BoxPath(self, (host, listener), (source, to), (there.at, there.source))

    def _unanswered(self, host: RealBasis, event: int) -> None:
        host.unanswered[dialled_peer.get()] = event


class BoxPath:
    """One connection's. Implements ``p2plab.real.transports.memory.NatPath``."""

    def __init__(
        self,
        boxes: MemoryBoxes,
        hosts: tuple[RealBasis, RealBasis],
        there: tuple[Endpoint, Endpoint],
        back: tuple[Endpoint, Endpoint],
    ) -> None:
        """``hosts``: dialler and listener. ``there``: where the dialler sends from, and to; ``back``: the same of the
        listener."""
        self.number = back[0].port
        self.dialler, self.dialled = map(boxes.address_of, there)
        self.listener, self.seen = map(boxes.address_of, back)
        self._boxes = boxes
        self._hosts = hosts
        self._there = there
        self._back = back
        self._stream: MemoryStream | None = None
        self._lost = False

    def begin(self, stream: MemoryStream) -> None:
        """As ``NatPath``."""
        self._stream = stream

    def passes(self, from_dialler: bool) -> bool:
        """As ``NatPath``: every write is judged when it is sent, and keeps mappings alive."""
        boxes = self._boxes
        source, to = self._there if from_dialler else self._back
        passed = boxes.realms.send(boxes.wire, source, to, boxes.world.runtime.ticks())
        if isinstance(passed, Arrived):
            return True
        if not self._lost and self._stream is not None:
            self._lost = True
            sender, receiver = self._hosts if from_dialler else self._hosts[::-1]
            boxes.note(sender, receiver, passed, to)
            boxes.world.runtime.timer(GIVEN_UP, self._stream.lose)
        return False


class RealNatVerbs(NatVerbs):
    """Boxes in front of real nodes in memory."""

    _world: NodeWorld

    def _boxes(self) -> MemoryBoxes:
        self._world.look_after_reachability()
        return self._world.with_boxes()

    @property
    def _places(self) -> Places:
        return self._world.with_boxes().places

    def _move(self, host: RealBasis, ip: str) -> None:
        self._world.with_boxes().move(host, ip)

    def _check(self, host: RealBasis) -> None:
        if not host.in_memory:
            raise NotInThisWorldError(
                f"{host.name} is on the loopback, where no NAT can be put in front of it; start nodes with "
                'transports=["memory"], or take a mock lab'
            )
