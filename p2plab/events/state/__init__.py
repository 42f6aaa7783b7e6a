"""``events.state``: the one fold of the log into what the network was. Every view draws it and keeps nothing else."""

from __future__ import annotations

from p2plab.events.state.changes import Change as Change
from p2plab.events.state.changes import Changes as Changes
from p2plab.events.state.fold import FOLDED as FOLDED
from p2plab.events.state.fold import Fold as Fold
from p2plab.events.state.network import NetworkState as NetworkState
from p2plab.events.state.seek import Gap as Gap
from p2plab.events.state.seek import Scores as Scores
from p2plab.events.state.seek import States as States

__all__ = ["FOLDED", "Change", "Changes", "Fold", "Gap", "NetworkState", "Scores", "States"]
