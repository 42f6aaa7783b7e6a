"""What a role is, and how a node announces the one it has.

A node of a role answers the protocol ``/p2plab/role/<name>``, so that its peers learn the role by identify, without a
message more (identify/README.md, ``protocols``). A relay is known by the relay protocol itself, as relays are
everywhere. On the topic ``p2plab/roles``, or in the namespace ``p2plab/role/<name>`` of discovery, a node can tell
those it is not connected to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from p2plab.constants import ROLE_PREFIX
from p2plab.errors import ProtocolViolation, ValidationError

__all__ = [
    "ANNOUNCED_BY",
    "ROLE_TOPIC",
    "SERVICES",
    "Role",
    "read_announcement",
    "role_namespace",
    "role_protocol",
    "written",
]

SERVICES: Final = {
    "relay": "relays connections for others (Circuit Relay v2)",
    "dht": "answers in the DHT, as a server",
    "blocks": "gives blocks to those that ask (Bitswap)",
    "routing": "answers questions of content routing over HTTP, on the loopback (real nodes)",
    "content": "gives content over HTTP as a trustless gateway, on the loopback (real nodes)",
    "rendezvous": "keeps registrations of others and gives them to who asks (rendezvous)",
}
ANNOUNCED_BY: Final = {
    "identify": "those it is connected to learn it from its protocols",
    "topic": "it publishes it, for those who listen to the topic p2plab/roles",
    "discovery": "it advertises it in a namespace, if it was given ways to be found (discovery=[...])",
}
ROLE_TOPIC: Final = "p2plab/roles"
MAX_ANNOUNCEMENT: Final = 256  # bytes
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Role:
    """A row of ``lab.roles``; ``about`` says in a line what it is. ``serves`` and ``refuses`` name services
    (``SERVICES``); what is in neither is as it is for a node without a role. ``announced_by``: any of ``identify``,
    ``topic`` and ``discovery`` (``ANNOUNCED_BY``). ``pins``: whether it keeps what peers ask it to keep
    (``content.pin_at``), ``stores``: how many bytes of that at most (None: any), ``announces``: whether it tells
    content routing what it keeps."""

    name: str
    about: str = ""
    serves: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    announced_by: tuple[str, ...] = ("identify", "discovery")
    pins: bool = False
    stores: int | None = None
    announces: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or _NAME.fullmatch(self.name) is None:
            raise ValidationError(
                f"{self.name!r} cannot be a role's name: take 1 to 32 lower-case letters, digits and -, as in archivist"
            )
        if not isinstance(self.about, str) or len(self.about) > 200:
            raise ValidationError(f"about={self.about!r}: say in at most 200 characters what the role is for")
        for name, known in (("serves", SERVICES), ("refuses", SERVICES), ("announced_by", ANNOUNCED_BY)):
            object.__setattr__(self, name, _words(name, getattr(self, name), known))
        for name in ("pins", "announces"):
            if not isinstance(getattr(self, name), bool):
                raise ValidationError(f"{name}={getattr(self, name)!r}: take True or False")
        stores = self.stores
        if stores is not None and (isinstance(stores, bool) or not isinstance(stores, int) or stores < 0):
            raise ValidationError(f"stores={stores!r}: take a whole number of bytes from 0 up, or None for any")
        both = [service for service in self.serves if service in self.refuses]
        if both:
            raise ValidationError(f"the role {self.name} cannot serve and refuse {', '.join(both)}")

    def with_changes(self, **changes: Any) -> Role:
        """The same with some fields changed. Raises ValidationError."""
        unknown = sorted(changes.keys() - asdict(self).keys())
        if unknown:
            raise ValidationError(f"a role has no {unknown[0]!r}; it has {', '.join(asdict(self))}")
        return replace(self, **changes)

    def __str__(self) -> str:
        return self.name


def _words(what: str, given: Any, known: Iterable[str]) -> tuple[str, ...]:
    """Names out of a list of known ones. Raises ValidationError."""
    words = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, (list, tuple)) else None
    if words is None:
        raise ValidationError(f"{what}={given!r}: take a list of {', '.join(known)}")
    for word in words:
        if word not in known:
            raise ValidationError(f"{what}={given!r}: there is no {word!r}; there are {', '.join(known)}")
    return tuple(dict.fromkeys(words))


def role_protocol(name: str) -> str | None:
    """The protocol by which a node's peers know that it has a role; None for a relay, which has its own."""
    return None if name == "relay" else f"{ROLE_PREFIX}{name}"


def role_namespace(name: str) -> str:
    """Where nodes of a role can be found by discovery."""
    return f"{ROLE_PREFIX}{name}".lstrip("/")


def written(role: Role) -> bytes:
    """A role as it is announced."""
    return json.dumps({"role": role.name}, separators=(",", ":")).encode()


def read_announcement(data: bytes) -> str:
    """The name of a role that was announced. ProtocolViolation for anything else."""
    if len(data) > MAX_ANNOUNCEMENT:
        raise ProtocolViolation(f"a role's announcement has {len(data)} bytes, over the limit of {MAX_ANNOUNCEMENT}")
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation("a role's announcement is no JSON") from error
    name = told.get("role") if isinstance(told, dict) else None
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise ProtocolViolation(f"a role's announcement names no role: {str(told)[:80]}")
    return name
