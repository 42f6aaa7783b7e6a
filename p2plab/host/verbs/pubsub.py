"""A node's publish-subscribe as users ask for it; ``node_pubsub`` is the router, whoever's it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.host.basis import C
from p2plab.host.verbs.peers import PeerVerbs
from p2plab.typing import PeerInfo

if TYPE_CHECKING:
    from p2plab.pubsub import GossipSubParams, Message, TopicQueue

__all__ = ["PubsubVerbs"]


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
