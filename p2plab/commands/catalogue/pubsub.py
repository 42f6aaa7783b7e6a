"""Publish-subscribe: subscriptions, messages, meshes and scores."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Count, NodeNames, Payload, Seconds, TopicName
from p2plab.commands.rows import Delivered, message_row
from p2plab.commands.running import finished, through
from p2plab.commands.table import Example, command
from p2plab.errors import ValidationError
from p2plab.pubsub import GossipSubParams, TopicQueue
from p2plab.worlds import World

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab
    from p2plab.api.aio.node import AsyncNode

# The subscriptions that commands made, by node and topic: the nodes hold them, this only finds them again.
_made: WeakKeyDictionary[World, WeakValueDictionary[tuple[str, str], TopicQueue]] = WeakKeyDictionary()


class Subscribed(TypedDict):
    subscribed: bool
    topic: str


class AllSubscribed(TypedDict):
    subscribed: list[str]
    topic: str
    count: int


class Unsubscribed(TypedDict):
    """``unsubscribed``: whether a subscription that a command had made was ended."""

    unsubscribed: bool
    topic: str


class PublishedResult(TypedDict):
    """``published`` is false where a message with its id had been; ``message_size`` is the payload's, in bytes."""

    published: bool
    topic: str
    message_size: int


class MessagesResult(TypedDict):
    """``dropped``: how many went because nobody took them in time."""

    topic: str
    messages: list[Delivered]
    count: int
    dropped: int


class Params(TypedDict):
    """``values`` by name, as JSON; ``preset``: where they come from but for what was changed."""

    preset: str
    values: dict[str, Any]


HEARD = ("subscribe bob news", "run 1", "publish alice news hello", "run 1")


@command(verb="subscribe", examples=["subscribe bob news", "libp2p_subscribe news"])
async def subscribe(node: AsyncNode, topic: TopicName) -> Subscribed:
    """Subscribe a node to a topic; once more changes nothing.

    ``messages`` and ``next_message`` show what comes.
    """
    if subscription(node.world, node.name, topic) is None:
        queue: TopicQueue = node.subscribe(topic).queue
        _made.setdefault(node.world, WeakValueDictionary())[node.name, topic] = queue
    return Subscribed(subscribed=topic in node.topics(), topic=topic)


@command(examples=["subscribe_all news", "subscribe_all news nodes=alice,bob"])
async def subscribe_all(
    lab: AsyncLab,
    topic: TopicName,
    nodes: Annotated[NodeNames | None, About("only these nodes; left out: all", "nodes")] = None,
) -> AllSubscribed:
    """Subscribe many nodes to a topic."""
    chosen = list(lab.nodes) if nodes is None else [lab[name] for name in nodes]
    for node in chosen:
        await subscribe(node, topic)
    return AllSubscribed(subscribed=[node.name for node in chosen], topic=topic, count=len(chosen))


@command(examples=[Example("unsubscribe bob news", ("subscribe bob news",))])
async def unsubscribe(node: AsyncNode, topic: TopicName) -> Unsubscribed:
    """End the subscription of a node that ``subscribe`` made."""
    queue = subscription(node.world, node.name, topic)
    if queue is not None:
        node.world.call(queue.close)
    return Unsubscribed(unsubscribed=queue is not None, topic=topic)


@command(verb="publish", examples=["publish alice news hello", "libp2p_publish news hello"])
async def publish(node: AsyncNode, topic: TopicName, message: Payload) -> PublishedResult:
    """Send a message to a topic's subscribers."""
    sent = node.publish(topic, message)
    return PublishedResult(published=sent.dropped is None, topic=topic, message_size=len(sent.data))


@command(examples=[Example("messages bob news", HEARD)])
async def messages(
    node: AsyncNode, topic: TopicName, limit: Annotated[Count, About("show the last so many", "number")] = 100
) -> MessagesResult:
    """List what a node has received on a topic since ``subscribe``."""
    queue = _subscribed(node, topic)
    received = queue.messages
    rows = [message_row(message) for message in received[-limit:]]
    return MessagesResult(topic=topic, messages=rows, count=len(received), dropped=queue.dropped)


@command(examples=[Example("next_message bob news timeout=5s", HEARD)])
async def next_message(
    node: AsyncNode, topic: TopicName, timeout: Annotated[Seconds, About("seconds to wait", "number")] = 10.0
) -> Delivered:
    """Take the next message of a node's subscription that was not taken yet; wait for it if need be."""
    return message_row(await finished(through(node, _subscribed(node, topic).receive, timeout)))


@command(examples=["params alice"])
async def params(node: AsyncNode) -> Params:
    """List the parameters that a node's GossipSub router goes by."""
    return _params_row(node.params)


@command(worlds="mock", examples=["set_param alice D_out 1", "set_param alice flood_publish false"])
async def set_param(
    node: AsyncNode,
    name: Annotated[str, About("a parameter of GossipSub, such as D_high")],
    value: Annotated[int | float | bool, About("its value from now on", "number")],
) -> Params:
    """Change one parameter of a node's router while it runs; meshes, scores and caches stay."""
    changed: GossipSubParams = node.params.replace(**{name: value})
    node.params = changed
    return _params_row(changed)


def _params_row(params: GossipSubParams) -> Params:
    values = dataclasses.asdict(params)
    return Params(preset=values.pop("preset"), values=values)


def subscription(world: World, node: str, topic: str) -> TopicQueue | None:
    """The open subscription that the command ``subscribe`` made for a node, by its name. Safe from any thread."""
    made = _made.get(world)
    queue = None if made is None else made.get((node, topic))
    return None if queue is None or queue.closed else queue


def _subscribed(node: AsyncNode, topic: str) -> TopicQueue:
    queue = subscription(node.world, node.name, topic)
    if queue is None:
        raise ValidationError(f"no command has subscribed {node} to {topic!r} yet: subscribe {node} {topic}")
    return queue
