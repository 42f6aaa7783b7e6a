"""What a rendezvous point allows, and whom a node takes for one (rendezvous/README.md, "Recommendations for Rendezvous
Points configurations")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from p2plab.discovery.bootstrap import check_bootstrap
from p2plab.errors import ValidationError
from p2plab.errors.likely import known_fields

__all__ = ["MAX_NAMESPACE", "RendezvousParams", "check_namespace", "check_rendezvous"]

MAX_NAMESPACE: Final = 255  # bytes
HOUR: Final = 3600.0


@known_fields
@dataclass(frozen=True, slots=True)
class RendezvousParams:
    """Times are seconds.

    ``points``: the rendezvous points to register with and to ask: nodes, names or multiaddrs; left out, the lab's first
    node that has rendezvous. ``serve``: whether this node is a point; left out, it is if it is among the points.
    ``legacy``: whether it registers with records as rust-libp2p signs them, which are the only ones that rust's clients
    read; left out, only at points that take no others.

    What a point allows: ``ttl`` where a registration asks for none, ``min_ttl`` and ``max_ttl``; ``per_peer``
    registrations of one peer, ``registrations`` of all peers with ``total_bytes`` in all; ``results`` in one answer;
    ``requests`` of one peer a minute. The spec recommends that a point takes no TTL under two hours; a lab has shorter
    days, so that is ``RendezvousParams.spec()``.
    """

    points: Sequence[Any] = ()
    serve: bool | None = None
    legacy: bool | None = None
    ttl: float = 2 * HOUR
    min_ttl: float = 1.0
    max_ttl: float = 72 * HOUR
    per_peer: int = 1_000
    registrations: int = 50_000
    total_bytes: int = 64 << 20
    results: int = 1_000
    requests: int = 1_200

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", check_bootstrap(self.points))
        for name in ("serve", "legacy"):
            if getattr(self, name) not in (None, True, False):
                raise ValidationError(f"{name}={getattr(self, name)!r}: True, False, or None to leave it open")
        for name in ("ttl", "min_ttl", "max_ttl"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value <= 366 * 24 * HOUR:
                raise ValidationError(f"{name}={value!r}: take seconds from 1 to a year")
        if not self.min_ttl <= self.ttl <= self.max_ttl:
            raise ValidationError(
                f"ttl={self.ttl!r} is not between min_ttl={self.min_ttl!r} and max_ttl={self.max_ttl!r}"
            )
        for name in ("per_peer", "registrations", "total_bytes", "results", "requests"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValidationError(f"{name}={value!r}: take a whole number from 1 up")

    @classmethod
    def spec(cls, **changes: Any) -> RendezvousParams:
        """The spec's recommendations: a TTL of 2 to 72 hours, 1,000 registrations a peer, 1,000 results."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(changes.keys() - known)
        if unknown:
            raise ValidationError(f"RendezvousParams has no {unknown[0]!r}; it has {', '.join(sorted(known))}")
        return replace(cls(min_ttl=2 * HOUR), **changes)


def check_rendezvous(value: object) -> RendezvousParams | None:
    """The setting ``rendezvous``: RendezvousParams, or the points alone. Raises ValidationError, AddressError."""
    if value is None or isinstance(value, RendezvousParams):
        return value
    if isinstance(value, (list, tuple)):
        return RendezvousParams(points=value)
    raise ValidationError(f"rendezvous={value!r}: take RendezvousParams(...), or a list of points: nodes or multiaddrs")


def check_namespace(namespace: object) -> str:
    """A namespace: text of 1 to 255 bytes of UTF-8. Raises ValidationError."""
    if not isinstance(namespace, str) or not 1 <= len(namespace.encode("utf-8", "surrogatepass")) <= MAX_NAMESPACE:
        raise ValidationError(f"a namespace is text of 1 to {MAX_NAMESPACE} bytes, not {str(namespace)[:80]!r}")
    if any("\ud800" <= character <= "\udfff" for character in namespace):
        raise ValidationError(f"a namespace is text that UTF-8 can say, not {namespace[:80]!r}")
    return namespace
