"""Lesson 07: NATs, relays, hole punching."""

from __future__ import annotations

from typing import Any

from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import no_lab

__all__: list[str] = []

KINDS = ("full-cone", "restricted", "port-restricted", "symmetric")


def _boxes(lab: Any) -> dict[str, dict[str, Any]]:
    """Who stands behind which box, as the log tells it: the box that was put there last, if it is still there."""
    behind: dict[str, dict[str, Any]] = {}
    for event in lab.events.filter(kind="nat"):
        if event.kind == "nat.box":
            behind.update(dict.fromkeys(event.data["nodes"], event.data))
        elif event.kind == "nat.removed":
            for name in event.data["nodes"]:
                behind.pop(name, None)
    return behind


def _lacking(lab: Any, *names: str) -> str:
    """What is wrong with a lab that lacks some of these nodes, or is none; "" where nothing is."""
    if wrong := no_lab(lab):
        return wrong
    there = [node.name for node in lab.nodes]
    lacking = [name for name in names if name not in there]
    if lacking:
        return f"there is no {' and no '.join(lacking)} in this lab; its nodes are {', '.join(there)}"
    return ""


def _symmetric(box: dict[str, Any] | None) -> bool:
    return box is not None and (box["mapping"], box["filtering"]) == ("APDM", "APDF")


@exercise("07.1", "a lab in which bob stands behind a box and alice, who is in the open, has dialled him directly")
def _a_door(answer: Any) -> Verdict:
    if wrong := _lacking(answer, "alice", "bob"):
        return Verdict(False, wrong)
    behind = _boxes(answer)
    if "bob" not in behind:
        return Verdict(False, "bob stands behind no box: put one in front of him with lab.network.add_nat")
    if "alice" in behind:
        return Verdict(False, "alice stands behind a box, too; she should be in the open")
    connections = answer["alice"].connections("bob")
    if not connections:
        how = answer.reachability()["alice", "bob"]
        return Verdict(False, f"alice has no connection to bob yet. Of his box the lab says: {how}")
    if all(one.relayed for one in connections):
        return Verdict(False, "alice reaches bob over a relay; his box should let her in by itself")
    if all(one.direction != "outbound" for one in connections if not one.relayed):
        return Verdict(False, "they are connected because bob dialled alice; his box has to let alice's dial in")
    return Verdict(True, "a box that lets everybody in, or opens a port when asked, makes its node as good as public")


@exercise("07.2", "a lab in which alice and bob, both behind symmetric boxes, are connected")
def _symmetric_ones_meet(answer: Any) -> Verdict:
    if wrong := _lacking(answer, "alice", "bob"):
        return Verdict(False, wrong)
    behind = _boxes(answer)
    for name in ("alice", "bob"):
        if not _symmetric(behind.get(name)):
            return Verdict(False, f"{name}'s box has to stay, and to stay symmetric")
    if behind["alice"]["box"] == behind["bob"]["box"]:
        return Verdict(False, "the two stand behind the same box; each should have one at home")
    if answer["alice"].connections("bob"):
        return Verdict(True, "two symmetric boxes cannot be punched: the relay is what carries them")
    way = answer.reachability()["alice", "bob"]
    if way.how == "no":
        return Verdict(
            False,
            f"nothing leads from alice to bob: {way.reason} (a relay is a node with start_node(..., role='relay'))",
        )
    slots = [name for name in ("alice", "bob") if answer[name].nat.relays]
    if len(slots) == 1:
        other = "bob" if slots == ["alice"] else "alice"
        return Verdict(
            False,
            f"{slots[0]} has a slot at a relay and {other} has none, so {other} has to be the one who connects: "
            f"{slots[0]} can be dialled over the relay",
        )
    if not slots:
        return Verdict(
            False,
            "there is a relay, and neither alice nor bob has a slot at it: who cannot be dialled has to connect to the "
            "relay, and needs a few seconds of lab time to reserve",
        )
    return Verdict(False, "there is a relay with a slot; now one of the two has to connect to the other")


@exercise("07.3", "the kinds of box at bob's end that can be punched when alice's is symmetric, as a list of names")
def _who_can_be_punched(answer: Any) -> Verdict:
    from p2plab import Lab

    if answer is None:
        return Verdict(False, f"give a list of some of {', '.join(KINDS)}")
    if not isinstance(answer, (str, list, tuple, set, frozenset)):
        return Verdict(False, f"give a list of some of {', '.join(KINDS)}, not {answer!r}"[:200])
    given = [answer] if isinstance(answer, str) else list(answer)
    strange = [kind for kind in given if kind not in KINDS]
    if strange:
        return Verdict(False, f"{strange[0]!r} is none of the kinds {', '.join(KINDS)}")
    with Lab(seed=7) as lab:
        lab.start_node("relay", role="relay")
        lab.network.add_nat(lab.start_node("alice"), "symmetric")
        for kind in KINDS:
            lab.network.add_nat(lab.start_node(kind), kind)
        matrix = lab.reachability()
        ways = {kind: matrix["alice", kind] for kind in KINDS}
    for kind in given:
        if ways[kind].how == "direct":
            return Verdict(False, f"{kind}: nothing has to be punched there, alice dials it directly")
        if ways[kind].how != "punched":
            return Verdict(False, f"{kind}: {ways[kind].reason}")
    if any(way.how == "punched" and kind not in given for kind, way in ways.items()):
        return Verdict(False, "one is missing: which box looks at the address alone, and does not mind the port?")
    return Verdict(True, "it minds the address only, so alice's surprising port does no harm")


@exercise("07.4", "a lab in which alice, behind a symmetric box, and bob, behind another, were connected by punching")
def _punched(answer: Any) -> Verdict:
    if wrong := _lacking(answer, "alice", "bob"):
        return Verdict(False, wrong)
    behind = _boxes(answer)
    if not _symmetric(behind.get("alice")):
        return Verdict(False, "alice's box has to be there, and symmetric")
    if "bob" not in behind:
        return Verdict(False, "bob needs a box, too: with none, no hole has to be punched")
    if behind["alice"]["box"] == behind["bob"]["box"]:
        return Verdict(False, "the two stand behind the same box, where nothing has to be punched")
    ended = [
        event for event in answer.events.filter(kind="dcutr.ended") if {event.node, event.peer} == {"alice", "bob"}
    ]
    reasons = [str(event.reason) for event in ended]
    direct = [one for one in answer["alice"].connections("bob") if not one.relayed]
    if "SUCCESS" in reasons and direct:
        return Verdict(True, "over the relay they agreed on a moment, and then both dialled")
    if "SUCCESS" in reasons:
        return Verdict(False, "a hole was punched, but they are not connected any more")
    if "CONNECTION_REVERSED" in reasons or (direct and not ended):
        return Verdict(
            False, "they are connected directly, but nothing was punched: one of them could simply be dialled"
        )
    if "FAILED" in reasons:
        return Verdict(False, f"they tried and failed: {answer.reachability()['alice', 'bob'].reason}")
    if answer["alice"].connections("bob"):
        return Verdict(False, "they are on the relay, and punching is not over: let some lab time pass")
    way = answer.reachability()["alice", "bob"]
    return Verdict(False, f"alice and bob are not connected. What the lab expects when they do: {way}")
