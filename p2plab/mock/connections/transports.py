"""The transports of a mock node: what it listens over and dials with, and which of its addresses belongs to which.

A transport is the model of a connection (``p2plab.network.TRANSPORTS``). ``ideal`` and ``tcp`` are TCP to a peer, who
sees a ``/tcp`` address either way; ``quic`` is a ``/udp/.../quic-v1`` one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from p2plab.errors import DialError, ValidationError
from p2plab.network import TRANSPORTS
from p2plab.network.nat import Endpoint, Transport

__all__ = ["address_at", "check_transport", "check_transports", "common", "spoken", "wire_of"]

QUIC: Final = "quic"


def spoken(transport: str) -> str:
    """The name that the transport has in a multiaddr."""
    return "quic-v1" if transport == QUIC else "tcp"


def wire_of(transport: str) -> Transport:
    """What its packets are to a NAT."""
    return "udp" if transport == QUIC else "tcp"


def address_at(place: Endpoint, wire: str) -> str:
    """The multiaddr of a place for packets of this kind, ``tcp`` or ``udp``."""
    return f"/ip4/{place.ip}/udp/{place.port}/quic-v1" if wire == "udp" else f"/ip4/{place.ip}/tcp/{place.port}"


def check_transport(name: Any) -> str:
    """ValidationError for a transport that there is not."""
    if name not in TRANSPORTS:
        raise ValidationError(f"transport {name!r} is not known: take {', '.join(TRANSPORTS)}")
    return str(name)


def check_transports(given: Any) -> tuple[str, ...] | None:
    """What ``transports=`` says, an address each. Raises ValidationError."""
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise ValidationError(f"transports={given!r}: give a list, as in ['tcp', 'quic']")
    names = tuple(QUIC if name == "quic-v1" else name for name in given)
    for name in names:
        if name not in TRANSPORTS:
            raise ValidationError(
                f"transports={list(given)!r}: a mock node has no transport {name!r}, take {', '.join(TRANSPORTS)}"
            )
    for place, name in enumerate(names):
        twin = next((other for other in names[:place] if spoken(other) == spoken(name)), None)
        if twin is not None:
            raise ValidationError(
                f"transports={list(given)!r}: {twin} and {name} would listen at the same /{spoken(name)} address"
            )
    return names


class Speaker(Protocol):
    """A node with the transports that it has."""

    name: str

    @property
    def transports(self) -> tuple[str, ...]: ...


def common(dialler: Speaker, listener: Speaker) -> str:
    """The dialler's transport that a dial between the two takes: QUIC, where both have it. DialError for none."""
    found: Sequence[str] = dialler.transports
    if found is not listener.transports:  # as it is where both have the lab's
        both = {spoken(one) for one in listener.transports}
        found = [one for one in found if spoken(one) in both]
    if not found:
        theirs = ", ".join(listener.transports)
        raise DialError(f"unsupported: {dialler.name} dials {', '.join(dialler.transports)} only, and "
                        f"{listener.name} listens over {theirs}")  # fmt: skip
    return QUIC if QUIC in found else found[0]
