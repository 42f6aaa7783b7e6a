"""Publish-subscribe: topics, messages, validators, and the routers that carry them."""

from __future__ import annotations

from p2plab.pubsub.floodsub import FloodSub as FloodSub
from p2plab.pubsub.gossipsub.automaton import GossipSub as GossipSub
from p2plab.pubsub.gossipsub.params import GossipSubParams as GossipSubParams
from p2plab.pubsub.gossipsub.scoring.params import ScoreParams as ScoreParams
from p2plab.pubsub.gossipsub.scoring.params import TopicScoreParams as TopicScoreParams
from p2plab.pubsub.message import Message as Message
from p2plab.pubsub.router import Router as Router
from p2plab.pubsub.shell.aio import AsyncSubscription as AsyncSubscription
from p2plab.pubsub.shell.blocking import Subscription as Subscription
from p2plab.pubsub.shell.manager import PubSubManager as PubSubManager
from p2plab.pubsub.shell.subscription import TopicQueue as TopicQueue
from p2plab.pubsub.shell.topic import Topic as Topic
from p2plab.pubsub.validation import TopicValidator as TopicValidator
from p2plab.pubsub.validation import ValidationResult as ValidationResult
from p2plab.pubsub.validators import Batch as Batch
from p2plab.pubsub.validators import Delay as Delay
from p2plab.pubsub.validators import Ignore as Ignore
from p2plab.pubsub.validators import Reject as Reject

__all__ = [
    "AsyncSubscription",
    "Batch",
    "Delay",
    "FloodSub",
    "GossipSub",
    "GossipSubParams",
    "Ignore",
    "Message",
    "PubSubManager",
    "Reject",
    "Router",
    "ScoreParams",
    "Subscription",
    "Topic",
    "TopicQueue",
    "TopicScoreParams",
    "TopicValidator",
    "ValidationResult",
]
