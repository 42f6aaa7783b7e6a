"""Events of what a node lets in, and of what it lets go."""

from __future__ import annotations

from p2plab.events.kinds._table import DECISIONS, Kind

KINDS = {
    "connection.refused": Kind(
        DECISIONS, "the node did not dial, or did not let in; data: stage, direction, address, text, and the numbers"
    ),
    "connection.trimmed": Kind(
        DECISIONS, "above the high watermark the connection is closed; data: value, streams, count, low, high"
    ),
    "admission.changed": Kind(DECISIONS, "the node's gate, authorization, limits, watermarks or tags were changed"),
}

REASONS = {
    "blocked": "a rule of the gate blocks it; data: rule",
    "not allowed": "the gate lets pass only what its allowing rules fit, and none does",
    "predicate": "the gate's predicate said no, or could not say yes",
    "unauthorized": "the peer may not use the protocol here",
    "trimmed": "this end closed it, to get below its high watermark",
    "admission": "raised by a predicate or an authorizer",
}
