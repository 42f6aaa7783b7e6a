"""The timeline: a space-time diagram of a log, a line for each node, an arrow for each cause at another node."""

from __future__ import annotations

from p2plab_widgets.timeline.widget import Timeline as Timeline

__all__ = ["Timeline"]
