"""Events of content routing, roles and reputation. ``ref`` is the search an event belongs to."""

from __future__ import annotations

from p2plab.events.kinds._table import DECISIONS, MESSAGES, Kind

KINDS = {
    "routing.routers": Kind(DECISIONS, "the node asks other content routers from now on; data: routers, order"),
    "routing.lookup": Kind(DECISIONS, "the node began to ask its content routers; data: kind, key, routers, order"),
    "routing.answer": Kind(DECISIONS, "a content router answered; data: router, providers, found"),
    "routing.failed": Kind(DECISIONS, "a content router gave no answer; data: router, text"),
    "node.role": Kind(DECISIONS, "the node is there for something else from now on; data: before, role"),
    "role.heard": Kind(DECISIONS, "a peer announced its role on the topic; data: role"),
    "role.refused": Kind(DECISIONS, "a peer's announcement of its role was thrown away; data: topic, text"),
    "peer.record_refused": Kind(DECISIONS, "a peer's signed record was not believed; data: text"),
    "reputation.failed": Kind(
        DECISIONS, "what the peer was asked for did not come; data: text, score, refused (as they are now)"
    ),
    "reputation.bad_block": Kind(
        DECISIONS, "the peer gave what its CID does not name; data: text, score, refused (as they are now)"
    ),
    "routing.serving": Kind(DECISIONS, "the node serves its content routing over HTTP; data: address"),
    "routing.served": Kind(MESSAGES, "the node answered a request over HTTP; data: method, target, status"),
    "routing.done": Kind(DECISIONS, "a search by content routers ended; data: kind, routers, found (by how many)"),
}

REASONS = {
    "bad announcement": "the announcement names no role",
    "routers answered": "every content router has answered or failed",
    "value found": "a content router found the value",
    "router timeout": "the content router did not answer in time",
    "router refused": "the content router found the question at fault",
    "router failed": "the content router could not answer",
    "content router": "raised by a content router of the user's, or what it gave was no answer",
}
