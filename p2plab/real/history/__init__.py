"""The commands given to a real lab from outside, and what they are in plain py-libp2p."""

from __future__ import annotations

from p2plab.real.history.command_log import Command as Command
from p2plab.real.history.command_log import CommandLog as CommandLog
from p2plab.real.history.command_log import RealHistory as RealHistory

__all__ = ["Command", "CommandLog", "RealHistory"]
