"""What the core of Bitswap answers with, beside Notes and ``WakeAt``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from p2plab.identity.cid import Cid

__all__ = ["Effects", "Search", "SessionChanged"]


@dataclass(slots=True)
class Search:
    """Look for providers of these, in this order, and connect to them."""

    session: int
    cids: list[Cid]


@dataclass(slots=True)
class SessionChanged:
    """Something came for this session, or it has failed."""

    session: int


Effects: TypeAlias = list[Any]
