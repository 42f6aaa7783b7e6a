"""What happened and why, as rows."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from p2plab.commands.rows.row import row_of
from p2plab.events import Chain, Event


class EventRow(TypedDict, total=False):
    """An event as the log has it; what is empty is left out. ``t`` is in seconds of lab time."""

    t: float
    seq: int
    kind: str
    node: str
    peer: str
    topic: str
    ref: str
    size: int
    reason: str
    cause: int
    data: dict[str, Any]


class Reason(TypedDict):
    """``answer`` in a sentence; ``causes``: the events behind it, oldest first."""

    answer: str
    causes: list[EventRow]


def event_row(event: Event) -> EventRow:
    return event.to_dict()  # type: ignore[return-value]  # the fields that are set, which are an EventRow's


@row_of("Chain")
def reason_row(chain: Chain) -> Reason:
    return Reason(answer=chain.answer, causes=[event_row(link) for link in chain])
