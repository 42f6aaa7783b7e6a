"""Bitswap (ipfs/specs, BITSWAP.md): asking peers for blocks, and giving them."""

from __future__ import annotations

from p2plab.content.bitswap.fetch import Fetch, FetchStep
from p2plab.content.bitswap.node import Bitswap
from p2plab.content.bitswap.params import BITSWAP_IDS, BitswapParams

__all__ = ["BITSWAP_IDS", "Bitswap", "BitswapParams", "Fetch", "FetchStep"]
