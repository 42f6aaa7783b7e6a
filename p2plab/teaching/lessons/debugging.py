"""Lesson 10: from a complaint to its cause. ``write_case`` writes a run with a planted fault to a file."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Final

from p2plab.errors import ValidationError
from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import no_open_lab
from p2plab.text import plural

__all__ = ["write_case"]

TOPIC: Final = "news"


def write_case(number: int, path: str | PathLike[str]) -> Path:
    """Write the run of a case to a file, which ``p2plab.open`` opens.

    Args:
        number: 1 to 3
        path: the file, such as ``"case1.p2plab"``

    Returns:
        The path.
    """
    if number not in CASES or isinstance(number, bool):
        raise ValidationError(f"the cases are {', '.join(map(str, CASES))}, not {number!r}")
    with CASES[number]() as lab:
        saved: Path = lab.save(path)
    return saved


def _network(seed: int, count: int, shape: str, but: str = "") -> Any:
    from p2plab import Lab

    lab = Lab(seed=seed)
    lab.start_nodes(count)
    lab.wire(shape, degree=3 if shape == "random" else None)
    for node in lab.nodes:
        if node.name != but:
            node.subscribe(TOPIC)
    lab.run(5)
    return lab


def _bulletin(lab: Any, number: int) -> None:
    lab["n0"].publish(TOPIC, f"bulletin {number}")
    lab.run(1)


def _cut_in_two() -> Any:
    """Case 1: from the second bulletin on the network is in two pieces."""
    lab = _network(10, 8, "random")
    _bulletin(lab, 0)
    lab.network.partition(["n6", "n7"], ["n0", "n1", "n2", "n3", "n4", "n5"])
    for number in (1, 2, 3):
        _bulletin(lab, number)
    return lab


def _too_wide_a_rule() -> Any:
    """Case 2: n5 blocks every address. Before, n2 crashes and comes back, which did no harm."""
    lab = _network(4, 8, "random")
    _bulletin(lab, 0)
    lab["n2"].crash()
    lab.run(2)
    lab["n2"].restart()
    lab.run(2)
    _bulletin(lab, 1)
    lab["n5"].block("0.0.0.0/0")
    lab.run(1)
    _bulletin(lab, 2)
    return lab


def _a_gap_in_the_line() -> Any:
    """Case 3: in a line, n3 no longer subscribes, so that nobody passes messages on to n4 and n5."""
    lab = _network(3, 6, "line", but="n3")
    listening = lab["n3"].subscribe(TOPIC)
    lab.run(1)
    _bulletin(lab, 0)
    lab["n1"].ping("n2")
    listening.close()
    lab.run(1)
    _bulletin(lab, 1)
    return lab


CASES: Final[dict[int, Callable[[], Any]]] = {1: _cut_in_two, 2: _too_wide_a_rule, 3: _a_gap_in_the_line}


@exercise("10.1", "in the run of case 2, give the event that is the cause of n5's complaint about bulletin 2")
def _the_cause(answer: Any) -> Verdict:
    if answer is None:
        return Verdict(False, "there is no answer yet: give an event, such as case.why(..., at='n5')[0]")
    with _too_wide_a_rule() as lab:
        last = lab.events.filter(kind="pubsub.publish")[-1].ref
        chain = list(lab.why(last, at="n5"))
        rules = lab.events.filter(kind="admission.changed", node="n5")
        culprits = {event.seq for event in (*chain[:2], *rules)}
        named = answer if isinstance(answer, int) and not isinstance(answer, bool) else getattr(answer, "seq", None)
        event = None if named is None else lab.events.by_seq(named)
    if event is None:
        return Verdict(False, f"give one event of the run, or its number (.seq), not {str(answer)[:60]!r}")
    if getattr(answer, "kind", event.kind) != event.kind:
        return Verdict(False, "that event is not of case 2: open the file of case 2 and ask there")
    if event.seq in culprits:
        return Verdict(True, "n5 shut its own door: its rule 0.0.0.0/0 fits every address there is")
    what = f"{event.kind} at {event.t:.2f} s"
    if event.kind == "connection.closed" and event.t > 10:
        return Verdict(False, f"{what} is what followed: why was the connection closed?")
    if event.node == "n2" or event.reason == "crashed" or event.t < 10:
        return Verdict(False, f"{what} was before bulletin 1, and n5 did get bulletin 1")
    if event.kind == "pubsub.publish" or event.node == "n0":
        return Verdict(False, f"{what}: n0 did publish, and the others got it; what is different at n5?")
    return Verdict(False, f"{what} is not what kept the message from n5: take the first link of the chain of causes")


@exercise("10.2", "in the run of case 3, n5 complains. Name the node at which something has to be put right")
def _the_node(answer: Any) -> Verdict:
    if answer is None:
        return Verdict(False, "there is no answer yet: give the name of a node, such as 'n0'")
    text = str(getattr(answer, "name", None) or answer).strip().lower()
    with _a_gap_in_the_line() as lab:
        ids = {str(node.peer_id).lower(): node.name for node in lab.nodes}
        names = [node.name for node in lab.nodes]
    name = ids.get(text, text)
    hints = {
        "n5": "n5 only complains: it is subscribed, and its connection is open",
        "n4": "n4 did not get it either: it is a victim, as n5 is; ask about its other neighbour",
        "n0": "n0 published, and its neighbour n1 got it: look further along the line",
    }
    if name == "n3":
        return Verdict(True, "n3 left the topic, so nothing of the topic passes through it, though it is connected")
    if name not in names:
        return Verdict(False, f"{text[:40]!r} is no node of this run: its nodes are {', '.join(names)}")
    return Verdict(False, hints.get(name, f"{name} got the message and passed it on as far as it could"))


@exercise("10.3", "put the network of case 1 right: every bulletin reaches all eight nodes, and a new one does, too")
def _put_right(answer: Any) -> Verdict:
    if wrong := no_open_lab(answer):
        return Verdict(False, wrong)
    cuts = answer.events.filter(kind="network.partition")
    names = sorted(node.name for node in answer.nodes)
    if not cuts or not set(names) >= {f"n{number}" for number in range(8)}:
        return Verdict(False, "this is not the network of case 1: open its file again, and go on from there")
    down = [node.name for node in answer.nodes if not node.running]
    if down:
        return Verdict(False, f"{', '.join(down)} no longer runs: the nodes were not at fault")
    if answer.events.state().partitions:
        return Verdict(False, "the network is still cut in two: lab.network has the verb that undoes a partition")
    for publication in answer.events.filter(kind="pubsub.publish"):
        missing = answer.propagation(publication.ref).missing
        if missing:
            when = f"the message that {publication.node} published at {publication.t:.1f} s"
            lost = answer.events.filter(kind="connection.closed", since=cuts[0].t)
            what = "connections were given up meanwhile: begin anew, and be quicker" if lost else "let some time pass"
            return Verdict(False, f"{when} has not reached {', '.join(missing)}: {what}")
    mended = [event.t for event in answer.events.filter(kind="network.heal")]
    new = [event for event in answer.events.filter(kind="pubsub.publish") if mended and event.t >= mended[-1]]
    if not new:
        return Verdict(False, "the old ones have arrived; now show that a new message reaches everybody")
    silent = sorted(set(names) - {d.node for d in answer.propagation(new[-1].ref).deliveries})
    if silent:
        return Verdict(False, f"{', '.join(silent)} did not get the new message: is it on the topic 'news'?")
    return Verdict(True, "all eight have everything; the senders had kept the old bulletins and sent them again")


@exercise(
    "10.4",
    "plant a fault of your own: of six or more nodes that run and subscribe, exactly one does not get the last message",
)
def _planted(answer: Any) -> Verdict:
    if wrong := no_open_lab(answer):
        return Verdict(False, wrong)
    published = answer.events.filter(kind="pubsub.publish")
    if not published:
        return Verdict(False, "nothing was published in this lab")
    last = published[-1]
    state = answer.events.state(seq=last.seq)
    subscribed = set(state.subscriptions.get(last.topic, ()))
    running = {node.name for node in answer.nodes if node.running}
    if len(subscribed & running) < 6:
        count = len(subscribed & running)
        return Verdict(
            False, f"{plural(count, 'node')} ran and subscribed to {last.topic!r} when it was published; it takes six"
        )
    got = {delivery.node for delivery in answer.propagation(last.ref).deliveries}
    victims = sorted((subscribed & running) - got)
    if not victims:
        gone = sorted(subscribed - running)
        if gone:
            return Verdict(False, f"{', '.join(gone)} was switched off, which is too easy: the victim has to run")
        return Verdict(False, f"everybody got the last message, at the latest at {answer.now:.2f} s")
    if len(victims) > 1:
        names = ", ".join(victims)
        return Verdict(False, f"{len(victims)} nodes did not get it: {names}. Did time pass? Is the fault too large?")
    cause = str(answer.why(last.ref, at=victims[0])).splitlines()[0]
    return Verdict(True, f"the lab says: {cause}")
