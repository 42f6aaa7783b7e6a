"""Events of the lab and its nodes."""

from __future__ import annotations

from p2plab.events.kinds._table import ALL, DECISIONS, MESSAGES, Kind

KINDS = {
    "lab.command": Kind(DECISIONS, "a verb was called from outside the lab; data: verb and arguments"),
    "lab.abandoned": Kind(DECISIONS, "a verb was given up before it was done: nobody waits for it; data: verb"),
    "lab.action": Kind(DECISIONS, "a call scheduled with lab.at or lab.every was made; data: action"),
    "lab.behind": Kind(DECISIONS, "play could not keep up with the wall clock; data: by how many seconds"),
    "node.started": Kind(DECISIONS, "the node came up"),
    "node.stopped": Kind(DECISIONS, "the node was stopped"),
    "node.crashed": Kind(DECISIONS, "the node went away without a word"),
    "node.restarted": Kind(DECISIONS, "the node came back"),
    "error": Kind(DECISIONS, "user code or a library raised; data: what, type, text; nothing else was harmed"),
    "timer.fired": Kind(ALL, "a timer's call was made; data: what"),
    "task.note": Kind(MESSAGES, "a line that user code wrote into the log; data: text"),
}

REASONS = {
    "cannot keep up": "the lab's events take longer than the time they are to be played in",
    "first seen": "in another tool's trace, which does not tell when nodes start: it is the node's first event",
    "wired": "set up by lab.wire, without playing the handshakes",
    "requested": "a verb asked for it",
    "handler": "raised by a stream handler",
    "validator": "raised by a topic validator",
    "router": "raised by a router of the user's; what it decides was decided by the class below it",
    "dht": "raised by a DHT core of the user's, or a validator of records",
    "message id": "raised by a message_id function, or what it gave was no bytes",
    "frame function": "raised by a function given to network.drop, delay or corrupt, or what it gave was no answer",
    "action": "raised by a call scheduled with lab.at or lab.every",
    "task": "raised by a task of the lab",
    "library": "raised by the library below",
    "timeout": "the time allowed ran out",
}
