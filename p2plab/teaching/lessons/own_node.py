"""The exercises of lesson 12: a node of another program."""

from __future__ import annotations

from typing import Any, Final

from p2plab.events import Event, EventLog
from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import log_of, names, unanswered

__all__: list[str] = []

PUZZLES: Final = {"another port": "port", "another peer id": "peer id", "another version": "protocols"}
MEANING: Final = {
    "another port": "nobody listens there, so the dial gets no further than the network",
    "another peer id": "somebody answers, and proves to be another peer than the one dialled",
    "another version": "they connect, and do not agree on what to talk in",
}


def _outside(answer: Any) -> tuple[EventLog, list[str], str]:
    """The log of a lab, the nodes outside that are attached to it, and what is wrong where there are none."""
    log = log_of(answer)
    if getattr(answer, "backend", "") == "mock":
        return log, [], 'this is a mock lab, whose nodes no other program can reach: take Lab("real")'
    found = list(dict.fromkeys(str(event.node) for event in log.filter(kind="node.attached")))
    if not found:
        return log, [], "no node outside is attached to this lab: lab.attach(theirs.address)"
    return log, found, ""


@exercise("12.1", "a real lab with an attached node outside, which a node of the lab is connected with and has pinged")
def _attached(answer: Any) -> Verdict:
    log, outside, wrong = _outside(answer)
    if wrong:
        return Verdict(False, wrong)
    opened = [event for event in log.filter(kind="connection.opened") if event.peer in outside]
    if not opened:
        return Verdict(
            False,
            f"{outside[0]} is attached, and no node of the lab is connected with it: attach only gives it a name; "
            "alice.connect(ext)",
        )
    pings = [event for event in log.filter(kind="ping.reply") if event.peer in outside]
    if not pings:
        return Verdict(False, f"{opened[0].node} is connected with {opened[0].peer}, and has not pinged it yet")
    return Verdict(True, f"{pings[0].peer} answered {pings[0].node}, byte for byte")


def _came_from_outside(log: EventLog, outside: list[str]) -> dict[str, list[Event]]:
    """The deliveries of every message that no node of the lab has published, by its id."""
    own = {event.ref for event in log.filter(kind="pubsub.publish")}
    found: dict[str, list[Event]] = {}
    for event in log.filter(kind="pubsub.deliver"):
        if event.ref not in own and event.ref is not None:
            found.setdefault(event.ref, []).append(event)
    return {ref: events for ref, events in found.items() if any(event.peer in outside for event in events)}


@exercise("12.2", "a message of the node outside comes to a node of the lab that is not connected with it")
def _passed_on(answer: Any) -> Verdict:
    log, outside, wrong = _outside(answer)
    if wrong:
        return Verdict(False, wrong)
    theirs = _came_from_outside(log, outside)
    if not theirs:
        asked = log.filter(kind="pubsub.publish")
        more = (
            "it answers a message 'roll call' on the topic 'news', so somebody has to publish that"
            if not asked
            else "is it in the mesh of a node that it is connected with? Wait for that before you publish"
        )
        return Verdict(False, f"no node of the lab got a message of {outside[0]}: {more}")
    direct = {str(event.node) for event in log.filter(kind="connection.opened") if event.peer in outside}
    far = [event for events in theirs.values() for event in events if event.node not in direct]
    if not far:
        got = sorted({str(event.node) for events in theirs.values() for event in events})
        return Verdict(
            False,
            f"its message came to {names(got)}, each of which is connected with it: take one more node, which is "
            "connected with the others only, and let it subscribe as well",
        )
    return Verdict(True, f"{far[0].node} got it from {far[0].peer}; two implementations made one mesh")


@exercise("12.3", f"the layer at which each of these fails: {', '.join(PUZZLES)}")
def _layers(answer: Any) -> Verdict:
    if open_ones := unanswered(answer, PUZZLES, "layer", ". lab.diagnose(...).layer says it"):
        return Verdict(False, open_ones)
    wrong = [name for name, layer in PUZZLES.items() if str(answer[name]).strip().lower() != layer]
    if wrong:
        return Verdict(False, f"{wrong[0]}: not {str(answer[wrong[0]])[:40]!r}. {MEANING[wrong[0]].capitalize()}")
    return Verdict(True, "from the wire up: a port, a key, a protocol")
