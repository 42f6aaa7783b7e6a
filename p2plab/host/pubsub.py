"""A node's publish-subscribe as users ask for it, and what its verbs ask: ``node_pubsub`` is p2plab's own router in any
world, or what a world brings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from p2plab.discovery.found import Found
from p2plab.errors import ClosedError
from p2plab.host.basis import C
from p2plab.host.names import is_peer_id, refuse_misspelt
from p2plab.host.verbs.peers import PeerVerbs
from p2plab.pubsub import GossipSubParams, Message, PubSubManager, TopicQueue
from p2plab.pubsub.choice import check_params, gossipsub_of
from p2plab.pubsub.router import Router
from p2plab.pubsub.shell.delivery import SendMany
from p2plab.typing import PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.host.host import Host

__all__ = ["PubsubVerbs", "RouterPubsub", "new_manager"]


class PubsubVerbs(PeerVerbs[C]):
    """The verbs of publish-subscribe."""

    def subscribe(self, topic: str) -> TopicQueue:
        queue = self.node_pubsub.subscribe(topic)
        self._topics_changed()
        return queue

    def unsubscribe(self, queue: TopicQueue) -> None:
        self.node_pubsub.unsubscribe(queue)
        self._topics_changed()

    def _topics_changed(self) -> None:
        """It subscribes to other topics than before."""

    def publish(self, topic: str, data: bytes) -> Message:
        return self.node_pubsub.publish(topic, data)

    def topics(self) -> list[str]:
        return sorted(self.node_pubsub.topics())

    def topic_peers(self, topic: str) -> list[PeerInfo]:
        return self.infos(self.node_pubsub.topic_peers(topic))

    def mesh(self, topic: str) -> list[PeerInfo]:
        return self.infos(self.node_pubsub.mesh(topic))

    def fanout(self, topic: str) -> list[PeerInfo]:
        return self.infos(self.node_pubsub.fanout(topic))

    def scores(self) -> dict[str, dict[str, Any]]:
        scores, named = self.node_pubsub.scores(), self.world.peer_id_at
        return {
            named(peer).name or named(peer).short: {part: _without_sign(value) for part, value in score.items()}
            for peer, score in scores.items()
        }

    def params(self) -> GossipSubParams:
        return self.node_pubsub.params()

    def set_params(self, params: GossipSubParams) -> None:
        self.node_pubsub.set_params(params)

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> None:
        self.node_pubsub.add_validator(topic, validator)


def _without_sign(value: Any) -> Any:
    """A weight below 0 times a counter of 0 is -0.0, which reads as if there were something: it is 0."""
    return 0.0 if isinstance(value, float) and value == 0 else value


class RouterPubsub:
    """Implements ``HostPubsub`` on p2plab's router."""

    def __init__(self, host: Host[Any]) -> None:
        self._host = host

    # -- the world's

    @property
    def manager(self) -> PubSubManager:
        """The shell around the node's router."""
        raise NotImplementedError

    @property
    def running(self) -> PubSubManager:
        """The same, for what a node that is down does not do. Raises ClosedError."""
        return self.manager

    def _check_running(self) -> None:
        if not self._host.running:
            raise ClosedError(f"{self._host.name} is not running; start it again first")

    # -- the node's verbs

    def subscribe(self, topic: str) -> TopicQueue:
        self._check_running()
        return self.running.subscribe(topic)

    def unsubscribe(self, queue: TopicQueue) -> None:
        self.manager.unsubscribe(queue)

    def publish(self, topic: str, data: bytes) -> Message:
        self._check_running()
        return self.running.publish(topic, data)

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> object:
        return self.manager.add_validator(topic, validator)

    def topics(self) -> list[str]:
        return self.manager.topics()

    def topic_peers(self, topic: str) -> list[int]:
        return self.manager.topic_peers(topic)

    def mesh(self, topic: str) -> list[int]:
        return self.running.router.mesh(topic)

    def fanout(self, topic: str) -> list[int]:
        return self.running.router.fanout(topic)

    def scores(self) -> dict[int, dict[str, Any]]:
        router = self.running.router
        return {peer: router.score_of(peer) for peer in router.peers}

    def params(self) -> GossipSubParams:
        """ConfigurationError where the router is no GossipSub."""
        return gossipsub_of(self.manager.router, self._host.name).params

    def set_params(self, params: GossipSubParams) -> None:
        """Have the router go by other parameters from now on; meshes, scores and caches stay."""
        manager = self.manager
        router = gossipsub_of(manager.router, self._host.name)
        refuse_misspelt({"explicit_peers": check_params(params).explicit_peers}, self._host.world.hosts())
        manager.rouse()
        router.params = params
        if router.params.explicit_peers and self._host.running:
            manager.start()
        self._host.record("pubsub.params", reason="requested", data={"preset": router.params.preset})


class _Dialler:
    """Connects a node to the peers that its router wants."""

    __slots__ = ("_host",)

    def __init__(self, host: Host[Any]) -> None:
        self._host = host

    async def dial(self, target: str, addresses: Sequence[str]) -> None:
        host = self._host
        if isinstance(target, PeerId) and host.discovery_settings.has("peer-exchange"):
            found = host.discovery.note(Found(target, tuple(addresses)), "peer-exchange", None)
            host.world.events.continue_from(-1 if found is None else found)
        if addresses:
            host.register_peer(target, [f"{address}/p2p/{target}" for address in addresses])
        elif not is_peer_id(target) and host.world.find(target) is None:
            warnings.warn(  # of a name that is like no other: it may be misspelt, or of a node that comes later
                f"explicit_peers names {target!r}, which is no node of this lab so far, and no peer id; nothing is "
                "sent there until there is one",
                stacklevel=1,
            )
        await host.connect(target)


def new_manager(host: Host[Any], router: Router, send_many: SendMany, **others: Any) -> PubSubManager:
    """A node's shell around a router, on its connections: ``send_many`` brings an RPC to several connected peers, past
    the host's methods; ``others`` are a PubSubManager's own."""
    router.raised = host.reporter("router")

    return PubSubManager(
        host.world.runtime,
        host.world.events,
        host.index,
        host.identity,
        router,
        lambda peer, rpc, size, cause: send_many((peer,), rpc, size, cause),
        send_many=send_many,
        peer_id_of=host.world.peer_id_at,
        dial=_Dialler(host).dial,
        name=host.name,
        **others,
    )
