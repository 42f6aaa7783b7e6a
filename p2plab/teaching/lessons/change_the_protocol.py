"""Lesson 13: a decision of GossipSub of one's own."""

from __future__ import annotations

from typing import Any, Final

from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import no_lab
from p2plab.text import plural

__all__: list[str] = []

TOPIC: Final = "news"
UNSEEN: Final = (901, 902, 903, 904, 905)  # the seeds of the contest
NODES: Final = 25
FEW: Final = 3.0  # duplicates a delivery
MESH: Final = 5.5  # mesh peers on average
SHARE: Final = 0.6  # of the original's duplicates


def _unfit(answer: Any) -> str:
    """What is wrong with an answer that is no lab, or a lab whose routers fail; "" where nothing is."""
    return no_lab(answer) or _broken(answer)


def _broken(lab: Any) -> str:
    """What a router of the learner's raised."""
    for event in lab.events.filter(kind="error"):
        if event.reason == "router":
            return f"your router raises an error: {event.data['what']}: {event.data['text']}"[:300]
    return ""


@exercise("13.1", "a lab in which a message on 'news' makes few duplicates though the meshes are as large as ever")
def _few_duplicates(answer: Any) -> Verdict:
    if wrong := _unfit(answer):
        return Verdict(False, wrong)
    state = answer.events.state()
    members = state.subscriptions.get(TOPIC, [])
    if len(members) < 20:
        return Verdict(False, f"{len(members)} nodes subscribe to {TOPIC!r}; at least 20 should")
    published = answer.events.filter(kind="pubsub.publish", topic=TOPIC)
    if not published:
        return Verdict(False, f"nothing was published on {TOPIC!r} yet")
    told = answer.propagation(published[-1].ref)
    if told.missing:
        missed = f"{len(told.missing)} did not get the last message, {told.missing[0]} among them"
        return Verdict(False, f"{missed}: let lab time pass, or pass it on to more")
    meshes = state.meshes.get(TOPIC, {})
    mean = sum(len(meshes.get(name, ())) for name in members) / len(members)
    if mean < MESH:
        return Verdict(False, f"the meshes have {mean:.1f} peers on average: change what is sent along them, not them")
    each = told.duplicates / max(1, len(told) - 1)
    if each >= FEW:
        return Verdict(False, f"{each:.2f} duplicates a delivery are too many: pass messages on to fewer mesh peers")
    return Verdict(
        True, "fewer copies in a mesh that is as safe as before", round(each, 2), 1.5, "duplicates a delivery"
    )


@exercise("13.2", "a lab with a node 'hermit' that is in no mesh of 'news' and hears what others publish there")
def _hermit(answer: Any) -> Verdict:
    if wrong := _unfit(answer):
        return Verdict(False, wrong)
    state = answer.events.state()
    if "hermit" not in state.nodes:
        return Verdict(False, "there is no node called hermit in this lab")
    neighbours = [edge for edge in state.edges if "hermit" in tuple(edge)[:2]]
    if len(neighbours) < 3:
        return Verdict(False, f"the hermit has {plural(len(neighbours), 'connection')}; it should have at least three")
    if "hermit" not in state.subscriptions.get(TOPIC, []):
        return Verdict(False, f"the hermit does not subscribe to {TOPIC!r}")
    meshes = state.meshes.get(TOPIC, {})
    own = list(meshes.get("hermit", ()))
    if own:
        return Verdict(False, f"the hermit has {', '.join(own)} in its mesh: it grafts them, or accepts their GRAFT")
    others = [name for name, mesh in meshes.items() if "hermit" in mesh]
    if others:
        return Verdict(False, f"{', '.join(others)} has the hermit in its mesh: it did not refuse a GRAFT")
    published = [event for event in answer.events.filter(kind="pubsub.publish", topic=TOPIC) if event.node != "hermit"]
    if not published:
        return Verdict(False, f"nobody else has published on {TOPIC!r}")
    heard = [event.ref for event in answer.events.filter(kind="pubsub.deliver", node="hermit")]
    if published[-1].ref not in heard:
        return Verdict(False, "the hermit did not get the last message; IHAVE comes with a heartbeat, a second later")
    grafted = answer.events.filter(kind="pubsub.graft", node="hermit")
    if grafted:
        return Verdict(
            False, f"the hermit was in a mesh before, with {grafted[0].peer}: it should never have been in one"
        )
    return Verdict(True, "it gets messages by flood publishing or by asking for what an IHAVE names")


def _contest(router: Any, seed: int) -> tuple[float, int, float, str]:
    """Share reached, duplicates, seconds to the last one, and what the router raised."""
    from p2plab import Lab

    with Lab(seed=seed) as lab:
        nodes = lab.start_nodes(NODES, router=router)
        lab.wire("random", degree=8)
        for node in nodes:
            node.subscribe(TOPIC)
        lab.run(4)
        message = nodes[seed % NODES].publish(TOPIC, b"who is the thriftiest?")
        lab.run(10)
        told = lab.propagation(message)
        return told.reached, told.duplicates, told.duration, _broken(lab)


@exercise(
    "13.3",
    "a router class that makes at most 60 % of GossipSub's duplicates, reaches all, and takes twice as long in at most "
    "one network of five",
)
def _thrifty(answer: Any) -> Verdict:
    from p2plab.pubsub import GossipSub

    if not isinstance(answer, type):
        return Verdict(False, f"give the class itself, without brackets behind it, not {answer!r}"[:200])
    if not issubclass(answer, GossipSub):
        return Verdict(False, f"{answer.__name__} is no subclass of GossipSub")
    duplicates = allowed = 0
    late: list[str] = []
    for seed in UNSEEN:
        reached, copies, took, raised = _contest(answer, seed)
        _, before, usual, _ = _contest(GossipSub, seed)
        if raised:
            return Verdict(False, raised)
        if reached < 1:
            return Verdict(False, f"with seed {seed} it reaches {reached:.0%} of the nodes only")
        if took > 2 * usual:
            late.append(
                f"with seed {seed} the last node has to wait {took * 1000:.0f} ms instead of {usual * 1000:.0f} ms"
            )
        duplicates, allowed = duplicates + copies, allowed + before
    if len(late) > 1:  # once in five it is chance: one node that none of its neighbours chose waits for gossip
        return Verdict(
            False, f"{late[0]}, and in {len(late)} networks of {len(UNSEEN)} it takes more than twice as long"
        )
    share = duplicates / allowed
    if share > SHARE:
        return Verdict(False, f"it makes {share:.0%} of the original's duplicates; {SHARE:.0%} is the most that passes")
    return Verdict(
        True, "thrifty in networks that you had not seen", round(share, 2), 0.4, "of the original's duplicates"
    )
