"""Topics as namespaces: a node advertises those it subscribes to, and while a mesh has too few peers, it looks for
others in the topic and dials them. go-libp2p-pubsub calls it ambient peer discovery (discovery.go).

Rules, with go's numbers:
- The namespace of a topic is ``floodsub:`` and its name.
- It looks at once, and every second after that, whether each topic has enough peers: as many in the mesh as D_low, or,
  for a router without meshes, five that subscribe to it. One search of a topic at a time, of ten seconds at most.
- Whom it finds it dials, with the backoff of ``p2plab.discovery.backoff``. go dials all; here it is D of them, drawn at
  random, in each search: a hundred nodes that look at the same time would all dial each other.
- A topic that is left is withdrawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from p2plab.discovery.backoff import DialBackoff
from p2plab.discovery.found import Found
from p2plab.errors import LabError
from p2plab.host.discovery.way import HostWay
from p2plab.typing import Timer

if TYPE_CHECKING:
    from p2plab.host.discovery.service import DiscoveryService

__all__ = ["PREFIX", "PubsubWay"]

PREFIX: Final = "floodsub:"
POLL: Final = 1.0  # seconds; go's DiscoveryPollInterval
SEARCH: Final = 10.0  # seconds; go's handleDiscovery
FOUND: Final = 100  # peers asked for
FLOODSUB_ENOUGH: Final = 5  # peers; go's FloodSubTopicSearchSize


class PubsubWay(HostWay):
    """A namespace is a topic too: ``find`` gives the connected peers that subscribe to it."""

    name: ClassVar[str] = "pubsub"
    namespaced: ClassVar[bool] = True
    advertises: ClassVar[bool] = False

    def __init__(self, service: DiscoveryService) -> None:
        super().__init__(service)
        self._timer: Timer | None = None
        self._told: dict[str, None] = {}  # topics that are advertised
        self._searching: dict[str, None] = {}
        self._backoff = DialBackoff()

    def begin(self) -> None:
        self._poll()

    def went_down(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._searching.clear()

    def came_back(self, kept: bool) -> None:
        if not kept:
            self._told.clear()
            self._backoff.clear()
        self._poll()

    def topics_changed(self) -> None:
        """The node has joined or left a topic."""
        if self.host.running:
            self._tell()

    def _poll(self) -> None:
        if not self.host.running:
            return
        self._timer = self.host.world.runtime.timer(POLL, self._poll)
        with self.host.world.events.because(-1):  # time has passed
            self._tell()
            for topic in self._told:
                if topic not in self._searching and not self._has_enough(topic):
                    self._searching[topic] = None
                    self.host.spawn(partial(self._search, topic), f"{self.host.name} looking for peers in {topic}")

    def _tell(self) -> None:
        """Advertise the topics that are new, and take back those that were left."""
        topics = self.host.node_pubsub.topics()
        for topic in topics:
            if topic not in self._told:
                self._told[topic] = None
                self._say(self.service.keep_advertised, topic)
        for topic in [topic for topic in self._told if topic not in topics]:
            del self._told[topic]
            self._say(self.service.withdraw, topic)

    def _say(self, verb: object, topic: str) -> None:
        namespace = PREFIX + topic
        if callable(verb) and self.service.advertising and len(namespace.encode()) <= 255:
            self.host.spawn(partial(verb, namespace), f"{self.host.name} advertising {namespace}")

    def _has_enough(self, topic: str) -> bool:
        pubsub = self.host.node_pubsub
        try:
            enough = self.host.params().D_low
        except LabError:
            return len(pubsub.topic_peers(topic)) >= FLOODSUB_ENOUGH  # no GossipSub, so no mesh
        return len(pubsub.mesh(topic)) >= enough

    async def _search(self, topic: str) -> None:
        try:
            found = await self.service.candidates(PREFIX + topic, FOUND, SEARCH)
        except LabError:
            return  # each way's failure is on record
        finally:
            self._searching.pop(topic, None)
        self._dial(found)

    def _dial(self, found: Sequence[tuple[Found, int]]) -> None:
        host, runtime = self.host, self.host.world.runtime
        draws = runtime.random(f"discovery/{host.name}")
        connected = {str(info.peer_id) for info in host.peers()}
        wanted = [(peer, event) for peer, event in found if peer.peer_id not in connected]
        draws.shuffle(wanted)
        try:
            most = host.params().D
        except LabError:
            most = FLOODSUB_ENOUGH
        for peer, event in wanted:
            if most and self._backoff.may_dial(peer.peer_id, runtime.ticks(), draws):
                most -= 1
                with host.world.events.because(event):
                    host.spawn(partial(self.service.meet, peer), f"{host.name} dialling a peer that it found")

    async def find(self, namespace: str | None, limit: int) -> Sequence[Found]:
        if namespace is None:
            return []
        topic = namespace.removeprefix(PREFIX)
        peers = self.host.node_pubsub.topic_peers(topic)[:limit]
        return [Found(self.host.world.peer_id_at(peer)) for peer in peers]
