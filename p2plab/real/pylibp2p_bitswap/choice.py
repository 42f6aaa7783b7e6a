"""Whose Bitswap a real node runs: what ``bitswap=`` may be."""

from __future__ import annotations

from typing import Final

from p2plab.errors import ValidationError

__all__ = ["LIBRARY", "OWN", "check_bitswap"]

LIBRARY: Final = "libp2p"  # py-libp2p's BitswapClient
OWN: Final = "p2plab"


def check_bitswap(bitswap: object) -> str:
    """ValidationError for what is neither."""
    if bitswap in (LIBRARY, OWN):
        return str(bitswap)
    raise ValidationError(
        f"bitswap={bitswap!r}: take {OWN!r}, the core that mock nodes have, or {LIBRARY!r}, py-libp2p's own"
    )
