"""The peer graph: a live picture of a lab's network, drawn on a canvas in the browser."""

from __future__ import annotations

from p2plab_widgets.graph.widget import PeerGraph as PeerGraph

__all__ = ["PeerGraph"]
