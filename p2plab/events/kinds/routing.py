"""Events of content routing, roles and reputation. ``ref`` is the search an event belongs to."""

from __future__ import annotations

from p2plab.events.kinds._table import DECISIONS, Kind

KINDS = {
    "routing.routers": Kind(DECISIONS, "the node asks other content routers from now on; data: routers, order"),
    "routing.lookup": Kind(DECISIONS, "the node began to ask its content routers; data: kind, key, routers, order"),
    "routing.answer": Kind(DECISIONS, "a content router answered; data: router, providers, found"),
    "routing.failed": Kind(DECISIONS, "a content router gave no answer; data: router, text"),
    "routing.done": Kind(DECISIONS, "a search by content routers ended; data: kind, routers, found (by how many)"),
}

REASONS = {
    "routers answered": "every content router has answered or failed",
    "value found": "a content router found the value",
    "router timeout": "the content router did not answer in time",
    "router refused": "the content router found the question at fault",
    "router failed": "the content router could not answer",
    "content router": "raised by a content router of the user's, or what it gave was no answer",
}
