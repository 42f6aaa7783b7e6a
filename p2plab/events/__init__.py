"""The event log: what happened, when, to whom, and why. Every picture, table and export is drawn from it."""

from __future__ import annotations

from p2plab.events.causes import Chain as Chain
from p2plab.events.event import Event as Event
from p2plab.events.follower import Follower as Follower
from p2plab.events.kinds import KINDS as KINDS
from p2plab.events.kinds import LEVELS as LEVELS
from p2plab.events.kinds import REASONS as REASONS
from p2plab.events.log import EventLog as EventLog
from p2plab.events.state import NetworkState as NetworkState

__all__ = ["KINDS", "LEVELS", "REASONS", "Chain", "Event", "EventLog", "Follower", "NetworkState"]
