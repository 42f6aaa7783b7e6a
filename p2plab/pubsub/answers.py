"""What a router's methods may answer, for routers of a user's making (``p2plab.errors.overrides``)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from p2plab.effects import DialPeer, Reconnect, Withdraw, check_effects
from p2plab.errors.overrides import answer_of
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control

if TYPE_CHECKING:
    from p2plab.pubsub.router import Router

__all__ = ["ANSWERS"]


def _effects(router: Router, answer: object) -> None:
    peer_of = None if router.directory is None else router.directory.names
    check_effects(answer, (DialPeer, Reconnect, Withdraw), RPC, peer_of=peer_of)


def _effects_or_none(router: Router, answer: object) -> None:
    if answer is not None:
        _effects(router, answer)


def _peers(router: Router, answer: object) -> None:
    if not isinstance(answer, list):
        raise TypeError(f"peers are told in a list, not with {answer!r}")
    for peer in answer:
        if type(peer) is not int or peer not in router.peers:
            raise TypeError(f"{peer!r} is no connected peer's number")


def _way_and_peers(router: Router, answer: Any) -> None:
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[0], str):
        raise TypeError(
            f"how a message is sent, and to whom, is told as a tuple of text and a list, not with {answer!r}"
        )
    _peers(router, answer[1])


def _messages(router: Router, answer: object) -> None:
    if not isinstance(answer, tuple) or not all(isinstance(one, Publication) for one in answer):
        raise TypeError(f"messages are given in a tuple of Publications, not with {answer!r}")


def _seconds(router: Router, answer: object) -> None:
    _number(router, answer)
    if not 0 <= answer < math.inf:  # type: ignore[operator]  # it is a number
        raise TypeError(f"seconds are a number from 0 on, not {answer!r}")


def _number(router: Router, answer: object) -> None:
    if isinstance(answer, bool) or not isinstance(answer, (int, float)) or math.isnan(answer):
        raise TypeError(f"it is told as a number, not as {answer!r}")


def _count(router: Router, answer: object) -> None:
    if type(answer) is not int or answer < 0:
        raise TypeError(f"it is told as a whole number from 0 on, not as {answer!r}")


ANSWERS: Final[dict[str, Callable[[Any, Any], object]]] = {
    "first_heartbeat": _seconds,
    # By what a method is annotated to return:
    "Effects": _effects,
    "Effects | None": _effects_or_none,
    "list[Effect]": _effects,
    "list[int]": _peers,
    "tuple[str, list[int]]": _way_and_peers,
    "tuple[Publication, ...]": _messages,
    "float": _number,
    "int": _count,
    "str | None": answer_of(str, type(None)),
    "Control | None": answer_of(Control, type(None)),
    "dict[str, Any]": answer_of(dict),
}
