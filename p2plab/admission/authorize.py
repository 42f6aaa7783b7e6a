"""Authorization: which peers may open streams of which protocols here.

Rules it lives by:
- It is asked about streams that come in, once the peer has proved who it is and has said which protocol it wants.
- A protocol that is not named, where there is no ``*`` either, is anybody's.
- A callable that raises refuses, as a gate's predicate does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from p2plab.admission.gate import ask
from p2plab.admission.request import Refusal, Request
from p2plab.errors import ValidationError
from p2plab.stream.negotiation.versions import match

__all__ = ["Authorization", "Authorizer"]

_LONGEST: Final = 128  # characters of a node's name or peer id, in whatever form

# A list of node names and peer ids, or a function of a Request whose peer is verified and whose protocol is asked for.
Authorizer: TypeAlias = "tuple[str, ...] | Callable[[Request], bool | str]"


@dataclass(frozen=True, slots=True)
class Authorization:
    """``by_protocol``: who may open streams of each protocol id, which may end in a range of versions as in
    ``/chat/1.x``; ``*`` stands for those that are not named.

    A setting ``authorize=`` takes the mapping itself, or one list or function for all protocols.
    """

    by_protocol: tuple[tuple[str, Authorizer], ...] = ()

    @classmethod
    def of(cls, given: Any) -> Authorization:
        """What a user gave as ``authorize``. Raises ValidationError."""
        if isinstance(given, Authorization):
            return given
        by_protocol = given if isinstance(given, Mapping) else {"*": given}
        return cls(tuple((_protocol(name), _authorizer(name, who)) for name, who in by_protocol.items()))

    @property
    def names(self) -> list[str]:
        """The node names and peer ids that its lists hold."""
        return [name for _, who in self.by_protocol if isinstance(who, tuple) for name in who]

    def judge(self, request: Request) -> Refusal | None:
        """Why not, or None for a yes."""
        if request.direction == "outbound" or request.protocol is None:
            return None
        known = dict(self.by_protocol)
        authorizer = known.get(match(known, request.protocol) or "*")
        if authorizer is None:
            return None
        if isinstance(authorizer, tuple):
            peer = request.peer
            if peer is not None and (str(peer) in authorizer or peer.name in authorizer):
                return None
            return Refusal(
                "unauthorized",
                f"{peer!r} is not among the {len(authorizer)} peers that may use {request.protocol[:200]}",
            )
        return ask(authorizer, request, "unauthorized", f"the authorizer of {request.protocol[:200]}")


def _protocol(name: Any) -> str:
    if not isinstance(name, str) or not (name == "*" or name.startswith("/")):
        raise ValidationError(f"authorize names protocols, as in {{'/chat/1.0.0': ['alice']}}, or '*'; not {name!r}")
    return name


def _authorizer(protocol: str, who: Any) -> Authorizer:
    if callable(who) and not isinstance(who, type):
        return who  # type: ignore[no-any-return]  # whatever it gives is checked when it is asked
    names: list[Any] = [None]
    if isinstance(who, (list, tuple, set, frozenset)):
        names = [getattr(name, "name", name) for name in who]
    if not all(isinstance(name, str) and 0 < len(name) <= _LONGEST and "/" not in name for name in names):
        what = "authorize=" if protocol == "*" else f"who may use {protocol}"
        raise ValidationError(
            f"{what} is a list of node names and peer ids such as ['alice'], or a function of a Request, not {who!r}"
        )
    return tuple(sorted(names))
