"""Rendezvous, bound to a node: it registers and asks, and where it is a point, it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.discovery.found import Found
from p2plab.discovery.rendezvous.client import (
    Page,
    believed,
    discover,
    granted,
    register,
    registration,
    request,
    unregister,
)
from p2plab.discovery.rendezvous.messages import (
    MAX_REQUEST,
    RENDEZVOUS_ID,
    Discover,
    Discovered,
    Register,
    Registered,
    Unregister,
    decode_message,
    encode_message,
)
from p2plab.discovery.rendezvous.params import RendezvousParams
from p2plab.discovery.rendezvous.point import RendezvousPoint, RendezvousReply
from p2plab.errors import ConfigurationError, DiscoveryError, LabError, ProtocolViolation
from p2plab.host.discovery.way import HostWay
from p2plab.stream import NetStream, StreamError
from p2plab.text import plural
from p2plab.typing import PeerId, Timer

if TYPE_CHECKING:
    from p2plab.host.discovery.service import DiscoveryService
    from p2plab.host.host import Host

__all__ = ["RendezvousWay"]

PATIENCE: Final = 10.0  # seconds for a request to arrive, and for an answer
MOST_ON_A_STREAM: Final = 100  # requests; implementations send one on each
RUST: Final = "rust-libp2p/"  # how its agent version begins
MOST_IDLE_PAGES: Final = 8  # in a row that tell of nobody new: one peer may be in many namespaces, but a point may lie


class RendezvousWay(HostWay):
    """``point`` is what it serves; None where it serves nothing."""

    name: ClassVar[str] = "rendezvous"
    namespaced: ClassVar[bool] = True
    advertises: ClassVar[bool] = True
    general: ClassVar[bool] = True

    def __init__(self, service: DiscoveryService) -> None:
        super().__init__(service)
        self.params = self.host.discovery_settings.rendezvous or RendezvousParams()
        self.point: RendezvousPoint | None = None
        self._points: tuple[str, ...] | None = None
        self._timer: Timer | None = None
        self._records: dict[bool, tuple[tuple[str, ...], bytes]] = {}  # by form: what it is about, and the record
        self._takes_legacy: set[str] = set()  # points that take rust-libp2p's form alone

    # -- where the points are

    def points(self) -> tuple[str, ...]:
        """The points it registers with and asks: those it was given, else the lab's own. Raises ConfigurationError."""
        if self.params.points:
            return tuple(self.params.points)
        if self._points is None:
            hosts = list(self.host.world.hosts().values())
            asking = [host.name for host in hosts if host.discovery_settings.has(self.name)]
            self._points = tuple([host.name for host in hosts if _serves(host)] or asking[:1])
        if not self._points:
            raise ConfigurationError(
                f"{self.host.name} knows no rendezvous point: name one (rendezvous=[node or multiaddr]), or start a "
                "node with discovery=['rendezvous'] first"
            )
        return self._points

    def is_me(self, point: str) -> bool:
        """Whether a point is this node."""
        return point in (self.host.name, self.host.peer_id) or point.endswith(f"/p2p/{self.host.peer_id}")

    # -- serving

    def begin(self) -> None:
        serves = self.params.serve
        if serves if serves is not None else any(map(self.is_me, self.points())):
            self.serve()

    def serve(self) -> None:
        """Be a point from now on."""
        if self.point is not None:
            return
        host = self.host
        secret = hashlib.sha256(host.identity.sign(b"p2plab rendezvous cookies")).digest()
        self.point = RendezvousPoint(self.params, secret)
        store = host.registrations
        if store is not None:
            self.point.restore(*store.load(host.name), host.world.runtime.ticks())
        host.handle(RENDEZVOUS_ID, self._answer)
        self._arm()

    def stop_serving(self) -> None:
        """Be a point no longer; what was registered is forgotten."""
        if self.point is None:
            return
        self.went_down()
        self.point = None
        self.host.remove_handler(RENDEZVOUS_ID)
        if self.host.registrations is not None:
            self.host.registrations.clear(self.host.name)

    async def _answer(self, stream: NetStream) -> None:
        for _ in range(MOST_ON_A_STREAM):
            stream.set_deadline(PATIENCE)
            try:
                data = await stream.read_message(MAX_REQUEST)
            except StreamError as error:
                if error.kind not in ("deadline", "limit"):
                    raise
                await stream.reset()
                return
            if data is None:
                return
            message = decode_message(data)
            if not isinstance(message, (Register, Unregister, Discover)):
                raise ProtocolViolation(f"{stream.peer!r} sent a point {type(message).__name__}, which is an answer")
            answer = self.answer(stream.peer, message)
            if answer.message is not None:
                await stream.write_message(encode_message(answer.message))

    def answer(self, peer: PeerId, message: Register | Unregister | Discover) -> RendezvousReply:
        """What this point says to a request, on record."""
        host, point = self.host, self.point
        assert point is not None
        now = host.world.runtime.ticks()
        self._expire()
        answer = point.answer(peer, message, now, self._reads_only_legacy(peer))
        host.record(answer.kind, self.service.index_of(peer), answer.reason, answer.data)
        if host.registrations is not None and (answer.kept or answer.gone):
            host.registrations.change(host.name, answer.kept, [] if answer.gone is None else [answer.gone])
        self._arm()
        return answer

    def _reads_only_legacy(self, peer: PeerId) -> bool:
        """Whether a peer is rust-libp2p's, by what it says of itself."""
        index = self.host.world.index_of(peer)
        said = self.host.said(index) if index in self.host.connected else None
        return said is not None and (said.agent_version or "").startswith(RUST)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = None if self.point is None else self.point.due
        if due is not None and self.host.running:
            runtime = self.host.world.runtime
            self._timer = runtime.timer(max(1, due - runtime.ticks()) / TICKS_PER_SECOND, self._wake)

    def _wake(self) -> None:
        self._timer = None
        with self.host.world.events.because(-1):  # time has passed, and nothing else led to it
            self._expire()
        self._arm()

    def _expire(self) -> None:
        assert self.point is not None
        gone = self.point.expire(self.host.world.runtime.ticks())
        for one in gone:
            data = {"namespace": one.namespace.decode("utf-8", "replace")}
            self.host.record("rendezvous.removed", self.service.index_of(one.peer), "ttl over", data)
        if gone and self.host.registrations is not None:
            self.host.registrations.change(self.host.name, None, gone)

    def went_down(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def came_back(self, kept: bool) -> None:
        if self.point is None:
            return
        if not kept:
            self.point.forget()
            if self.host.registrations is not None:
                self.host.registrations.clear(self.host.name)
        self._expire()
        self._arm()

    # -- asking

    def record(self, legacy: bool = False) -> bytes:
        """Its addresses, signed, or signed as rust-libp2p does; made anew when they change."""
        from p2plab.identity.peer_record import sign_record

        host, bases = self.host, tuple(self.host.bases)
        kept = self._records.get(legacy)
        if kept is None or kept[0] != bases:
            signed = sign_record(host.identity, bases, host.world.wire_time(), legacy)
            kept = self._records[legacy] = bases, signed
        return kept[1]

    async def _stream(self, point: str) -> NetStream:
        stream = await self.host.open_stream(point, [RENDEZVOUS_ID])
        stream.set_deadline(PATIENCE)
        return stream

    async def advertise(self, namespace: str, ttl: float | None) -> float:
        granted_for: list[float] = []
        errors: list[Exception] = []
        for point in self.points():
            try:
                granted_for.append(await self._register(point, namespace, ttl))
            except (LabError, TimeoutError) as error:
                errors.append(error)
        if not granted_for:
            raise errors[0]
        return min(granted_for)

    async def _register(self, point: str, namespace: str, ttl: float | None) -> float:
        legacy = point in self._takes_legacy if self.params.legacy is None else self.params.legacy
        message = registration(namespace, self.record(legacy), ttl)
        if not self.is_me(point):
            try:
                return await register(await self._stream(point), message)
            except StreamError as error:
                # rust-libp2p resets the stream on which another form of record comes
                if legacy or self.params.legacy is not None or error.kind not in ("reset", "closed"):
                    raise
            message = registration(namespace, self.record(legacy=True), ttl)
            seconds = await register(await self._stream(point), message)
            self._takes_legacy.add(point)
            return seconds
        self.serve()
        answer = self.answer(self.host.peer_id, message).message
        assert isinstance(answer, Registered)
        return granted(answer, message)

    async def withdraw(self, namespace: str) -> None:
        for point in self.points():
            if self.is_me(point):
                self.serve()
                self.answer(self.host.peer_id, Unregister(namespace.encode()))
            else:
                await unregister(await self._stream(point), namespace)

    async def page(self, point: str, namespace: str | None, limit: int | None, cookie: bytes = b"") -> Page:
        """One answer of a point: what is registered there, or what is new since the cookie. DiscoveryError with the
        point's code."""
        message = request(namespace, limit, cookie)
        if not self.is_me(point):
            return await discover(await self._stream(point), message)
        self.serve()
        answer = self.answer(self.host.peer_id, message).message
        assert isinstance(answer, Discovered)
        return believed(answer, message)

    async def find(self, namespace: str | None, limit: int) -> Sequence[Found]:
        found: dict[PeerId, Found] = {}
        errors: list[Exception] = []
        for point in self.points():
            try:
                await self._read(point, namespace, limit, found)
            except (LabError, TimeoutError) as error:
                errors.append(error)
        if errors and not found:
            raise errors[0]
        return list(found.values())[:limit]

    async def _read(self, point: str, namespace: str | None, limit: int, found: dict[PeerId, Found]) -> None:
        """Read a point's registrations page by page, until there are enough or no more. A point that gives the same
        again and again (an empty cookie, as py-libp2p's) is asked once."""
        cookie, idle = b"", 0
        while len(found) < limit and idle < MOST_IDLE_PAGES:
            before = len(found)
            page = await self.page(point, namespace, min(limit - len(found) + 1, 1_000), cookie)  # itself, perhaps
            if page.refused:
                self.service.failed(
                    self.name, namespace, DiscoveryError(f"{plural(page.refused, 'record')} did not hold"), point
                )
            for _, record in page.records:
                if record.peer_id != self.host.peer_id:
                    found[record.peer_id] = Found(record.peer_id, record.addresses)
            if not page.cookie or page.cookie == cookie or not (page.records or page.refused):
                return
            cookie, idle = page.cookie, 0 if len(found) > before else idle + 1


def _serves(host: Host[Any]) -> bool:
    """Whether a node of this lab is a point, because it was told so or by its role."""
    if host.discovery_settings.serves_rendezvous:
        return True
    roles: Any = host.services.get("roles")
    return roles is not None and roles.role is not None and "rendezvous" in roles.role.serves
