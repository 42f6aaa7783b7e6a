"""The event log: what happened, when, to whom, and why. Every picture, table and export is drawn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from p2plab.events.causes import Chain as Chain
from p2plab.events.event import Event as Event
from p2plab.events.follower import Follower as Follower
from p2plab.events.kinds import KINDS as KINDS
from p2plab.events.kinds import LEVELS as LEVELS
from p2plab.events.kinds import REASONS as REASONS
from p2plab.events.log import EventLog as EventLog

if _TYPE_CHECKING:
    from p2plab.events.state import NetworkState as NetworkState
else:  # in a program that never asks for a state, its module does not come in

    def __getattr__(name: str) -> _Any:
        if name != "NetworkState":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from p2plab.events.state import NetworkState

        return NetworkState


__all__ = ["KINDS", "LEVELS", "REASONS", "Chain", "Event", "EventLog", "Follower", "NetworkState"]
