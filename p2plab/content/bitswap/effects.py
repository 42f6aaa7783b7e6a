"""What the core of Bitswap answers with, beside Notes and ``WakeAt``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from p2plab.identity.cid import Cid

__all__ = ["Changed", "CutOff", "Effects", "Ready", "Search"]


@dataclass(slots=True)
class Ready:
    """There is something to send to this peer."""

    peer: int


@dataclass(slots=True)
class Search:
    """Look for providers of these, in this order, and connect to them."""

    session: int
    cids: list[Cid]


@dataclass(slots=True)
class Changed:
    """Something came for this session, or it has failed."""

    session: int


@dataclass(slots=True)
class CutOff:
    """Close what this peer has open, and hear nothing of it."""

    peer: int


Effects: TypeAlias = list[Any]
