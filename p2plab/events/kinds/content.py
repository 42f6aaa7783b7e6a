"""Events of content: what a node adds, keeps, throws away, fetches from others and gives them."""

from __future__ import annotations

from p2plab.events.kinds._table import DECISIONS, MESSAGES, Kind

KINDS = {
    "content.added": Kind(
        DECISIONS, "files were made into blocks; ref: the CID; size in bytes of new blocks; data: blocks, new, profile"
    ),
    "content.imported": Kind(
        DECISIONS, "a CAR was read; ref: its first root; size in bytes of new blocks; data: roots, blocks, new"
    ),
    "content.fetched": Kind(
        DECISIONS,
        "all blocks of a graph are here; ref: its root; size in bytes of what came; "
        "data: blocks that came, duplicates, local, and the server that gave them over HTTP",
    ),
    "content.not_fetched": Kind(
        DECISIONS,
        "a server or a peer did not give what it was asked for, or something else; ref: the root; size in bytes of "
        "what came before and stays; data: blocks, why, server",
    ),
    "pin.kept": Kind(DECISIONS, "the node keeps something for the peer; ref: its CID; data: blocks, bytes"),
    "pin.refused": Kind(DECISIONS, "the node does not keep what the peer asked for; ref: its CID; data: text"),
    "content.serving": Kind(DECISIONS, "the node serves its content over HTTP; data: address"),
    "content.served": Kind(MESSAGES, "the node answered a request for content over HTTP; data: method, target, status"),
    "content.pinned": Kind(DECISIONS, "a block is kept from now on; ref: its CID; data: recursive"),
    "content.unpinned": Kind(DECISIONS, "a pin was taken away; ref: the CID"),
    "content.collected": Kind(DECISIONS, "blocks that no pin leads to were thrown away; size in bytes; data: blocks"),
    "graphsync.serving": Kind(DECISIONS, "the node answers requests by GraphSync, or no longer; data: serves"),
    "graphsync.asked": Kind(
        DECISIONS,
        "a peer is asked for part of a graph; ref: its root; data: request, how many blocks need not be sent",
    ),
    "graphsync.request": Kind(
        DECISIONS, "a peer asks for part of a graph; ref: its root; data: request, and the status of the answer"
    ),
    "graphsync.response": Kind(
        MESSAGES,
        "part of an answer came and was held against the selector; ref: the root; size in bytes of new blocks; "
        "data: request, lines, blocks, status",
    ),
    "graphsync.answered": Kind(
        DECISIONS,
        "the last of an answer has left, or it was cancelled; ref: the root; size in bytes of its blocks; "
        "data: request, status, lines, missing",
    ),
    "graphsync.failed": Kind(DECISIONS, "a request by GraphSync cannot go on; ref: its root; data: request, why"),
    "graphsync.cancelled": Kind(
        DECISIONS, "the peer is told that nobody waits for its answer; ref: the root; data: request"
    ),
    "graphsync.cut_off": Kind(
        DECISIONS, "the peer broke the rules of GraphSync and is not heard for some time; data: why, seconds"
    ),
    "bitswap.session": Kind(
        DECISIONS,
        "a fetch began or ended; ref: its root; size in bytes of what came; data: session, blocks, duplicates, seconds",
    ),
    "bitswap.want": Kind(MESSAGES, "a peer is asked for a block; ref: its CID; data: session"),
    "bitswap.have": Kind(MESSAGES, "the peer says that it has a block; ref: its CID; data: session"),
    "bitswap.dont_have": Kind(MESSAGES, "the peer has not got a block, or does not say; ref: its CID; data: session"),
    "bitswap.block": Kind(MESSAGES, "a block came that was wanted; ref: its CID; size in bytes; data: session"),
    "bitswap.duplicate": Kind(
        MESSAGES, "a block came once more or too late; ref: its CID; size in bytes; data: session"
    ),
    "bitswap.unasked": Kind(DECISIONS, "a block came that nobody had asked for; ref: its CID; size in bytes"),
    "bitswap.sent": Kind(MESSAGES, "a block was sent to a peer that wants it; ref: its CID; size in bytes"),
    "bitswap.search": Kind(DECISIONS, "providers of a block are looked for; ref: its CID; data: session"),
    "bitswap.found": Kind(
        DECISIONS,
        "the search is over; ref: the CID; data: session, providers found, how many of them were connected to",
    ),
    "bitswap.failed": Kind(DECISIONS, "a fetch cannot go on; ref: its root; data: why"),
    "bitswap.refused": Kind(DECISIONS, "lines of a peer's wantlist were not taken; data: lines, limit"),
    "bitswap.cut_off": Kind(
        DECISIONS, "the peer broke the rules of Bitswap and is not heard for some time; data: why, seconds"
    ),
}

REASONS = {
    "opened": "something wants blocks that are not here",
    "done": "what was wanted is here, or is wanted no more",
    "failed": "a block was not to be had",
    "want-have": "the peer is asked whether it has the block",
    "want-block": "the peer is asked for the block itself",
    "wanted no more": "the block was on its way when the fetch was given up; it is not kept",
    "silence": "nothing came from the peer for some time",
    "nobody connected has it": "no peer that is connected has the block, as far as they say",
}
