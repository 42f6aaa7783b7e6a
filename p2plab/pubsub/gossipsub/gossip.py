"""GossipSub's gossip: telling peers outside the mesh what there is (IHAVE, IWANT), and peers in the mesh what need not
be sent (IDONTWANT).

Rules, with the specs' sections:
- At every heartbeat, IHAVE with the ids of the last ``mcache_gossip`` windows goes to ``gossip_factor`` of the peers
  outside the mesh, at least D_lazy of them (v1.0 "Gossip Emission", v1.1 "Adaptive Gossip Dissemination").
- IHAVE from, and IWANT from, a peer below the gossip threshold is ignored (v1.1 "Score Thresholds").
- Of a peer's IHAVEs at most ``max_ihave_messages`` a heartbeat are read, and at most ``max_ihave_length`` ids asked
  for; a message is given to the same peer at most ``gossip_retransmission`` times; of each request one id is watched,
  and whoever does not deliver it in time is penalised (v1.1 "Spam Protection Measures").
- IDONTWANT goes to the mesh, the author too, on arrival of a message over the threshold, before it is validated; an id
  told us holds for ``idontwant_message_ttl`` heartbeats, takes back what is queued, and both RPCs and ids are bounded
  (v1.2 "IDONTWANT Message").
"""

from __future__ import annotations

from p2plab.pubsub.gossipsub.mcache import MessageCache
from p2plab.pubsub.gossipsub.mesh import Mesh
from p2plab.pubsub.gossipsub.outbox import Outbox
from p2plab.pubsub.gossipsub.params import GossipSubParams
from p2plab.pubsub.gossipsub.peering import V10, V12, Peer, ticks
from p2plab.pubsub.gossipsub.promises import Promises
from p2plab.pubsub.message import Publication
from p2plab.pubsub.router import NOTHING, SEND, WITHDRAW, Effect, Effects, note
from p2plab.pubsub.rpc import RPC, Control


class Gossip(Mesh):
    """IHAVE, IWANT and IDONTWANT."""

    __slots__ = ("_unwanted_until", "mcache", "promises", "unwanted")

    def __init__(self, params: GossipSubParams | None = None) -> None:
        super().__init__(params)
        self.mcache = MessageCache()
        self.promises = Promises()
        self.unwanted: dict[bytes, dict[int, int]] = {}  # by message and peer: the heartbeat at which it expires
        self._unwanted_until: dict[int, list[tuple[bytes, int]]] = {}

    def remove_peer(self, peer: int, now: int) -> Effects:
        self.promises.release(peer)
        for unwanted in self.unwanted.values():
            unwanted.pop(peer, None)
        return super().remove_peer(peer, now)

    def _counting(self, entry: Peer) -> None:
        """Begin this heartbeat's counters of a peer, if that has not been done yet."""
        if entry.beat != self.beats:
            entry.beat = self.beats
            entry.ihaves = entry.asked = entry.idontwants = 0

    # -- IHAVE

    def gossip_targets(self, candidates: list[int]) -> list[int]:
        """The peers that IHAVE goes to. Override it to try another rule."""
        share = int(self._params.gossip_factor * len(candidates))
        count = self._params.D_lazy
        return self.choose(candidates, share if share > count else count)

    def emit_gossip(self, topic: str, exclude: dict[int, None], out: Outbox) -> None:
        """Tell some peers outside the mesh or fanout which messages there are."""
        ids = self.mcache.gossip_ids(topic, self._params.mcache_gossip)
        if not ids:
            return
        peers, explicit, scores = self.peers, self.explicit, self.scores
        threshold = scores.params.gossip_threshold
        suspects = scores.suspects
        candidates = [
            peer
            for peer in self.topics.get(topic, ())
            if peer not in exclude
            and peer not in explicit
            and peers[peer].level >= V10
            and not (peer in suspects and scores.below(peer, threshold))
        ]
        if not candidates:
            return
        eligible = len(candidates)
        chosen = self.gossip_targets(candidates)
        limit = self._params.max_ihave_length
        if len(ids) > limit:
            ids = self.rng.sample(ids, limit)
        data = {"ids": len(ids), "peers": len(chosen), "candidates": eligible, "D_lazy": self._params.D_lazy}
        out.gossip(chosen, (topic, tuple(ids)), note("pubsub.gossip", -1, topic, reason="heartbeat", data=data))

    def handle_ihave(
        self, entry: Peer, ihaves: tuple[tuple[str, tuple[bytes, ...]], ...], now: int, effects: list[Effect]
    ) -> tuple[bytes, ...]:
        """The ids to ask a peer for, which says it has messages."""
        params, peer = self._params, entry.index
        self._counting(entry)
        entry.ihaves += 1
        reason, numbers = None, {}
        if peer in self.scores.suspects and self.scores.below(peer, self.scores.params.gossip_threshold):
            reason = "score below gossip threshold"
            numbers = {"score": self.score(peer), "gossip_threshold": self.scores.params.gossip_threshold}
        elif entry.ihaves > params.max_ihave_messages:
            reason = "too many IHAVEs"
            numbers = {"ihaves": entry.ihaves, "max_ihave_messages": params.max_ihave_messages}
        elif entry.asked >= params.max_ihave_length:
            reason = "asked for enough"
            numbers = {"asked": entry.asked, "max_ihave_length": params.max_ihave_length}
        if reason is not None:
            effects.append(note("pubsub.ihave_ignored", peer, reason=reason, data=numbers))
            return ()
        seen, wanted = self.seen, []
        for topic, ids in ihaves:
            if topic in self.joined:
                wanted += [message_id for message_id in ids[: params.max_ihave_length] if message_id not in seen]
        if not wanted:
            return ()
        wanted = list(dict.fromkeys(wanted))
        self.rng.shuffle(wanted)
        asked = wanted[: params.max_ihave_length - entry.asked]
        entry.asked += len(asked)
        watched = self.rng.choice(asked)
        self.promises.add(peer, watched, now + ticks(params.iwant_followup_time))
        data = {"ids": len(asked), "unseen": len(wanted), "watched": watched.hex()}
        ref = asked[0].hex() if len(asked) == 1 else None
        effects.append(note("pubsub.iwant", peer, ref=ref, reason="advertised", data=data))
        return tuple(asked)

    def broken_promises(self, now: int) -> list[Effect]:
        """Penalise the peers that did not deliver what they advertised."""
        effects: list[Effect] = []
        for peer, message_id in self.promises.broken(now):
            entry = self.peers.get(peer)
            if entry is not None:
                waited = self._params.iwant_followup_time
                effects += self.penalise(
                    entry, 1, "broken promise", message=message_id.hex(), iwant_followup_time=waited
                )
        return effects

    # -- IWANT

    def handle_iwant(
        self, entry: Peer, iwants: tuple[tuple[bytes, ...], ...], now: int, effects: list[Effect]
    ) -> tuple[Publication, ...]:
        """The messages to give a peer that asks for them."""
        peer, scores = entry.index, self.scores
        if peer in scores.suspects and scores.below(peer, scores.params.gossip_threshold):
            data = {"score": self.score(peer), "gossip_threshold": scores.params.gossip_threshold}
            effects.append(note("pubsub.iwant_ignored", peer, reason="score below gossip threshold", data=data))
            return ()
        given: dict[bytes, Publication] = {}
        refused: dict[str, int] = {}
        for message_id in dict.fromkeys(message_id for ids in iwants for message_id in ids):
            if peer in self.unwanted.get(message_id, ()):
                reason = "peer does not want it"
            else:
                publication, times = self.mcache.ask(message_id, peer)
                if publication is None:
                    reason = "not in the cache"
                elif times > self._params.gossip_retransmission:
                    reason = "asked too often"
                else:
                    given[message_id] = publication
                    continue
            refused[reason] = refused.get(reason, 0) + 1
        for reason, count in refused.items():
            effects.append(note("pubsub.iwant_ignored", peer, reason=reason, data={"ids": count}))
        if given:
            ref = next(iter(given)).hex() if len(given) == 1 else None
            effects.append(note("pubsub.iwant_served", peer, ref=ref, reason="asked", data={"ids": len(given)}))
        return tuple(given.values())

    # -- IDONTWANT

    def arrived(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        return self.announce_unwanted(peer, publication, message_id)

    def announce_unwanted(self, sender: int, publication: Publication, message_id: bytes) -> Effects:
        """Tell the mesh that this message need not be sent to us: all but who sent it, the author too, whose own copies
        may still wait on a slow uplink."""
        told = [peer for peer in self.mesh(publication.topic) if peer != sender and self.peers[peer].level >= V12]
        if not told:
            return NOTHING
        data = {
            "peers": len(told),
            "size": len(publication.data),
            "threshold": self._params.idontwant_message_threshold,
        }
        return (
            note("pubsub.idontwant", -1, publication.topic, ref=message_id.hex(), reason="arrived", data=data),
            (SEND, told, RPC(control=Control(idontwant=((message_id,),)))),
        )

    def handle_idontwant(self, entry: Peer, idontwants: tuple[tuple[bytes, ...], ...], effects: list[Effect]) -> None:
        """A peer has messages already, which therefore need not be sent to it."""
        params, peer = self._params, entry.index
        self._counting(entry)
        entry.idontwants += 1
        if entry.idontwants > params.max_idontwant_messages:
            data = {"idontwants": entry.idontwants, "max_idontwant_messages": params.max_idontwant_messages}
            effects.append(note("pubsub.idontwant_ignored", peer, reason="too many IDONTWANTs", data=data))
            return
        ids = [message_id for group in idontwants for message_id in group]
        if len(ids) > params.max_idontwant_length:
            data = {"ids": len(ids), "max_idontwant_length": params.max_idontwant_length}
            effects.append(note("pubsub.idontwant_ignored", peer, reason="too many ids", data=data))
            del ids[params.max_idontwant_length :]
        until = self.beats + params.idontwant_message_ttl
        expiring = self._unwanted_until.setdefault(until, [])
        for message_id in ids:
            self.unwanted.setdefault(message_id, {})[peer] = until
            expiring.append((message_id, peer))
        if ids:
            effects.append((WITHDRAW, peer, tuple(ids)))

    def _expire_unwanted(self) -> None:
        for message_id, peer in self._unwanted_until.pop(self.beats, ()):
            peers = self.unwanted.get(message_id)
            if peers is not None and peers.get(peer) == self.beats:
                del peers[peer]
            if not peers:
                self.unwanted.pop(message_id, None)
