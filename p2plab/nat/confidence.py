"""What a node believes of its addresses: reachable, unreachable or unknown, and how sure it is.

AutoNAT's answers come from servers that may be wrong or lie, so one answer decides nothing. As in go-libp2p
(p2p/host/basic, addrs_reachability_tracker), the last five answers on an address count, one for each server, and two
more of one kind than of the other decide; three more make it sure, and it is asked again after an hour instead of five
minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from p2plab.constants import TICKS_PER_SECOND
from p2plab.text import says
from p2plab.typing import PeerId

__all__ = ["AddressStatus", "Reachability", "Verdict"]

DECIDED: Final = 2
SURE: Final = 3
WINDOW: Final = 5
AGAIN: Final = 5 * 60 * TICKS_PER_SECOND
AGAIN_WHEN_SURE: Final = 3600 * TICKS_PER_SECOND

Verdict = Literal["public", "private", "unknown"]


@says
@dataclass(frozen=True, slots=True)
class AddressStatus:
    """What is believed of one address. ``status``: ``public`` (reachable from the Internet), ``private`` or
    ``unknown``; ``confidence``: how many answers more speak for it than against; ``by``: the servers on whose word."""

    address: str
    status: Verdict
    confidence: int
    by: tuple[PeerId, ...]

    def __str__(self) -> str:
        if not self.by:
            return f"{self.address}: {self.status}, no server has said anything"
        words = ", ".join(peer.name or peer.short for peer in self.by)
        return f"{self.address}: {self.status}, confidence {self.confidence}, on the word of {words}"


class Reachability:
    """The answers on each address. Ticks come in as arguments."""

    def __init__(self) -> None:
        self._answers: dict[str, dict[PeerId, bool]] = {}
        self._asked: dict[str, int] = {}

    def answered(self, address: str, server: PeerId, reachable: bool, now: int) -> bool:
        """A server has dialled an address, or could not; whether the verdict has changed."""
        before = self.status(address).status
        answers = self._answers.setdefault(address, {})
        answers.pop(server, None)
        answers[server] = reachable
        while len(answers) > WINDOW:
            del answers[next(iter(answers))]
        self._asked[address] = now
        return self.status(address).status != before

    def forget(self, address: str) -> None:
        """The node has the address no longer."""
        self._answers.pop(address, None)
        self._asked.pop(address, None)

    def status(self, address: str) -> AddressStatus:
        """What is believed of an address now."""
        answers = self._answers.get(address, {})
        margin = sum(1 if reachable else -1 for reachable in answers.values())
        verdict: Verdict = "public" if margin >= DECIDED else "private" if margin <= -DECIDED else "unknown"
        agree = tuple(server for server, reachable in answers.items() if reachable == (margin > 0))
        return AddressStatus(address, verdict, min(abs(margin), SURE), agree if margin else ())

    def due(self, address: str, now: int) -> bool:
        """Whether it is time to ask about an address (again)."""
        asked = self._asked.get(address)
        if asked is None:
            return True
        status = self.status(address)
        if status.status == "unknown":
            return True
        return now - asked >= (AGAIN_WHEN_SURE if status.confidence >= SURE else AGAIN)

    def servers(self, address: str) -> tuple[PeerId, ...]:
        """Who has answered on an address."""
        return tuple(self._answers.get(address, ()))
