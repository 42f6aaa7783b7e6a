"""Limits: how many connections and streams there may be, and how many bytes they may buffer.

The scopes are those of go-libp2p's resource manager (p2p/host/resource-manager/README.md): the whole node, each peer,
each protocol, and single peers and protocols that have a limit of their own. Whatever is opened counts in all the
scopes it belongs to and must fit into every one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from p2plab.errors import ValidationError
from p2plab.errors.likely import known_fields
from p2plab.stream.negotiation.versions import match

__all__ = ["RESOURCES", "Limit", "Limits"]

_LARGEST: Final = 1 << 40


@known_fields
@dataclass(frozen=True, slots=True)
class Limit:
    """The most that one scope may hold; None sets no limit. ValidationError for what is no whole number from 0 up.

    - ``connections``, and of these ``connections_inbound`` and ``connections_outbound``.
    - ``streams``, and of these ``streams_inbound`` and ``streams_outbound``.
    - ``memory``: bytes. A stream takes the window that its peer may fill before it is read (256 KiB, unless a mock
      lab's ``stream_window`` says otherwise).
    """

    connections: int | None = None
    connections_inbound: int | None = None
    connections_outbound: int | None = None
    streams: int | None = None
    streams_inbound: int | None = None
    streams_outbound: int | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        for name in RESOURCES:
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
                raise ValidationError(f"a limit of {name} is a whole number from 0 up, or None, not {value!r}")

    def __repr__(self) -> str:
        given = ((name, getattr(self, name)) for name in RESOURCES)
        return f"Limit({', '.join(f'{name}={value}' for name, value in given if value is not None)})"


RESOURCES: Final = tuple(f.name for f in fields(Limit))


@known_fields
@dataclass(frozen=True, slots=True)
class Limits:
    """``node``: of the whole node. ``peer`` and ``protocol``: of each peer and of each protocol, unless it has one of
    its own in ``peers`` (by node name or peer id) or in ``protocols`` (by protocol id, or a range of versions as in
    ``/chat/1.x``). A protocol that is answered for a range of versions counts as one."""

    node: Limit = Limit()
    peer: Limit = Limit()
    protocol: Limit = Limit()
    peers: Mapping[str, Limit] = field(default_factory=dict)
    protocols: Mapping[str, Limit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("node", "peer", "protocol"):
            _check(name, getattr(self, name))
        for name in ("peers", "protocols"):
            given = getattr(self, name)
            if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
                raise ValidationError(
                    f"{name} is a dict of Limit, such as {{'alice': Limit(streams=8)}}, not {given!r}"
                )
            for key, limit in given.items():
                _check(f"{name}[{key!r}]", limit)
            object.__setattr__(self, name, dict(given))
        for protocol in self.protocols:
            if not protocol.startswith("/"):
                raise ValidationError(f"a protocol id begins with a slash, as in /chat/1.0.0, not {protocol!r}")
        for limit in (self.protocol, *self.protocols.values()):
            if any(getattr(limit, name) is not None for name in RESOURCES if name.startswith("connections")):
                raise ValidationError("a protocol has streams and memory, but no connections of its own to limit")

    def __repr__(self) -> str:
        given = ((f.name, getattr(self, f.name)) for f in fields(self))
        return f"Limits({', '.join(f'{name}={value!r}' for name, value in given if value not in (Limit(), {}))})"

    def of_peer(self, peer: str, name: str | None) -> Limit:
        """The limit of a peer, by its id and by its name in the lab, if it has one."""
        found = self.peers.get(peer)
        if found is None and name is not None:
            found = self.peers.get(name)
        return self.peer if found is None else found

    def of_protocol(self, protocol: str) -> Limit:
        """The limit of a protocol."""
        matched = match(self.protocols, protocol) if self.protocols else None
        return self.protocol if matched is None else self.protocols[matched]


def _check(name: str, limit: Any) -> None:
    if not isinstance(limit, Limit):
        raise ValidationError(f"{name} is a Limit, such as Limit(streams=8), not {limit!r}")
