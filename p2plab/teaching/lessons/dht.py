"""Lesson 05: the DHT."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from p2plab.events import Event, EventLog
from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import log_of, names
from p2plab.text import plural

__all__: list[str] = []

TARGET: Final = 6
KEYS: Final = (2, 4, 9, 12, 14)
NODES: Final = 50
PROVIDERS: Final = 3
HOLDERS: Final = 4


def _data(event: Event, name: str) -> Any:
    return (event.data or {}).get(name)


def _lookups(log: EventLog, kind: str) -> list[tuple[Event, Event]]:
    """The lookups of a kind that are over: how each began and how it ended."""
    ends = {event.ref: event for event in log.filter(kind="dht.done")}
    return [
        (event, ends[event.ref])
        for event in log.filter(kind="dht.lookup")
        if _data(event, "kind") == kind and event.ref in ends
    ]


def _small(log: EventLog) -> str:
    """What is wrong where the network has too few nodes."""
    count = len(log.state().nodes)
    return "" if count >= NODES else f"the network has {plural(count, 'node')}, and should have at least {NODES}"


@exercise("05.1", f"the keys {', '.join(map(str, KEYS))} as a list, the closest to key {TARGET} first")
def _in_order_of_distance(answer: Any) -> Verdict:
    if isinstance(answer, (set, frozenset)):
        return Verdict(False, "a set has no order: give a list, in square brackets")
    if isinstance(answer, str):
        answer = re.findall(r"\d+", answer)
    elif not isinstance(answer, Sequence) and answer is not None:
        return Verdict(False, f"give all {len(KEYS)} keys in a list, in square brackets, and not {answer!r}"[:200])
    found = [int(key) for key in answer]
    right = sorted(KEYS, key=lambda key: key ^ TARGET)
    if found == right:
        return Verdict(True, f"their distances are {', '.join(str(key ^ TARGET) for key in right)}")
    if sorted(found) == sorted(key ^ TARGET for key in KEYS):
        return Verdict(False, "these are the distances: give the keys, in the order of their distances")
    if sorted(found) != sorted(KEYS):
        missing = [str(key) for key in KEYS if key not in found]
        what = (
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            if missing
            else "there are keys in it that were not given"
        )
        return Verdict(False, f"give each of the {len(KEYS)} keys once: {what}")
    if found == right[::-1]:
        return Verdict(False, "that is the farthest first: turn it round")
    if [abs(key - TARGET) for key in found] == sorted(abs(key - TARGET) for key in KEYS):
        return Verdict(False, "that is the order of their differences; the distance is the XOR: key ^ 6")
    place = next(place for place, key in enumerate(found) if key != right[place])
    return Verdict(
        False,
        f"{found[place]} stands too early: its distance is {found[place]} ^ {TARGET} = {found[place] ^ TARGET}, and "
        f"that of {right[place]} is {right[place] ^ TARGET}",
    )


@exercise("05.2", f"a lab of at least {NODES} nodes in which a get finds a value whose publisher has crashed")
def _outlives_its_publisher(answer: Any) -> Verdict:
    log = log_of(answer)
    if wrong := _small(log):
        return Verdict(False, wrong)
    puts = _lookups(log, "put")
    if not puts:
        return Verdict(False, "no value was stored: node.dht.put(key, value)")
    down = log.state().down
    gone = [(begun, done) for begun, done in puts if begun.node in down]
    if not gone:
        return Verdict(False, f"the publisher, {puts[-1][0].node}, is still running: let it crash")
    gets = _lookups(log, "get")
    for put, _ in gone:
        crash = [event.seq for event in log.filter(kind="node.crashed", node=put.node)]
        if not crash:
            continue
        for begun, done in gets:
            if _data(begun, "key") == _data(put, "key") and begun.seq > crash[-1] and _data(done, "found"):
                return Verdict(True, f"{begun.node} got it from other nodes than {put.node}")
    key = _data(gone[-1][0], "key")
    same = [(begun, done) for begun, done in gets if _data(begun, "key") == key]
    if not same:
        return Verdict(False, f"nobody looked for {key} with node.dht.get")
    if all(_data(done, "found") for _, done in same):
        return Verdict(False, f"{key} was looked for before {gone[-1][0].node} crashed: do it afterwards")
    return Verdict(False, f"{key} was looked for and not found: those that held it are gone too")


@exercise("05.3", f"a lab of at least {NODES} nodes in which a find_providers finds at least {PROVIDERS} providers")
def _several_providers(answer: Any) -> Verdict:
    log = log_of(answer)
    if wrong := _small(log):
        return Verdict(False, wrong)
    provided: dict[Any, set[str]] = {}
    for begun, _ in _lookups(log, "provide"):
        provided.setdefault(_data(begun, "key"), set()).add(str(begun.node))
    if not provided:
        return Verdict(False, "nobody provides anything: node.dht.provide(cid)")
    most = max(provided, key=lambda key: len(provided[key]))
    if len(provided[most]) < PROVIDERS:
        return Verdict(
            False,
            f"no content has more providers than {names(sorted(provided[most]))}; it takes {PROVIDERS} nodes that "
            "provide the same CID",
        )
    searches = [(begun, done) for begun, done in _lookups(log, "find_providers") if _data(begun, "key") == most]
    if not searches:
        return Verdict(False, "nobody looked for that content with node.dht.find_providers")
    found = max(_data(done, "found") or 0 for _, done in searches)
    if found < PROVIDERS:
        return Verdict(False, f"the best search found {found}: look again, now that there are {len(provided[most])}")
    return Verdict(True, f"{found} providers; whoever wants the content can choose among them")


@exercise(
    "05.4",
    f"a lab of at least {NODES} nodes in which a value that {HOLDERS} nodes or more held can no longer be found, with "
    "as few crashes as possible",
)
def _lost(answer: Any) -> Verdict:
    log = log_of(answer)
    if wrong := _small(log):
        return Verdict(False, wrong)
    puts = _lookups(log, "put")
    if not puts:
        return Verdict(False, "no value was stored: node.dht.put(key, value)")
    put = puts[-1][0]
    key = _data(put, "key")
    holders = {event.node for event in log.filter(kind="dht.stored") if _data(event, "key") == key} - {put.node}
    if len(holders) < HOLDERS:
        return Verdict(
            False, f"only {len(holders)} nodes held it beside its publisher, and {HOLDERS} should: a larger k"
        )
    crashes = log.filter(kind="node.crashed")
    if not crashes:
        return Verdict(False, "no node has crashed: who holds the value? lab.dht.holders(key)")
    gets = [(begun, done) for begun, done in _lookups(log, "get") if _data(begun, "key") == key]
    if not gets or gets[-1][0].seq < crashes[-1].seq:
        return Verdict(False, f"nobody has looked for {key} since the last crash: node.dht.get")
    if _data(gets[-1][1], "found"):
        left = sorted(str(node) for node in holders if node not in log.state().down)
        return Verdict(False, f"it was found all the same; still running and with a copy: {names(left) or put.node}")
    count = len({event.node for event in crashes})
    figures: dict[str, Any] = {"score": count, "best": HOLDERS, "unit": "crashes"}
    if count > 2 * len(holders):
        return Verdict(
            False,
            f"lost, but {count} crashes are too many: it was held by {len(holders)} beside its publisher",
            **figures,
        )
    return Verdict(True, f"lost; it was held by {len(holders)} beside its publisher", **figures)
