"""Promises: a peer that advertised a message and was asked for it has to deliver (gossipsub-v1.1.md, "Spam Protection
Measures"). Of each request one id, drawn at random, is watched."""

from __future__ import annotations


class Promises(dict[bytes, dict[int, int]]):
    """By message id and peer, the tick by which it is due."""

    __slots__ = ()

    def add(self, peer: int, message_id: bytes, due: int) -> None:
        """The peer was asked; a promise it gave before stands."""
        self.setdefault(message_id, {}).setdefault(peer, due)

    def keep(self, message_id: bytes) -> None:
        """Somebody delivered it: all who promised are free."""
        self.pop(message_id, None)

    def release(self, peer: int) -> None:
        """The peer left: it owes nothing."""
        for message_id in [message_id for message_id, dues in self.items() if peer in dues]:
            self._drop(message_id, peer)

    def _drop(self, message_id: bytes, peer: int) -> None:
        dues = self[message_id]
        del dues[peer]
        if not dues:
            del self[message_id]

    def broken(self, now: int) -> list[tuple[int, bytes]]:
        """The promises whose time is over, as (peer, message id); each is told once."""
        found = [(peer, message_id) for message_id, dues in self.items() for peer, due in dues.items() if due < now]
        for peer, message_id in found:
            self._drop(message_id, peer)
        return found
