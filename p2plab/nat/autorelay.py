"""AutoRelay: a node that is not reachable keeps reservations at a few relays, and advertises addresses through them.

The rules and numbers are go-libp2p's (p2p/host/autorelay, v0.41): which relays to ask and when, when to renew, and how
long a relay that refused is left alone. A core: it is told what happened and says whom to ask next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ValidationError
from p2plab.errors.checked import LONGEST
from p2plab.errors.likely import known_fields
from p2plab.typing import Chance, PeerId

__all__ = ["AutoRelay", "AutoRelayParams", "Wish"]

SLACK: Final = 2 * 60 * TICKS_PER_SECOND  # a reservation is renewed so long before it ends


@known_fields
@dataclass(frozen=True, slots=True)
class AutoRelayParams:
    """How a node keeps its relays. Times are seconds.

    ``relays`` it wants; ``max_candidates`` it remembers; ``boot_delay`` before the first request, ``backoff`` after a
    refusal, ``candidate_age`` after which a candidate that was not used is forgotten, ``interval`` between looks.
    """

    relays: int = 2
    max_candidates: int = 20
    boot_delay: float = 0.0
    backoff: float = 3600.0
    candidate_age: float = 1800.0
    interval: float = 30.0

    def __post_init__(self) -> None:
        if not 1 <= self.relays <= self.max_candidates:
            raise ValidationError(f"relays={self.relays!r}: from 1 to max_candidates ({self.max_candidates})")
        for name in ("boot_delay", "backoff", "candidate_age", "interval"):
            if not 0 <= getattr(self, name) < LONGEST:
                raise ValidationError(f"{name}={getattr(self, name)!r}: seconds, from 0 to less than {LONGEST:g}")

    @classmethod
    def go(cls) -> AutoRelayParams:
        """go-libp2p's, with the three minutes that it gathers candidates before it asks the first."""
        return cls(boot_delay=180.0)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the node should do now: ``reserve`` at a relay (anew, or to renew), or ``drop`` what it has there."""

    action: Literal["reserve", "drop"]
    relay: PeerId
    reason: str


class AutoRelay:
    """One node's relays and candidates. Ticks come in as arguments."""

    def __init__(self, params: AutoRelayParams | None = None, began: int = 0) -> None:
        self.params = params or AutoRelayParams()
        self._began = began
        self._wanted = False
        self._candidates: dict[PeerId, int] = {}  # since when they are known
        self._refused: dict[PeerId, int] = {}  # until when they are left alone
        self._held: dict[PeerId, tuple[int, tuple[str, ...]]] = {}  # expiry, and the relay's addresses
        self._asked: dict[PeerId, None] = {}

    @property
    def wanted(self) -> bool:
        """Whether the node is thought unreachable, so that relays are wanted."""
        return self._wanted

    def need(self, unreachable: bool) -> list[Wish]:
        """AutoNAT's verdict, or the user's: relays are wanted from now on, or no longer."""
        self._wanted = unreachable
        if unreachable:
            return []
        wishes = [Wish("drop", relay, "reachable without") for relay in self._held]
        self._held.clear()
        return wishes

    def candidate(self, relay: PeerId, now: int) -> bool:
        """A peer that speaks the hop protocol was met; whether there was room to remember it."""
        if relay in self._candidates or len(self._candidates) >= self.params.max_candidates:
            return relay in self._candidates
        self._candidates[relay] = now
        return True

    def gone(self, relay: PeerId) -> bool:
        """The connection to a peer is gone, and a reservation there with it; whether there was one."""
        self._asked.pop(relay, None)
        self._candidates.pop(relay, None)
        return self._held.pop(relay, None) is not None

    def reserved(self, relay: PeerId, expires: int, addresses: tuple[str, ...]) -> None:
        """A relay has given a slot until the tick ``expires``; ``addresses`` are the relay's own."""
        self._asked.pop(relay, None)
        self._held[relay] = expires, addresses

    def refused(self, relay: PeerId, now: int) -> None:
        """A relay did not; it is left alone for a while."""
        self._asked.pop(relay, None)
        self._held.pop(relay, None)
        self._candidates.pop(relay, None)
        self._refused[relay] = now + int(self.params.backoff * TICKS_PER_SECOND)

    def relays(self) -> dict[PeerId, tuple[str, ...]]:
        """The relays it has a slot at, with their addresses."""
        return {relay: addresses for relay, (_, addresses) in self._held.items()}

    def wishes(self, now: int, draws: Chance) -> list[Wish]:
        """What to do now. Candidates are taken in random order, so that a network's nodes spread over its relays."""
        params = self.params
        age = int(params.candidate_age * TICKS_PER_SECOND)
        self._refused = {relay: until for relay, until in self._refused.items() if until > now}
        self._candidates = {
            relay: since for relay, since in self._candidates.items() if relay in self._held or now - since <= age
        }
        for relay in [relay for relay, (expires, _) in self._held.items() if expires <= now]:
            del self._held[relay]
        if not self._wanted:
            return []
        wishes = [
            Wish("reserve", relay, "about to expire")
            for relay, (expires, _) in self._held.items()
            if expires - now <= SLACK and relay not in self._asked
        ]
        if now - self._began >= int(params.boot_delay * TICKS_PER_SECOND):
            missing = params.relays - len(self._held) - sum(relay not in self._held for relay in self._asked)
            free = [
                relay
                for relay in self._candidates
                if relay not in self._held and relay not in self._asked and relay not in self._refused
            ]
            if missing > 0 and free:
                picked = draws.sample(free, min(missing, len(free)))
                wishes += [Wish("reserve", relay, "not reachable directly") for relay in picked]
        for wish in wishes:
            self._asked[wish.relay] = None
        return wishes
