"""GossipSub: meshes for full messages, gossip for what went past them, scores for whom to trust.

The router of gossipsub-v1.0.md with the extensions of v1.1, v1.2 and v1.3, towards each peer as far as the negotiated
protocol goes, down to FloodSub. It is one automaton: every input takes the time and answers with effects
(``p2plab.effects``). Its state is in a few objects:

- ``meshes`` and ``fanouts``, by topic (``meshes.py``; v1.0 "Router State");
- ``gossip``: recent messages, promises, what peers do not want (``gossip.py``);
- ``backoff``: whom we may not graft, until when (``backoff.py``);
- ``scores`` and ``deliveries``: what peers did (``scoring/``);
- ``peers``, and among them ``explicit`` ones and ``flooders`` (``peers.py``).

This file says what becomes of a message and of an RPC, ``grafting.py`` who enters and leaves a mesh, ``heartbeat.py``
what a heartbeat does, ``extensions.py`` what v1.3 peers tell each other first.

To try an idea, subclass it and override one of the decisions: ``recipients``, ``publish_recipients``, ``candidates``,
``choose``, ``survivors``, ``refuse_graft``, ``gossip_targets``, ``peers_to_exchange``, ``accepts_exchange``.
"""

from __future__ import annotations

from typing import Any

from p2plab.effects import HERE, LAST, SEND, note
from p2plab.pubsub.gossipsub import extensions, grafting, heartbeat, idle
from p2plab.pubsub.gossipsub import gossip as gossiping
from p2plab.pubsub.gossipsub.backoff import Backoff
from p2plab.pubsub.gossipsub.decisions import PURPOSES, Decisions, Purpose
from p2plab.pubsub.gossipsub.explained import explained
from p2plab.pubsub.gossipsub.gossip import Gossip
from p2plab.pubsub.gossipsub.meshes import Fanout, Meshes
from p2plab.pubsub.gossipsub.outbox import Outbox
from p2plab.pubsub.gossipsub.params import GossipSubParams
from p2plab.pubsub.gossipsub.peers import GRAYLISTED, STANDINGS, V10, V13, Peer, standing_of, ticks
from p2plab.pubsub.gossipsub.scoring.deliveries import Deliveries
from p2plab.pubsub.gossipsub.scoring.params import ScoreParams
from p2plab.pubsub.gossipsub.scoring.score import Scores
from p2plab.pubsub.message import Publication
from p2plab.pubsub.router import NOTHING, Effect, Effects
from p2plab.pubsub.rpc import RPC, Control, Prune

__all__ = ["PURPOSES", "GossipSub", "Purpose"]

_UNSCORED = ScoreParams(opportunistic_graft_threshold=0.0)  # every weight 0: all scores are 0


class GossipSub(Decisions):
    """The GossipSub router; ``GossipSub()`` has the specs' defaults."""

    # Slots: a thousand routers take turns, and every object less that a copy touches is a cache miss less.
    __slots__ = (
        "_params", "arrival_size", "backoff", "beats", "deliveries", "explicit", "fanouts", "flooders", "gossip",
        "heartbeat_initial_delay", "heartbeat_interval", "meshes", "protocols", "scores", "watches_duplicates",
    )  # fmt: skip

    def __init__(self, params: GossipSubParams | None = None) -> None:
        super().__init__()
        self._params = params if params is not None else GossipSubParams.spec()
        self.peers: dict[int, Peer] = {}
        self.explicit: dict[int, str] = {}  # connected explicit peers, and how the parameters name them
        self.flooders: dict[int, None] = {}  # connected peers that speak FloodSub only
        self.backoff = Backoff()
        self.beats = 0  # heartbeats so far
        self.scores = Scores(self._params.score or _UNSCORED, self.peers)
        self.deliveries = Deliveries(
            self.scores, ticks(self._params.seen_ttl), self.seen, type(self).duplicate is not GossipSub.duplicate
        )
        self.meshes = Meshes(self.scores)
        self.fanouts = Fanout()
        self.gossip = Gossip()
        self._configure()

    @property
    def params(self) -> GossipSubParams:
        """The parameters; setting them takes effect at once, without disturbing any state."""
        return self._params

    @params.setter
    def params(self, params: GossipSubParams) -> None:
        self._params = params
        self.scores.configure(params.score or _UNSCORED)
        self.deliveries.configured()
        self._configure()
        for peer in self.peers:
            self._recognise(peer)

    def _configure(self) -> None:
        params = self._params
        self.protocols = params.protocols
        self.heartbeat_interval = params.heartbeat_interval
        self.heartbeat_initial_delay = params.heartbeat_initial_delay
        self.seen.ttl = max(1, ticks(params.seen_ttl))
        self.arrival_size = params.idontwant_message_threshold
        self.watches_duplicates = self.scores.rates_deliveries or bool(self.deliveries)

    # -- peers

    def hello(self, peer: int) -> Control | None:
        return extensions.hello(self, self.peers[peer])

    def add_peer(self, peer: int, protocol: str, outbound: bool, ip: str, now: int) -> Effects:
        entry = self.peers[peer] = Peer(peer, protocol, outbound, ip)
        if entry.level < V10:
            self.flooders[peer] = None
        if entry.level >= V13:
            self.watched[peer] = None  # until its first RPC
        self.scores.add_peer(peer, ip)
        self._recognise(peer)
        effects = self._review(entry)
        if protocol != self.protocols[0]:
            data = {"protocol": protocol, "newest": self.protocols[0]}
            effects = [note("pubsub.protocol", peer, reason="the peer speaks no newer one", data=data), *effects]
        return effects

    def _recognise(self, peer: int) -> None:
        """See whether the parameters speak of this peer: as an explicit one, or with a score of its own."""
        self.explicit.pop(peer, None)
        app_specific = self.scores.params.app_specific
        if self._params.explicit_peers or app_specific:
            for name in self.directory.names(peer) if self.directory is not None else ():
                if name in self._params.explicit_peers:
                    self.explicit[peer] = name
                if name in app_specific:
                    self.scores.set_app(peer, app_specific[name])

    def remove_peer(self, peer: int, now: int) -> Effects:
        self.gossip.forget_peer(peer)
        effects = grafting.lost(self, peer, [*self.meshes, *self.fanouts], "peer gone")
        self.scores.remove_peer(peer, now)
        super().remove_peer(peer, now)
        for group in (self.flooders, self.watched, self.explicit):
            group.pop(peer, None)
        return effects

    def admits(self, peer: int, rpc: RPC, now: int) -> Effects | None:
        entry = self.peers.get(peer)
        if entry is None:
            return NOTHING
        if peer not in self.explicit and self.scores.below(peer, self.scores.params.graylist_threshold):
            return None
        effects = NOTHING
        if entry.introduction is False:
            entry.introduction = True
            if entry.level >= V13:
                effects = extensions.opened(self, entry, rpc)
        if entry.standing != GRAYLISTED:
            del self.watched[peer]
            if not self.watched:
                self.watched.clear()  # an empty dict keeps the room that it had
        return effects

    # -- topics

    def join(self, topic: str, now: int) -> Effects:
        return grafting.join(self, topic, now)

    def leave(self, topic: str, now: int) -> Effects:
        return grafting.leave(self, topic, now)

    def unsubscribed(self, peer: int, topic: str, now: int) -> Effects:
        super().unsubscribed(peer, topic, now)
        return grafting.lost(self, peer, [topic], "peer unsubscribed")

    # -- messages

    def arrived(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        return gossiping.announce_unwanted(self, peer, publication, message_id)

    def validating(self, peer: int, publication: Publication, message_id: bytes, now: int) -> None:
        self.gossip.promises.keep(message_id)
        self.deliveries.validating(message_id, publication.topic, now)
        self.watches_duplicates = True

    def forward(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        topic, gossip = publication.topic, self.gossip
        if message_id in gossip.promises:
            gossip.promises.keep(message_id)
        if self.watches_duplicates:
            self.deliveries.valid(message_id, topic, peer, now)
        else:
            self.scores.first_delivery(peer, topic)
        gossip.mcache.put(message_id, publication)
        chosen = self.recipients(publication, peer)
        if gossip.unwanted:
            effects: list[Effect] = []
            chosen = self._without_unwilling(chosen, topic, message_id, effects)
            if effects:
                effects.append((SEND, chosen, publication.rpc))
                return effects
        return ((SEND, chosen, publication.rpc),) if chosen else NOTHING

    def publish(self, publication: Publication, message_id: bytes, now: int) -> Effects:
        topic, params = publication.topic, self._params
        self.gossip.mcache.put(message_id, publication)
        effects: list[Effect] = []
        how, chosen = self.publish_recipients(topic, now, effects)
        if how != "flood publish":
            chosen = self._without_unwilling(chosen, topic, message_id, effects)
        if params.idontwant_on_publish and len(publication.data) >= params.idontwant_message_threshold:
            effects += gossiping.announce_unwanted(self, self.me, publication, message_id)
        known = self.topics.get(topic, ())
        data = {"peers": len(chosen), "subscribers": len(known), "mesh": len(self.meshes.get(topic, ()))}
        effects.append(note("pubsub.route", -1, topic, ref=message_id.hex(), reason=how, data=data))
        if chosen:
            effects.append((SEND, chosen, publication.rpc))
        return effects

    def _without_unwilling(self, chosen: list[int], topic: str, message_id: bytes, effects: list[Effect]) -> list[int]:
        unwilling = self.gossip.unwanted.get(message_id)
        if not unwilling:
            return chosen
        for peer in chosen:
            if peer in unwilling:
                ref = message_id.hex()
                effects.append(note("pubsub.withheld", peer, topic, ref=ref, reason="peer does not want it"))
        return [peer for peer in chosen if peer not in unwilling]

    def duplicate(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        if self.deliveries.duplicate(message_id, peer, now) and peer in self.peers:
            return self._review(self.peers[peer])
        return NOTHING

    def refused(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        # Only the sender: another's copy with the same id may be the true one. And it has not kept any promise.
        self.scores.invalid_message(peer, publication.topic)
        return self._review(self.peers[peer]) if peer in self.peers else NOTHING

    def rejected(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        self.gossip.promises.keep(message_id)
        effects: list[Effect] = []
        for one in self.deliveries.invalid(message_id, publication.topic, peer, now):
            if one in self.peers:
                effects.extend(self._review(self.peers[one]))
        self.watches_duplicates = True
        return effects

    def ignored(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        self.gossip.promises.keep(message_id)
        self.deliveries.ignored(message_id)
        return NOTHING

    # -- control messages

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
        asked = gossiping.on_ihave(self, entry, control.ihave, now, effects) if control.ihave else ()
        given = self.handle_iwant(entry, control.iwant, now, effects) if control.iwant else ()
        prunes: list[Prune] = []
        for topic in dict.fromkeys(control.graft):
            effects += grafting.on_graft(self, entry, topic, now, prunes)
        for prune in control.prune:
            effects += grafting.on_prune(self, entry, prune, now)
        if control.idontwant:
            gossiping.on_idontwant(self, entry, control.idontwant, effects)
        if control.extensions is not None and entry.level >= V13:
            effects += extensions.announced(self, entry, rpc, control.extensions)
        if asked or given or prunes:
            reply = Control(iwant=(asked,) if asked else (), prune=tuple(prunes)) if asked or prunes else None
            effects.append((SEND, (peer,), RPC(given, reply)))
        return effects

    def handle_iwant(
        self, entry: Peer, iwants: tuple[tuple[bytes, ...], ...], now: int, effects: list[Effect]
    ) -> tuple[Publication, ...]:
        """The messages to give a peer that asks for them."""
        return gossiping.on_iwant(self, entry, iwants, effects)

    # -- heartbeat

    def heartbeat(self, now: int) -> Effects:
        return heartbeat.beat(self, now)

    def idle_beats(self, now: int, period: int) -> int:
        return idle.idle_beats(self, now, period) if type(self) is GossipSub else 0

    def pass_beats(self, last: int, period: int, count: int) -> None:
        idle.pass_beats(self, last, period, count)

    def maintain_mesh(self, topic: str, now: int, out: Outbox) -> None:
        """What a heartbeat does to the mesh of one topic."""
        heartbeat.maintain_mesh(self, topic, now, out)

    # -- decisions, to be overridden

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
        return "fanout", list(heartbeat.fanout_of(self, topic, now, effects)) + self._outside_meshes(topic)

    # -- scores

    def set_app_score(self, peer: int, value: float) -> Effects:
        """Set the application-specific score (P5) of a connected peer."""
        self.scores.set_app(peer, value)
        entry = self.peers.get(peer)
        return NOTHING if entry is None else self._review(entry)

    def penalise(self, entry: Peer, count: int, reason: str, topic: str | None = None, **data: Any) -> list[Effect]:
        """Count misbehaviour (P7), and say what came of it."""
        self.scores.penalise(entry.index, count)
        data = {"count": count, **data, "score": self.score(entry.index)}
        return [note("pubsub.penalty", entry.index, topic, reason=reason, data=data), *self._review(entry, True)]

    def review_suspects(self) -> list[Effect]:
        """Note which peers stand otherwise than at the last heartbeat."""
        effects: list[Effect] = []
        for index in list(self.scores.suspects):
            entry = self.peers.get(index)
            if entry is not None:
                effects.extend(self._review(entry))
                self.scores.below_zero(index)  # clears a peer that has no penalty left
        return effects

    def _review(self, entry: Peer, chained: bool = False) -> Effects:
        """Note where a peer stands, if that has changed, and whether its RPCs are still read."""
        index, scores = entry.index, self.scores
        standing = standing_of(scores.score(index), scores.params) if index in scores.suspects else 0
        if standing == entry.standing:
            return NOTHING
        before, entry.standing = entry.standing, standing
        if standing == GRAYLISTED:
            self.watched[index] = None
        data = {"before": STANDINGS[before], **scores.components(index)}
        reason = STANDINGS[standing]
        return (note("pubsub.score", index, reason=reason, data=data, after=LAST if chained else HERE),)

    # -- looking in

    def mesh(self, topic: str) -> list[int]:
        return list(self.meshes.get(topic, ()))

    def fanout(self, topic: str) -> list[int]:
        return list(self.fanouts.get(topic, ()))

    def score_of(self, peer: int) -> dict[str, Any]:
        return self.scores.components(peer)

    def explain_peer(self, peer: int, topic: str | None, now: int) -> dict[str, Any]:
        """What decides about a peer now: its score with components, thresholds, standing, and the backoff left (s)."""
        return explained(self, peer, topic, now)
