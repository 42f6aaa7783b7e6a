"""What the checks of a network read of it: all from its event log, so that a saved or closed lab is read as well."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from p2plab.errors import ValidationError
from p2plab.events import Event, EventLog

__all__ = ["last_publication", "log_of", "names", "neighbours", "no_lab", "no_open_lab", "unanswered"]


def no_lab(answer: Any) -> str:
    """What keeps an answer from being a lab, open or closed; "" where it is one."""
    return "" if answer is not None and hasattr(answer, "events") else f"give the lab itself, not {answer!r}"[:200]


def no_open_lab(answer: Any) -> str:
    """What keeps an answer from being a lab that can be asked and can go on; "" where it is one."""
    if answer is None:
        return "there is no answer yet: give the lab"
    if not hasattr(answer, "propagation") or not hasattr(answer, "nodes"):
        return f"give the lab itself, not {str(answer)[:40]!r}"
    return "the lab is closed: make it again" if answer.closed else ""


def unanswered(answer: Any, questions: Collection[str], what: str, hint: str = "") -> str:
    """What keeps an answer from being a dict with ``what`` for each question and nothing else; "" where it is one."""
    if not isinstance(answer, dict):
        return f"give a dict with a {what} for each of {', '.join(questions)}, not {answer!r}"[:200]
    strange = [str(name) for name in answer if name not in questions]
    if strange:
        return f"{strange[0][:40]!r} is not asked for; asked for are {', '.join(questions)}"
    missing = [name for name in questions if answer.get(name) is None]
    return f"still open: {', '.join(missing)}{hint}" if missing else ""


def log_of(answer: Any) -> EventLog:
    """The event log of an answer that is a lab, open, closed or saved. ValidationError where it is something else."""
    log = getattr(answer, "events", None)
    if not isinstance(log, EventLog):
        given = "nothing yet" if answer is None else f"{type(answer).__name__} {answer!r}"[:80]
        raise ValidationError(f"the answer is a lab, as in teaching.check(..., lab), and this is {given}")
    return log


def last_publication(log: EventLog) -> Event:
    """The last message that was published. ValidationError where none was, or the log does not keep messages."""
    published = log.filter(kind="pubsub.publish")
    if not published:
        raise ValidationError("no message was published in this lab: use node.publish(topic, data), then lab.run(...)")
    return published[-1]


def neighbours(log: EventLog) -> dict[str, int]:
    """With how many others each running node is connected."""
    state = log.state()
    count = {name: 0 for name in state.nodes if name not in state.down}
    for edge in state.edges:
        for name in edge:
            if name in count:
                count[name] += 1
    return count


def names(nodes: Sequence[str], most: int = 4) -> str:
    """Names in a sentence: "n1, n2 and 3 more"."""
    rest = len(nodes) - most
    return ", ".join(nodes[:most]) + (f" and {rest} more" if rest > 0 else "")
