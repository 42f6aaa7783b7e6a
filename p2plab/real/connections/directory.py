"""Who is who in a real lab: peer ids, names, and the indices that stand for them in the event log.

It also numbers the connections, alike at both ends; ``trail`` is of what crosses them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from p2plab.events import EventLog
from p2plab.identity.keys import peer_id_from_bytes
from p2plab.real.connections.trail import Trail
from p2plab.typing import PeerId

KEPT = 65_536  # entries of each kind; the oldest go


class Directory:
    """One per lab."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._names: dict[str, str] = {}  # by peer id
        self._peers: dict[bytes, PeerId] = {}  # by peer id in binary
        self._by_index: dict[int, PeerId] = {}
        self._indices: dict[str, int] = {}  # by peer id
        self.trail = Trail()
        self._connections = 0
        self._sockets: OrderedDict[Hashable, int] = OrderedDict()
        self._begun: OrderedDict[tuple[str, str], int] = OrderedDict()

    def add(self, peer_id: PeerId) -> None:
        """Note a node of the lab."""
        if peer_id.name is not None:
            self._names[peer_id] = peer_id.name
            self._peers.clear()  # entries made before the node had a name
            self.index(peer_id)

    def give_name(self, peer_id: str, name: str) -> tuple[PeerId, int]:
        """Name a peer outside the lab, in what the log has of it already too; with its index. ``is_taken`` first."""
        index = self._log.rename(str(peer_id), name)
        self._names[peer_id] = name
        self._peers.clear()
        named = self._by_index[index] = self.named(peer_id)
        return named, index

    def is_taken(self, name: str, peer_id: str) -> bool:
        """Whether the log knows somebody else than this peer by that name."""
        index = self._log.index_of(name)
        return index is not None and index != self._log.index_of(str(peer_id))

    def peer(self, binary: bytes) -> PeerId:
        """The peer id of a multihash, with its name where it is a node of this lab."""
        peer_id = self._peers.get(binary)
        if peer_id is None:
            peer_id = self.named(peer_id_from_bytes(binary))
            if len(self._peers) < KEPT:
                self._peers[binary] = peer_id
        return peer_id

    def named(self, peer_id: str) -> PeerId:
        """The same for a peer id as text."""
        return PeerId(peer_id, self._names.get(peer_id))

    def index(self, peer_id: PeerId) -> int:
        """What stands for this peer in the log: its name, or its id where it has none."""
        index = self._log.register(peer_id.name or str(peer_id))
        self._by_index[index] = peer_id
        self._indices[peer_id] = index
        return index

    def known(self, binary: bytes) -> int:
        """The index of a peer that has one; -1 for a stranger, who gets none for being named by somebody."""
        return self._indices.get(self.peer(binary), -1)

    def peer_of(self, index: int) -> PeerId:
        """The peer that an index stands for."""
        return self._by_index[index]

    # -- connections

    def begin_connection(self, local: str, remote: str) -> int:
        """The number that the connection between these two sockets will have, at this end."""
        number = self._begun[local, remote] = self._next_connection(local, remote)
        if len(self._begun) > KEPT:
            self._begun.popitem(last=False)
        return number

    def connection_id(self, local: str, remote: str) -> int:
        """The number of the connection between these two sockets: the same at both of its ends."""
        number = self._begun.pop((local, remote), None)
        return self._next_connection(local, remote) if number is None else number

    def _next_connection(self, local: str, remote: str) -> int:
        key = (local, remote) if local < remote else (remote, local)
        number = self._sockets.pop(key, None)  # the second end takes it, so that reused ports get a new one
        if number is None:
            self._connections += 1
            number = self._sockets[key] = self._connections
            if len(self._sockets) > KEPT:
                self._sockets.popitem(last=False)
        return number
