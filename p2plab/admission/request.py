"""What a node is asked before it opens anything, and how it says no."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Literal

from p2plab.errors import AddressError, LabError
from p2plab.identity.address import parse_address
from p2plab.typing import Direction, PeerId

__all__ = ["Refusal", "RefusedError", "Request", "Stage", "ip_of"]

Stage = Literal["dial", "accept", "secured", "stream"]


@dataclass(frozen=True, slots=True)
class Request:
    """Something that is about to be opened. ``stage`` says what is known of it by then:

    - ``dial``: an address is about to be dialled; ``peer`` is who is expected there, None where anybody will do
    - ``accept``: somebody dialled; nobody knows who yet
    - ``secured``: the security handshake is done, so ``peer`` has proved to be who it is
    - ``stream``: a stream, of which ``protocol`` was asked for, is about to be agreed on

    ``direction`` is ``outbound`` for what this node opens. ``address`` is the other end's multiaddr without
    ``/p2p/...``; None where the transport does not tell it.
    """

    stage: Stage
    direction: Direction
    peer: PeerId | None = None
    address: str | None = None
    protocol: str | None = None

    @property
    def ip(self) -> IPv4Address | IPv6Address | None:
        """The other end's IP address, if its multiaddr begins with one."""
        return None if self.address is None else ip_of(self.address)

    def __str__(self) -> str:
        where = (self.address or "an unknown address")[:200]
        who = where if self.peer is None else f"{self.peer!r} at {where}"
        return who if self.protocol is None else f"{self.protocol[:200]} with {who}"

    def facts(self) -> dict[str, Any]:
        """What an event tells of it."""
        facts: dict[str, Any] = {"stage": self.stage, "direction": self.direction}
        if self.address is not None:
            facts["address"] = self.address[:200]
        if self.protocol is not None:
            facts["protocol"] = self.protocol[:200]
        return facts


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no: a reason of ``p2plab.events.kinds.admission``, a sentence (``text``), and the numbers it was decided on.
    ``error`` is what a callable of the user's raised, where that is why."""

    reason: str
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.reason}: {self.text}"


class RefusedError(LabError, ConnectionError):
    """A connection that this node does not dial or does not let in; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def ip_of(address: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a multiaddr begins with, an IPv4 address in IPv6's clothes as IPv4; None for DNS names."""
    try:
        text = parse_address(address).ip
    except AddressError:  # a peer's transport may name its end as it likes
        return None
    if text is None:
        return None
    ip = ip_address(text)
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return ip if mapped is None else mapped
