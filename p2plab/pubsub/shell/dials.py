"""Dialling for the router's sake: peers that others recommend, and explicit peers that are not connected.

A recommendation's record is believed only where the recommended peer itself signed it (gossipsub-v1.1.md, "PRUNE
Backoff and Peer Exchange"); without one the host has to find the peer by its id alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from p2plab.errors import LabError, PeerIdError, ProtocolViolation, UnknownNodeError
from p2plab.identity.keys import peer_id_from_bytes
from p2plab.typing import Runtime

if TYPE_CHECKING:
    from p2plab.events import EventLog

Dial = Callable[[str, Sequence[str]], Awaitable[object]]

MAX_PENDING = 128  # go-libp2p-pubsub, GossipSubMaxPendingConnections


class Dials:
    """``dial(peer id or name, addresses)`` is the host's; it records its own failures. ``known(peer id in binary)``:
    whether it is ourselves, or connected."""

    __slots__ = ("_dial", "_known", "_log", "_me", "_runtime", "pending")

    def __init__(
        self, runtime: Runtime, log: EventLog, me: int, dial: Dial | None, known: Callable[[bytes], bool]
    ) -> None:
        self._runtime = runtime
        self._log = log
        self._me = me
        self._dial = dial
        self._known = known
        self.pending = 0

    def recommended(self, peer_id: bytes, record: bytes) -> None:
        """Dial a peer that another recommends, unless there is something wrong with the recommendation."""
        from p2plab.identity.peer_record import read_record

        try:
            target = peer_id_from_bytes(peer_id)
            if self._known(peer_id):
                return
            told = read_record(record) if record else None
        except (PeerIdError, ProtocolViolation) as error:
            self._refuse("bad peer record", {"peer_id": peer_id[:48].hex(), "text": str(error)[:200]})
            return
        if told is not None and told.peer_id != target:
            self._refuse("bad peer record", {"peer_id": target, "text": f"the record is about {told.peer_id}"})
            return
        self.call(target, told.addresses if told is not None else ())

    def call(self, target: str, addresses: Sequence[str] = ()) -> None:
        """Dial a peer by id or name."""
        dial = self._dial
        if dial is None:
            return
        if self.pending >= MAX_PENDING:
            self._refuse("too many dials", {"peer_id": target, "limit": MAX_PENDING})
            return
        self.pending += 1

        async def attempt() -> None:
            try:
                await dial(target, addresses)
            except (LabError, TimeoutError) as error:
                if isinstance(error, UnknownNodeError):  # all others are the host's own connection.failed
                    self._log.record("connection.failed", self._me, reason="no address", data={"target": target})
            finally:
                self.pending -= 1

        self._runtime.spawn(attempt, f"dialling {target}")

    def _refuse(self, reason: str, data: dict[str, object]) -> None:
        self._log.record("pubsub.peer_exchange", self._me, reason=reason, data=data)
