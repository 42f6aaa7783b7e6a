"""The page in a saved run: plays it in a browser that has nothing of p2plab's."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Final

from p2plab.errors import EventLogError, MissingExtraError
from p2plab.events import EventLog

__all__ = ["MOST_EVENTS", "PLAYER", "page"]

PLAYER: Final = "player.html"
MOST_EVENTS: Final = 50_000  # unless it is asked for: a page of more takes long to make, and grows with the run


def page(log: bytes, name: str, wanted: bool | None) -> bytes | None:
    """The page of a log as it is saved (compressed), or None: where it is not wanted, and where nobody said so and the
    widgets are not installed, the log is long, or its level does not tell what the network was.

    MissingExtraError, EventLogError where it is wanted and cannot be made.
    """
    if wanted is False:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name or 'run'}.jsonl.gz"
        path.write_bytes(log)
        try:
            events = EventLog.load(path)
            if wanted is None and len(events) > MOST_EVENTS:
                return None
            return _drawn(events, Path(folder) / "player.html")
        except (EventLogError, MissingExtraError):
            if wanted:
                raise
            return None


def _drawn(events: EventLog, target: Path) -> bytes:
    from p2plab.views.log_view import LogView

    kind = import_module("p2plab.widgets").PeerGraph  # by name, on first use; MissingExtraError
    events.state(0.0)  # EventLogError where the level does not keep what a picture shows
    view = kind(LogView(events))
    try:
        return bytes(view.save(target).read_bytes())
    finally:
        view.close()
