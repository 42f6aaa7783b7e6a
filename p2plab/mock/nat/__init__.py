"""NATs in the mock world: the boxes in front of its nodes, connections that pass them, circuits, and punching."""

from __future__ import annotations

from p2plab.mock.nat.boxes import Boxes as Boxes
from p2plab.mock.nat.pipes import PassingPipe as PassingPipe

__all__ = ["Boxes", "PassingPipe"]
