"""A node's role, in every world: what it serves and refuses because of it, how it is announced, and whose is known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from p2plab.discovery.found import Found
from p2plab.errors import DiscoveryError, LabError, NotInThisWorldError, ProtocolViolation, ValidationError
from p2plab.host.service import HostService
from p2plab.nat.relay_messages import HOP_ID
from p2plab.roles.role import ROLE_TOPIC, Role, read_announcement, role_namespace, role_protocol, written
from p2plab.stream import NetStream
from p2plab.typing import PeerInfo, Timer

if TYPE_CHECKING:
    from p2plab.host.host import Host
    from p2plab.protocols.identify import Identify
    from p2plab.pubsub import TopicQueue

__all__ = ["RolesService", "change_role"]

ANNOUNCED_EVERY: Final = 60.0  # seconds between two announcements on the topic
SOON: Final = 2.0  # seconds after a peer is new: it has said by then what it subscribes to
KEPT_FOR: Final = 3 * ANNOUNCED_EVERY
MOST_HEARD: Final = 10_000


class RolesService(HostService):
    """``role`` is the node's, None until it has one."""

    kind = "roles"

    def __init__(self, host: Host[Any]) -> None:
        super().__init__(host)
        self.role: Role | None = None
        self._heard: dict[str, tuple[str, float]] = {}  # by peer id: the role told on the topic, and until when
        self._topic: TopicQueue | None = None
        self._timer: Timer | None = None
        self._is_soon = False
        self._is_untold = False  # whether discovery could not be told

    # -- its own

    def take(self, role: Role | None) -> None:
        """Have this role from now on, in place of the one before. Raises NotInThisWorldError."""
        host, before = self.host, self.role
        if role is not None and "relay" in role.serves:
            host.serve_as_relay()
        elif before is not None and "relay" in before.serves:
            host.remove_handler(HOP_ID)
        for protocol in _protocols(before):
            host.remove_handler(protocol)
        self.role = role
        for protocol in _protocols(role):
            host.handle(protocol, self._answer)
        mode = _mode(role) or (_mode(before) and "server")
        if mode and host.dht_verbs.mode() != mode:
            host.dht_verbs.set_mode(mode)
        self._content(before, role)
        if before is not None:
            data = {"before": before.name, "role": None if role is None else role.name}
            host.record("node.role", reason="requested", data=data)
        self._announce()
        self._advertise(before)

    def _content(self, before: Role | None, role: Role | None) -> None:
        """Give blocks, keep them for others, answer over HTTP: or no longer."""
        host = self.host
        was, now = before or _NOTHING, role or _NOTHING
        if "blocks" in now.serves or "blocks" in now.refuses:
            host.content.give("blocks" in now.serves)
        elif "blocks" in was.serves or "blocks" in was.refuses:
            host.content.give(True)
        if now.pins or was.pins:
            from p2plab.host.content.pinning import PinningService

            pinning = PinningService.of(host)
            if now.pins:
                pinning.offer(now.stores, now.announces)
            else:
                pinning.withdraw()
        if ("routing" in now.serves) != ("routing" in was.serves) and host.serves_http:
            from p2plab.host.routing import RoutingService

            routing = RoutingService.of(host)
            if "routing" in now.serves:
                host.spawn(partial(routing.serve, 0), f"{host.name} serving content routing")
            else:
                routing.stop_serving()
        if ("content" in now.serves) != ("content" in was.serves) and host.serves_http:
            if "content" in now.serves:
                host.spawn(partial(host.content.gateway, 0), f"{host.name} serving content over HTTP")
            else:
                host.content.stop_gateway()
        if "rendezvous" in now.serves:
            host.discovery.point.serve()
        elif "rendezvous" in was.serves:
            host.discovery.point.stop_serving()

    async def _answer(self, stream: NetStream) -> None:
        """Say which role it is, to whoever asks by its protocol."""
        if self.role is not None:
            await stream.write_message(written(self.role))

    # -- on the topic

    def _announce(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._is_soon = False
        role, host = self.role, self.host
        if role is None or "topic" not in role.announced_by or not host.running:
            return
        host.publish(ROLE_TOPIC, written(role))
        self._timer = host.world.runtime.timer(ANNOUNCED_EVERY, self._announce)

    # -- by discovery

    def _advertise(self, before: Role | None = None) -> None:
        """Have others find it under its role, if it was given ways to be found."""
        if not self.host.discovery_settings.ways:
            return
        if before is not None and "discovery" in before.announced_by:
            self.host.spawn(partial(self._withdraw, role_namespace(before.name)), f"{self.host.name} as no {before}")
        if self.role is not None and "discovery" in self.role.announced_by:
            self.host.spawn(partial(self._told, self.role), f"{self.host.name} telling that it is a {self.role}")

    async def _withdraw(self, namespace: str) -> None:
        await self.host.discovery.withdraw(namespace)

    async def _told(self, role: Role) -> None:
        try:
            await self.host.discovery.advertise(role_namespace(role.name))
        except (DiscoveryError, ValidationError):  # the way's own events say why; ValidationError: it has none for this
            self._is_untold = True  # until there is another peer to tell it to, or a while has passed
            self.host.world.runtime.timer(ANNOUNCED_EVERY, self._tell_again)

    def _tell_again(self) -> None:
        if self._is_untold and self.host.running:
            self._is_untold = False
            self._advertise()

    # -- whose is known

    def peer_identified(self, peer: int, said: Identify) -> None:
        """Whoever is new has not heard it."""
        if self._is_untold:
            self.host.world.runtime.timer(SOON, self._tell_again)
        if self._timer is not None and not self._is_soon:
            self._timer.cancel()
            self._is_soon = True
            self._timer = self.host.world.runtime.timer(SOON, self._announce)

    def listen(self) -> None:
        """Take note of what others announce on the topic, from now on."""
        if self._topic is None:
            self._topic = self.host.subscribe(ROLE_TOPIC)
            self.host.spawn(partial(self._hear, self._topic), f"{self.host.name} hearing of roles")

    async def _hear(self, topic: TopicQueue) -> None:
        while True:
            message = await topic.receive(None)
            if message.sender is None or message.sender == self.host.peer_id:
                continue
            try:
                name = read_announcement(message.data)
            except ProtocolViolation as error:
                data = {"text": str(error), "topic": ROLE_TOPIC}
                self.host.record("role.refused", self.host.world.index_of(message.sender), "bad announcement", data)
                continue
            peer = str(message.sender)
            self._heard.pop(peer, None)
            self._heard[peer] = (name, self.host.world.runtime.now() + KEPT_FOR)
            if len(self._heard) > MOST_HEARD:
                del self._heard[next(iter(self._heard))]
            self.host.record("role.heard", self.host.world.index_of(message.sender), data={"role": name})

    async def find(self, role: str, limit: int = 100, timeout: float | None = None) -> list[PeerInfo]:
        """Those who say that they have a role: by identify, on the topic, and in its namespace."""
        host = self.host
        await host.awake()
        discovery, wanted = host.discovery, host.world.roles[role].name
        if any("topic" in one.announced_by for one in host.world.roles):
            self.listen()
        met = {str(info.peer_id) for info in host.peers() if wanted in info.roles}
        known = [info.peer_id for info in self.known(wanted)][:limit]
        for peer in known:
            discovery.note(Found(peer), "identify" if str(peer) in met else "topic", role_namespace(wanted))
        found = [Found(peer) for peer in known]
        if len(found) < limit:
            try:
                more = await discovery.look_for(role_namespace(wanted), limit, timeout)
            except (DiscoveryError, ValidationError):
                if not found:
                    raise
            else:
                found += [one for one in more if one.peer_id not in known]
        return [discovery.info(one) for one in found[:limit]]

    # -- its peers'

    def known(self, role: str) -> list[PeerInfo]:
        """The peers that it knows to have a role: those it is connected to, by identify, and those that the topic told
        of."""
        host = self.host
        found = {str(info.peer_id): info for info in host.peers() if role in info.roles}
        now = host.world.runtime.now()
        for peer, (name, until) in self._heard.items():
            if name == role and now < until and peer not in found:
                found[peer] = host.info_of(_named(host, peer))
        return list(found.values())

    # -- coming and going

    def came_back(self, kept: bool) -> None:
        if not kept:
            self._heard.clear()
        topic, self._topic = self._topic, None
        if topic is not None and kept:
            self.host.unsubscribe(topic)
            self.listen()
        self._announce()
        self._advertise()


_NOTHING: Final = Role("none")


def _protocols(role: Role | None) -> list[str]:
    """What a node answers because of its role."""
    protocol = None if role is None or "identify" not in role.announced_by else role_protocol(role.name)
    return [] if protocol is None else [protocol]


def _mode(role: Role | None) -> str | None:
    """What the role makes of the node in the DHT."""
    if role is None:
        return None
    return "server" if "dht" in role.serves else "client" if "dht" in role.refuses else None


def _named(host: Host[Any], peer: str) -> Any:
    from p2plab.host.names import peer_id_of

    return peer_id_of(host, peer)


def change_role(world: Any, role: Role) -> None:
    """Put a role into a lab's table, and have every node that has it go by it."""
    services = [RolesService.of(host) for host in world.hosts().values()]
    bound = [service for service in services if service.role is not None and service.role.name == role.name]
    world.roles.check(role)
    failures: list[LabError] = []
    for service in bound:
        try:
            service.take(role)
        except NotInThisWorldError as error:
            failures.append(error)
    if failures:
        for service in bound:
            service.take(world.roles[role.name])
        raise failures[0]
    world.roles.put(role)
