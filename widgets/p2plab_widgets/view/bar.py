"""The cursor's bar: what it shows, and what using it does to the cursor or to the lab."""

from __future__ import annotations

from typing import Any

from p2plab.events import Event
from p2plab.events.cursor import Cursor
from p2plab_widgets.text import shown
from p2plab_widgets.view.pace import Reached

__all__ = ["bar_of", "told", "use_bar"]


def bar_of(source: Any, cursor: Cursor, reached: Reached) -> dict[str, Any]:
    """What the bar shows of a lab or a log: its span and marks, the moment, whether it plays and how fast."""
    pace, is_lab = getattr(source, "pace", None), source.backend != "log"
    why = ""
    if cursor.live and is_lab:
        if source.backend == "real":
            why = "a real lab always runs, at the wall clock's speed; go back in time to play what happened"
        elif source.closed:
            why = "the lab is closed; go back in time to play what happened"
    return {
        "start": cursor.start,
        "end": cursor.end,
        "time": cursor.time,
        "playing": bool(pace) if cursor.live and is_lab else cursor.playing,
        "speed": (pace or cursor.speed) if cursor.live and is_lab else cursor.speed,
        "reached": reached.speed if cursor.live else None,
        "behind": round(reached.behind, 2) if cursor.live else 0.0,
        "source": source.backend,
        "why": why,
        "marks": [[mark.t, mark.what, mark.kind, mark.count] for mark in cursor.marks()],
    }


def use_bar(source: Any, cursor: Cursor, what: str, value: Any) -> None:
    """Do what a button of the bar says: to a lab that is followed live, else to the cursor. Raises LabError."""
    runs_lab = cursor.live and source.backend != "log" and not source.closed
    if what == "play":
        source.play(cursor.speed) if runs_lab else cursor.play()
    elif what == "pause":
        source.pause() if runs_lab else cursor.pause()
    elif what == "step":
        source.step() if runs_lab and source.backend == "mock" else cursor.step()
    elif what == "back":
        cursor.back()
    elif what == "home":
        cursor.home()
    elif what == "live":
        cursor.to_live()
    elif what == "speed":
        cursor.speed = value
        if runs_lab and source.pace is not None and source.backend == "mock":
            source.play(cursor.speed)


def told(event: Event) -> dict[str, Any]:
    """An event for a list in the browser."""
    return {
        "seq": event.seq,
        "t": event.t,
        "kind": event.kind,
        "node": shown(event.node or "lab"),
        "peer": shown(event.peer or ""),
        "topic": shown(event.topic or ""),
        "reason": shown(event.reason or ""),
    }
