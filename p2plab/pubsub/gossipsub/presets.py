"""The presets of GossipSub's parameters: every value with its source.

The specs give no values for scores (gossipsub-v1.1.md leaves them to applications), so ``spec`` and ``go`` score as
Filecoin's messages topic does, for which the most is published; with the mesh delivery rate (P3) off, as there, since
its threshold has to know the topic's message rate. Decay factors are written out, so that no platform's ``pow``
decides: ``0.01 ** (interval / period)``, rounded to nine places.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from p2plab.constants import FLOODSUB_ID
from p2plab.pubsub.gossipsub.params import GOSSIPSUB_VERSIONS, GossipSubParams
from p2plab.pubsub.gossipsub.scoring.params import ScoreParams, TopicScoreParams

Table = Mapping[str, tuple[Any, str]]

_V10, _V11, _V12 = "gossipsub-v1.0.md, Parameters", "gossipsub-v1.1.md", "gossipsub-v1.2.md"
_V11_TABLE = "gossipsub-v1.1.md, Overview of New Parameters"
_GO = "go-libp2p-pubsub, gossipsub.go"
_RUST, _RUST_SCORE = "libp2p-gossipsub 0.50.1, config.rs", "libp2p-gossipsub 0.50.1, peer_score/params.rs"
_JS, _JS_CODE = "@libp2p/gossipsub 17.1.1, constants.ts", "@libp2p/gossipsub 17.1.1, gossipsub.ts"
_JS_SCORE = "@libp2p/gossipsub 17.1.1, score/peer-score-params.ts"
_JS_THRESHOLDS = "@libp2p/gossipsub 17.1.1, score/peer-score-thresholds.ts"
_NIM = "nim-libp2p 504113c9, libp2p/protocols/pubsub/gossipsub.nim"
_NIM_TYPES = "nim-libp2p 504113c9, libp2p/protocols/pubsub/gossipsub/types.nim"
_WAKU = "nwaku 04a041da, waku/waku_relay/protocol.nim"
_INTEROP = "libp2p/test-plans 0e9d8b73, gossipsub-interop/experiment.py"
_GO_OPEN = "open in the specs; go-libp2p-pubsub, gossipsub.go"
_LOTUS = "filecoin-project/lotus b835fab7, node/modules/lp2p/pubsub.go"
_LOTUS_OPEN = "open in the specs; lotus, node/modules/lp2p/pubsub.go, messages topic"
_ETH_SPEC = "ethereum/consensus-specs a08d8a6e, specs/phase0/p2p-interface.md"
_ETH = "ethereum/consensus-specs, pull request 2665 (closed): Recommendations for Gossipsub Parameters"
_OURS = "p2plab"

DECAY_10_MINUTES = 0.992354096  # to 0.01, at one decay a second
DECAY_1_HOUR = 0.998721604

_SPEC: dict[str, tuple[Any, str]] = {
    "D": (6, _V10),
    "D_low": (4, _V10),
    "D_high": (12, _V10),
    "D_score": (4, _V11_TABLE),
    "D_out": (2, _V11_TABLE),
    "D_lazy": (6, f"{_V10}: D"),
    "prune_at_D_high": (False, "gossipsub-v1.0.md, Mesh Maintenance"),
    "heartbeat_interval": (1.0, _V10),
    "heartbeat_initial_delay": (0.2, f"{_OURS}: by when the subscriptions of peers 200 ms away have come"),
    "fanout_ttl": (60.0, _V10),
    "mcache_len": (5, _V10),
    "mcache_gossip": (3, _V10),
    "seen_ttl": (120.0, _V10),
    "gossip_factor": (0.25, _V11_TABLE),
    "flood_publish": (True, _V11_TABLE),
    "prune_backoff": (60.0, _V11_TABLE),
    "unsubscribe_backoff": (10.0, _V11_TABLE),
    "backoff_sweep": (1, f"{_OURS}: a backoff is over when it is over"),
    "backoff_slack": (1.0, f"{_V11}, PRUNE Backoff and Peer Exchange: until the next heartbeat"),
    "graft_flood_threshold": (10.0, _GO_OPEN),
    "peer_exchange": (False, f"{_V11}: optional; for bootstrappers"),
    "prune_peers": (16, f"{_V11}: more than D_high; {_GO}"),
    "opportunistic_graft_ticks": (60, f"{_V11}, Opportunistic Grafting: 1 minute"),
    "opportunistic_graft_peers": (2, f"{_V11}, Opportunistic Grafting"),
    "direct_connect_ticks": (300, f"{_V11}, Explicit Peering Agreements: 5 minutes"),
    "max_ihave_length": (5_000, _GO_OPEN),
    "max_ihave_messages": (10, _GO_OPEN),
    "gossip_retransmission": (3, _GO_OPEN),
    "iwant_followup_time": (3.0, _GO_OPEN),
    "idontwant_message_threshold": (1_024, _GO_OPEN),
    "idontwant_message_ttl": (3, _GO_OPEN),
    "max_idontwant_length": (10, _GO_OPEN),
    "max_idontwant_messages": (1_000, _GO_OPEN),
    "idontwant_on_publish": (False, f"{_V12}: optional"),
    "idontwant_withdraws": (True, f"{_OURS}: what waits for the peer is a message that it does not want"),
    "explicit_peers": ((), "the application's"),
    "extensions": ((), "gossipsub-v1.3.md: optional"),
    "protocols": ((*GOSSIPSUB_VERSIONS, FLOODSUB_ID), "gossipsub-v1.0.md to v1.3.md, Protocol Id"),
    "score.gossip_threshold": (-500.0, _LOTUS_OPEN),
    "score.publish_threshold": (-1000.0, _LOTUS_OPEN),
    "score.graylist_threshold": (-2500.0, _LOTUS_OPEN),
    "score.accept_px_threshold": (0.0, f"{_V11}, Score Thresholds: not negative"),
    "score.opportunistic_graft_threshold": (3.5, _LOTUS_OPEN),
    "score.decay_interval": (1.0, _LOTUS_OPEN),
    "score.decay_to_zero": (0.01, _LOTUS_OPEN),
    "score.retain_score": (21_600.0, _LOTUS_OPEN),
    "score.retain_positive": (True, f"{_V11}, Peer Scoring: well behaving peers keep their status"),
    "score.topic_score_cap": (0.0, f"{_V11}: optional"),
    "score.app_specific_weight": (1.0, _LOTUS_OPEN),
    "score.ip_colocation_factor_weight": (-100.0, _LOTUS_OPEN),
    "score.ip_colocation_factor_threshold": (5, _LOTUS_OPEN),
    "score.ip_colocation_factor_whitelist": (("127.0.0.0/8", "::1/128"), f"{_OURS}: real labs run on the loopback"),
    "score.behaviour_penalty_weight": (-10.0, _LOTUS_OPEN),
    "score.behaviour_penalty_threshold": (0.0, f"{_V11}, The Score Function: the square of the counter"),
    "score.behaviour_penalty_decay": (DECAY_1_HOUR, _LOTUS_OPEN),
    "topic.topic_weight": (0.1, _LOTUS_OPEN),
    "topic.time_in_mesh_weight": (0.0002778, _LOTUS_OPEN),
    "topic.time_in_mesh_quantum": (1.0, _LOTUS_OPEN),
    "topic.time_in_mesh_cap": (1.0, _LOTUS_OPEN),
    "topic.first_message_deliveries_weight": (0.5, _LOTUS_OPEN),
    "topic.first_message_deliveries_decay": (DECAY_10_MINUTES, _LOTUS_OPEN),
    "topic.first_message_deliveries_cap": (100.0, _LOTUS_OPEN),
    "topic.mesh_message_deliveries_weight": (0.0, f"{_LOTUS_OPEN}: off"),
    "topic.mesh_message_deliveries_decay": (0.926118728, f"{_LOTUS_OPEN}: 1 minute, commented out there"),
    "topic.mesh_message_deliveries_cap": (100.0, f"{_LOTUS_OPEN}: commented out there"),
    "topic.mesh_message_deliveries_threshold": (2.5, f"{_LOTUS_OPEN}: commented out there"),
    "topic.mesh_message_deliveries_window": (0.010, f"{_LOTUS_OPEN}: commented out there"),
    "topic.mesh_message_deliveries_activation": (60.0, f"{_LOTUS_OPEN}: commented out there"),
    "topic.mesh_failure_penalty_weight": (0.0, f"{_LOTUS_OPEN}: off"),
    "topic.mesh_failure_penalty_decay": (0.984766652, f"{_LOTUS_OPEN}: 5 minutes, commented out there"),
    "topic.invalid_message_deliveries_weight": (-1000.0, _LOTUS_OPEN),
    "topic.invalid_message_deliveries_decay": (DECAY_1_HOUR, _LOTUS_OPEN),
}

_GO_CHANGES: dict[str, tuple[Any, str]] = {
    "D_low": (5, _GO),
    "prune_at_D_high": (True, f"{_GO}, heartbeat"),
    "flood_publish": (False, f"{_GO}, WithFloodPublish"),
    "backoff_slack": (2.0, f"{_GO}, clearBackoff"),
    "backoff_sweep": (15, f"{_GO}, clearBackoff"),
    "heartbeat_initial_delay": (0.1, f"{_GO}, GossipSubHeartbeatInitialDelay"),
    "idontwant_on_publish": (True, "go-libp2p-pubsub, topic.go, validate: Preprocess before ValidateLocal"),
    "idontwant_withdraws": (False, "go-libp2p-pubsub, rpc_queue.go: what is queued leaves"),
    "score.retain_positive": (False, "go-libp2p-pubsub, score.go, RemovePeer"),
    "score.behaviour_penalty_threshold": (6.0, _LOTUS_OPEN),
}

_FILECOIN_CHANGES: dict[str, tuple[Any, str]] = {
    **_GO_CHANGES,
    "D": (8, _LOTUS),
    "D_low": (6, _LOTUS),
    "D_high": (12, _LOTUS),
    "D_score": (6, _LOTUS),
    "D_out": (3, _LOTUS),
    "D_lazy": (12, _LOTUS),
    "mcache_len": (10, _LOTUS),
    "gossip_factor": (0.1, _LOTUS),
    "iwant_followup_time": (5.0, _LOTUS),
    "flood_publish": (True, _LOTUS),
    "score.accept_px_threshold": (1000.0, _LOTUS),
    "score.behaviour_penalty_threshold": (6.0, _LOTUS),
}

_ETHEREUM_CHANGES: dict[str, tuple[Any, str]] = {
    **_GO_CHANGES,
    "D": (8, _ETH_SPEC),
    "D_low": (6, _ETH_SPEC),
    "D_high": (12, _ETH_SPEC),
    "D_score": (4, _ETH),
    "D_out": (2, _ETH),
    "D_lazy": (6, _ETH_SPEC),
    "heartbeat_interval": (0.7, _ETH_SPEC),
    "fanout_ttl": (60.0, _ETH_SPEC),
    "mcache_len": (6, _ETH_SPEC),
    "mcache_gossip": (3, _ETH_SPEC),
    "seen_ttl": (396.0, f"{_ETH}: 33 slots"),
    "prune_backoff": (60.0, _ETH),
    "flood_publish": (True, _ETH),
    "gossip_factor": (0.25, _ETH),
    "prune_peers": (16, _ETH),
    "graft_flood_threshold": (10.0, _ETH),
    "opportunistic_graft_ticks": (85, _ETH),
    "opportunistic_graft_peers": (2, _ETH),
    "gossip_retransmission": (3, _ETH),
    "max_ihave_length": (5_000, _ETH),
    "max_ihave_messages": (5, _ETH),
    "iwant_followup_time": (3.0, _ETH),
    "score.gossip_threshold": (-4000.0, _ETH),
    "score.publish_threshold": (-8000.0, _ETH),
    "score.graylist_threshold": (-16000.0, _ETH),
    "score.accept_px_threshold": (100.0, _ETH),
    "score.opportunistic_graft_threshold": (5.0, _ETH),
    "score.decay_interval": (12.0, f"{_ETH}: 1 slot"),
    "score.decay_to_zero": (0.1, _ETH),
    "score.retain_score": (38_400.0, f"{_ETH}: 100 epochs"),
    "score.app_specific_weight": (1.0, _ETH),
    "score.ip_colocation_factor_weight": (-1.0, _ETH),
    "score.ip_colocation_factor_threshold": (10, _ETH),
    "score.behaviour_penalty_weight": (-99.0, _ETH),
    "score.behaviour_penalty_threshold": (0.0, f"{_ETH}: none given"),
    "score.behaviour_penalty_decay": (0.928, _ETH),
    "score.topic_score_cap": (32.72, _ETH),
    "topic.topic_weight": (0.5, _ETH),
    "topic.time_in_mesh_weight": (0.0324, _ETH),
    "topic.time_in_mesh_quantum": (12.0, f"{_ETH}: 1 slot"),
    "topic.time_in_mesh_cap": (300.0, _ETH),
    "topic.first_message_deliveries_weight": (1.0, _ETH),
    "topic.first_message_deliveries_decay": (0.9928, _ETH),
    "topic.first_message_deliveries_cap": (23.0, _ETH),
    "topic.mesh_message_deliveries_weight": (-0.020408, _ETH),
    "topic.mesh_message_deliveries_decay": (0.9928, _ETH),
    "topic.mesh_message_deliveries_cap": (139.0, _ETH),
    "topic.mesh_message_deliveries_threshold": (35.0, _ETH),
    "topic.mesh_message_deliveries_window": (0.4, _ETH),
    "topic.mesh_message_deliveries_activation": (3_072.0, f"{_ETH}: 8 epochs"),
    "topic.mesh_failure_penalty_weight": (-0.02048, _ETH),
    "topic.mesh_failure_penalty_decay": (0.9928, _ETH),
    "topic.invalid_message_deliveries_weight": (-99.0, _ETH),
    "topic.invalid_message_deliveries_decay": (0.9994, _ETH),
}

# What rust-libp2p and js-libp2p begin with is the same, but for the values listed apart.
_RUST_AND_JS_SCORES: dict[str, Any] = {
    "score.app_specific_weight": 10.0,
    "score.ip_colocation_factor_weight": -5.0,
    "score.ip_colocation_factor_threshold": 10,
    "score.behaviour_penalty_weight": -10.0,
    "score.behaviour_penalty_threshold": 0.0,
    "score.behaviour_penalty_decay": 0.2,
    "score.decay_interval": 1.0,
    "score.decay_to_zero": 0.1,
    "score.retain_score": 3_600.0,
    "topic.topic_weight": 0.5,
    "topic.time_in_mesh_weight": 1.0,
    "topic.time_in_mesh_quantum": 0.001,
    "topic.time_in_mesh_cap": 3_600.0,
    "topic.first_message_deliveries_weight": 1.0,
    "topic.first_message_deliveries_decay": 0.5,
    "topic.first_message_deliveries_cap": 2_000.0,
    "topic.mesh_message_deliveries_weight": -1.0,
    "topic.mesh_message_deliveries_decay": 0.5,
    "topic.mesh_message_deliveries_cap": 100.0,
    "topic.mesh_message_deliveries_threshold": 20.0,
    "topic.mesh_message_deliveries_window": 0.010,
    "topic.mesh_message_deliveries_activation": 5.0,
    "topic.mesh_failure_penalty_weight": -1.0,
    "topic.mesh_failure_penalty_decay": 0.5,
    "topic.invalid_message_deliveries_weight": -1.0,
    "topic.invalid_message_deliveries_decay": 0.3,
}
_RUST_AND_JS_THRESHOLDS: dict[str, Any] = {
    "score.gossip_threshold": -10.0,
    "score.publish_threshold": -50.0,
    "score.graylist_threshold": -80.0,
    "score.accept_px_threshold": 10.0,
    "score.opportunistic_graft_threshold": 20.0,
}

_RUST_CHANGES: dict[str, tuple[Any, str]] = {
    "D_low": (5, _RUST),
    "flood_publish": (True, _RUST),
    "seen_ttl": (60.0, f"{_RUST}: duplicate_cache_time"),
    "heartbeat_initial_delay": (5.0, _RUST),
    "prune_peers": (0, f"{_RUST}: until records are signed"),
    "idontwant_message_threshold": (1_000, _RUST),
    "idontwant_on_publish": (False, _RUST),
    "protocols": (GOSSIPSUB_VERSIONS, "libp2p-gossipsub 0.50.1, protocol.rs"),
    **{key: (value, _RUST_SCORE) for key, value in {**_RUST_AND_JS_SCORES, **_RUST_AND_JS_THRESHOLDS}.items()},
    "score.topic_score_cap": (3_600.0, _RUST_SCORE),
}

_JS_CHANGES: dict[str, tuple[Any, str]] = {
    "D_low": (4, _JS),
    "flood_publish": (True, _JS_CODE),
    "backoff_slack": (1.0, _JS),
    "backoff_sweep": (15, f"{_JS}: GossipsubPruneBackoffTicks"),
    "heartbeat_initial_delay": (0.1, _JS),
    "idontwant_message_threshold": (512, _JS),
    "max_idontwant_messages": (512, _JS),
    "idontwant_message_ttl": (5, f"{_JS_CODE}: mcacheLength heartbeats"),
    "protocols": ((*GOSSIPSUB_VERSIONS[1:], FLOODSUB_ID), _JS),
    **{key: (value, _JS_SCORE) for key, value in _RUST_AND_JS_SCORES.items()},
    **{key: (value, _JS_THRESHOLDS) for key, value in _RUST_AND_JS_THRESHOLDS.items()},
    "score.topic_score_cap": (10.0, _JS_SCORE),
    # In milliseconds there, and 1 of them: a reward for time in the mesh that is at its cap at once.
    "topic.topic_weight": (0.0, f"{_JS_SCORE}: topics none, so that a topic not named scores nothing"),
}

_NIM_CHANGES: dict[str, tuple[Any, str]] = {
    "D_low": (4, _NIM_TYPES),
    "D_score": (4, _NIM),
    "D_out": (3, f"{_NIM}: D_low - 1"),
    "flood_publish": (True, _NIM),
    "unsubscribe_backoff": (5.0, _NIM),
    "backoff_slack": (2.0, f"{_NIM_TYPES}: 2 seconds"),
    "protocols": (GOSSIPSUB_VERSIONS[2:], _NIM),
    "score.gossip_threshold": (-100.0, _NIM),
    "score.publish_threshold": (-1_000.0, _NIM),
    "score.graylist_threshold": (-10_000.0, _NIM),
    "score.opportunistic_graft_threshold": (0.0, _NIM),
    "score.decay_to_zero": (0.01, _NIM),
    "score.retain_score": (120.0, _NIM),
    "score.app_specific_weight": (0.0, _NIM),
    "score.ip_colocation_factor_weight": (0.0, _NIM),
    "score.ip_colocation_factor_threshold": (1, _NIM),
    "score.behaviour_penalty_weight": (-1.0, _NIM),
    "score.behaviour_penalty_threshold": (0.0, f"{_NIM}: none"),
    "score.behaviour_penalty_decay": (0.999, _NIM),
    "topic.topic_weight": (0.0, f"{_OURS}: a topic's parameters are the application's there (topicParams)"),
}

_WAKU_CHANGES: dict[str, tuple[Any, str]] = {
    **_NIM_CHANGES,
    "D": (6, _WAKU),
    "D_low": (4, _WAKU),
    "D_high": (8, _WAKU),
    "D_score": (6, _WAKU),
    "D_out": (3, _WAKU),
    "D_lazy": (6, _WAKU),
    "mcache_len": (6, _WAKU),
    "mcache_gossip": (3, _WAKU),
    "gossip_factor": (0.25, _WAKU),
    "unsubscribe_backoff": (5.0, _WAKU),
    "score.decay_interval": (12.0, _WAKU),
    "score.retain_score": (600.0, _WAKU),
    "score.ip_colocation_factor_weight": (-50.0, _WAKU),
    "score.ip_colocation_factor_threshold": (5, _WAKU),
    "score.behaviour_penalty_weight": (-10.0, _WAKU),
    "score.behaviour_penalty_decay": (0.986, _WAKU),
    "topic.topic_weight": (1.0, _WAKU),
    "topic.time_in_mesh_weight": (0.01, _WAKU),
    "topic.time_in_mesh_quantum": (1.0, _WAKU),
    "topic.time_in_mesh_cap": (10.0, _WAKU),
    "topic.first_message_deliveries_weight": (1.0, _WAKU),
    "topic.first_message_deliveries_decay": (0.5, _WAKU),
    "topic.first_message_deliveries_cap": (10.0, _WAKU),
    "topic.mesh_message_deliveries_weight": (0.0, _WAKU),
    "topic.mesh_failure_penalty_weight": (0.0, _WAKU),
    "topic.invalid_message_deliveries_weight": (-100.0, _WAKU),
    "topic.invalid_message_deliveries_decay": (0.5, _WAKU),
}

PRESETS: dict[str, Table] = {
    "spec": _SPEC,
    "go": {**_SPEC, **_GO_CHANGES},
    "rust": {**_SPEC, **_RUST_CHANGES},
    "js": {**_SPEC, **_JS_CHANGES},
    "nim": {**_SPEC, **_NIM_CHANGES},
    "ethereum": {**_SPEC, **_ETHEREUM_CHANGES},
    "filecoin": {**_SPEC, **_FILECOIN_CHANGES},
    "waku": {**_SPEC, **_WAKU_CHANGES},
    "interop": {**_SPEC, **_GO_CHANGES, "heartbeat_initial_delay": (0.1, f"{_INTEROP}: and 0.1 ms more a node")},
}
UNSCORED = ("go", "rust", "interop")  # they score nobody unless asked

SOURCES: dict[str, str] = {
    "spec": "libp2p/specs 7740c076, pubsub/gossipsub/gossipsub-v1.0.md to v1.3.md",
    "go": "go-libp2p-pubsub 0.19.0, gossipsub.go, gossipsub_feat.go, topic.go",
    "rust": f"{_RUST}, protocol.rs, peer_score/params.rs",
    "js": f"{_JS}, gossipsub.ts, score/*.ts",
    "nim": f"{_NIM}, gossipsub/types.nim",
    "ethereum": f"{_ETH_SPEC}; scores and the rest of pull request 2665 (closed); on go-libp2p-pubsub",
    "filecoin": _LOTUS,
    "waku": f"{_WAKU}, on nim-libp2p",
    "interop": f"{_INTEROP}, on go-libp2p-pubsub's defaults",
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
