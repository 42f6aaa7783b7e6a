"""What a heartbeat sends, gathered so that each peer gets one RPC of control messages (gossipsub-v1.0.md, "Control
Message Piggybacking")."""

from __future__ import annotations

from p2plab.effects import SEND, Note
from p2plab.pubsub.router import Effect, Effects
from p2plab.pubsub.rpc import RPC, Control, Prune

IHave = tuple[str, tuple[bytes, ...]]


class _ForPeer:
    __slots__ = ("graft", "ihave", "notes", "prune")

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.graft: list[str] = []
        self.prune: list[Prune] = []
        self.ihave: list[IHave] = []


class Outbox:
    """GRAFTs and PRUNEs by peer, gossip by topic. Gossip for a peer that is sent a GRAFT or PRUNE goes with that; the
    others share one RPC."""

    __slots__ = ("_control", "_effects", "_gossip")

    def __init__(self) -> None:
        self._effects: list[Effect] = []
        self._control: dict[int, _ForPeer] = {}
        self._gossip: list[tuple[Note | None, list[int], IHave]] = []

    def add(self, *effects: Effect) -> None:
        """Effects that nothing is sent for."""
        self._effects.extend(effects)

    def _for(self, peer: int) -> _ForPeer:
        entry = self._control.get(peer)
        if entry is None:
            entry = self._control[peer] = _ForPeer()
        return entry

    def graft(self, peer: int, topic: str, note: Note) -> None:
        """Send a GRAFT, for the reason in the note."""
        entry = self._for(peer)
        entry.notes.append(note)
        entry.graft.append(topic)

    def prune(self, peer: int, prune: Prune, note: Note) -> None:
        """Send a PRUNE, for the reason in the note."""
        entry = self._for(peer)
        entry.notes.append(note)
        entry.prune.append(prune)

    def gossip(self, peers: list[int], ihave: IHave, note: Note | None) -> None:
        """Send these peers an IHAVE; None: the note before speaks of this one too."""
        self._gossip.append((note, peers, ihave))

    def flush(self) -> Effects:
        """Everything, in order: notes, then by peer the notes and the RPC they led to, then the rest of the gossip."""
        effects = self._effects
        for note, peers, ihave in self._gossip:
            if self._control:
                for peer in peers:
                    if peer in self._control:
                        self._control[peer].ihave.append(ihave)
                peers = [peer for peer in peers if peer not in self._control]
            if note is not None:
                effects.append(note)
            if peers:
                effects.append((SEND, peers, RPC(control=Control(ihave=(ihave,)))))
        for peer, entry in self._control.items():
            effects.extend(entry.notes)
            control = Control(ihave=tuple(entry.ihave), graft=tuple(entry.graft), prune=tuple(entry.prune))
            effects.append((SEND, (peer,), RPC(control=control)))
        return effects
