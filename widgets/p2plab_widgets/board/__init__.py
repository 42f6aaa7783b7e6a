"""Views made of cards: what the inspector and the protocol views have alike."""

from __future__ import annotations

from p2plab_widgets.board.base import Board as Board
from p2plab_widgets.board.base import Choice as Choice

__all__ = ["Board", "Choice"]
