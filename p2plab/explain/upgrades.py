"""What became of a relayed connection: read from the event log (relay/DCUtR.md)."""

from __future__ import annotations

from typing import Final

from p2plab.events import EventLog
from p2plab.explain.nats import why_ended
from p2plab.nat.matrix import How, Way

__all__ = ["Upgrade"]

_HOW: Final[dict[str, How]] = {"SUCCESS": "punched", "CONNECTION_REVERSED": "reversed"}


class Upgrade:
    """The upgrade that ``peer`` makes of a relayed connection from ``node``: the end at which it came in begins."""

    def __init__(self, log: EventLog, node: str, peer: str) -> None:
        self._log = log
        self._node = node
        self._peer = peer
        self._before = self._count()

    def _count(self) -> int:
        return len(self._log.filter(kind="dcutr.ended", node=self._peer, peer=self._node))

    def over(self) -> bool:
        """Whether one more has ended than when this was made."""
        return self._count() > self._before

    def way(self) -> Way:
        """What came of it: ``punched``, ``reversed``, or ``relayed`` with the reason."""
        ended = list(self._log.filter(kind="dcutr.ended", node=self._peer, peer=self._node))
        if not ended:
            return Way("relayed", "no upgrade was tried")
        last = ended[-1]
        return Way(_HOW.get(last.reason or "", "relayed"), why_ended(self._log, last))
