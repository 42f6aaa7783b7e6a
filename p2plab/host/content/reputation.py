"""What a node has seen of those it took content from, in every world: told by fetches, read by them and by ``why``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from p2plab.errors import ValidationError
from p2plab.host.names import peer_id_of
from p2plab.host.service import HostService
from p2plab.routing.reputation import Reputation, Standing
from p2plab.typing import PeerInfo

if TYPE_CHECKING:
    from p2plab.host.host import Host

__all__ = ["OUTCOMES", "ReputationService"]

OUTCOMES = ("delivered", "failed", "bad block")


class ReputationService(HostService):
    """A fetch calls ``delivered``, ``failed`` and ``gave_bad`` for what a peer did, ``rank`` and ``refuses`` before it
    asks. ``seen`` is the core."""

    kind = "reputation"

    def __init__(self, host: Host[Any]) -> None:
        super().__init__(host)
        self.seen = Reputation()
        now = host.world.runtime.ticks()
        for peer, plain in host.kept_reputation().items():
            try:
                self.seen.restore(peer, plain, now)
            except (ValueError, TypeError) as error:
                raise ValidationError(f"what {host.name} kept of {peer} cannot be read: {error}") from error

    # -- told by fetches

    def delivered(self, peer: str, size: int, seconds: float, blocks: int = 1) -> None:
        """Blocks of so many bytes in all came from a peer, in so many seconds."""
        self.seen.delivered(str(peer), size, seconds, self._now(), blocks)
        self._keep(str(peer))

    def failed(self, peer: str, text: str = "", blocks: int = 1) -> None:
        """What a peer said it had, or was asked for, did not come."""
        self.seen.failed(str(peer), self._now(), blocks)
        self._note("reputation.failed", peer, {"text": text[:200]})

    def gave_bad(self, peer: str, text: str = "") -> None:
        """A peer gave what its CID does not name."""
        self.seen.gave_bad(str(peer), self._now())
        self._note("reputation.bad_block", peer, {"text": text[:200]})

    def cut_off(self, peer: str) -> None:
        """A peer broke the protocol's rules, such as by blocks that nobody asked for: it is refused."""
        while not self.refuses(peer):
            self.seen.gave_bad(str(peer), self._now())
        self._note("reputation.bad_block", peer, {"text": "it broke the rules of the exchange and was cut off"})

    def judge(self, peer: str, outcome: str, size: int, seconds: float) -> Standing:
        """The same for a protocol of the user's. Raises ValidationError, UnknownNodeError, PeerIdError."""
        known = peer_id_of(self.host, peer)
        if outcome not in OUTCOMES:
            raise ValidationError(f"outcome={outcome!r}: take {', '.join(OUTCOMES)}")
        if outcome == "delivered":
            self.delivered(known, size, seconds)
        elif outcome == "failed":
            self.failed(known)
        else:
            self.gave_bad(known)
        return self.standing(known)

    def _note(self, kind: str, peer: str, data: dict[str, Any]) -> None:
        standing = self.standing(peer)
        data |= {"score": round(standing.score, 6), "refused": standing.refused}
        known: Any = self.host.world.find(str(peer)) or self.host.world.outsider(str(peer))
        index = -1 if known is None else self.host.world.index_of(known.peer_id)
        if index < 0:
            data["peer_id"] = str(peer)
        self.host.record(kind, index, data=data)
        self._keep(str(peer))

    def _keep(self, peer: str) -> None:
        self.host.keep_reputation(peer, self.seen.plain(peer, self._now()))

    # -- asked by fetches, and by people

    def standing(self, peer: str) -> Standing:
        """How a peer stands."""
        return self.seen.standing(str(peer), self._now())

    def refuses(self, peer: str) -> bool:
        """Whether nothing is to be asked of a peer."""
        return self.standing(peer).refused

    def rank(self, peers: Sequence[PeerInfo]) -> list[PeerInfo]:
        """The best first, those that are refused last; of equal ones, in the order given."""
        by_id = {str(peer.peer_id): peer for peer in peers}
        return [by_id[peer] for peer in self.seen.rank(by_id, self._now())]

    def rows(self) -> list[Standing]:
        """All that anything is known of, the best first."""
        return self.seen.rows(self._now())

    def why(self, peer: str) -> str:
        """How a peer stands as a provider, in a sentence; empty where nothing is known of it."""
        return self.standing(peer).why() if peer in self.seen else ""

    def came_back(self, kept: bool) -> None:
        if not kept:
            self.seen.forget()
            self.host.forget_reputation()

    def _now(self) -> int:
        return self.host.world.runtime.ticks()
