"""Looking for peers and for providers, and announcing oneself as one (kad-dht/README.md, "Peer routing", "Content
provider advertisement and discovery").

A provide finds the k closest peers with FIND_NODE and sends each an ADD_PROVIDER with this node's addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from p2plab.effects import OperationDone
from p2plab.kademlia.lookups.region import widened
from p2plab.kademlia.messages import ADD_PROVIDER, GET_PROVIDERS, DhtMessage
from p2plab.kademlia.operations import Effects, LookupOperation, Outcome, note
from p2plab.kademlia.storage.records import key_text

if TYPE_CHECKING:
    from p2plab.kademlia.node import KademliaNode

__all__ = ["ClosestPeers", "FindPeer", "FindProviders", "Provide"]


class ClosestPeers(LookupOperation):
    """Find the k peers closest to a key. ``kind`` is ``closest_peers``, ``refresh`` or ``bootstrap``."""

    def __init__(self, key: bytes, kind: str = "closest_peers") -> None:
        super().__init__(key)
        self.kind = kind

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        if self.kind == "refresh":
            node.observe(self)
        super().concluded(node, reason, now, out)


class FindPeer(LookupOperation):
    """Find one peer. It is found when it answers, or when it is reached but speaks no DHT (a client): then ``failed``
    says ``client``. One that is only named, and cannot be reached, is not found."""

    kind = "find_peer"

    def __init__(self, peer: int, key: bytes) -> None:
        super().__init__(key)
        self.wanted = peer
        self.found = False
        self.named_by: list[int] = []

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        if self.wanted in node.contacts:
            self.found = True
            data = {"kind": self.kind, "key": key_text(self.key), "seeds": 0}
            out.append(note("dht.lookup", ref=self.ref, data=data))
            self.finish(node, "held here", now, out)
        else:
            super().start(node, now, out)

    def take(
        self, node: KademliaNode, peer: int, reply: DhtMessage, now: int, out: Effects, data: dict[str, Any]
    ) -> None:
        assert self.lookup is not None
        if self.wanted in reply.closer:
            self.named_by.append(peer)
            data["names_it"] = True
        if peer == self.wanted:
            self.found = True
            self.lookup.end("peer found")

    def failed(self, node: KademliaNode, peer: int, why: str, now: int, out: Effects) -> None:
        if peer == self.wanted and why == "client" and self.lookup is not None:
            self.found = True
            self.lookup.end("peer found")
        super().failed(node, peer, why, now, out)

    def outcome(self) -> Outcome:
        return replace(super().outcome(), peer=self.wanted if self.found else None)

    def numbers(self) -> dict[str, int]:
        return {**super().numbers(), "named_by": len(self.named_by), "found": int(self.found)}


class Provide(LookupOperation):
    """Announce at the k closest peers that this node provides what has this multihash."""

    kind = "provide"
    store_type = ADD_PROVIDER

    def __init__(self, key: bytes, kind: str = "provide") -> None:
        super().__init__(key)
        self.kind = kind

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        widened(self, node, now, out, self._announce)

    def found_peers(self) -> Sequence[int]:
        return self.stored

    def _store_ended(self, node: KademliaNode, peer: int, now: int, out: Effects) -> None:
        super()._store_ended(node, peer, now, out)
        enough = -(-3 * node.params.k // 4)
        if node.params.optimistic_provide and not self.released and self.ended < 0 and len(self.stored) >= enough:
            self.released = True
            data = {"kind": self.kind, **self.numbers(), "left": len(self._storing)}
            out.append(note("dht.provided", ref=self.ref, reason="enough stored", data=data))
            out.append(OperationDone(self))

    def _announce(self, node: KademliaNode, peers: list[int], now: int, out: Effects) -> None:
        own = tuple(node.space.addresses(node.me))
        self._store(node, DhtMessage(ADD_PROVIDER, self.key, providers=((node.me, own),)), peers, now, out)


class FindProviders(LookupOperation):
    """Find who provides what has this multihash. ``count`` of them end the search (0: none do)."""

    kind = "find_providers"
    message_type = GET_PROVIDERS

    def __init__(self, key: bytes, count: int) -> None:
        super().__init__(key)
        self.count = count
        self.providers: dict[int, tuple[str, ...]] = {}

    def start(self, node: KademliaNode, now: int, out: Effects) -> None:
        self.providers.update(node.store.providers(self.key, now))
        super().start(node, now, out)

    def take(
        self, node: KademliaNode, peer: int, reply: DhtMessage, now: int, out: Effects, data: dict[str, Any]
    ) -> None:
        assert self.lookup is not None
        for provider, addresses in reply.providers:
            if addresses or provider not in self.providers:
                self.providers[provider] = tuple(addresses)
        if reply.providers:
            data["providers"] = len(reply.providers)
        if self.count and len(self.providers) >= self.count:
            self.lookup.end("providers found")

    def concluded(self, node: KademliaNode, reason: str, now: int, out: Effects) -> None:
        if reason == "providers found":
            self.finish(node, reason, now, out)
        else:
            widened(self, node, now, out, self.ask_wider)

    def wider_over(self, node: KademliaNode, now: int, out: Effects) -> None:
        assert self.lookup is not None
        self.finish(node, self.lookup.reason or "", now, out)

    def outcome(self) -> Outcome:
        return replace(super().outcome(), providers=self.providers)

    def numbers(self) -> dict[str, int]:
        return {**super().numbers(), "found": len(self.providers)}
