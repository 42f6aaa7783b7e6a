"""Who enters and leaves a mesh outside the heartbeat: joining and leaving topics, GRAFT, PRUNE and peer exchange.

Rules, with the specs' sections:
- JOIN takes up to D peers, the fanout's first; LEAVE prunes them all (v1.0 "Topic Membership"), with the shorter
  backoff for unsubscribing.
- Pruning begins a backoff on both sides. We do not graft within it, and a GRAFT within it is answered with a PRUNE and
  penalised (v1.1 "PRUNE Backoff and Peer Exchange").
- Every change says why, with the numbers it was decided on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.effects import SEND, DialPeer, note
from p2plab.pubsub.gossipsub.peers import V11, Peer, ticks
from p2plab.pubsub.router import NOTHING, Effect, Effects
from p2plab.pubsub.rpc import RPC, Control, Prune

if TYPE_CHECKING:
    from p2plab.pubsub.gossipsub.automaton import GossipSub

__all__ = ["join", "leave", "lost", "on_graft", "on_prune", "prune_message"]


# -- topic membership


def join(router: GossipSub, topic: str, now: int) -> Effects:
    """JOIN: build the mesh of a topic, from its fanout first (v1.0 "Topic Membership")."""
    if topic in router.meshes:
        return NOTHING
    meshes, D = router.meshes, router.params.D
    router.joined[topic] = None
    meshes[topic] = {}
    fanout = router.fanouts.end(topic)
    everyone = router.candidates(topic, (), now)
    chosen = [peer for peer in everyone if peer in fanout]
    chosen += router.pick([peer for peer in everyone if peer not in fanout], D - len(chosen), "graft")
    effects: list[Effect] = [
        note("pubsub.fanout", peer, topic, reason="joined the topic", data={"fanout": len(fanout)}) for peer in fanout
    ]
    rpc = RPC(control=Control(graft=(topic,)))
    for peer in chosen:
        meshes.enter(topic, peer, now)
        effects.append(meshes.grafted(peer, topic, "joined", D=D, candidates=len(everyone)))
        effects.append((SEND, (peer,), rpc))
    return effects


def leave(router: GossipSub, topic: str, now: int) -> Effects:
    """LEAVE: prune everybody in the mesh of a topic (v1.0 "Topic Membership")."""
    router.joined.pop(topic, None)
    meshes = router.meshes
    mesh = meshes.get(topic)
    if mesh is None:
        return NOTHING
    effects: list[Effect] = []
    seconds = router.params.unsubscribe_backoff
    for peer in list(mesh):
        meshes.leave(topic, peer)
        router.backoff.add(topic, peer, now, ticks(seconds))
        effects.append(meshes.pruned(peer, topic, "left the topic", backoff=seconds))
        prune = prune_message(router, router.peers[peer], topic, ticks(seconds), exchange=True)
        effects.append((SEND, (peer,), RPC(control=Control(prune=(prune,)))))
    del meshes[topic]
    return effects


def lost(router: GossipSub, peer: int, topics: list[str], reason: str) -> list[Effect]:
    """A peer went or unsubscribed: take it out of these topics' meshes, then out of their fanouts."""
    meshes = router.meshes
    effects: list[Effect] = []
    for topic in topics:
        if peer in meshes.get(topic, ()):
            meshes.leave(topic, peer)
            effects.append(meshes.pruned(peer, topic, reason))
    for topic in topics:
        effects.extend(router.fanouts.drop(peer, topic, reason))
    return effects


# -- GRAFT and PRUNE


def prune_message(router: GossipSub, entry: Peer, topic: str, backoff: int, exchange: bool) -> Prune:
    """A PRUNE for the peer; those of v1.0 know neither backoff (ticks here) nor peer exchange."""
    if entry.level < V11:
        return Prune(topic)
    peers: tuple[tuple[bytes, bytes], ...] = ()
    directory = router.directory
    if exchange and router.params.peer_exchange and not router.scores.below_zero(entry.index):
        others = router.peers_to_exchange(topic, entry.index) if directory is not None else []
        peers = tuple(directory.introduce(peer) for peer in others)  # type: ignore[union-attr]
    return Prune(topic, peers, round(backoff / ticks(1)))


def on_graft(router: GossipSub, entry: Peer, topic: str, now: int, prunes: list[Prune]) -> list[Effect]:
    """GRAFT from a peer, which put us into its mesh: put it into ours, or add a PRUNE to ``prunes``."""
    meshes, params, peer = router.meshes, router.params, entry.index
    mesh = meshes.get(topic)
    if mesh is None:
        # From v1.1 on these are ignored, so that they cannot be used to elicit answers; v1.0 answers.
        if entry.level < V11:
            prunes.append(Prune(topic))
        version = {"version": entry.protocol}
        return [note("pubsub.graft_refused", peer, topic, reason="not subscribed", data=version)]
    if peer in mesh:
        return []
    reason = router.refuse_graft(entry, topic, now)
    if reason is None:
        meshes.enter(topic, peer, now)
        return [meshes.grafted(peer, topic, "peer asked", D_high=params.D_high)]
    left = max(0, router.backoff.end(topic, peer) - now)
    numbers = {"backoff_left": left / ticks(1), "score": router.score(peer), "mesh": len(mesh)}
    data = {**numbers, "D_high": params.D_high, "outbound": entry.outbound}
    effects: list[Effect] = [note("pubsub.graft_refused", peer, topic, reason=reason, data=data)]
    if reason == "backing off":
        effects += _early_graft(router, entry, topic, left)
    backoff = ticks(params.prune_backoff)
    if reason != "explicit peer":
        router.backoff.add(topic, peer, now, backoff)
    prunes.append(prune_message(router, entry, topic, backoff, exchange=reason == "mesh full"))
    return effects


def _early_graft(router: GossipSub, entry: Peer, topic: str, left: int) -> list[Effect]:
    """Penalise a GRAFT within the backoff, twice if it comes right after the PRUNE."""
    params = router.params
    flood = left > ticks(params.prune_backoff) - ticks(params.graft_flood_threshold)
    numbers = {"backoff_left": left / ticks(1), "graft_flood_threshold": params.graft_flood_threshold}
    reason = "GRAFT flood" if flood else "GRAFT while backing off"
    return router.penalise(entry, 2 if flood else 1, reason, topic, **numbers)


def on_prune(router: GossipSub, entry: Peer, prune: Prune, now: int) -> list[Effect]:
    """PRUNE from a peer, which took us out of its mesh: take it out of ours, back off, and perhaps meet others."""
    meshes, topic, peer = router.meshes, prune.topic, entry.index
    mesh = meshes.get(topic)
    if mesh is None:
        return []
    backoff = ticks(prune.backoff) if prune.backoff else ticks(router.params.prune_backoff)
    router.backoff.add(topic, peer, now, backoff)
    effects: list[Effect] = []
    if peer in mesh:
        meshes.leave(topic, peer)
        left = (router.backoff.end(topic, peer) - now) / ticks(1)
        effects.append(meshes.pruned(peer, topic, "peer asked", backoff=left))
    if prune.peers:
        effects += _meet(router, entry, prune)
    return effects


def _meet(router: GossipSub, entry: Peer, prune: Prune) -> list[Effect]:
    """DialPeer the peers that a PRUNE recommends, if its sender's score allows (v1.1 "Score Thresholds")."""
    threshold = router.scores.params.accept_px_threshold
    data = {"peers": len(prune.peers), "score": router.score(entry.index), "accept_px_threshold": threshold}
    if not router.accepts_exchange(entry):
        reason = "score below accept_px_threshold"
        return [note("pubsub.peer_exchange", entry.index, prune.topic, reason=reason, data=data)]
    some = list(prune.peers)
    router.rng.shuffle(some)
    dials = [DialPeer(peer_id, record) for peer_id, record in some[: router.params.prune_peers]]
    return [note("pubsub.peer_exchange", entry.index, prune.topic, reason="recommended", data=data), *dials]
