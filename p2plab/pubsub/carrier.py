"""Carrying out a router's effects: events into the log, RPCs to the network, wishes to the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from p2plab.pubsub.dials import Dials
from p2plab.pubsub.router import DIAL, NOTE, RECONNECT, SEND, Effects
from p2plab.pubsub.rpc import RPC, rpc_size, split

if TYPE_CHECKING:
    from p2plab.events import EventLog

Send = Callable[[int, RPC, int, int], None]
SendMany = Callable[[Sequence[int], RPC, int, int], None]


class Carrier:
    """What carries out effects for node ``me``. RPCs over ``max_message_size`` bytes are sent in parts."""

    __slots__ = ("_dials", "_log", "_me", "_send_many", "_withdraw", "max_message_size")

    def __init__(
        self,
        log: EventLog,
        me: int,
        max_message_size: int,
        send: Send,
        send_many: SendMany | None,
        dials: Dials,
        withdraw: Callable[[int, Sequence[bytes]], None] | None,
    ) -> None:
        def send_each(peers: Sequence[int], rpc: RPC, size: int, cause: int) -> None:
            for peer in peers:
                send(peer, rpc, size, cause)

        self.max_message_size = max_message_size
        self._log = log
        self._me = me
        self._send_many = send_many if send_many is not None else send_each
        self._dials = dials
        self._withdraw = withdraw

    def _run(self, effects: Effects) -> None:
        """Carry out effects in order. Causes are as ``router.py`` says, the log's own being the first."""
        log = self._log
        cause = log.cause
        for effect in effects:
            tag = effect[0]
            if tag is SEND:
                rpc = effect[2]
                size = rpc.size if rpc.size >= 0 else rpc_size(rpc)
                if size <= self.max_message_size:
                    self._send_many(effect[1], rpc, size, cause)
                else:
                    for part in split(rpc, self.max_message_size):
                        self._send_many(effect[1], part, rpc_size(part), cause)
            elif tag is NOTE:
                _, kind, peer, topic, ref, size, reason, data, chained = effect
                cause = log.record(
                    kind, self._me, peer, topic, ref, size, reason, data, cause if chained else log.cause
                )
            elif tag is DIAL:
                self._dials.recommended(effect[1], effect[2])
            elif tag is RECONNECT:
                self._dials.call(effect[1])
            elif self._withdraw is not None:
                self._withdraw(effect[1], effect[2])
