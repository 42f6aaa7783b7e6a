"""A log without a lab: the same pictures and answers, of a run that is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from p2plab.errors import ValidationError
from p2plab.events import Chain, EventLog, NetworkState
from p2plab.explain import why_missing
from p2plab.explain.propagation import Propagation, propagation
from p2plab.explain.why import why
from p2plab.text import plural
from p2plab.views.faces import Viewed

__all__ = ["LogView"]


class LogView(Viewed):
    """What ``p2plab.open`` gives for a log: views, ``why``, ``propagation`` and ``state``, as a lab has them."""

    backend = "log"
    closed = False

    def __init__(self, events: EventLog, path: Path | None = None) -> None:
        self._events = events
        self.path = path

    @property
    def events(self) -> EventLog:
        """The log."""
        return self._events

    @property
    def now(self) -> float:
        """The time of the last event, in seconds."""
        return self._events.now

    def state(self, at: float | None = None, seq: int | None = None) -> NetworkState:
        """What the network was at ``at`` seconds, after the event ``seq``, or at the end. Raises EventLogError."""
        return self._events.state(at, seq)

    def why(self, subject: Any, node: Any = None, at: Any = None) -> Chain:
        """The causes of an event (or of the one with that ``seq``), oldest first; of a message's id, those of its
        publication, of a lookup's, those of its end. Of a message with ``node`` (or ``at``), why it did not arrive
        there, or how it did. Raises ValidationError."""
        if node is not None and at is not None:
            raise ValidationError("why takes node=, or at= for the same, not both")
        where = at if node is None else node
        if where is not None:
            brought = self._brought(subject, str(where))
            return why_missing(self._events, subject, str(where)) if brought is None else why(self._events, brought)
        return why(self._events, self._event_named(subject))

    def metrics(self, node: Any = None) -> str:
        """The numbers of the nodes that the log tells, in Prometheus' text format: events by kind, and GossipSub's.
        ``node`` (a name): only this one's. ValidationError for a name that the log does not have."""
        from p2plab.exports import metrics_of_log

        names = self.state().nodes if node is None else [str(node)]
        if node is not None and self._events.index_of(str(node)) is None:
            raise ValidationError(
                f"no node of this log is called {str(node)!r}; there are {', '.join(self.state().nodes)[:300]}"
            )
        return metrics_of_log(self._events, names)

    def _brought(self, subject: Any, node: str) -> Any:
        """The delivery of a message whose publication the log does not have: other tools' traces may begin later, or
        tell none."""
        if not isinstance(subject, str) or self._events.filter(kind="pubsub.publish", ref=subject):
            return None
        return next(iter(self._events.filter(kind="pubsub.deliver", ref=subject, node=node)), None)

    def _event_named(self, subject: Any) -> Any:
        """The event that a number or an id stands for; anything else is itself."""
        if isinstance(subject, int) and not isinstance(subject, bool):
            found = self._events.by_seq(subject)
        elif isinstance(subject, str):
            about = self._events.filter(ref=subject)
            found = next((event for event in about if event.kind == "pubsub.publish"), about[-1] if about else None)
        else:
            return subject
        if found is None:
            raise ValidationError(f"no event of this log has the number, message or lookup {subject!r}")
        return found

    def propagation(self, message: Any) -> Propagation:
        """How a message (or the one with this id) spread. ValidationError for one that the log does not know."""
        return propagation(self._events, message)

    def __repr__(self) -> str:
        name = "" if self.path is None else f" {self.path.name!r}"
        return f"<LogView{name}: {plural(len(self._events), 'event')}, t={self.now:.3f} s>"
