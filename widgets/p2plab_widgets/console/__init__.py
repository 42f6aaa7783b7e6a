"""The console: buttons for the verbs of a lab, and a log of what came of them."""

from __future__ import annotations

from p2plab_widgets.console.buttons import Buttons as Buttons
from p2plab_widgets.console.widget import Console as Console

__all__ = ["Buttons", "Console"]
