"""In which order, and after which delays, a peer's addresses are dialled (go-libp2p's smart dialling,
p2p/net/swarm/dial_ranker.go): QUIC before TCP, IPv6 before IPv4, private addresses sooner, relays last.

Also black holes: where the last hundred dials of a kind (UDP, IPv6) have all but failed, such addresses are left out,
and one in every hundred is tried all the same (p2p/net/swarm/black_hole_detector.go).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from p2plab.identity.address import Address, parse_address
from p2plab.nat.publicness import is_public

__all__ = ["BlackHole", "Ranked", "rank"]

PUBLIC_STEP: Final = 0.250  # seconds; RFC 8305's, about a round trip
PUBLIC_OTHER: Final = 1.0
PRIVATE_STEP: Final = 0.030
PRIVATE_OTHER: Final = 0.100
RELAY: Final = 0.500  # where there is a public address as well


@dataclass(frozen=True, slots=True)
class Ranked:
    """An address and the seconds, from the beginning, after which it is dialled if nothing has connected before."""

    address: str
    delay: float


def rank(addresses: Iterable[str]) -> list[Ranked]:
    """The addresses in the order of their delays. Private, public and relayed ones are three groups that are dialled at
    the same time; relayed ones wait half a second where there is a public one."""
    private: list[tuple[str, Address]] = []
    public: list[tuple[str, Address]] = []
    relayed: list[tuple[str, Address]] = []
    for text in dict.fromkeys(addresses):
        address = parse_address(text)
        group = relayed if address.relayed else public if is_public(address) else private
        group.append((text, address))
    ranked = _delays(private, PRIVATE_STEP, PRIVATE_OTHER, 0.0)
    ranked += _delays(public, PUBLIC_STEP, PUBLIC_OTHER, 0.0)
    ranked += _delays(relayed, PUBLIC_STEP, PUBLIC_OTHER, RELAY if public else 0.0)
    return sorted(ranked, key=lambda entry: entry.delay)


def _delays(addresses: Sequence[tuple[str, Address]], step: float, other: float, offset: float) -> list[Ranked]:
    """QUIC (and WebTransport after it), then TCP one step after the last of them, then what is left."""
    kinds: dict[str, list[tuple[str, Address]]] = {"quic": [], "tcp": [], "other": []}
    for text, address in addresses:
        kinds[_kind(address)].append((text, address))
    found: list[Ranked] = []
    base = last = 0.0
    for kind in ("quic", "tcp"):
        for text, delay in _eyeballs(kinds[kind], step):
            last = base + delay
            found.append(Ranked(text, offset + last))
        if kinds[kind]:
            base = last + step
    found += [Ranked(text, offset + last + other) for text, _ in kinds["other"]]
    return found


def _kind(address: Address) -> str:
    """What carries it; of a relayed address, what carries the way to its relay."""
    names = [name for name, _ in address.parts]
    if any(name in names for name in ("quic", "quic-v1")):
        return "quic"
    return "tcp" if "tcp" in names else "other"


def _eyeballs(members: Sequence[tuple[str, Address]], step: float) -> list[tuple[str, float]]:
    """RFC 8305: the best IPv6 address first, then the best IPv4 one, then the rest; low ports are the better ones."""

    def badness(member: tuple[str, Address]) -> tuple[bool, bool, int]:
        _, address = member
        four = ":" not in (address.ip or "")
        return any(name == "webtransport" for name, _ in address.parts), four, address.port or 0

    ordered = sorted(members, key=badness)
    both = False
    if ordered and ":" in (ordered[0][1].ip or ""):
        four = next((member for member in ordered if ":" not in (member[1].ip or "")), None)
        if four is not None:
            ordered.remove(four)
            ordered.insert(1, four)
            both = True
    delays = (0.0, step)
    return [
        (text, delays[place] if place < 2 else step * (2 if both else 1)) for place, (text, _) in enumerate(ordered)
    ]


class BlackHole:
    """Whether a kind of address works from here at all: of the last ``window`` dials, ``least`` must have succeeded."""

    def __init__(self, window: int = 100, least: int = 5) -> None:
        self.window = window
        self.least = least
        self._results: deque[bool] = deque(maxlen=window)
        self._skipped = 0

    @property
    def blocked(self) -> bool:
        """Whether too few of the last dials have succeeded."""
        return len(self._results) == self.window and sum(self._results) < self.least

    def tried(self, succeeded: bool) -> None:
        """A dial of this kind has ended."""
        if succeeded and self.blocked:
            self._results.clear()  # it works after all: a new window begins
        self._results.append(succeeded)

    def allows(self) -> bool:
        """Whether to dial the next one: every hundredth is tried while it is blocked."""
        if not self.blocked:
            return True
        self._skipped += 1
        return self._skipped % self.window == 0
