"""Heartbeats that decide nothing, so that a node to which nothing happens need not make them.

What a heartbeat does anyway (one window of the message cache more, expiring IDONTWANTs, a sweep of backoffs, decays) is
made up for by ``pass_beats``, with the same state as if each had come. ``idle_beats`` foretells how many of the next
ones would send nothing, note nothing and draw nothing at random, as long as nothing else happens to the router:

- No promise, suspect or fanout is looked after, every explicit peer is connected, and no deliveries in a mesh are rated
  (P3: a peer may become a suspect by saying nothing).
- No topic joined has ids to gossip about.
- Every mesh has between D_low and D_high peers, D_out of them outbound, or lacks only peers that are not there to be
  grafted. Where they are but in a backoff, heartbeats go on when the first of these ends.
- Where scores can be low without a penalty, every ``opportunistic_graft_ticks``-th heartbeat has a look at the median.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from p2plab.pubsub.gossipsub.peers import V10
from p2plab.pubsub.router import NEVER

if TYPE_CHECKING:
    from p2plab.pubsub.gossipsub.automaton import GossipSub

__all__ = ["BACKOFF_SWEEP", "idle_beats", "pass_beats"]

BACKOFF_SWEEP: Final = 15  # heartbeats between two sweeps of expired backoffs, where nothing depends on them


def idle_beats(router: GossipSub, now: int, period: int) -> int:
    """How many heartbeats after the one at tick ``now`` would decide nothing; ``NEVER``: all of them. ``period`` is
    the ticks between two."""
    params, scores, gossip = router.params, router.scores, router.gossip
    if gossip.promises or scores.suspects or router.fanouts:
        return 0
    if params.explicit_peers and len(router.explicit) < len(params.explicit_peers):
        return 0
    idle = NEVER
    for topic, mesh in router.meshes.items():
        if gossip.mcache.gossip_ids(topic, params.mcache_gossip):
            return 0
        if mesh and scores.rates_deliveries:
            return 0
        idle = min(idle, _idle_mesh(router, topic, mesh, now, period))
        if not idle:
            return 0
    return idle


def _idle_mesh(router: GossipSub, topic: str, mesh: dict[int, None], now: int, period: int) -> int:
    params, size = router.params, len(mesh)
    if size > params.D_high or (size == params.D_high and params.prune_at_D_high and size > params.D):
        return 0
    explicit, peers = router.explicit, router.peers
    others = [
        peer
        for peer in router.topics.get(topic, ())
        if peer not in mesh and peer not in explicit and peers[peer].level >= V10
    ]
    if not others:
        return NEVER
    wanted: list[int] = []
    if size < params.D_low:
        wanted = others
    elif params.D_out and router.count_outbound(mesh) < params.D_out:
        wanted = [peer for peer in others if peers[peer].outbound]
    idle = NEVER
    if wanted:
        ends = [router.backoff.end(topic, peer) for peer in wanted]
        first = min(ends)
        if first < 0:
            return 0
        # At the k-th beat from now the backoff is over where now + k * period >= end + slack.
        idle = max(0, -((now - first - router.slack) // period) - 1)
        sweep = params.backoff_sweep
        if sweep > 1:  # nobody is a candidate before a sweep
            idle = min(idle, sweep - router.beats % sweep - 1)
    if size > 1 and router.scores.params.opportunistic_graft_threshold > 0:
        every = params.opportunistic_graft_ticks
        idle = min(idle, every - router.beats % every - 1)
    return idle


def pass_beats(router: GossipSub, last: int, period: int, count: int) -> None:
    """Do what ``count`` heartbeats that decide nothing do, after the one at tick ``last``, ``period`` ticks apart."""
    params, gossip, before = router.params, router.gossip, router.beats
    router.beats = beats = before + count
    now = last + count * period
    sweep = params.backoff_sweep if params.backoff_sweep > 1 else BACKOFF_SWEEP
    swept = beats - beats % sweep
    if swept > before:
        router.backoff.forget(last + (swept - before) * period, router.slack)
    router.scores.pass_beats(last, period, count)
    gossip.expire(beats)
    gossip.mcache.shift(params.mcache_len, count)
    if router.deliveries:
        router.deliveries.forget(now)
        router.watches_duplicates = router.scores.rates_deliveries or bool(router.deliveries)
