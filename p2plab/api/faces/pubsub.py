"""A node's publish-subscribe: all that takes no lab time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.commanded import commanded
from p2plab.errors.checked import data_of, topic_of
from p2plab.errors.frames import Faced
from p2plab.errors.likely import Nothing, unheard
from p2plab.typing import PeerInfo
from p2plab.worlds import Host, World

if TYPE_CHECKING:
    from p2plab.pubsub import GossipSubParams, Message

__all__ = ["PubsubFace"]


class PubsubFace(Faced):
    """The verbs of publish-subscribe that both faces of a node have."""

    _world: World
    _host: Host

    def publish(self, topic: str, data: bytes | str) -> Message:
        """Send a message to a topic's subscribers, its own subscriptions among them.

        Without peers nothing is raised: the ``pubsub.publish`` event says so.

        Args:
            topic: its name, 1 to 1,024 bytes of UTF-8
            data: bytes, or text as UTF-8

        Returns:
            The Message; ``id`` is its message id as hex (gossipsub-v1.0.md), ``dropped`` why it was not sent, where a
            message with its id had been.

        Raises:
            ValidationError: a topic or data of the wrong type or size.

        Example:
            >>> message = alice.publish("news", "hello")
            >>> message.topic, message.data
            ('news', b'hello')
        """
        return self._world.call(self._host.publish, topic_of(topic), data_of(data))

    @commanded("pubsub", "subscribe bob news; topics bob", result="topics")
    def topics(self) -> list[str]:
        """List the topics it subscribes to, sorted.

        Example:
            >>> news = alice.subscribe("news")
            >>> alice.topics()
            ['news']
        """
        return self._world.read(self._host.topics)

    @commanded("pubsub", "subscribe bob news; run 1; topic_peers alice news", echo=("topic",))
    def topic_peers(self, topic: str) -> list[PeerInfo]:
        """List the connected peers that it knows to subscribe to a topic.

        Args:
            topic: the topic's name
        """
        return self._world.read(self._host.topic_peers, topic_of(topic)) or self._no_peers(topic)

    @commanded("pubsub", "subscribe bob news; subscribe carol news; run 3; mesh bob news", echo=("topic",))
    def mesh(self, topic: str) -> list[PeerInfo]:
        """List its mesh of a topic: the peers with whom it exchanges whole messages (gossipsub-v1.0.md).

        Args:
            topic: the topic's name

        Example:
            >>> subscriptions = [node.subscribe("news") for node in (alice, bob)]
            >>> lab.run(3)
            >>> [peer.name for peer in alice.mesh("news")]
            ['bob']
        """
        return self._world.read(self._host.mesh, topic_of(topic)) or self._no_peers(topic)

    @commanded(
        "pubsub", "subscribe bob news; run 1; publish alice news hello; run 1; fanout alice news", echo=("topic",)
    )
    def fanout(self, topic: str) -> list[PeerInfo]:
        """List the peers it publishes to on a topic it does not subscribe to (gossipsub-v1.0.md).

        Args:
            topic: the topic's name
        """
        return self._world.read(self._host.fanout, topic_of(topic)) or self._no_peers(topic)

    @commanded("pubsub", "scores alice", result="scores")
    def scores(self) -> dict[str, dict[str, Any]]:
        """Show how it scores its peers: by the name of each its ``score``, and what that is made of.

        The components are those of gossipsub-v1.1.md. With p2plab's router (mock nodes, and real ones with
        ``pubsub="p2plab"``) they are weighted: ``P1``, ``P2``, ``P3``, ``P3b``, ``P4`` (each summed over the topics),
        ``cap``, ``P5``, ``P6``, ``P7``. With py-libp2p's they are ``topics``: for each topic that it has a mesh of,
        py-libp2p's own counters by name, such as ``time_in_mesh``, ``first_deliveries`` and ``total_score``. Routers
        that keep no scores give none.

        Example:
            >>> news = [node.subscribe("news") for node in (alice, bob, carol)]
            >>> lab.run(5)
            >>> sorted(bob.scores())
            ['alice', 'carol']
            >>> bob.scores()["alice"]["P1"] > 0  # time in the mesh
            True
        """
        return self._world.read(self._host.scores)

    @property
    def params(self) -> GossipSubParams:
        """The parameters its router goes by; setting them (``node.params = node.params.replace(D=8)``) takes effect at
        once and leaves meshes, scores and caches as they are. ConfigurationError where the router is no GossipSub,
        NotInThisWorldError for setting those of a router that takes them at its start only."""
        return self._world.read(self._host.params)

    @params.setter
    def params(self, params: GossipSubParams) -> None:
        self._world.call(self._host.set_params, params)

    def add_validator(self, topic: str, validator: Callable[[Message], Any]) -> None:
        """Have every message of a topic judged before it is passed on.

        Args:
            topic: the topic's name
            validator: ``validator(message)``, plain or async; it returns True or ``"accept"``, False or ``"reject"``
                (which counts against the sender), or ``"ignore"``. What it raises counts as ignore and is an ``error``
                event. A ``p2plab.pubsub.TopicValidator`` takes lab time; ``p2plab.pubsub`` has some that are data:
                ``Delay(0.005)``, ``Batch(every=0.05)``, ``Reject(0.01)``, ``Ignore(0.5)``

        Example:
            >>> bob.add_validator("news", lambda message: len(message.data) < 100)
        """
        self._world.call(self._host.add_validator, topic_of(topic), validator)

    def _no_peers(self, topic: str) -> list[PeerInfo]:
        """No peers, and where no node subscribes to the topic, the one that was likely meant."""
        subscribed = {one for host in self._world.hosts().values() for one in self._world.read(host.topics)}
        if topic in subscribed:
            return []
        return Nothing(unheard(topic, sorted(subscribed)))
