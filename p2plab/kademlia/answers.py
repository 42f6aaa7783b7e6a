"""What a DHT core's methods may answer, for cores of a user's making (``p2plab.errors.overrides``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from p2plab.effects import Ask, OperationDone, check_effects
from p2plab.errors.overrides import answer_of
from p2plab.kademlia.messages import DhtMessage

__all__ = ["ANSWERS"]


def _effects(node: Any, answer: object) -> None:
    check_effects(answer, (Ask, OperationDone), of=list, peer_of=node.space.peer_id)


def _reply(node: Any, answer: Any) -> None:
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[0], (DhtMessage, type(None))):
        raise TypeError(f"a request is answered with a tuple of a DhtMessage or None, and effects, not with {answer!r}")
    _effects(node, answer[1])


def _peers(node: Any, answer: object) -> None:
    if not isinstance(answer, list):
        raise TypeError(f"peers are told in a list, not with {answer!r}")
    for peer in answer:
        if type(peer) is not int or peer < 0:
            raise TypeError(f"{peer!r} is no peer's number")
        node.space.peer_id(peer)  # raises, for a number that is nobody's


def _peer_or_none(node: Any, answer: object) -> None:
    if answer is not None:
        _peers(node, [answer])


def _validator(node: Any, answer: object) -> None:
    if answer is not None and not (hasattr(answer, "validate") and hasattr(answer, "select")):
        raise TypeError(f"{answer!r} is no validator: it has no validate and select")


ANSWERS: Final[dict[str, Callable[[Any, Any], object]]] = {
    # By what a method is annotated to return:
    "Effects": _effects,
    "tuple[DhtMessage | None, Effects]": _reply,
    "list[int]": _peers,
    "int | None": _peer_or_none,
    "bytes": answer_of(bytes),
    "bytes | None": answer_of(bytes, type(None)),
    "str": answer_of(str),
    "Validator | None": _validator,
    "bool": answer_of(bool),
    "float": answer_of(int, float),
}
