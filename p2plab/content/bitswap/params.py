"""Bitswap's protocol ids, its bounds, and what a node may set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors.checked import check_amounts
from p2plab.errors.likely import known_fields

__all__ = ["BITSWAP_IDS", "MAX_MESSAGE", "VERSIONS", "BitswapParams", "ticks_of"]

BITSWAP_IDS: Final = ("/ipfs/bitswap/1.2.0", "/ipfs/bitswap/1.1.0", "/ipfs/bitswap/1.0.0")
VERSIONS: Final = {"/ipfs/bitswap/1.2.0": 2, "/ipfs/bitswap/1.1.0": 1, "/ipfs/bitswap/1.0.0": 0}
MAX_MESSAGE: Final = 4 << 20  # bytes; BITSWAP.md, "Wire Format"


@known_fields
@dataclass(frozen=True, slots=True)
class BitswapParams:
    """Times are seconds, sizes bytes. The defaults are boxo's, but for those said to be ours."""

    search_after: float = 1.0  # peers that have not answered by then are not waited for before providers are sought
    silence: float = 5.0  # a peer of whom no byte came for so long is taken to lack what it was asked for
    search_again: float = 5.0  # between two searches of a session (ours)
    give_up: float = 30.0  # a session ends when nothing came for so long (ours)
    have_as_block: int = (
        0  # a block of at most so many bytes is sent at once where a peer asks who has it. boxo: 1,024;
    )
    # ours: five peers that are asked would send five copies of a small root
    message_target: int = 16 << 10  # blocks are put together into messages of about this size
    ahead: int = 2 << 20  # bytes that a peer is asked for before the first of them came (ours)
    max_live: int = 64  # blocks that a peer is asked for at a time, however small
    max_wants: int = 1024  # of a peer's wantlist that are kept
    max_entries: int = 16_384  # of one message (ours)
    at_once: int = 8  # peers that blocks are sent to at a time; the others wait for their turn
    unasked_blocks: int = 16  # that a peer may send before it is cut off (ours)
    unasked_bytes: int = 8 << 20
    refused_wants: int = 10_240  # over max_wants, before a peer is cut off (ours)
    serves: bool = True  # whether blocks are given to those that ask
    cut_off: float = 600.0  # for which a peer is neither heard nor answered (ours)

    def __post_init__(self) -> None:
        check_amounts(self, least_one=("message_target", "ahead", "max_live", "max_entries", "at_once"))


def ticks_of(seconds: float) -> int:
    """Seconds as ticks."""
    return round(seconds * TICKS_PER_SECOND)
