"""What a router may ask about its peers: a lookup, which leads to nothing that the router could set going."""

from __future__ import annotations

import math
from collections.abc import Callable

from p2plab.identity import keys
from p2plab.typing import PeerId

__all__ = ["PeerDirectory"]


class PeerDirectory:
    """Implements ``p2plab.pubsub.router.PeerFacts`` for one node. ``peer_id_of(index)`` gives a peer's id,
    ``record_of(index)`` its signed record or b"", ``handshake_rtt(index)`` the round trip measured when it was
    connected, in seconds."""

    __slots__ = ("_handshake_rtt", "_peer_id_of", "_record_of", "_rtts")

    def __init__(
        self,
        peer_id_of: Callable[[int], PeerId],
        record_of: Callable[[int], bytes] | None,
        handshake_rtt: Callable[[int], float] | None,
    ) -> None:
        self._peer_id_of = peer_id_of
        self._record_of = record_of
        self._handshake_rtt = handshake_rtt
        self._rtts: dict[int, float] | None = None  # by peer, seconds: measured since the handshake

    def names(self, peer: int) -> tuple[str, ...]:
        """How parameters may name a peer: by its name and its id."""
        peer_id = self._peer_id_of(peer)
        return (str(peer_id),) if peer_id.name is None else (peer_id.name, str(peer_id))

    def introduce(self, peer: int) -> tuple[bytes, bytes]:
        """How a peer is recommended to others: its id in binary, and its signed record or b""."""
        record = b"" if self._record_of is None else self._record_of(peer)
        return keys.peer_id_bytes(self._peer_id_of(peer)), record

    def rtt(self, peer: int) -> float:
        """The last measured round trip to a peer in seconds: the handshake's, then each ping's; ``inf`` before any."""
        if self._rtts is not None and peer in self._rtts:
            return self._rtts[peer]
        return math.inf if self._handshake_rtt is None else self._handshake_rtt(peer)

    def measured(self, peer: int, rtt: float) -> None:
        """A round trip to the peer was measured, in seconds."""
        if self._rtts is None:
            self._rtts = {}
        self._rtts[peer] = rtt

    def forget(self, peer: int) -> None:
        """The peer is gone."""
        if self._rtts is not None:
            self._rtts.pop(peer, None)
