"""The exercises of lesson 09: real nodes."""

from __future__ import annotations

from typing import Any, Final

from p2plab.events import Event, EventLog
from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import last_publication, log_of, names, unanswered
from p2plab.text import plural

__all__: list[str] = []

NODES: Final = 5
CUT: Final = 4
PING: Final = 0.2  # seconds
# Where each word works; tests/unit/teaching/test_real_nodes.py tries all of them.
WORLDS: Final = {
    "publish": "both",
    "at": "mock",
    "snapshot": "mock",
    "attach": "real",
    "partition": "both",
    "as_libp2p_script": "real",
}
WHY: Final = {
    "publish": "nodes of either world publish",
    "at": "who plans for a time must own the clock, and a real lab's is the wall's",
    "snapshot": "the state of real sockets and of the operating system cannot be written down",
    "attach": "what is outside is a real program, which simulated nodes cannot talk to",
    "partition": "step 7 cut both, in two different ways",
    "as_libp2p_script": "it does on py-libp2p alone what real nodes did; a mock lab's history is p2plab's own words",
}


def _real(answer: Any) -> tuple[EventLog, str]:
    """The log of a real lab, open or saved, and what is wrong with it where it is none."""
    log = log_of(answer)
    if getattr(answer, "backend", "") == "mock":
        return log, 'this is a mock lab; a real one is made with Lab("real", ...)'
    return log, ""


def _members(log: EventLog, sent: Event, least: int) -> tuple[list[str], str]:
    """The nodes that ran and subscribed when a message was published, and what is wrong where they are too few or not
    all. Then, not now: a closed lab has no running nodes."""
    state, topic = log.state(seq=sent.seq), sent.topic
    running = [name for name in state.nodes if name not in state.down]
    if len(running) < least:
        return [], f"{len(running)} nodes were running when it was published, and there should be at least {least}"
    members = [name for name in running if name in state.subscriptions.get(topic or "", [])]
    deaf = [name for name in sorted(running) if name not in members]
    if deaf:
        return [], f"these do not subscribe to {topic!r}, so they neither hear it nor pass it on: {names(deaf)}"
    return members, ""


@exercise(
    "09.1", f"a real lab of {NODES} nodes or more, all subscribed, whose last message reaches all, and some not at once"
)
def _far(answer: Any) -> Verdict:
    log, wrong = _real(answer)
    if wrong:
        return Verdict(False, wrong)
    sent = last_publication(log)
    members, wrong = _members(log, sent, NODES)
    if wrong:
        return Verdict(False, wrong)
    found = answer.propagation(sent.ref)
    missing = [name for name in sorted(members) if name not in {row.node for row in found}]
    if missing:
        return Verdict(
            False,
            f"the last message did not reach {names(missing)}: let the meshes form before you publish, and let the "
            "message travel (lab.run_until)",
        )
    hops = max(row.hops for row in found)
    if hops < 2:
        return Verdict(
            False, f"everybody got it straight from {sent.node}: take a shape in which not all are neighbours"
        )
    return Verdict(True, f"the last of {plural(len(found), 'node')} got it at hop {hops}")


def _had(answer: Any, sent: Event, by: float) -> set[str]:
    """Who had the message by then."""
    return {row.node for row in answer.propagation(sent.ref) if sent.t + row.after < by}


@exercise("09.2", 'for each word the world in which it works, "mock", "real" or "both"')
def _where(answer: Any) -> Verdict:
    if open_ones := unanswered(answer, WORLDS, "world"):
        return Verdict(False, open_ones)
    odd = [word for word in WORLDS if answer[word] not in ("mock", "real", "both")]
    if odd:
        return Verdict(False, f'{odd[0]}: say "mock", "real" or "both", not {answer[odd[0]]!r}'[:200])
    wrong = [word for word in WORLDS if answer[word] != WORLDS[word]]
    if wrong:
        return Verdict(False, f"{wrong[0]} is not for {answer[wrong[0]]!r}: {WHY[wrong[0]]}")
    return Verdict(True, "whoever owns the clock can plan and repeat; whoever has sockets can talk to strangers")


@exercise("09.3", f"a real lab in which a ping took {PING * 1000:.0f} ms or more, because the link is slow")
def _slow(answer: Any) -> Verdict:
    log, wrong = _real(answer)
    if wrong:
        return Verdict(False, wrong)
    pings = log.filter(kind="ping.reply")
    if not pings:
        return Verdict(False, "nobody has pinged in this lab: a.ping(b)")
    slowest = max(float((event.data or {})["rtt"]) for event in pings)
    figures: dict[str, Any] = {"score": slowest * 1000, "unit": "ms"}
    memory = [event for event in log.filter(kind="connection.dialled") if "/memory/" in str(event.data)]
    if not memory:
        return Verdict(
            False,
            "these nodes talk over the loopback, which cannot be made slow: start them with transports=['memory']",
        )
    if slowest < PING:
        return Verdict(
            False,
            f"the slowest ping took less than {PING * 1000:.0f} ms. A ping goes there and back, and "
            "lab.network.set_link(latency=...) is one way, in seconds",
            **figures,
        )
    return Verdict(True, "the bytes waited on their way, twice", **figures)


@exercise(
    "09.4",
    f"a real lab of {CUT} nodes or more, all subscribed: a partition keeps a message from somebody, and a later "
    "message, after it is healed, reaches all",
)
def _cut_and_healed(answer: Any) -> Verdict:
    log, wrong = _real(answer)
    if wrong:
        return Verdict(False, wrong)
    cuts, heals = log.filter(kind="network.partition"), log.filter(kind="network.heal")
    if not cuts:
        return Verdict(False, "nothing was cut in this lab: lab.network.partition([...], [...])")
    heals = [event for event in heals if event.seq > cuts[0].seq]
    if not heals:
        return Verdict(False, "the partition still stands: lab.network.heal()")
    sent = last_publication(log)
    members, wrong = _members(log, sent, CUT)
    if wrong:
        return Verdict(False, wrong)
    during = [event for event in log.filter(kind="pubsub.publish") if cuts[0].seq < event.seq < heals[-1].seq]
    # What was missed comes later by gossip, so what counts is who had it when the network was healed.
    lost = [event for event in during if len(_had(answer, event, heals[-1].t)) < len(members)]
    if not during:
        return Verdict(False, "no message was published while the network was cut")
    if not lost:
        return Verdict(False, "what was published during the partition reached everybody: cut it elsewhere")
    if sent.seq < heals[-1].seq:
        return Verdict(False, "no message was published after the network was healed")
    missing = [name for name in sorted(members) if name not in {row.node for row in answer.propagation(sent.ref)}]
    if missing:
        return Verdict(
            False,
            f"the last message did not reach {names(missing)}: a partition closes real connections, so dial again "
            "after heal(), with connect or wire, and wait until the meshes have formed",
        )
    return Verdict(True, f"{names([str(event.node) for event in lost[:1]])} was not heard everywhere, and is heard now")
