"""``node.discovery``, in every world: namespaces advertised and asked for in all the ways that the node has.

Rules:
- ``advertise`` without a TTL is renewed when seven eighths of what was granted have passed, as go-libp2p's is, and
  again after two minutes where that failed; with a TTL it is said once, and ends by itself.
- The ways are asked side by side. One that fails is an event and harms the others nothing; an error is raised where
  all of them failed.
- That a peer was found by a way is an event once, and what follows from it names that event as its cause.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from p2plab.discovery.found import Advertisement, Findings, Found
from p2plab.discovery.settings import DEFAULT
from p2plab.errors import ClosedError, DiscoveryError, LabError, ValidationError
from p2plab.host.discovery.bootstrap import BootstrapWay
from p2plab.host.discovery.dht import DhtWay
from p2plab.host.discovery.exchange import PeerExchangeWay
from p2plab.host.discovery.http import HttpWay
from p2plab.host.discovery.mdns import MdnsWay
from p2plab.host.discovery.rendezvous import RendezvousWay
from p2plab.host.discovery.topics import PubsubWay
from p2plab.host.discovery.walk import RandomWalkWay
from p2plab.host.discovery.way import HostWay
from p2plab.host.names import peer_id_of
from p2plab.host.service import HostService
from p2plab.typing import PeerInfo, Timer

if TYPE_CHECKING:
    from p2plab.host.host import Host
    from p2plab.host.roles import RolesService

__all__ = ["DiscoveryService"]

MAKERS: Final[dict[str, type[HostWay]]] = {
    way.name: way
    for way in (RendezvousWay, DhtWay, HttpWay, BootstrapWay, MdnsWay, RandomWalkWay, PeerExchangeWay, PubsubWay)
}
LISTS: Final = ("bootstrap", "mdns")  # the ways without namespaces that know peers without asking anybody
RETRY: Final = 120.0  # seconds; go-libp2p's discoveryAdvertiseRetryInterval
ADDRESSES: Final = 8  # of a peer, in its event


class DiscoveryService(HostService):
    """``ways``: those of this node, by name; ``findings``: by which of them each peer was found."""

    kind: ClassVar[str] = "discovery"

    def __init__(self, host: Host[Any]) -> None:
        super().__init__(host)
        names = host.discovery_settings.ways
        self.findings = Findings()
        self.ways: dict[str, HostWay] = {name: MAKERS[name](self) for name in (DEFAULT if names is None else names)}
        self._point: RendezvousWay | None = None  # what it serves because of its role, where it does not ask that way
        self._kept: dict[str, Timer | None] = {}  # namespaces that are renewed, and the call that will do it

    def begin(self) -> None:
        for way in self.ways.values():
            way.begin()

    @property
    def point(self) -> RendezvousWay:
        """What serves rendezvous here, if anything does: its own way of that name, or one that is never asked."""
        way = self.ways.get("rendezvous") or self._point
        if way is None:
            way = self._point = RendezvousWay(self)
        assert isinstance(way, RendezvousWay)
        return way

    def went_down(self) -> None:
        for namespace, timer in self._kept.items():
            if timer is not None:
                timer.cancel()
            self._kept[namespace] = None
        for way in self._all_ways():
            way.went_down()

    def came_back(self, kept: bool) -> None:
        if not kept:
            self._kept.clear()
            self.findings.clear()
        for way in self._all_ways() if self._is_used else () if self._point is None else (self._point,):
            way.came_back(kept)
        for namespace in self._kept:
            self._renew(namespace)

    def _all_ways(self) -> list[HostWay]:
        return [*self.ways.values(), *(() if self._point is None else (self._point,))]

    @property
    def roles(self) -> RolesService:
        """What is known of its peers' roles."""
        from p2plab.host.roles import RolesService

        return RolesService.of(self.host)

    def index_of(self, peer: str) -> int:
        """What stands for a peer in the log; -1 for a stranger, who gets none for being named by somebody."""
        known: Any = self.host.world.find(peer) or self.host.world.outsider(peer)
        return -1 if known is None else self.host.world.index_of(known.peer_id)

    def failed(self, way: str, namespace: str | None, error: Exception, what: str) -> int:
        """Put into the log that a way did not work."""
        data = {"what": what, "namespace": namespace, "text": str(error)[:500]}
        return self.host.record("discovery.failed", reason=f"by {way}", data=data)

    def note(self, found: Found, way: str, namespace: str | None) -> int | None:
        """A way has given a peer: its addresses are kept, and how it was found. Returns the event that said so first;
        None for this node itself."""
        host, peer = self.host, found.peer_id
        if peer == host.peer_id:
            return None
        if found.addresses:
            host.book.add(peer, found.addresses, by=way)
        if self.findings.add(peer, way):
            data: dict[str, Any] = {"namespace": namespace, "addresses": list(found.addresses[:ADDRESSES])}
            index = self.index_of(peer)
            if index < 0:
                data["peer_id"] = str(peer)
            self.findings.recorded(peer, way, host.record("discovery.found", index, reason=f"by {way}", data=data))
        return self.findings.event(peer, way)

    def hear(self, data: bytes) -> None:
        """A packet has come over the segment."""
        way = self.ways.get("mdns")
        if self._is_used and isinstance(way, MdnsWay):
            way.hear(data)

    def heard_of(self, found: Found) -> None:
        """The world's own mDNS has found a peer."""
        way = self.ways.get("mdns")
        if self._is_used and isinstance(way, MdnsWay):
            way.found(found)

    def topics_changed(self) -> None:
        """The node has joined or left a topic."""
        way = self.ways.get("pubsub")
        if self._is_used and isinstance(way, PubsubWay):
            way.topics_changed()

    # -- verbs

    async def advertise(self, namespace: str, ttl: float | None = None) -> Advertisement:
        await self.host.awake()
        self.use()
        ways = self.advertising or self._none("advertise", "namespaces")
        granted, errors = await self._tell(ways, namespace, ttl)
        if not granted:
            raise self._nothing("advertise", namespace, errors)
        before = self._kept.pop(namespace, None)
        if before is not None:
            before.cancel()
        if ttl is None:
            self._renew_in(namespace, granted, errors)
        failures = {name: str(error) for name, error in errors.items()}
        return Advertisement(namespace, min(granted.values()), ttl is None, tuple(granted), failures)

    async def keep_advertised(self, namespace: str) -> None:
        """Advertise a namespace until it is withdrawn, from when a way takes it on."""
        self._kept.setdefault(namespace, None)
        await self._advertise_again(namespace)

    @property
    def advertising(self) -> list[HostWay]:
        """The ways that can say that the node is in a namespace."""
        return [way for way in self.ways.values() if way.advertises]

    async def withdraw(self, namespace: str) -> bool:
        await self.host.awake()
        self.use()
        timer = self._kept.pop(namespace, None)
        if timer is not None:
            timer.cancel()
        errors: dict[str, Exception] = {}
        for way in self.advertising:
            try:
                await way.withdraw(namespace)
            except (LabError, TimeoutError) as error:
                errors[way.name] = error
                self.failed(way.name, namespace, error, "withdraw")
        self.host.record("discovery.withdrawn", data={"namespace": namespace})
        return not errors

    async def find(
        self, namespace: str | None = None, limit: int = 100, timeout: float | None = None
    ) -> list[PeerInfo]:
        await self.host.awake()
        self.use()
        found = await self.look_for(namespace, limit, timeout)
        return [self.info(one) for one in found]

    async def look_for(self, namespace: str | None, limit: int, timeout: float | None) -> list[Found]:
        """Ask every way that can be asked; each peer once. DiscoveryError where all of them failed."""
        ways = [way for way in self.ways.values() if (way.general if namespace is None else way.namespaced)]
        if not ways:
            self._none("find", "peers without a namespace" if namespace is None else "namespaces")
        return await self._ask(ways, namespace, limit, timeout)

    async def candidates(self, namespace: str, limit: int, timeout: float) -> list[tuple[Found, int]]:
        """Whom to dial for a topic: who is in its namespace, and whom ways without namespaces know already; each with
        the event by which it was found."""
        searched = [way for way in self.ways.values() if way.namespaced and way.name != PubsubWay.name]
        ways = [way for way in searched if way.can_search] + [self.ways[name] for name in LISTS if name in self.ways]
        found = await self._ask(ways, namespace, limit, timeout)
        return [(one, self.findings.event(one.peer_id) or -1) for one in found]

    async def meet(self, found: Found) -> None:
        """Dial a peer that was found; what comes of it is on record."""
        try:
            await self.host.connect(found.peer_id)
        except (LabError, TimeoutError):
            return  # connection.failed

    async def _ask(
        self, ways: Sequence[HostWay], namespace: str | None, limit: int, timeout: float | None
    ) -> list[Found]:
        found: dict[str, Found] = {}
        errors: dict[str, Exception] = {}

        async def ask(way: HostWay) -> None:
            self.host.record("discovery.asked", reason=f"by {way.name}", data={"namespace": namespace, "limit": limit})
            try:
                given = await way.find(namespace, limit)
            except (LabError, TimeoutError) as error:
                errors[way.name] = error
                self.failed(way.name, namespace, error, "find")
                return
            data = {"namespace": namespace, "peers": len(given)}
            with self.host.world.events.because(
                self.host.record("discovery.answered", reason=f"by {way.name}", data=data)
            ):
                for one in given:
                    if self.note(one, way.name, namespace) is not None:
                        found.setdefault(one.peer_id, one)

        await self.side_by_side([partial(ask, way) for way in ways], timeout)
        if not found and len(errors) == len(ways):
            raise self._nothing("find anybody in" if namespace is not None else "find", namespace, errors)
        return list(found.values())[:limit]

    def info(self, found: Found) -> PeerInfo:
        """A peer that was found, as a user sees it."""
        host, index = self.host, self.index_of(found.peer_id)
        peer = found.peer_id if index < 0 else host.world.peer_id_at(index)
        return host.info_of(peer, host.said(index) if index in host.connected else None)

    def found_by(self, peer: str) -> tuple[str, ...]:
        """The ways by which it has found a peer. Raises UnknownNodeError, PeerIdError."""
        return self.findings.of(peer_id_of(self.host, peer))

    # -- how

    def _none(self, verb: str, what: str) -> NoReturn:
        have = ", ".join(self.ways) or "none"
        raise ValidationError(
            f"{self.host.name} cannot {verb}: none of its ways knows {what} (it has {have}); take "
            "Lab(discovery=['rendezvous']) or ['dht']"
        )

    def _nothing(self, verb: str, namespace: str | None, errors: dict[str, Exception]) -> DiscoveryError:
        failures = {name: str(error) for name, error in errors.items()}
        code = next((error.code for error in errors.values() if isinstance(error, DiscoveryError) and error.code), None)
        what = "" if namespace is None else f" {namespace!r}"
        told = "; ".join(f"{name}: {text}" for name, text in failures.items()) or "no way answered in time"
        made = DiscoveryError(f"{self.host.name} could not {verb}{what}: {told}", code, failures)
        made.event = next((error.event for error in errors.values() if isinstance(error, LabError)), None)
        return made

    async def _tell(
        self, ways: Sequence[HostWay], namespace: str, ttl: float | None
    ) -> tuple[dict[str, float], dict[str, Exception]]:
        """Advertise in these ways: the seconds each has granted, and why others failed."""
        granted: dict[str, float] = {}
        errors: dict[str, Exception] = {}

        async def tell(way: HostWay) -> None:
            try:
                seconds = granted[way.name] = await way.advertise(namespace, ttl)
            except (LabError, TimeoutError) as error:
                errors[way.name] = error
                self.failed(way.name, namespace, error, "advertise")
            else:
                data = {"namespace": namespace, "ttl": seconds}
                self.host.record("discovery.advertised", reason=f"by {way.name}", data=data)

        await self.side_by_side([partial(tell, way) for way in ways], None)
        return granted, errors

    async def side_by_side(self, calls: Sequence[Callable[[], Awaitable[None]]], timeout: float | None) -> None:
        """Make calls beside each other and wait for all, or for so many seconds; those that take longer go on."""
        runtime = self.host.world.runtime
        if len(calls) == 1 and timeout is None:
            await calls[0]()
            return
        done, left = runtime.waiter(), len(calls)

        async def one(call: Callable[[], Awaitable[None]]) -> None:
            nonlocal left
            try:
                await call()
            finally:
                left -= 1
                if not left:
                    done.set()

        for call in calls:
            self.host.spawn(partial(one, call), f"{self.host.name} looking for peers")
        try:
            await runtime.within(timeout, done.wait)
        except TimeoutError:
            return

    # -- renewal

    def _renew_in(self, namespace: str, granted: dict[str, float], errors: dict[str, Exception]) -> None:
        seconds = [7 / 8 * ttl for ttl in granted.values()] + ([RETRY] if errors or not granted else [])
        self._kept[namespace] = self.host.world.runtime.timer(min(seconds), partial(self._renew, namespace))

    def _renew(self, namespace: str) -> None:
        self._kept[namespace] = None
        with self.host.world.events.because(-1):  # time has passed
            self.host.spawn(
                partial(self._advertise_again, namespace), f"{self.host.name} advertising {namespace} again"
            )

    async def _advertise_again(self, namespace: str) -> None:
        try:
            granted, errors = await self._tell(self.advertising, namespace, None)
        except ClosedError:
            return
        if namespace in self._kept and self._kept[namespace] is None:
            self._renew_in(namespace, granted, errors)

    def __repr__(self) -> str:
        return f"<the discovery of {self.host.name}: {', '.join(self.ways) or 'no way'}>"
