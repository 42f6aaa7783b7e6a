"""mDNS peer discovery of one node (libp2p/specs discovery/mdns.md): what it says, and whom it hears of.

Rules:
- It is known by a random name of 32 to 63 characters, which is not its peer id; each start draws another.
- Any question for the service is answered, its own too; one for the list of services likewise.
- A peer is known as long as the TTL of what was said of it; TTL 0 is a goodbye (RFC 6762, section 10.1).
- When to ask is rust-libp2p's: at once, after half a second, twice that, ... and every five minutes at last.

A core: packets, ticks and random numbers are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.discovery.found import Found
from p2plab.discovery.mdns.packets import (
    META,
    PTR,
    SERVICE,
    decode_packet,
    meta_response,
    peer_addresses,
    query,
    response,
)
from p2plab.identity.address import parse_address
from p2plab.typing import Chance, PeerId

__all__ = ["Heard", "Mdns"]

FIRST: Final = 0.5  # seconds between the first two questions
LONGEST: Final = 300.0  # seconds; rust-libp2p's query_interval
TTL: Final = 360  # seconds; rust-libp2p's ttl
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
MOST: Final = 1_000  # peers that are known; those first heard of go
MAX_ADDRESSES: Final = 32  # of a peer


@dataclass(slots=True)
class Heard:
    """What a packet came to: what to answer (None: nothing), the peers it told of, and those that said goodbye."""

    reply: bytes | None = None
    found: list[Found] = field(default_factory=list)
    gone: list[PeerId] = field(default_factory=list)


class Mdns:
    """``peer_id`` is the node's own."""

    def __init__(self, peer_id: PeerId, draws: Chance, service: str = SERVICE) -> None:
        self.service = service
        self.name = "".join(draws.choice(LETTERS) for _ in range(draws.randrange(32, 64)))
        self._me = peer_id
        self._asked = 0
        self._known: dict[PeerId, tuple[int, tuple[str, ...]]] = {}  # until when, and where

    def ask(self) -> bytes:
        """The question to send now; ``pause`` says when the next is due."""
        self._asked += 1
        return query(self.service)

    @property
    def pause(self) -> float:
        """Seconds until the next question."""
        return min(LONGEST, FIRST * 2.0 ** min(self._asked - 1, 20))

    def announcement(self, addresses: Sequence[str]) -> bytes:
        """What it says of itself."""
        return response(self.name, addresses, TTL, self.service)

    def heard(self, data: bytes, addresses: Sequence[str], now: int) -> Heard:
        """A packet has come; ``addresses`` are the node's own. ProtocolViolation for one that cannot be read."""
        packet, result = decode_packet(data), Heard()
        if not packet.is_response:
            names = {question.name.lower() for question in packet.questions if question.type in (PTR, 255)}
            if self.service in names:
                result.reply = self.announcement(addresses)
            elif META in names:
                result.reply = meta_response(TTL, self.service)
            return result
        told: dict[PeerId, tuple[int, list[str]]] = {}
        for text, ttl in peer_addresses(packet, self.service):
            address = parse_address(text)
            assert address.peer_id is not None
            if address.peer_id != self._me:
                _, bases = told.setdefault(address.peer_id, (ttl, []))
                if len(bases) < MAX_ADDRESSES:
                    bases.append(address.base)
        for peer, (ttl, bases) in told.items():
            if ttl == 0:
                if self._known.pop(peer, None) is not None:
                    result.gone.append(peer)
                continue
            self._known.pop(peer, None)
            if len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[peer] = now + ttl * TICKS_PER_SECOND, tuple(bases)
            result.found.append(Found(peer, tuple(bases)))
        return result

    def known(self, now: int) -> list[Found]:
        """The peers whose TTL has not passed."""
        self._known = {peer: one for peer, one in self._known.items() if one[0] > now}
        return [Found(peer, bases) for peer, (_, bases) in self._known.items()]
