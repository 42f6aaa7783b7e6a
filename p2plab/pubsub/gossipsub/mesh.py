"""GossipSub's meshes and fanout: whom a topic's messages go to, and how that is kept up.

Rules, with the specs' sections:
- JOIN takes up to D peers, the fanout's first; LEAVE prunes them all (v1.0 "Topic Membership"), with the shorter
  backoff for unsubscribing.
- At every heartbeat (v1.0 "Mesh Maintenance", v1.1 "Heartbeat Maintenance", "Outbound Mesh Quotas", "Opportunistic
  Grafting"), in this order: peers below zero go; below D_low the mesh is filled up to D; above D_high it is cut to D,
  keeping the best D_score and D_out outbound ones; then outbound peers are added up to D_out, and once a minute, if the
  median score is low, two better ones.
- Pruning begins a backoff on both sides. We do not graft within it, and a GRAFT within it is answered with a PRUNE and
  penalised (v1.1 "PRUNE Backoff and Peer Exchange").
- Every change says why, with the numbers it was decided on.
"""

from __future__ import annotations

from typing import Any

from p2plab.pubsub.gossipsub.outbox import Outbox
from p2plab.pubsub.gossipsub.params import GossipSubParams
from p2plab.pubsub.gossipsub.peering import V10, V11, Peer, Peering, ticks
from p2plab.pubsub.router import DIAL, NOTHING, SEND, Effect, Effects, note
from p2plab.pubsub.rpc import RPC, Control, Prune


class Mesh(Peering):
    """Meshes and fanout."""

    __slots__ = ("fanouts", "last_published", "meshes")

    def __init__(self, params: GossipSubParams | None = None) -> None:
        super().__init__(params)
        self.meshes: dict[str, dict[int, None]] = {}
        self.fanouts: dict[str, dict[int, None]] = {}
        self.last_published: dict[str, int] = {}

    @property
    def prune_backoff(self) -> int:
        """The backoff after a PRUNE, in ticks."""
        return ticks(self._params.prune_backoff)

    def mesh(self, topic: str) -> list[int]:
        return list(self.meshes.get(topic, ()))

    def fanout(self, topic: str) -> list[int]:
        return list(self.fanouts.get(topic, ()))

    def explain_peer(self, peer: int, topic: str | None, now: int) -> dict[str, Any]:
        told = super().explain_peer(peer, topic, now)
        if topic is not None:
            mesh = self.meshes.get(topic)
            params = self.params
            told["in_mesh"] = mesh is not None and peer in mesh
            told["in_fanout"] = peer in self.fanouts.get(topic, ())
            told["mesh_size"] = len(mesh or ())
            told["degrees"] = {name: getattr(params, name) for name in ("D", "D_low", "D_high", "D_score", "D_out")}
        return told

    # -- changing a mesh

    def _enter(self, topic: str, peer: int, now: int) -> None:
        self.meshes[topic][peer] = None
        self.scores.grafted(peer, topic, now)

    def _leave(self, topic: str, peer: int) -> None:
        self.meshes[topic].pop(peer, None)
        self.scores.pruned(peer, topic)

    def _graft_note(self, peer: int, topic: str, reason: str, **numbers: Any) -> Effect:
        return note("pubsub.graft", peer, topic, reason=reason, data={**numbers, "mesh": len(self.meshes[topic])})

    def _prune_note(self, peer: int, topic: str, reason: str, **numbers: Any) -> Effect:
        return note("pubsub.prune", peer, topic, reason=reason, data={**numbers, "mesh": len(self.meshes[topic])})

    def _prune_message(self, entry: Peer, topic: str, backoff: int, exchange: bool) -> Prune:
        """A PRUNE for the peer; those of v1.0 know neither backoff nor peer exchange."""
        if entry.level < V11:
            return Prune(topic)
        peers: tuple[tuple[bytes, bytes], ...] = ()
        if exchange and self.params.peer_exchange and not self.scores.below_zero(entry.index):
            others = self.peers_to_exchange(topic, entry.index) if self.directory is not None else []
            peers = tuple(self.directory.introduce(peer) for peer in others)  # type: ignore[union-attr]
        return Prune(topic, peers, round(backoff / ticks(1)))

    def peers_to_exchange(self, topic: str, pruned: int) -> list[int]:
        """Whom to recommend to a pruned peer: others in the topic that do not score below zero."""
        others = [
            peer
            for peer in self.topics.get(topic, ())
            if peer != pruned and self.peers[peer].level >= V10 and not self.scores.below_zero(peer)
        ]
        return self.choose(others, self.params.prune_peers)

    # -- joining, leaving, losing

    def join(self, topic: str, now: int) -> Effects:
        if topic in self.meshes:
            return NOTHING
        self.joined[topic] = None
        self.meshes[topic] = {}
        fanout = self.fanouts.pop(topic, {})
        self.last_published.pop(topic, None)
        everyone = self.candidates(topic, (), now)
        chosen = [peer for peer in everyone if peer in fanout]
        chosen += self.choose([peer for peer in everyone if peer not in fanout], self.params.D - len(chosen))
        effects: list[Effect] = [
            note("pubsub.fanout", peer, topic, reason="joined the topic", data={"fanout": len(fanout)})
            for peer in fanout
        ]
        rpc = RPC(control=Control(graft=(topic,)))
        for peer in chosen:
            self._enter(topic, peer, now)
            effects.append(self._graft_note(peer, topic, "joined", D=self.params.D, candidates=len(everyone)))
            effects.append((SEND, (peer,), rpc))
        return effects

    def leave(self, topic: str, now: int) -> Effects:
        self.joined.pop(topic, None)
        mesh = self.meshes.get(topic)
        if mesh is None:
            return NOTHING
        effects: list[Effect] = []
        backoff = ticks(self.params.unsubscribe_backoff)
        for peer in list(mesh):
            self._leave(topic, peer)
            self.backoff.add(topic, peer, now, backoff)
            effects.append(self._prune_note(peer, topic, "left the topic", backoff=self.params.unsubscribe_backoff))
            prune = self._prune_message(self.peers[peer], topic, backoff, exchange=True)
            effects.append((SEND, (peer,), RPC(control=Control(prune=(prune,)))))
        del self.meshes[topic]
        return effects

    def unsubscribed(self, peer: int, topic: str, now: int) -> Effects:
        effects: list[Effect] = []
        super().unsubscribed(peer, topic, now)
        if peer in self.meshes.get(topic, ()):
            self._leave(topic, peer)
            effects.append(self._prune_note(peer, topic, "peer unsubscribed"))
        effects.extend(self._drop_from_fanout(peer, topic, "peer unsubscribed"))
        return effects

    def remove_peer(self, peer: int, now: int) -> Effects:
        effects: list[Effect] = []
        for topic, mesh in self.meshes.items():
            if peer in mesh:
                self._leave(topic, peer)
                effects.append(self._prune_note(peer, topic, "peer gone"))
        for topic in list(self.fanouts):
            effects.extend(self._drop_from_fanout(peer, topic, "peer gone"))
        effects.extend(super().remove_peer(peer, now))
        return effects

    # -- GRAFT and PRUNE

    def refuse_graft(self, entry: Peer, topic: str, now: int) -> str | None:
        """Why a GRAFT is answered with a PRUNE, or None. Override it to try another rule."""
        if entry.index in self.explicit:
            return "explicit peer"
        if self.backoff.end(topic, entry.index) > now:
            return "backing off"
        if self.scores.below_zero(entry.index):
            return "negative score"
        if len(self.meshes[topic]) >= self.params.D_high and not entry.outbound:
            return "mesh full"
        return None

    def handle_graft(self, entry: Peer, topic: str, now: int, prunes: list[Prune]) -> list[Effect]:
        """A peer put us into its mesh: put it into ours, or add a PRUNE to ``prunes``."""
        mesh, peer = self.meshes.get(topic), entry.index
        if mesh is None:
            # From v1.1 on these are ignored, so that they cannot be used to elicit answers; v1.0 answers.
            if entry.level < V11:
                prunes.append(Prune(topic))
            return [
                note("pubsub.graft_refused", peer, topic, reason="not subscribed", data={"version": entry.protocol})
            ]
        if peer in mesh:
            return []
        reason = self.refuse_graft(entry, topic, now)
        if reason is None:
            self._enter(topic, peer, now)
            return [self._graft_note(peer, topic, "peer asked", D_high=self.params.D_high)]
        left = max(0, self.backoff.end(topic, peer) - now)
        numbers = {"backoff_left": left / ticks(1), "score": self.score(peer), "mesh": len(mesh)}
        data = {**numbers, "D_high": self.params.D_high, "outbound": entry.outbound}
        effects = [note("pubsub.graft_refused", peer, topic, reason=reason, data=data)]
        if reason == "backing off":
            effects += self._punish_early_graft(entry, topic, left, now)
        if reason != "explicit peer":
            self.backoff.add(topic, peer, now, self.prune_backoff)
        prunes.append(self._prune_message(entry, topic, self.prune_backoff, exchange=reason == "mesh full"))
        return effects

    def _punish_early_graft(self, entry: Peer, topic: str, left: int, now: int) -> list[Effect]:
        params = self.params
        flood = left > self.prune_backoff - ticks(params.graft_flood_threshold)
        numbers = {"backoff_left": left / ticks(1), "graft_flood_threshold": params.graft_flood_threshold}
        return self.penalise(
            entry, 2 if flood else 1, "GRAFT flood" if flood else "GRAFT while backing off", topic, **numbers
        )

    def handle_prune(self, entry: Peer, prune: Prune, now: int) -> list[Effect]:
        """A peer took us out of its mesh: take it out of ours, back off, and perhaps meet others."""
        topic, peer = prune.topic, entry.index
        mesh = self.meshes.get(topic)
        if mesh is None:
            return []
        backoff = ticks(prune.backoff) if prune.backoff else self.prune_backoff
        self.backoff.add(topic, peer, now, backoff)
        effects: list[Effect] = []
        if peer in mesh:
            self._leave(topic, peer)
            left = (self.backoff.end(topic, peer) - now) / ticks(1)
            effects.append(self._prune_note(peer, topic, "peer asked", backoff=left))
        if prune.peers:
            effects += self._meet(entry, prune)
        return effects

    def accepts_exchange(self, entry: Peer) -> bool:
        """Whether peers recommended by this one are dialled."""
        score = self.score(entry.index)
        return score >= 0 and score >= self.scores.params.accept_px_threshold

    def _meet(self, entry: Peer, prune: Prune) -> list[Effect]:
        threshold = self.scores.params.accept_px_threshold
        data = {"peers": len(prune.peers), "score": self.score(entry.index), "accept_px_threshold": threshold}
        if not self.accepts_exchange(entry):
            reason = "score below accept_px_threshold"
            return [note("pubsub.peer_exchange", entry.index, prune.topic, reason=reason, data=data)]
        some = list(prune.peers)
        self.rng.shuffle(some)
        dials: list[Effect] = [(DIAL, peer_id, record) for peer_id, record in some[: self.params.prune_peers]]
        return [note("pubsub.peer_exchange", entry.index, prune.topic, reason="recommended", data=data), *dials]

    # -- heartbeat: mesh

    def maintain_mesh(self, topic: str, now: int, out: Outbox) -> None:
        """One heartbeat of one mesh."""
        mesh, params = self.meshes[topic], self.params
        if self.scores.suspects:
            self._prune_negative(topic, mesh, now, out)
        size = len(mesh)
        if size < params.D_low:
            numbers = {"D_low": params.D_low, "D": params.D, "was": size}
            everyone = self.candidates(topic, mesh, now)
            self._graft(topic, self.choose(everyone, params.D - size), "mesh below D_low", numbers, now, out)
        elif size > params.D_high or (size == params.D_high and params.prune_at_D_high and size > params.D):
            self._prune_surplus(topic, mesh, now, out)
        if len(mesh) >= params.D_low and params.D_out:
            outbound = self.count_outbound(mesh)
            if outbound < params.D_out:
                numbers = {"D_out": params.D_out, "outbound": outbound}
                dialled = [peer for peer in self.candidates(topic, mesh, now) if self.peers[peer].outbound]
                chosen = self.choose(dialled, params.D_out - outbound)
                self._graft(topic, chosen, "too few outbound", numbers, now, out)
        if self.beats % params.opportunistic_graft_ticks == 0 and len(mesh) > 1:
            self._graft_opportunistically(topic, mesh, now, out)

    def _graft(self, topic: str, peers: list[int], reason: str, numbers: dict[str, Any], now: int, out: Outbox) -> None:
        for peer in peers:
            self._enter(topic, peer, now)
            out.graft(peer, topic, self._graft_note(peer, topic, reason, **numbers))

    def _prune(
        self, topic: str, peer: int, reason: str, numbers: dict[str, Any], now: int, out: Outbox, exchange: bool
    ) -> None:
        self._leave(topic, peer)
        self.backoff.add(topic, peer, now, self.prune_backoff)
        prune = self._prune_message(self.peers[peer], topic, self.prune_backoff, exchange)
        out.prune(peer, prune, self._prune_note(peer, topic, reason, **numbers, backoff=self.params.prune_backoff))

    def _prune_negative(self, topic: str, mesh: dict[int, None], now: int, out: Outbox) -> None:
        for peer in [peer for peer in mesh if self.scores.below_zero(peer)]:
            components = self.scores.components(peer)
            self._prune(topic, peer, "negative score", components, now, out, exchange=False)

    def _prune_surplus(self, topic: str, mesh: dict[int, None], now: int, out: Outbox) -> None:
        params = self.params
        keep = dict.fromkeys(self.survivors(mesh))
        numbers = {"was": len(mesh), "D_high": params.D_high, "D": params.D}
        for peer in [peer for peer in mesh if peer not in keep]:
            self._prune(
                topic, peer, "mesh above D_high", {**numbers, "score": self.score(peer)}, now, out, exchange=True
            )

    def survivors(self, mesh: dict[int, None]) -> list[int]:
        """The D peers to keep in an oversubscribed mesh: the D_score best, the rest at random, and among all of them
        at least D_out outbound ones where there are so many. Override it to try another rule."""
        params = self.params
        ranked = list(mesh)
        self.rng.shuffle(ranked)  # so that equal scores are in no particular order
        ranked.sort(key=self.score, reverse=True)
        rest = ranked[params.D_score :]
        self.rng.shuffle(rest)
        keep = ranked[: params.D_score] + rest[: params.D - params.D_score]
        spare = [peer for peer in rest[params.D - params.D_score :] if self.peers[peer].outbound]
        missing = params.D_out - self.count_outbound(keep)
        for place in range(len(keep) - 1, -1, -1):
            if missing <= 0 or not spare:
                break
            if not self.peers[keep[place]].outbound:
                keep[place] = spare.pop(0)
                missing -= 1
        return keep

    def _graft_opportunistically(self, topic: str, mesh: dict[int, None], now: int, out: Outbox) -> None:
        threshold = self.scores.params.opportunistic_graft_threshold
        scores = sorted(self.score(peer) for peer in mesh)
        median = scores[len(scores) // 2]
        if median >= threshold:
            return
        better = [peer for peer in self.candidates(topic, mesh, now) if self.score(peer) > median]
        numbers = {"median": median, "opportunistic_graft_threshold": threshold}
        self._graft(
            topic, self.choose(better, self.params.opportunistic_graft_peers), "opportunistic", numbers, now, out
        )

    # -- fanout

    def fanout_peers(self, topic: str, now: int, out: list[Effect]) -> dict[int, None]:
        """The peers that messages to a topic not joined go to, chosen now if there are none."""
        self.last_published[topic] = now
        fanout = self.fanouts.get(topic)
        if not fanout:
            fanout = self._fill_fanout(topic, {}, "chosen", out)
            if fanout:
                self.fanouts[topic] = fanout
        return fanout

    def _fill_fanout(self, topic: str, fanout: dict[int, None], reason: str, out: list[Effect]) -> dict[int, None]:
        threshold = self.scores.params.publish_threshold
        others = [
            peer
            for peer in self.topics.get(topic, ())
            if peer not in fanout
            and self.peers[peer].level >= V10
            and peer not in self.explicit
            and not self.scores.below(peer, threshold)
        ]
        before = len(fanout)
        for peer in self.choose(others, self.params.D - before):
            fanout[peer] = None
            out.append(note("pubsub.fanout", peer, topic, reason=reason, data={"D": self.params.D, "was": before}))
        return fanout

    def _drop_from_fanout(self, peer: int, topic: str, reason: str, **numbers: Any) -> list[Effect]:
        fanout = self.fanouts.get(topic)
        if fanout is None or peer not in fanout:
            return []
        del fanout[peer]
        return [note("pubsub.fanout", peer, topic, reason=reason, data={**numbers, "fanout": len(fanout)})]

    def maintain_fanout(self, topic: str, now: int, out: Outbox) -> None:
        """One heartbeat of one fanout (v1.0 "Fanout Maintenance")."""
        fanout, params = self.fanouts[topic], self.params
        effects: list[Effect] = []
        if now - self.last_published[topic] > ticks(params.fanout_ttl):
            del self.last_published[topic], self.fanouts[topic]
            for peer in fanout:
                effects.append(
                    note("pubsub.fanout", peer, topic, reason="expired", data={"fanout_ttl": params.fanout_ttl})
                )
        else:
            threshold = self.scores.params.publish_threshold
            for peer in [peer for peer in fanout if self.scores.below(peer, threshold)]:
                numbers = {"score": self.score(peer), "publish_threshold": threshold}
                effects += self._drop_from_fanout(peer, topic, "score below publish threshold", **numbers)
            if len(fanout) < params.D:
                self._fill_fanout(topic, fanout, "refilled", effects)
        out.add(*effects)
