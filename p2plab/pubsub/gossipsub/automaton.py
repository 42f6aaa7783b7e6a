"""GossipSub: meshes for full messages, gossip for what went past them, scores for whom to trust.

The router of gossipsub-v1.0.md with the extensions of v1.1, v1.2 and v1.3, towards each peer as far as the negotiated
protocol goes, down to FloodSub. This file says what becomes of a message and of a control message, and in which order a
heartbeat does things; ``mesh.py`` keeps meshes and fanout, ``gossip.py`` IHAVE, IWANT and IDONTWANT, ``peering.py``
peers and the choice among them, ``score.py`` the scores.

To try an idea, subclass it and override one of the decisions: ``recipients``, ``publish_recipients``, ``candidates``,
``choose``, ``survivors``, ``refuse_graft``, ``gossip_targets``, ``peers_to_exchange``, ``accepts_exchange``.
"""

from __future__ import annotations

from p2plab.pubsub.gossipsub.deliveries import longest_window
from p2plab.pubsub.gossipsub.gossip import Gossip
from p2plab.pubsub.gossipsub.outbox import Outbox
from p2plab.pubsub.gossipsub.peering import V10, V13, Peer
from p2plab.pubsub.message import Publication
from p2plab.pubsub.router import NOTHING, SEND, Effect, Effects, note
from p2plab.pubsub.rpc import RPC, Control, Prune

_BACKOFF_SWEEP = 15  # heartbeats between two sweeps of expired backoffs, as in go-libp2p-pubsub


class GossipSub(Gossip):
    """The GossipSub router; ``GossipSub()`` has the specs' defaults."""

    __slots__ = ()

    # -- peers

    def hello(self, peer: int) -> Control | None:
        # v1.3: the first message on the stream announces the extensions, and none after it.
        extensions = self._params.extensions
        return Control(extensions=extensions) if extensions and self.peers[peer].level >= V13 else None

    def opened(self, entry: Peer, rpc: RPC) -> Effects:
        if rpc.control is None or rpc.control.extensions is None:
            return NOTHING
        peer = entry.index
        entry.extensions = extensions = rpc.control.extensions
        entry.introduction = rpc
        shared = [name for name in extensions if name in self._params.extensions]
        effects: list[Effect] = [
            note("pubsub.extensions", peer, reason="announced", data={"theirs": list(extensions), "shared": shared})
        ]
        if "testExtension" in shared:
            effects.append((SEND, (peer,), RPC(test_extension=True)))
        return effects

    # -- messages

    def recipients(self, publication: Publication, sender: int) -> list[int]:
        """Whom a message from ``sender`` is passed on to: the mesh, the explicit peers and the FloodSub peers of its
        topic, but neither the sender nor the author."""
        topic, origin = publication.topic, publication.origin
        chosen = [peer for peer in self.meshes.get(topic, ()) if peer != sender and peer != origin]
        if self.explicit or self.flooders:
            chosen += [peer for peer in self._outside_meshes(topic) if peer != sender and peer != origin]
        return chosen

    def _outside_meshes(self, topic: str) -> list[int]:
        members = self.topics.get(topic, {})
        threshold = self.scores.params.publish_threshold
        return [peer for peer in self.explicit if peer in members] + [
            peer
            for peer in self.flooders
            if peer in members and peer not in self.explicit and not self.scores.below(peer, threshold)
        ]

    def _without_unwilling(self, chosen: list[int], topic: str, message_id: bytes, effects: list[Effect]) -> list[int]:
        unwilling = self.unwanted.get(message_id)
        if not unwilling:
            return chosen
        for peer in chosen:
            if peer in unwilling:
                effects.append(
                    note("pubsub.withheld", peer, topic, ref=message_id.hex(), reason="peer does not want it")
                )
        return [peer for peer in chosen if peer not in unwilling]

    def forward(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        topic = publication.topic
        if message_id in self.promises:
            self.promises.keep(message_id)
        if self.watches_duplicates:
            self.deliveries.valid(message_id, topic, peer, now)
        else:
            self.scores.first_delivery(peer, topic)
        self.mcache.put(message_id, publication)
        chosen = self.recipients(publication, peer)
        if self.unwanted:
            effects: list[Effect] = []
            chosen = self._without_unwilling(chosen, topic, message_id, effects)
            if effects:
                effects.append((SEND, chosen, publication.rpc))
                return effects
        return ((SEND, chosen, publication.rpc),) if chosen else NOTHING

    def publish_recipients(self, topic: str, now: int, effects: list[Effect]) -> tuple[str, list[int]]:
        """How an own message is sent, and to whom (v1.0 "Message Processing", v1.1 "Flood Publishing")."""
        scores = self.scores
        if self._params.flood_publish:
            threshold = scores.params.publish_threshold
            members = self.topics.get(topic, ())
            return "flood publish", [
                peer for peer in members if peer in self.explicit or not scores.below(peer, threshold)
            ]
        if topic in self.meshes:
            return "mesh", self.mesh(topic) + self._outside_meshes(topic)
        return "fanout", list(self.fanout_peers(topic, now, effects)) + self._outside_meshes(topic)

    def publish(self, publication: Publication, message_id: bytes, now: int) -> Effects:
        topic = publication.topic
        self.mcache.put(message_id, publication)
        effects: list[Effect] = []
        how, chosen = self.publish_recipients(topic, now, effects)
        if how != "flood publish":
            chosen = self._without_unwilling(chosen, topic, message_id, effects)
        if self._params.idontwant_on_publish and len(publication.data) >= self._params.idontwant_message_threshold:
            effects += self.announce_unwanted(self.me, publication, message_id)
        known = self.topics.get(topic, ())
        data = {"peers": len(chosen), "subscribers": len(known), "mesh": len(self.meshes.get(topic, ()))}
        effects.append(note("pubsub.route", -1, topic, ref=message_id.hex(), reason=how, data=data))
        if chosen:
            effects.append((SEND, chosen, publication.rpc))
        return effects

    def validating(self, peer: int, publication: Publication, message_id: bytes, now: int) -> None:
        self.promises.keep(message_id)
        self.deliveries.validating(message_id, publication.topic, now)
        self.watches_duplicates = True

    def duplicate(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        if self.deliveries.duplicate(message_id, peer, now) and peer in self.peers:
            return self._review(self.peers[peer])
        return NOTHING

    def refused(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        # Only the sender: another's copy with the same id may be the true one. And it has not kept any promise.
        self.scores.invalid_message(peer, publication.topic)
        return self._review(self.peers[peer]) if peer in self.peers else NOTHING

    def rejected(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        self.promises.keep(message_id)
        effects: list[Effect] = []
        for one in self.deliveries.invalid(message_id, publication.topic, peer, now):
            if one in self.peers:
                effects.extend(self._review(self.peers[one]))
        self.watches_duplicates = True
        return effects

    def ignored(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        self.promises.keep(message_id)
        self.deliveries.ignored(message_id)
        return NOTHING

    # -- control

    def control(self, peer: int, rpc: RPC, now: int) -> Effects:
        entry, control = self.peers.get(peer), rpc.control
        if entry is None:
            return NOTHING
        effects: list[Effect] = []
        if rpc.test_extension:
            effects.append(note("pubsub.extensions", peer, reason="testExtension"))
        if control is None or entry.level < V10:
            return effects
        # v1.0 "Message Processing" has no order; this is go-libp2p-pubsub's.
        asked = self.handle_ihave(entry, control.ihave, now, effects) if control.ihave else ()
        given = self.handle_iwant(entry, control.iwant, now, effects) if control.iwant else ()
        prunes: list[Prune] = []
        for topic in dict.fromkeys(control.graft):
            effects += self.handle_graft(entry, topic, now, prunes)
        for prune in control.prune:
            effects += self.handle_prune(entry, prune, now)
        if control.idontwant:
            self.handle_idontwant(entry, control.idontwant, effects)
        if control.extensions is not None and entry.level >= V13:
            if rpc is entry.introduction:
                entry.introduction = None
            else:  # v1.3: they must not be announced twice, nor later than in the first message
                again = list(control.extensions)
                effects += self.penalise(entry, 1, "extensions announced again", extensions=again)
        if asked or given or prunes:
            reply = Control(iwant=(asked,) if asked else (), prune=tuple(prunes)) if asked or prunes else None
            effects.append((SEND, (peer,), RPC(given, reply)))
        return effects

    # -- heartbeat

    def heartbeat(self, now: int) -> Effects:
        self.beats += 1
        out = Outbox()
        if self.beats % _BACKOFF_SWEEP == 0:
            self.backoff.forget(now, self.slack)
        self.scores.tick(now)
        if self.promises:
            out.add(*self.broken_promises(now))
        if self.scores.suspects:
            out.add(*self._review_suspects())
        if self._unwanted_until:
            self._expire_unwanted()
        if self._params.explicit_peers and (self.beats - 1) % self._params.direct_connect_ticks == 0:
            out.add(*self.reconnections())
        for topic in self.meshes:
            self.maintain_mesh(topic, now, out)
            self.emit_gossip(topic, self.meshes[topic], out)
        for topic in list(self.fanouts):
            self.maintain_fanout(topic, now, out)
            if topic in self.fanouts:
                self.emit_gossip(topic, self.fanouts[topic], out)
        self.mcache.shift(self._params.mcache_len)
        if self.deliveries:
            self.deliveries.forget(now, longest_window(self.scores))
            self.watches_duplicates = self.scores.rates_deliveries or bool(self.deliveries)
        return out.flush()
