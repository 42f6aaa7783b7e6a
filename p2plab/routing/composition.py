"""One question put to several content routers (after kubo's ``Routing.Routers`` of type parallel and sequential).

Rules:
- ``parallel`` asks all at once; ``sequential`` asks one after another, the next one when what came is not enough.
- A search for providers is over when as many different ones as wanted are found; one for a peer or a value with the
  first router that finds it. What is given to routers (``provide``, ``put``) goes to every one of them.
- A router that fails counts as one that found nothing; all fail only together.
- What comes after the end changes nothing: the router is then listed as ``not waited for``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from p2plab.routing.router import RouterFinding

__all__ = ["ORDERS", "AskRouter", "Composition", "Ended", "Order", "RouterProgress"]

Order: TypeAlias = Literal["parallel", "sequential"]
ORDERS: Final = ("parallel", "sequential")


@dataclass(frozen=True, slots=True)
class AskRouter:
    """Ask this router now."""

    router: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The search is over, for this reason."""

    reason: str


@dataclass(slots=True)
class RouterProgress:
    """How it stands with one router: ``asked`` and ``ended`` are ticks (-1: not yet), ``failure`` the reason it gave
    no answer, ``text`` what there is to say about that."""

    router: str
    asked: int = -1
    ended: int = -1
    finding: RouterFinding | None = None
    failure: str | None = None
    text: str = ""


class Composition:
    """``kind`` is one of the verbs, ``routers`` those that have it, ``wanted`` how many providers end the search (0:
    none do)."""

    def __init__(self, kind: str, routers: Sequence[str], order: Order, wanted: int = 0) -> None:
        self.kind = kind
        self.order = order
        self.wanted = wanted
        self.reason: str | None = None  # why it is over
        self.standings = {router: RouterProgress(router) for router in routers}
        self._providers: set[str] = set()

    def begin(self, now: int) -> list[AskRouter | Ended]:
        """Ask the first, or all."""
        return self._go_on(now)

    def answered(self, router: str, finding: RouterFinding, now: int) -> list[AskRouter | Ended]:
        """A router answered."""
        standing = self.standings[router]
        if self.reason is not None or standing.ended >= 0:
            return []
        standing.ended, standing.finding = now, finding
        self._providers.update(str(info.peer_id) for info in finding.providers)
        return self._go_on(now)

    def failed(self, router: str, reason: str, text: str, now: int) -> list[AskRouter | Ended]:
        """A router gave no answer."""
        standing = self.standings[router]
        if self.reason is not None or standing.ended >= 0:
            return []
        standing.ended, standing.failure, standing.text = now, reason, text
        return self._go_on(now)

    def stop(self, reason: str) -> list[AskRouter | Ended]:
        """It is given up."""
        if self.reason is not None:
            return []
        self.reason = reason
        return [Ended(reason)]

    def _go_on(self, now: int) -> list[AskRouter | Ended]:
        enough = self._enough()
        if enough is not None:
            return self.stop(enough)
        standings = self.standings.values()
        waiting = [one for one in standings if one.asked < 0]
        under_way = any(one.asked >= 0 > one.ended for one in standings)
        if not waiting:
            return [] if under_way else self.stop("routers answered")
        if self.order == "sequential" and under_way:
            return []
        asked = waiting if self.order == "parallel" else waiting[:1]
        for one in asked:
            one.asked = now
        return [AskRouter(one.router) for one in asked]

    def _enough(self) -> str | None:
        """Why nobody else need be asked or waited for."""
        if self.kind == "find_providers":
            return "providers found" if 0 < self.wanted <= len(self._providers) else None
        if self.kind in ("provide", "put"):
            return None
        found = any(one.finding is not None and one.finding.found for one in self.standings.values())
        if not found:
            return None
        return "peer found" if self.kind == "find_peer" else "value found"
