"""Lesson 04: peer scores and attacks. ``spammed`` and ``besieged`` make networks to start from."""

from __future__ import annotations

from typing import Any, Final

from p2plab.errors import ValidationError
from p2plab.pubsub import GossipSubParams
from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import no_open_lab

__all__ = ["besieged", "no_spam", "spammed"]

TOPIC: Final = "news"
GRAYLIST: Final = -2500.0
BELOW: Final = -1000.0


def no_spam(message: Any) -> bool:
    """A validator that rejects what begins with ``spam``."""
    return not bytes(message.data).startswith(b"spam")


def spammed(messages: int = 0) -> Any:
    """Twelve nodes, of which all but ``n11`` reject spam; ``n11`` has sent so many spam messages, one a second.

    Args:
        messages: how many, a whole number from 0 to 100
    """
    from p2plab import Lab

    if isinstance(messages, bool) or not isinstance(messages, int) or not 0 <= messages <= 100:
        raise ValidationError(f"messages is a whole number from 0 to 100, not {messages!r}")
    lab = Lab(seed=4)
    lab.start_nodes(12)
    lab.wire("random", degree=5)
    for node in lab.nodes:
        node.subscribe(TOPIC)
        if node.name != "n11":
            node.add_validator(TOPIC, no_spam)
    lab.run(2)
    for number in range(messages):
        lab["n11"].publish(TOPIC, f"spam {number}")
        lab.run(1)
    return lab


def besieged(scoring: bool = True, sybils: int = 20, addresses: int = 1) -> Any:
    """Ten honest nodes, and sybils that all connect to ``n0`` and drop every message; ten seconds have passed.

    Args:
        scoring: whether the honest nodes keep peer scores
        sybils: how many, a whole number from 0 to 100
        addresses: how many IP addresses they have between them, a whole number from 1 to 250
    """
    from p2plab import Lab
    from p2plab.attacks import Sybil

    for name, value, least, most in (("sybils", sybils, 0, 100), ("addresses", addresses, 1, 250)):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValidationError(f"{name} is a whole number from {least} to {most}, not {value!r}")
    params = GossipSubParams.filecoin() if scoring else GossipSubParams.filecoin(score=None)
    lab = Lab(seed=1, gossipsub=params)
    lab.start_nodes(10)
    lab.wire("random", degree=5)
    for node in lab.nodes:
        node.subscribe(TOPIC)
    lab.run(3)
    blind = GossipSubParams.filecoin(score=None)
    for number in range(sybils):
        place = f"66.6.6.{number % addresses + 1}"
        sybil = lab.start_node(f"sybil{number}", router=Sybil, gossipsub=blind, ip=place)
        sybil.subscribe(TOPIC)
        sybil.connect("n0")
    lab.run(10)
    return lab


def _score_of(node: Any, peer: str) -> float | None:
    told = node.scores().get(peer)
    return None if told is None else float(told["score"])


@exercise("04.1", "how many spam messages does it take, from spammed(0), until a neighbour of n11 no longer reads it?")
def _how_many(answer: Any) -> Verdict:
    if answer is None:
        return Verdict(False, "there is no answer yet: give a number")
    try:
        count = int(answer)
        whole = not isinstance(answer, bool) and count == float(answer)
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        return Verdict(False, f"give a whole number of messages, not {answer!r}"[:200])
    if not 1 <= count <= 20:
        return Verdict(False, f"{count} is out of the question: try spammed(n) with n from 1 to 20")

    def worst(messages: int) -> float:
        with spammed(messages) as lab:
            found = [_score_of(lab[peer.name], "n11") for peer in lab["n11"].peers()]
        return min(score for score in found if score is not None)

    score = worst(count)
    if score > GRAYLIST:
        return Verdict(False, f"after {count}, n11's worst score is {score:.0f}: not below the graylist threshold yet")
    earlier = worst(count - 1) if count > 1 else 0.0
    if earlier <= GRAYLIST:
        return Verdict(False, f"too many: after {count - 1} it was at {earlier:.0f} already")
    return Verdict(True, f"at {score:.0f} nothing that n11 sends is read any more; the square of the number counts")


@exercise("04.2", "make a network of eight nodes or more in which a node falls below -1000 at two neighbours")
def _fallen(answer: Any) -> Verdict:
    if wrong := no_open_lab(answer):
        return Verdict(False, wrong)
    if len(answer.nodes) < 8:
        return Verdict(False, f"there are {len(answer.nodes)} nodes, and it takes eight")
    judged: dict[str, list[float]] = {}
    for node in answer.nodes:
        for peer in node.scores() if node.running and node.params.score is not None else ():
            score = _score_of(node, peer)
            if score is not None:
                judged.setdefault(peer, []).append(score)
    if not judged:
        return Verdict(False, "nobody keeps a score here: are there connections, and params with a score?")
    second = {peer: sorted(scores)[1] for peer, scores in judged.items() if len(scores) > 1}
    if not second:
        return Verdict(False, "no node has two neighbours that keep its score")
    peer = min(second, key=lambda name: (second[name], name))
    if second[peer] > BELOW:
        lowest = min(min(scores) for scores in judged.values())
        if lowest <= BELOW:
            return Verdict(False, f"a score of {lowest:.0f}, but at one neighbour only: the others saw nothing bad")
        if lowest < 0:
            return Verdict(False, f"the lowest score is {lowest:.0f}: it takes more misbehaviour")
        published = answer.events.filter(kind="pubsub.publish")
        if published and published[-1].t == answer.now:
            return Verdict(False, "the last message has gone nowhere yet: let some time pass, lab.run(5)")
        return Verdict(False, "nobody's score is below zero: who does what in this network that the others reject?")
    return Verdict(True, f"two neighbours of {peer} hold it at {second[peer]:.0f} or less, each by what it saw itself")


@exercise("04.3", "how can 20 sybils stay in n0's mesh although it keeps scores? Give the lab of besieged(...)")
def _unseen(answer: Any) -> Verdict:
    if wrong := no_open_lab(answer):
        return Verdict(False, wrong)
    sybils = [node for node in answer.nodes if node.name.startswith("sybil") and node.running]
    if len(sybils) < 20 or "n0" not in answer:
        return Verdict(False, f"there are {len(sybils)} sybils; it takes the network of besieged(...) with 20 of them")
    if answer["n0"].params.score is None:
        return Verdict(False, "n0 keeps no scores here; the question is how to hide from a node that does")
    inside = [peer.name for peer in answer["n0"].mesh(TOPIC) if peer.name.startswith("sybil")]
    if len(inside) < 3:
        scores = answer["n0"].scores()
        low = [name for name in scores if name.startswith("sybil") and scores[name]["P6"] < 0]
        why = f"n0 takes P6 off {len(low)} of them: they share an address" if low else "let some time pass"
        return Verdict(False, f"{len(inside)} sybils are in n0's mesh; it takes three. {why}")
    addresses = {address.split("/")[2] for node in sybils for address in node.addresses}
    return Verdict(
        True, f"from {len(addresses)} addresses they look like strangers to each other; addresses cost money"
    )
