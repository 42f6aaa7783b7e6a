"""What can be looked at in a lab and in a log alike. The widgets come in by name, when one is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from p2plab.events import EventLog
    from p2plab.events.cursor import Cursor

__all__ = ["Viewed"]


class Viewed:
    """The pictures of a lab or a log. ``events`` is the log that they are drawn from."""

    @property
    def events(self) -> EventLog:
        """What happened."""
        raise NotImplementedError

    @property
    def cursor(self) -> Cursor:
        """The moment and the selection that all views share: ``cursor.at(12.5)``, ``cursor.to_live()``."""
        return self.events.cursor

    def graph(self, **options: Any) -> Any:
        """Draw the picture of the network, a widget.

        Args:
            options: see ``p2plab.widgets.PeerGraph``
        """
        return _widget("PeerGraph", self, options)

    def timeline(self, **options: Any) -> Any:
        """What happened, a line for each node and an arrow for each message, a widget."""
        return _widget("Timeline", self, options)


def _widget(name: str, source: Any, options: dict[str, Any]) -> Any:
    return getattr(import_module("p2plab.widgets"), name)(source, **options)
