"""Events of content: what a node adds, keeps, and throws away."""

from __future__ import annotations

from p2plab.events.kinds._table import DECISIONS, Kind

KINDS = {
    "content.added": Kind(
        DECISIONS, "files were made into blocks; ref: the CID; size in bytes of new blocks; data: blocks, new, profile"
    ),
    "content.imported": Kind(
        DECISIONS, "a CAR was read; ref: its first root; size in bytes of new blocks; data: roots, blocks, new"
    ),
    "content.pinned": Kind(DECISIONS, "a block is kept from now on; ref: its CID; data: recursive"),
    "content.unpinned": Kind(DECISIONS, "a pin was taken away; ref: the CID"),
    "content.collected": Kind(DECISIONS, "blocks that no pin leads to were thrown away; size in bytes; data: blocks"),
}

REASONS: dict[str, str] = {}
