"""The heartbeat: what GossipSub does once per ``heartbeat_interval``, in this order.

- Scores decay, broken promises are penalised, standings reviewed; explicit peers that are away are dialled (v1.1
  "Explicit Peering Agreements").
- Each mesh (v1.0 "Mesh Maintenance", v1.1 "Heartbeat Maintenance", "Outbound Mesh Quotas", "Opportunistic Grafting"):
  peers below zero go; below D_low the mesh is filled up to D; above D_high it is cut to D, keeping the best D_score and
  D_out outbound ones; then outbound peers are added up to D_out, and once a minute, if the median score is low, two
  better ones. Then gossip about its topic goes out (v1.0 "Gossip Emission").
- Each fanout (v1.0 "Fanout Maintenance"), and gossip about its topic.
- The message cache begins a new window.

All GRAFTs, PRUNEs and IHAVEs for one peer go in one RPC (``outbox.py``). Heartbeats that would decide nothing may be
left out (``idle.py``): who changes what one does, changes that too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.effects import Reconnect, note
from p2plab.pubsub.gossipsub.gossip import broken_promises, emit_gossip
from p2plab.pubsub.gossipsub.grafting import prune_message
from p2plab.pubsub.gossipsub.idle import BACKOFF_SWEEP
from p2plab.pubsub.gossipsub.outbox import Outbox
from p2plab.pubsub.gossipsub.peers import V10, ticks
from p2plab.pubsub.router import Effect, Effects

if TYPE_CHECKING:
    from p2plab.pubsub.gossipsub.automaton import GossipSub

__all__ = ["beat", "fanout_of", "maintain_mesh"]


def beat(router: GossipSub, now: int) -> Effects:
    """One heartbeat."""
    router.beats = beats = router.beats + 1
    params, scores, gossip, out = router.params, router.scores, router.gossip, Outbox()
    if beats % (params.backoff_sweep if params.backoff_sweep > 1 else BACKOFF_SWEEP) == 0:
        router.backoff.forget(now, router.slack)
    scores.tick(now)
    if gossip.promises:
        out.add(*broken_promises(router, now))
    if scores.suspects:
        out.add(*router.review_suspects())
    gossip.expire(beats)
    if params.explicit_peers and (beats - 1) % params.direct_connect_ticks == 0:
        out.add(*_reconnections(router))
    for topic in router.meshes:
        router.maintain_mesh(topic, now, out)
        emit_gossip(router, topic, router.meshes[topic], out)
    for topic in list(router.fanouts):
        _maintain_fanout(router, topic, now, out)
        if topic in router.fanouts:
            emit_gossip(router, topic, router.fanouts[topic], out)
    gossip.mcache.shift(params.mcache_len)
    if router.deliveries:
        router.deliveries.forget(now)
        router.watches_duplicates = scores.rates_deliveries or bool(router.deliveries)
    return out.flush()


def _reconnections(router: GossipSub) -> list[Effect]:
    """Dial the explicit peers that are not connected (v1.1 "Explicit Peering Agreements")."""
    connected = list(router.explicit.values())
    effects: list[Effect] = []
    for name in router.params.explicit_peers:
        if name not in connected:
            effects += [note("pubsub.reconnect", reason="explicit peer", data={"peer": name}), Reconnect(name)]
    return effects


# -- meshes


def maintain_mesh(router: GossipSub, topic: str, now: int, out: Outbox) -> None:
    """One heartbeat of one mesh."""
    mesh, params = router.meshes[topic], router.params
    if router.scores.suspects:
        _prune_negative(router, topic, mesh, now, out)
    size = len(mesh)
    if size < params.D_low:
        numbers: dict[str, Any] = {"D_low": params.D_low, "D": params.D, "was": size}
        everyone = router.candidates(topic, mesh, now)
        _graft(router, topic, router.pick(everyone, params.D - size, "graft"), "mesh below D_low", numbers, now, out)
    elif size > params.D_high or (size == params.D_high and params.prune_at_D_high and size > params.D):
        _prune_surplus(router, topic, mesh, now, out)
    if len(mesh) >= params.D_low and params.D_out:
        outbound = router.count_outbound(mesh)
        if outbound < params.D_out:
            numbers = {"D_out": params.D_out, "outbound": outbound}
            dialled = [peer for peer in router.candidates(topic, mesh, now) if router.peers[peer].outbound]
            chosen = router.pick(dialled, params.D_out - outbound, "outbound")
            _graft(router, topic, chosen, "too few outbound", numbers, now, out)
    if router.beats % params.opportunistic_graft_ticks == 0 and len(mesh) > 1:
        _graft_opportunistically(router, topic, mesh, now, out)


def _graft(
    router: GossipSub, topic: str, peers: list[int], reason: str, numbers: dict[str, Any], now: int, out: Outbox
) -> None:
    meshes = router.meshes
    for peer in peers:
        meshes.enter(topic, peer, now)
        out.graft(peer, topic, meshes.grafted(peer, topic, reason, **numbers))


def _prune(
    router: GossipSub,
    topic: str,
    peer: int,
    reason: str,
    numbers: dict[str, Any],
    now: int,
    out: Outbox,
    exchange: bool,
) -> None:
    meshes, seconds = router.meshes, router.params.prune_backoff
    meshes.leave(topic, peer)
    router.backoff.add(topic, peer, now, ticks(seconds))
    prune = prune_message(router, router.peers[peer], topic, ticks(seconds), exchange)
    out.prune(peer, prune, meshes.pruned(peer, topic, reason, **numbers, backoff=seconds))


def _prune_negative(router: GossipSub, topic: str, mesh: dict[int, None], now: int, out: Outbox) -> None:
    scores = router.scores
    for peer in [peer for peer in mesh if scores.below_zero(peer)]:
        _prune(router, topic, peer, "negative score", scores.components(peer), now, out, exchange=False)


def _prune_surplus(router: GossipSub, topic: str, mesh: dict[int, None], now: int, out: Outbox) -> None:
    params = router.params
    keep = dict.fromkeys(router.survivors(mesh))
    numbers = {"was": len(mesh), "D_high": params.D_high, "D": params.D}
    for peer in [peer for peer in mesh if peer not in keep]:
        scored = {**numbers, "score": router.score(peer)}
        _prune(router, topic, peer, "mesh above D_high", scored, now, out, exchange=True)


def _graft_opportunistically(router: GossipSub, topic: str, mesh: dict[int, None], now: int, out: Outbox) -> None:
    threshold = router.scores.params.opportunistic_graft_threshold
    scores = sorted(router.score(peer) for peer in mesh)
    median = scores[len(scores) // 2]
    if median >= threshold:
        return
    better = [peer for peer in router.candidates(topic, mesh, now) if router.score(peer) > median]
    numbers = {"median": median, "opportunistic_graft_threshold": threshold}
    chosen = router.pick(better, router.params.opportunistic_graft_peers, "opportunistic")
    _graft(router, topic, chosen, "opportunistic", numbers, now, out)


# -- fanout


def fanout_of(router: GossipSub, topic: str, now: int, effects: list[Effect]) -> dict[int, None]:
    """The peers that messages to a topic not joined go to, chosen now if there are none."""
    fanouts = router.fanouts
    fanouts.published(topic, now)
    fanout = fanouts.get(topic)
    if not fanout:
        fanout = _fill_fanout(router, topic, {}, "chosen", effects)
        if fanout:
            fanouts[topic] = fanout
    return fanout


def _fill_fanout(
    router: GossipSub, topic: str, fanout: dict[int, None], reason: str, effects: list[Effect]
) -> dict[int, None]:
    threshold, D = router.scores.params.publish_threshold, router.params.D
    others = [
        peer
        for peer in router.topics.get(topic, ())
        if peer not in fanout
        and router.peers[peer].level >= V10
        and peer not in router.explicit
        and not router.scores.below(peer, threshold)
    ]
    before = len(fanout)
    for peer in router.pick(others, D - before, "fanout"):
        fanout[peer] = None
        effects.append(note("pubsub.fanout", peer, topic, reason=reason, data={"D": D, "was": before}))
    return fanout


def _maintain_fanout(router: GossipSub, topic: str, now: int, out: Outbox) -> None:
    """One heartbeat of one fanout (v1.0 "Fanout Maintenance")."""
    fanouts, params = router.fanouts, router.params
    effects: list[Effect] = []
    if fanouts.unused_for(topic, now) > ticks(params.fanout_ttl):
        for peer in fanouts.end(topic):
            data = {"fanout_ttl": params.fanout_ttl}
            effects.append(note("pubsub.fanout", peer, topic, reason="expired", data=data))
    else:
        fanout, threshold = fanouts[topic], router.scores.params.publish_threshold
        for peer in [peer for peer in fanout if router.scores.below(peer, threshold)]:
            numbers = {"score": router.score(peer), "publish_threshold": threshold}
            effects += fanouts.drop(peer, topic, "score below publish threshold", **numbers)
        if len(fanout) < params.D:
            _fill_fanout(router, topic, fanout, "refilled", effects)
    out.add(*effects)
