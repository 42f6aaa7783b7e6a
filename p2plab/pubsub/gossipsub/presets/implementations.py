"""What rust-libp2p, js-libp2p, nim-libp2p and libp2p's interop tests have, each value with its source."""

from __future__ import annotations

from typing import Any

from p2plab.constants import FLOODSUB_ID
from p2plab.pubsub.gossipsub.params import GOSSIPSUB_VERSIONS
from p2plab.pubsub.gossipsub.presets.specification import GO, SPEC, read_in

_RUST, _RUST_CODE = "libp2p-gossipsub 0.50.1, config.rs", "libp2p-gossipsub 0.50.1, behaviour.rs"
_RUST_SCORE = "libp2p-gossipsub 0.50.1, peer_score/params.rs"
_JS, _JS_CODE = "@libp2p/gossipsub 17.1.1, constants.ts", "@libp2p/gossipsub 17.1.1, gossipsub.ts"
_JS_SCORE = "@libp2p/gossipsub 17.1.1, score/peer-score-params.ts"
_JS_THRESHOLDS = "@libp2p/gossipsub 17.1.1, score/peer-score-thresholds.ts"
_NIM = "nim-libp2p 2.2.1, libp2p/protocols/pubsub/gossipsub.nim"
_NIM_TYPES = "nim-libp2p 2.2.1, libp2p/protocols/pubsub/gossipsub/types.nim"
_NIM_CODE = "nim-libp2p 2.2.1, libp2p/protocols/pubsub/gossipsub/behavior.nim"
_NIM_SCORE = "nim-libp2p 2.2.1, libp2p/protocols/pubsub/gossipsub/scoring.nim"
TEST_PLANS = "libp2p/test-plans f4942573, gossipsub-interop/experiment.py"

# What rust-libp2p and js-libp2p begin with is the same, but for the values listed apart. Both give no topic any
# parameters, so that one not named scores nothing (topic_weight 0): the rest is what they give a topic that is named.
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
    "topic.topic_weight": 0.0,
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

RUST: dict[str, tuple[Any, str]] = read_in(
    SPEC,
    _RUST,
    {
        "D_low": (5, _RUST),
        "prune_at_D_high": (True, f"{_RUST_CODE}, heartbeat"),
        "flood_publish": (True, _RUST),
        "seen_ttl": (60.0, f"{_RUST}: duplicate_cache_time"),
        "heartbeat_initial_delay": (5.0, _RUST),
        "prune_peers": (0, f"{_RUST}: until records are signed"),
        "idontwant_message_threshold": (1_000, _RUST),
        "idontwant_message_ttl": (4, f"{_RUST_CODE}, IDONTWANT_TIMEOUT: the first heartbeat after 3 seconds"),
        "max_idontwant_length": (10_000, f"{_RUST_CODE}, IDONTWANT_CAP: what is kept of a peer"),
        "max_idontwant_messages": (10_000, f"{_RUST_CODE}, IDONTWANT_CAP: what is kept of a peer"),
        "idontwant_on_publish": (False, _RUST),
        "idontwant_withdraws": (True, f"{_RUST_CODE}: remove_data_messages"),
        "protocols": (GOSSIPSUB_VERSIONS, "libp2p-gossipsub 0.50.1, protocol.rs"),
        **{key: (value, _RUST_SCORE) for key, value in {**_RUST_AND_JS_SCORES, **_RUST_AND_JS_THRESHOLDS}.items()},
        "score.retain_positive": (False, "libp2p-gossipsub 0.50.1, peer_score.rs, remove_peer"),
        "score.topic_score_cap": (3_600.0, _RUST_SCORE),
    },
)

JS: dict[str, tuple[Any, str]] = read_in(
    SPEC,
    _JS,
    {
        "D_low": (4, _JS),
        "prune_at_D_high": (False, f"{_JS_CODE}, heartbeat"),
        "peer_exchange": (False, f"{_JS_CODE}: doPX"),
        "flood_publish": (True, _JS_CODE),
        "backoff_slack": (1.0, _JS),
        "backoff_sweep": (15, f"{_JS}: GossipsubPruneBackoffTicks"),
        "heartbeat_initial_delay": (0.1, _JS),
        "idontwant_message_threshold": (512, _JS),
        "max_idontwant_length": (512, f"{_JS}: ids, however many IDONTWANTs they come in"),
        "max_idontwant_messages": (512, _JS),
        "idontwant_message_ttl": (5, f"{_JS_CODE}: mcacheLength heartbeats"),
        "idontwant_on_publish": (False, f"{_JS_CODE}, publish"),
        "idontwant_withdraws": (False, f"{_JS_CODE}, sendRpc: what is written leaves"),
        "protocols": ((*GOSSIPSUB_VERSIONS[1:], FLOODSUB_ID), _JS),
        **{key: (value, _JS_SCORE) for key, value in _RUST_AND_JS_SCORES.items()},
        **{key: (value, _JS_THRESHOLDS) for key, value in _RUST_AND_JS_THRESHOLDS.items()},
        "score.retain_positive": (False, "@libp2p/gossipsub 17.1.1, score/peer-score.ts, removePeer"),
        "score.topic_score_cap": (10.0, _JS_SCORE),
    },
)

NIM: dict[str, tuple[Any, str]] = read_in(
    SPEC,
    _NIM,
    {
        "D_low": (4, _NIM_TYPES),
        "prune_at_D_high": (False, f"{_NIM_CODE}, rebalanceMesh"),
        "D_score": (4, _NIM),
        "D_out": (3, f"{_NIM}: D_low - 1"),
        "heartbeat_initial_delay": (0.0, f"{_NIM}, start: from the start on"),
        "flood_publish": (True, f"{_NIM}; what is too large to reach all within a heartbeat goes to fewer there"),
        "unsubscribe_backoff": (5.0, _NIM),
        "backoff_slack": (2.0, f"{_NIM_TYPES}: 2 seconds"),
        "graft_flood_threshold": (0.0, f"{_NIM_CODE}, handleGraft: none; an early GRAFT counts 0.1 there"),
        "prune_peers": (24, f"{_NIM_CODE}, peerExchangeList: twice D_high"),
        "opportunistic_graft_ticks": (1, f"{_NIM_CODE}, rebalanceMesh"),
        "opportunistic_graft_peers": (2, _NIM_TYPES),
        "direct_connect_ticks": (60, f"{_NIM}, maintainDirectPeers: 1 minute"),
        "max_ihave_messages": (10, f"{_NIM_TYPES}, IHavePeerBudget: of ids there"),
        "max_ihave_length": (5_000, f"{_NIM_TYPES}; but asks a peer for 10 ids a heartbeat there"),
        "gossip_retransmission": (3, f"{_NIM_CODE}, handleIWant: once for each IHAVE"),
        "iwant_followup_time": (86_400.0, f"{_NIM_CODE}: none; a promise is not watched there"),
        "idontwant_message_threshold": (513, f"{_NIM}: more than 512"),
        "idontwant_message_ttl": (5, f"{_NIM_CODE}, onHeartbeat: historyLength heartbeats"),
        "max_idontwant_length": (1_000, f"{_NIM_TYPES}: ids, however many IDONTWANTs they come in"),
        "max_idontwant_messages": (1_000, _NIM_TYPES),
        "idontwant_on_publish": (False, _NIM),
        "idontwant_withdraws": (False, f"{_NIM}, validateAndRelay: what is queued leaves"),
        "protocols": (GOSSIPSUB_VERSIONS, _NIM),
        "score.gossip_threshold": (-100.0, _NIM),
        "score.publish_threshold": (-1_000.0, _NIM),
        "score.graylist_threshold": (-10_000.0, _NIM),
        "score.accept_px_threshold": (0.0, f"{_NIM_CODE}, handlePrune: over gossip_threshold there"),
        "score.opportunistic_graft_threshold": (0.0, _NIM),
        "score.retain_positive": (True, f"{_NIM}, unsubscribePeer"),
        "score.topic_score_cap": (0.0, f"{_NIM_SCORE}: none"),
        "score.decay_interval": (1.0, _NIM),
        "score.decay_to_zero": (0.01, _NIM),
        "score.retain_score": (120.0, _NIM),
        "score.app_specific_weight": (0.0, _NIM),
        "score.ip_colocation_factor_weight": (0.0, _NIM),
        "score.ip_colocation_factor_threshold": (1, _NIM),
        "score.behaviour_penalty_weight": (-1.0, _NIM),
        "score.behaviour_penalty_threshold": (0.0, f"{_NIM}: none"),
        "score.behaviour_penalty_decay": (0.999, _NIM),
        "topic.topic_weight": (0.0, f"{_NIM_SCORE}: off, until the application has topicParams"),
        "topic.time_in_mesh_weight": (0.01, _NIM_SCORE),
        "topic.time_in_mesh_quantum": (1.0, _NIM_SCORE),
        "topic.time_in_mesh_cap": (10.0, _NIM_SCORE),
        "topic.first_message_deliveries_weight": (1.0, _NIM_SCORE),
        "topic.first_message_deliveries_decay": (0.5, _NIM_SCORE),
        "topic.first_message_deliveries_cap": (10.0, _NIM_SCORE),
        "topic.mesh_message_deliveries_weight": (-1.0, _NIM_SCORE),
        "topic.mesh_message_deliveries_decay": (0.5, _NIM_SCORE),
        "topic.mesh_message_deliveries_cap": (10.0, _NIM_SCORE),
        "topic.mesh_message_deliveries_threshold": (1.0, _NIM_SCORE),
        "topic.mesh_message_deliveries_window": (0.005, _NIM_SCORE),
        "topic.mesh_message_deliveries_activation": (10.0, _NIM_SCORE),
        "topic.mesh_failure_penalty_weight": (-1.0, _NIM_SCORE),
        "topic.mesh_failure_penalty_decay": (0.5, _NIM_SCORE),
        "topic.invalid_message_deliveries_weight": (-1.0, _NIM_SCORE),
        "topic.invalid_message_deliveries_decay": (0.5, _NIM_SCORE),
    },
)

INTEROP: dict[str, tuple[Any, str]] = {**GO, "heartbeat_initial_delay": (0.1, f"{TEST_PLANS}: and 0.1 ms more a node")}
