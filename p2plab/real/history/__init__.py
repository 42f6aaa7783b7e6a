"""The commands given to a real lab from outside, and what they are in plain py-libp2p."""

from __future__ import annotations

from p2plab.real.history.journal import Command as Command
from p2plab.real.history.journal import Journal as Journal
from p2plab.real.history.journal import RealHistory as RealHistory

__all__ = ["Command", "Journal", "RealHistory"]
