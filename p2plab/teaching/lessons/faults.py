"""Lesson 06: latency, loss, crashes, partitions, churn. ``two_groups`` and ``long_cut`` make networks to start from."""

from __future__ import annotations

from typing import Any, Final

from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import no_open_lab
from p2plab.text import plural

__all__ = ["long_cut", "two_groups"]

TOPIC: Final = "news"


def two_groups() -> Any:
    """Two groups of nodes that hold together through one node, all subscribed to ``news``."""
    from p2plab import Lab

    lab = Lab(seed=61)
    names = [node.name for node in lab.start_nodes(15)]
    lab.wire("random", degree=3, nodes=names[:7])
    lab.wire("random", degree=3, nodes=names[7:14])
    for name in ("n2", "n5", "n9", "n12"):
        lab["n14"].connect(name)
    _subscribe(lab)
    return lab


def long_cut() -> Any:
    """Twenty nodes that were cut into two halves for a minute. The wires are whole again."""
    from p2plab import Lab

    lab = Lab(seed=79)
    names = [node.name for node in lab.start_nodes(20)]
    lab.wire("random", degree=5)
    _subscribe(lab)
    lab.network.partition(names[:10], names[10:])
    lab["n0"].publish(TOPIC, "can you hear me?")
    lab.run(60)
    lab.network.heal()
    return lab


def _subscribe(lab: Any) -> None:
    for node in lab.nodes:
        node.subscribe(TOPIC)
    lab.run(2)


def _trouble(answer: Any) -> str:
    """What keeps an answer from being a lab in which something was published; nothing where it is one."""
    return no_open_lab(answer) or ("" if _last(answer) else "nothing was published in this lab yet")


def _last(lab: Any) -> Any:
    published = lab.events.filter(kind="pubsub.publish")
    return published[-1] if published else None


def _silent(lab: Any, message: Any) -> list[str]:
    """The running nodes that did not get a message."""
    got = {delivery.node for delivery in lab.propagation(message.ref).deliveries}
    return [node.name for node in lab.nodes if node.running and node.name not in got]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


@exercise("06.1", "slow a network of ten nodes or more so that the last message takes 0.9 to 1.0 s to reach everybody")
def _slowed(answer: Any) -> Verdict:
    if wrong := _trouble(answer):
        return Verdict(False, wrong)
    if len(answer.nodes) < 10:
        return Verdict(False, f"there are {len(answer.nodes)} nodes, and it takes ten")
    silent = _silent(answer, _last(answer))
    if silent:
        return Verdict(False, f"{_listed(silent)} did not get the last message: let time pass, and let all subscribe")
    seconds = answer.propagation(_last(answer).ref).duration
    if not 0.9 <= seconds <= 1.0:
        word = "quick" if seconds < 0.9 else "slow"
        return Verdict(False, f"too {word}: the latency of every hop on the way adds up", seconds, unit="s")
    return Verdict(True, "the way's length in hops, times the latency of a hop, is the time", seconds, unit="s")


@exercise(
    "06.2",
    "wire 20 nodes with at most 40 edges; the three with the most connections crash; a message still reaches all 17",
)
def _survives(answer: Any) -> Verdict:
    if wrong := _trouble(answer):
        return Verdict(False, wrong)
    crashes = answer.events.filter(kind="node.crashed")
    down = [node.name for node in answer.nodes if not node.running]
    if len(answer.nodes) != 20 or len(down) != 3 or len(crashes) != 3:
        return Verdict(False, f"of {plural(len(answer.nodes), 'node')} {len(down)} have crashed; it should be 3 of 20")
    whole = answer.events.state(seq=crashes[0].seq - 1)
    if len(whole.edges) > 40:
        return Verdict(False, f"the network had {len(whole.edges)} edges before the crashes; at most 40 are allowed")
    count = {name: sum(name in edge for edge in whole.edges) for name in whole.nodes}
    least = min(count[name] for name in down)
    busier = sorted(name for name in count if name not in down and count[name] > least)
    if busier:
        return Verdict(False, f"{_listed(busier)} had more connections than one of those that crashed")
    if _last(answer).seq < crashes[-1].seq:
        return Verdict(False, "the last message was published before the last crash: publish after it")
    silent = _silent(answer, _last(answer))
    if silent:
        return Verdict(False, f"{_listed(silent)} did not get the message: too much hung on those that crashed")
    return Verdict(True, "no three nodes are so important that the others depend on them")


@exercise("06.3", "bring the two halves of long_cut() together again, so that a new message reaches all twenty nodes")
def _joined(answer: Any) -> Verdict:
    if wrong := _trouble(answer):
        return Verdict(False, wrong)
    cuts = answer.events.filter(kind="network.partition")
    heals = answer.events.filter(kind="network.heal")
    if not cuts or not heals or heals[0].t - cuts[0].t < 50 or len(answer.nodes) < 20:
        return Verdict(False, "this is not the network of long_cut(): begin with it")
    down = [node.name for node in answer.nodes if not node.running]
    if down:
        return Verdict(False, f"{_listed(down)} does not run: all twenty should")
    last = _last(answer)
    if last.t < heals[-1].t:
        return Verdict(False, "nothing was published since the cut ended: publish a new message")
    silent = _silent(answer, last)
    if silent:
        halves = [{f"n{number}" for number in range(10)}, {f"n{number}" for number in range(10, 20)}]
        across = [edge for edge in answer.events.state(seq=last.seq).edges if not any(set(edge) <= h for h in halves)]
        why = "let time pass" if across else "there was no connection between the halves: somebody has to dial"
        return Verdict(False, f"{_listed(silent)} did not get the new message; {why}")
    return Verdict(True, "a wire that works again is not enough: somebody has to dial")


@exercise("06.4", "in the network of two_groups(), name the one node whose crash cuts the others off from each other")
def _the_weak_point(answer: Any) -> Verdict:
    if answer is None:
        return Verdict(False, "there is no answer yet: give the name of a node, such as 'n0'")
    with two_groups() as lab:
        text = str(getattr(answer, "name", None) or answer).strip()
        by_id = {str(node.peer_id): node.name for node in lab.nodes}
        name = by_id.get(text, text.lower())
        if name not in lab:
            return Verdict(False, f"{text[:40]!r} is no node of this network: its nodes are n0 to n14")
        lab[name].crash()
        lab.run(1)
        publisher = next(node for node in lab.nodes if node.running)
        publisher.publish(TOPIC, "are we still together?")
        lab.run(5)
        silent = _silent(lab, _last(lab))
    if not silent:
        return Verdict(False, f"without {name}, a message still reached everybody: the others have ways around it")
    return Verdict(True, f"without {name}, {len(silent)} nodes heard nothing of a message from {publisher.name}")
