"""Events of publish-subscribe."""

from __future__ import annotations

from p2plab.events.kinds._table import DECISIONS, MESSAGES, Kind

KINDS = {
    "pubsub.subscribe": Kind(DECISIONS, "the node's first subscription to the topic"),
    "pubsub.unsubscribe": Kind(DECISIONS, "the node's last subscription to the topic ended"),
    "pubsub.peer_subscribed": Kind(MESSAGES, "the node learnt that the peer subscribes to the topic"),
    "pubsub.peer_unsubscribed": Kind(MESSAGES, "the node learnt that the peer no longer subscribes to the topic"),
    "pubsub.publish": Kind(MESSAGES, "the node published a message; ref: its id"),
    "pubsub.receive": Kind(MESSAGES, "a message arrived from the peer for the first time"),
    "pubsub.deliver": Kind(MESSAGES, "a message was handed to the node's subscriptions"),
    "pubsub.duplicate": Kind(MESSAGES, "a message arrived that was known already"),
    "pubsub.reject": Kind(DECISIONS, "a message was refused, and counts against the peer"),
    "pubsub.ignore": Kind(DECISIONS, "a message was dropped without blame"),
    "pubsub.drop": Kind(DECISIONS, "a message or an RPC was lost to a bound of ours"),
}

REASONS = {
    "no peers": "the node knows of nobody who subscribes to the topic",
    "validator said reject": "a topic validator rejected it",
    "validator said ignore": "a topic validator ignored it",
    "validator raised": "a topic validator raised, which counts as ignore",
    "queue full": "the subscription's queue was full; the oldest message went",
    "bad signature": "the signature does not match the sender and the content",
    "missing signature": "StrictSign asks for a signature, a sender and a sequence number",
    "unexpected signature": "StrictNoSign allows no signature, sender, sequence number or key",
    "too large": "the message is over the size limit",
    "not subscribed": "the node does not subscribe to the topic",
    "own message": "the node published this message itself",
    "already published": "a message with this id was published lately",
    "validation queue full": "too many messages were in validation at once",
    "too many topics": "the peer announced more subscriptions than are kept",
    "graylisted": "the peer's score is below the graylist threshold: its RPC was not read",
}
