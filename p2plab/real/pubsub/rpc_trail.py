"""What crosses with an RPC from one node of the lab to another: the event that caused it; and the events that record
the RPC itself.

The n-th RPC written to a stream is the n-th read from it, which is how its cause is found at the far end. Nodes on
py-libp2p's router know no such number: towards them and from them causes go by what an RPC says, as ``topics`` has it.
"""

from __future__ import annotations

from p2plab.errors import ProtocolViolation
from p2plab.events import EventLog
from p2plab.pubsub.rpc import RPC, Control, decode_rpc
from p2plab.real.connections.directory import Directory
from p2plab.real.connections.trail import MeshChanged, MessageSent, RpcSent, SubscriptionSent, TrailKey

__all__ = ["RpcTrail", "contents"]

_NO_CONTROL = Control()


def contents(rpc: RPC) -> dict[str, int]:
    """How many of each an RPC has; of IHAVE, IWANT and IDONTWANT, how many message ids."""
    control = rpc.control or _NO_CONTROL
    counts = {
        "messages": len(rpc.publish),
        "subscriptions": len(rpc.subscriptions),
        "ihave": sum(len(ids) for _, ids in control.ihave),
        "iwant": sum(map(len, control.iwant)),
        "graft": len(control.graft),
        "prune": len(control.prune),
        "idontwant": sum(map(len, control.idontwant)),
        "extensions": len(control.extensions or ()),
    }
    return {name: count for name, count in counts.items() if count}


class RpcTrail:
    """One node's; ``me`` is its index in the log."""

    def __init__(self, log: EventLog, directory: Directory, me: int) -> None:
        self._log = log
        self._directory = directory
        self._me = me

    def sent(self, peer: int, stream: tuple[int, int], number: int, rpc: RPC, size: int, cause: int) -> None:
        """RPC ``number`` of a stream, named by its connection and its own id, leaves for a peer."""
        log, leave = self._log, self._directory.trail.leave
        if log.wants("pubsub.rpc_sent"):
            cause = log.record("pubsub.rpc_sent", self._me, peer, size=size, data=contents(rpc), cause=cause)
        else:
            log.count("pubsub.rpc_sent", self._me)
        if self._directory.peer_of(peer).name is None:  # a stranger, at whose end nothing is recorded
            return
        leave(RpcSent(*stream, number), cause)
        for publication in rpc.publish:
            leave(MessageSent(publication.id, self._me), cause)
        for _, topic in rpc.subscriptions:
            leave(SubscriptionSent(topic, self._me), cause)
        if rpc.control is not None:
            for topic in rpc.control.graft:
                leave(MeshChanged("pubsub.graft", topic, self._me, peer), cause)
            for prune in rpc.control.prune:
                leave(MeshChanged("pubsub.prune", prune.topic, self._me, peer), cause)

    def received(self, peer: int, stream: tuple[int, int], number: int, rpc: RPC, size: int) -> int:
        """The same RPC came: the event that led to it, or -1."""
        cause = self._directory.trail.take(RpcSent(*stream, number))
        if cause < 0:
            cause = self._by_what_it_says(peer, self._me, rpc)
        if self._log.wants("pubsub.rpc_received"):
            data = contents(rpc)
            cause = self._log.record("pubsub.rpc_received", self._me, peer, size=size, data=data, cause=cause)
        else:
            self._log.count("pubsub.rpc_received", self._me)
        return cause

    def shown(self, kind: str, peer: int, data: bytes) -> None:
        """Record an RPC that py-libp2p sent to a peer, or received from it."""
        try:
            rpc = decode_rpc(data)
        except ProtocolViolation:  # the library takes more than ours does
            rpc = RPC()
        ends = (self._me, peer) if kind == "pubsub.rpc_sent" else (peer, self._me)
        cause = self._by_what_it_says(*ends, rpc)
        self._log.record(kind, self._me, peer, size=len(data), data=contents(rpc), cause=cause)

    def _by_what_it_says(self, sender: int, receiver: int, rpc: RPC) -> int:
        control = rpc.control or _NO_CONTROL
        keys: list[TrailKey] = [MessageSent(publication.id, sender) for publication in rpc.publish]
        keys += [SubscriptionSent(topic, sender) for _, topic in rpc.subscriptions]
        keys += [MeshChanged("pubsub.graft", topic, sender, receiver) for topic in control.graft]
        keys += [MeshChanged("pubsub.prune", prune.topic, sender, receiver) for prune in control.prune]
        return max(map(self._directory.trail.follow, keys), default=-1)
