"""What decides about a peer now, for who asks why a router treats it as it does; looking changes nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.pubsub.gossipsub.peers import STANDINGS

if TYPE_CHECKING:
    from p2plab.pubsub.gossipsub.automaton import GossipSub

__all__ = ["explained"]

DEGREES: Final = ("D", "D_low", "D_high", "D_score", "D_out")


def explained(router: GossipSub, peer: int, topic: str | None, now: int) -> dict[str, Any]:
    """Its score with components, thresholds, standing and, in a topic, the mesh and the backoff left (s)."""
    entry = router.peers.get(peer)
    params = router.scores.params
    told: dict[str, Any] = {
        "connected": entry is not None,
        "protocol": entry.protocol if entry else None,
        "outbound": entry.outbound if entry else None,
        "explicit": peer in router.explicit,
        "standing": STANDINGS[entry.standing] if entry else None,
        **router.scores.components(peer),
        "thresholds": {
            entry.name: getattr(params, entry.name)
            for entry in dataclasses.fields(params)
            if entry.name.endswith("_threshold") and entry.name.split("_")[0] not in ("ip", "behaviour")
        },
    }
    if topic is not None:
        mesh = router.meshes.get(topic)
        told["subscribes"] = peer in router.topics.get(topic, ())
        told["backoff_left"] = max(0, router.backoff.end(topic, peer) - now) / TICKS_PER_SECOND
        told["in_mesh"] = mesh is not None and peer in mesh
        told["in_fanout"] = peer in router.fanouts.get(topic, ())
        told["mesh_size"] = len(mesh or ())
        told["degrees"] = {name: getattr(router.params, name) for name in DEGREES}
    return told
