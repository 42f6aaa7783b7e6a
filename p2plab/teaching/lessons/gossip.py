"""Lesson 03: flooding and gossip."""

from __future__ import annotations

from typing import Any, Final

from p2plab.events import EventLog
from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import last_publication, log_of, names, neighbours
from p2plab.text import plural

__all__: list[str] = []

TREE: Final = 12  # nodes of the first exercise's network, at least
GOSSIP: Final = 20
CRASHES: Final = 5
SURVIVORS: Final = 10
MESH: Final = 4  # the specification's D_low
NODES: Final = 50
SECONDS: Final = 0.3
COPIES: Final = 2.5
LATENCY: Final = 0.05
DEGREES: Final = (6, 12)
BEST: Final = 1.8  # copies a node: a mesh of two or three peers, and flood publishing
ROUNDING: Final = 1e-6  # seconds


def _spread(answer: Any, log: EventLog, nodes: int) -> tuple[Any, str]:
    """How the last message spread, and what is wrong where it did not reach so many nodes that all subscribe."""
    event = last_publication(log)
    found = answer.propagation(event.ref)
    state = log.state()
    subscribers = state.subscriptions.get(str(event.topic), [])
    deaf = [name for name in state.nodes if name not in subscribers and name not in state.down]
    if len(state.nodes) < nodes:
        return found, f"the network has {plural(len(state.nodes), 'node')}, and should have at least {nodes}"
    if deaf:
        return found, f"these do not subscribe to {event.topic!r}: {names(deaf)}"
    if found.missing:
        return found, f"the last message did not reach {names(list(found.missing))}"
    if len(found) < nodes:
        return found, f"the last message reached {len(found)} nodes, and should reach at least {nodes}"
    return found, ""


@exercise("03.1", f"a lab of at least {TREE} nodes, all subscribed, whose last message reaches all without a duplicate")
def _without_duplicates(answer: Any) -> Verdict:
    log = log_of(answer)
    found, wrong = _spread(answer, log, TREE)
    if wrong:
        return Verdict(False, wrong)
    if found.duplicates:
        edges, nodes = len(log.state().edges), len(log.state().nodes)
        rings = (
            f"; {nodes} nodes hang together with {nodes - 1} connections, and these are {edges}, so some form rings"
            if edges >= nodes
            else ""
        )
        return Verdict(False, f"there were {found.duplicates} duplicates{rings}")
    return Verdict(True, "there is one way only to each node; if one of them fails, those behind it hear nothing")


@exercise(
    "03.2", f"a lab of at least {GOSSIP} nodes whose last message reaches all, and one of them by IHAVE and IWANT"
)
def _by_gossip(answer: Any) -> Verdict:
    log = log_of(answer)
    found, wrong = _spread(answer, log, GOSSIP)
    asked = log.filter(kind="pubsub.iwant", ref=found.message_id)
    if wrong:
        told = any((event.data or {}).get("peers") for event in log.filter(kind="pubsub.gossip"))
        silent = "" if told else "; nobody sent an IHAVE either: is D_lazy 0?"
        return Verdict(False, wrong + silent)
    served = {event.seq: event for event in log.filter(kind="pubsub.iwant_served", ref=found.message_id)}
    firsts = log.filter(kind="pubsub.receive", ref=found.message_id)
    saved = [str(event.node) for event in firsts if event.cause in served]
    if saved:
        return Verdict(True, f"got it because they asked for it: {names(saved)}")
    if asked:
        return Verdict(
            False, "nodes asked with IWANT, but each got its first copy over a mesh: make the meshes thinner"
        )
    return Verdict(
        False,
        "all nodes got it over their meshes, and nobody had to ask: make the meshes so thin that they do not hang "
        "together, and see to it that the publisher does not send to everybody (flood_publish)",
    )


@exercise(
    "03.3",
    f"a lab in which at least {CRASHES} nodes crashed and the meshes of the others, at least {SURVIVORS}, have grown "
    f"back to {MESH} peers or more",
)
def _healed(answer: Any) -> Verdict:
    log = log_of(answer)
    state = log.state()
    crashes = [event for event in log.filter(kind="node.crashed") if event.node in state.down]
    if not crashes:
        return Verdict(False, "no node of this network has crashed: node.crash()")
    if len(crashes) < CRASHES:
        return Verdict(False, f"only {names([str(event.node) for event in crashes])} crashed; take {CRASHES} or more")
    alive = [name for name in state.nodes if name not in state.down]
    if len(alive) < SURVIVORS:
        return Verdict(False, f"only {len(alive)} nodes are left, and there should be {SURVIVORS} or more")
    topics = {topic: members for topic, members in state.subscriptions.items() if members}
    if not topics:
        return Verdict(False, "nobody subscribes to a topic, so there is no mesh")
    topic = max(topics, key=lambda name: len(topics[name]))
    deaf = [name for name in alive if name not in topics[topic]]
    if deaf:
        return Verdict(False, f"these do not subscribe to {topic!r}: {names(deaf)}")
    count = neighbours(log)
    mesh = {name: [peer for peer in state.meshes[topic].get(name, []) if peer in alive] for name in alive}
    thin = [name for name in alive if len(mesh[name]) < MESH]
    lonely = [name for name in thin if count[name] < MESH]
    if lonely:
        one = lonely[0]
        return Verdict(
            False,
            f"{one} has {count[one]} neighbours left, so its mesh cannot have {MESH}: make more connections",
        )
    if thin:
        one = thin[0]
        return Verdict(
            False, f"the mesh of {one} has {len(mesh[one])} running peers: let heartbeats pass, with lab.run(...)"
        )
    lost = {
        event.node
        for event in log.filter(kind="pubsub.prune", topic=topic)
        if event.seq > crashes[0].seq and event.reason == "peer gone"
    }
    grafts = [
        event
        for event in log.filter(kind="pubsub.graft", topic=topic)
        if event.seq > crashes[0].seq and event.node in lost and event.reason == "mesh below D_low"
    ]
    if not grafts:
        return Verdict(False, "no mesh fell below D_low, so none had to heal: crash more of one node's mesh peers")
    return Verdict(True, f"{grafts[0].node} was the first to graft another peer, {grafts[0].peer}")


@exercise(
    "03.4",
    f"a message to all {NODES} nodes in under {SECONDS * 1000:.0f} ms with at most {COPIES:g} copies each, over links "
    f"of {LATENCY * 1000:.0f} ms or more, each node connected with {DEGREES[0]} to {DEGREES[1]} others",
)
def _fast_and_cheap(answer: Any) -> Verdict:
    log = log_of(answer)
    found, wrong = _spread(answer, log, NODES)
    if wrong:
        return Verdict(False, wrong)
    count = neighbours(log)
    odd = [name for name in count if not DEGREES[0] <= count[name] <= DEGREES[1]]
    if odd:
        return Verdict(
            False, f"{odd[0]} is connected with {count[odd[0]]} others, and should be with {DEGREES[0]} to {DEGREES[1]}"
        )
    if any(one.after < one.hops * LATENCY - ROUNDING for one in found):
        return Verdict(False, f"these links are faster than asked: make the lab with latency={LATENCY:g}")
    quiet = log.now - found.published_at
    if quiet < 2:
        return Verdict(
            False, f"the message is {quiet:.1f} s old: let two seconds pass, for the copies that come by gossip"
        )
    copies = (len(found) - 1 + found.duplicates) / len(found)
    figures = {"score": copies, "best": BEST, "unit": "copies a node"}
    late = found.duration > SECONDS - ROUNDING
    if late and copies > COPIES:
        return Verdict(False, f"too slow, with {found.duration * 1000:.0f} ms, and too many copies", **figures)
    if late:
        return Verdict(False, f"cheap enough, but the last node had to wait {found.duration * 1000:.0f} ms", **figures)
    if copies > COPIES:
        return Verdict(
            False, f"fast enough, with {found.duration * 1000:.0f} ms, but at most {COPIES:g} copies", **figures
        )
    return Verdict(True, f"all of them in {found.duration * 1000:.0f} ms", **figures)
