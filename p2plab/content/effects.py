"""What both protocols that exchange blocks answer with, Bitswap and GraphSync, beside Notes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CutOff", "Ready"]


@dataclass(slots=True)
class Ready:
    """There is something to send to this peer."""

    peer: int


@dataclass(slots=True)
class CutOff:
    """Close what this peer has open, and hear nothing of it."""

    peer: int
