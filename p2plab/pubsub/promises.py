"""Promises: a peer that advertised a message and was asked for it has to deliver (gossipsub-v1.1.md, "Spam Protection
Measures"). Of each request one id, drawn at random, is watched."""

from __future__ import annotations


class Promises:
    """Who promised which message, and by which tick it is due. ``in`` tells whether an id is watched."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due: dict[bytes, dict[int, int]] = {}

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._due

    def __len__(self) -> int:
        return len(self._due)

    def add(self, peer: int, message_id: bytes, due: int) -> None:
        """The peer was asked; a promise it gave before stands."""
        self._due.setdefault(message_id, {}).setdefault(peer, due)

    def keep(self, message_id: bytes) -> None:
        """Somebody delivered it: all who promised are free."""
        self._due.pop(message_id, None)

    def release(self, peer: int) -> None:
        """The peer left: it owes nothing."""
        for message_id in [message_id for message_id, due in self._due.items() if peer in due]:
            self._drop(message_id, peer)

    def _drop(self, message_id: bytes, peer: int) -> None:
        due = self._due[message_id]
        del due[peer]
        if not due:
            del self._due[message_id]

    def broken(self, now: int) -> list[tuple[int, bytes]]:
        """The promises whose time is over, as (peer, message id); each is told once."""
        found = [
            (peer, message_id) for message_id, dues in self._due.items() for peer, due in dues.items() if due < now
        ]
        for peer, message_id in found:
            self._drop(message_id, peer)
        return found
