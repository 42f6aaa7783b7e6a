"""What was done to a mock lab: as commands, as a script, replayed, and put away as a snapshot."""

from __future__ import annotations

from p2plab.mock.history.history import Command as Command
from p2plab.mock.history.history import History as History

__all__ = ["Command", "History"]
