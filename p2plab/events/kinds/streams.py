"""Events of streams and the small protocols on them."""

from __future__ import annotations

from p2plab.events.kinds._table import ALL, DECISIONS, MESSAGES, Kind

KINDS = {
    "stream.step": Kind(ALL, "a message of a stream's negotiation; data: stream, and what was sent or received"),
    "stream.opened": Kind(
        MESSAGES, "a protocol is agreed at this end; data: protocol, direction, negotiation (seconds)"
    ),
    "stream.refused": Kind(DECISIONS, "no protocol could be agreed; data: protocols"),
    "stream.closed": Kind(MESSAGES, "both directions of the stream have ended"),
    "stream.reset": Kind(DECISIONS, "the stream was torn down"),
    "stream.data": Kind(ALL, "bytes arrived on a stream"),
    "ping.reply": Kind(MESSAGES, "the echo of a ping came back; data: rtt in seconds"),
    "identify.failed": Kind(DECISIONS, "the peer did not say who it is, or no pubsub stream to it could be opened"),
    "identify.received": Kind(MESSAGES, "the peer said who it is"),
    "request.answered": Kind(MESSAGES, "a response came; size in bytes; data: protocol, request (bytes), seconds"),
    "request.refused": Kind(DECISIONS, "a request was not taken; data: protocol, text, limit (bytes), in hand"),
    "perf.measured": Kind(MESSAGES, "a transfer was timed; data: bytes and seconds of upload and download"),
    "perf.refused": Kind(DECISIONS, "a peer wanted more bytes than a node sends; data: protocol, wanted, limit"),
    "capabilities.received": Kind(MESSAGES, "the peer said what its protocols can do; data: how many it named"),
}

REASONS = {
    "reset here": "this end reset the stream",
    "reset by peer": "the other end reset the stream",
    "connection closed": "the connection under the stream went away",
    "protocol not supported": "the peer speaks none of the protocols asked for",
    "protocol violation": "the peer broke the rules of the negotiation",
    "deadline": "the peer was silent for too long",
    "limit": "a bound on streams or their memory was reached",
    "reset": "the stream was torn down while it was being used",
    "closed": "the peer ended the stream before it had said all",
    "cancelled": "this end closed the stream meanwhile",
}
