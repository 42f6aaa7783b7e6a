"""One node of a world, the same in every world: its connections, its services, its coming and going.

What users ask of its peers, streams and topics is in ``verbs``; what a world gives is in ``given`` and ``protocols``.
Verbs are coroutines that may be cancelled at any point; what must not be cut short, the world runs in a task of its own
(``spawn``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from p2plab.discovery.found import Found
from p2plab.errors import ConfigurationError, LabError, ValidationError
from p2plab.host.basis import C
from p2plab.host.bootstrap import Bootstrap
from p2plab.host.connections.admission import late_control
from p2plab.host.protocols import HostWorld
from p2plab.host.pubsub import PubsubVerbs
from p2plab.host.service import LATE, HostService
from p2plab.host.verbs.peers import PROTOCOL_VERSION
from p2plab.host.verbs.streams import StreamVerbs
from p2plab.protocols.dialling import BACKOFF, persistently
from p2plab.typing import Connection

if TYPE_CHECKING:
    from p2plab.admission import Admission
    from p2plab.admission.ledger import Admitted
    from p2plab.admission.shell.control import AdmissionControl
    from p2plab.content.bitswap import BitswapParams
    from p2plab.content.store import BlockStore
    from p2plab.host.content import ContentService
    from p2plab.host.content.exchange import Exchange
    from p2plab.host.dht import HostDht
    from p2plab.host.discovery import DiscoveryService
    from p2plab.roles import Role

__all__ = ["PROTOCOL_VERSION", "Host"]


class Host(PubsubVerbs[C], StreamVerbs[C]):
    """A node: its connections, what it has besides them, and its coming and going. Its verbs are in ``verbs``."""

    def __init__(self, world: HostWorld, index: int, name: str, settings: dict[str, Any]) -> None:
        super().__init__(world, index, name, settings)
        self._services: dict[str, HostService] | None = None
        self.redialled: list[str] = []  # whom it dials again when it comes back: those it had dialled when it went
        self._bootstrap: Bootstrap | None = None
        self._dht_verbs: HostDht | None = None

    # -- connections

    async def connect(
        self, target: str, timeout: float | None = None, retries: int = 0, backoff: float = BACKOFF
    ) -> Connection:
        reach = partial(self.reach, target, timeout)
        return (await persistently(self.world.runtime, reach, retries, backoff)).info

    async def disconnect(self, peer: str) -> bool:
        connections = self.connections_to(self.index_of(peer))
        for connection in connections:
            connection.close("closed here")
        await self.hung_up(connections)
        return bool(connections)

    def connections(self, peer: str | None = None) -> list[Connection]:
        if peer is not None:
            return [connection.info for connection in self.connections_to(self.index_of(peer))]
        return [connection.info for connection in self.each_connection() if connection.usable]

    def connection_opened(
        self, connection: C, reason: str | None = None, entry: Admitted | None = None, cause: int | None = None
    ) -> int:
        """A connection is ready at this end. ``entry``: what it takes, where that is counted; returns its event."""
        self.connected.add(connection)
        data = {"direction": connection.direction, "connection": connection.id}
        event = self.record("connection.opened", connection.peer, reason, data, cause)
        if self.admission_control is not None:
            self.admission_control.opened(entry, connection.info)
        for listener in self.listeners:
            listener.peer_connected(connection)
        return event

    def connection_closed(self, connection: C, reason: str | None, cause: int | None = None) -> int:
        """It is gone at this end. ``reason``: None where nobody is left here to take note of it."""
        peer, event = connection.peer, -1
        connections = self.connected.remove(connection)
        if self.admission_control is not None:
            self.admission_control.ended(self.admission_control.entry_of(connection.id))
        if self.reachability is not None:
            self.reachability.connection_gone(connection.id)
        if reason is not None:
            event = self.record("connection.closed", peer, reason, {"connection": connection.id}, cause)
        if not connections:
            self.connected.forget(peer)
        if not any(other.usable for other in connections):
            self._said.pop(peer, None)
            if self._switch is not None:
                self._switch.disconnected(peer)
            self.peer_gone(peer)
        return event

    def peer_gone(self, peer: int) -> None:
        """The last connection to a peer is gone."""
        if len(self.book):
            self.book.disconnected(self.world.peer_id_at(peer))
        for listener in self.listeners:
            listener.peer_disconnected(peer)

    # -- admission

    @property
    def admission(self) -> Admission:
        return self.admission_settings if self.admission_control is None else self.admission_control.admission

    def ensure_admission_control(self) -> AdmissionControl:
        if self.admission_control is None:
            self.admission_control = late_control(self)
        return self.admission_control

    # -- what it has besides

    @property
    def dht_verbs(self) -> HostDht:
        """What ``node.dht`` can be asked."""
        if self._dht_verbs is None:
            from p2plab.host.dht import HostDht

            self._dht_verbs = HostDht(self)
        return self._dht_verbs

    @property
    def has_content(self) -> bool:
        """Whether it ever had anything to do with content."""
        return "content" in (self._services or {})

    @property
    def content(self) -> ContentService:
        """The blocks it has, and what is done with them."""
        from p2plab.host.content import ContentService

        return ContentService.of(self)

    def new_exchange(self, store: BlockStore, params: BitswapParams) -> Exchange:
        """Its Bitswap: p2plab's core, where its world has no other."""
        from p2plab.host.content.exchange import Exchange

        return Exchange(self, store, params)

    @property
    def role(self) -> Role | None:
        """What it is there for; None where nobody said."""
        service: Any = (self._services or {}).get("roles")
        found: Role | None = None if service is None else service.role
        return found

    def take_role(self, role: Role | None) -> None:
        """Be there for something else from now on."""
        from p2plab.host.roles import RolesService

        if role is not None:
            self.world.roles.put(role)
        RolesService.of(self).take(role)

    @property
    def services(self) -> dict[str, HostService]:
        """The protocols with cores that are bound to it, by kind."""
        if self._services is None:
            self._services = {}
        return self._services

    @property
    def discovery(self) -> DiscoveryService:
        """What ``node.discovery`` can be asked."""
        from p2plab.host.discovery import DiscoveryService

        return DiscoveryService.of(self)

    def found_by(self, peer: str) -> tuple[str, ...]:
        service: Any = (self._services or {}).get("discovery")
        ways: tuple[str, ...] = () if service is None else service.findings.of(peer)
        return ways

    def begin_discovery(self) -> None:
        """It has come up for the first time: begin the ways it was given."""
        settings = self.discovery_settings
        if settings.ways:
            self.discovery.use()
        if settings.bootstrap and not settings.has("bootstrap"):
            self.use_bootstrap(settings.bootstrap)

    def _topics_changed(self) -> None:
        if self.discovery_settings.has("pubsub"):
            self.discovery.topics_changed()

    def service_of(self, kind: str) -> HostService | None:
        """The one of this kind, made if need be; None where there is no such kind."""
        if kind in LATE:
            import_module(LATE[kind])
        make = HostService.kinds.get(kind)
        return None if make is None else make.of(self)

    # -- coming and going

    def use_bootstrap(self, targets: Sequence[str]) -> None:
        """Dial these peers, now and whenever it comes back, to join the DHT through them."""
        world = self.world
        self._bootstrap = Bootstrap(
            self, targets, world.runtime, world.events, self.spawn, reached=self._reached_by_bootstrap
        )
        self._bootstrap.begin()

    def _reached_by_bootstrap(self, connection: Connection) -> None:
        if self.discovery_settings.ways:
            self.discovery.note(Found(connection.peer), "bootstrap", None)
        else:  # the run of a lab without discovery has no such event
            self.discovery.findings.add(connection.peer, "bootstrap")

    def is_down(self) -> None:
        """It has gone, with every connection."""
        if self.admission_control is not None:
            self.admission_control.all_ended()
        for service in (self._services or {}).values():
            service.went_down()

    def note_dialled(self) -> None:
        """It goes: remember whom it had dialled."""
        self.redialled = [
            self.world.peer_id_at(connection.peer).name or str(connection.info.peer)
            for connection in self.each_connection()
            if connection.direction == "outbound"
        ]

    def restart(self, state: str = "kept", reconnect: bool = True) -> None:
        if self.running:
            raise ConfigurationError(f"{self.name} is running; crash or stop it first")
        if state not in ("kept", "lost"):
            raise ValidationError(f"state={state!r}: a node comes back with its state 'kept' or 'lost'")
        if state == "lost":
            self.book.clear()
            self.reach.black_holes.forget()
            if self.admission_control is not None:
                self.admission_control.forget()
        self.come_back(state, reconnect)

    def is_back(self, state: str, reconnect: bool) -> None:
        """It runs again: say so, and dial those it had dialled before."""
        self.record("node.restarted", reason="requested", data={"state": state})
        for service in (self._services or {}).values():
            service.came_back(state == "kept")
        if not reconnect:
            return
        if self._bootstrap is not None:
            self._bootstrap.begin()
        for name in self.redialled:
            self.spawn(partial(self._redial, name), f"{self.name} dialling {name} again")

    async def _redial(self, name: str) -> None:
        try:
            await self.reach(name)
        except LabError:
            return  # recorded as connection.failed, or as the end of this node; nobody waits for it
