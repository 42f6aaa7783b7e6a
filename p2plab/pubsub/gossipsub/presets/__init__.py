"""The presets of GossipSub's parameters: every value with its source.

``specification`` has what the specs say and what go-libp2p-pubsub has instead, ``implementations`` what others have,
``networks`` what networks give them. Where a preset does not say more, it is as the one before it.
"""

from __future__ import annotations

import functools
from typing import Any

from p2plab.pubsub.gossipsub.params import GossipSubParams
from p2plab.pubsub.gossipsub.presets.implementations import INTEROP, JS, NIM, RUST, TEST_PLANS
from p2plab.pubsub.gossipsub.presets.networks import ETH_SPEC, ETHEREUM, FILECOIN, LOTUS, NWAKU, WAKU
from p2plab.pubsub.gossipsub.presets.specification import GO, SPEC, Table
from p2plab.pubsub.gossipsub.scoring.params import ScoreParams, TopicScoreParams

__all__ = ["PRESETS", "SOURCES", "UNSCORED", "build", "preset", "value_of"]

PRESETS: dict[str, Table] = {
    "spec": SPEC,
    "go": GO,
    "rust": RUST,
    "js": JS,
    "nim": NIM,
    "ethereum": ETHEREUM,
    "filecoin": FILECOIN,
    "waku": WAKU,
    "interop": INTEROP,
}
UNSCORED = ("go", "rust", "interop")  # they score nobody unless asked

SOURCES: dict[str, str] = {
    "spec": "libp2p/specs 7740c076, pubsub/gossipsub/gossipsub-v1.0.md to v1.3.md",
    "go": "go-libp2p-pubsub 0.19.0, gossipsub.go, gossipsub_feat.go, pubsub.go, rpc_queue.go, score.go, topic.go",
    "rust": "libp2p-gossipsub 0.50.1, behaviour.rs, config.rs, peer_score.rs, peer_score/params.rs, protocol.rs",
    "js": "@libp2p/gossipsub 17.1.1, constants.ts, gossipsub.ts, score/*.ts",
    "nim": "nim-libp2p 2.2.1, libp2p/protocols/pubsub/gossipsub.nim, gossipsub/*.nim",
    "ethereum": f"{ETH_SPEC}; scores and the rest of pull request 2665 (closed); on go-libp2p-pubsub",
    "filecoin": LOTUS,
    "waku": f"{NWAKU}; the rest of nim-libp2p",
    "interop": f"{TEST_PLANS}, on go-libp2p-pubsub's defaults",
}
"""The version and the files that each preset was read from."""


@functools.cache
def build(name: str) -> GossipSubParams:
    """The preset as parameters, with its scores."""
    plain: dict[str, Any] = {}
    score: dict[str, Any] = {}
    topic: dict[str, Any] = {}
    for key, (value, _) in PRESETS[name].items():
        group, _, rest = key.rpartition(".")
        {"": plain, "score": score, "topic": topic}[group][rest] = value
    scored = ScoreParams(**score, default_topic=TopicScoreParams(**topic))
    return GossipSubParams(**plain, score=scored, preset=name)


@functools.cache
def preset(name: str) -> GossipSubParams:
    """The same, as its nodes begin: without scores where nobody is scored unless asked."""
    whole = build(name)
    return whole.replace(score=None) if name in UNSCORED else whole


def value_of(params: GossipSubParams, key: str) -> Any:
    """The value of a parameter by its name in the tables; None where the score or the default topic is switched off."""
    group, _, name = key.rpartition(".")
    holder: Any = params
    if group:
        holder = params.score
    if group == "topic" and holder is not None:
        holder = holder.default_topic
    return None if holder is None else getattr(holder, name)
