"""What the specs say and leave open, and what go-libp2p-pubsub has instead, each value with its source.

The specs give no values for scores (gossipsub-v1.1.md leaves them to applications), so ``spec`` and ``go`` score as
Filecoin's messages topic does, for which the most is published; with the mesh delivery rate (P3) off, as there, since
its threshold has to know the topic's message rate. Decay factors are written out, so that no platform's ``pow``
decides: ``0.01 ** (interval / period)``, rounded to nine places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2plab.constants import FLOODSUB_ID
from p2plab.pubsub.gossipsub.params import GOSSIPSUB_VERSIONS

Table = Mapping[str, tuple[Any, str]]

_V10, _V11, _V12 = "gossipsub-v1.0.md, Parameters", "gossipsub-v1.1.md", "gossipsub-v1.2.md"
_V11_TABLE = "gossipsub-v1.1.md, Overview of New Parameters"
_GO = "go-libp2p-pubsub 0.19.0, gossipsub.go"
_GO_OPEN = "open in the specs; go-libp2p-pubsub, gossipsub.go"
_LOTUS_OPEN = "open in the specs; lotus, node/modules/lp2p/pubsub.go, messages topic"
_OURS = "p2plab"

DECAY_10_MINUTES = 0.992354096  # to 0.01, at one decay a second
DECAY_1_HOUR = 0.998721604

SPEC: dict[str, tuple[Any, str]] = {
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


def read_in(table: Table, file: str, changes: Table) -> dict[str, tuple[Any, str]]:
    """A preset that differs from another by ``changes``, and whose other values outside its scores were read in
    ``file``, where they are the same. What an application or p2plab decides keeps its source."""
    same = {
        key: (value, source if "." in key or key in ("explicit_peers", "extensions") else file)
        for key, (value, source) in table.items()
    }
    return {**same, **changes}


GO: dict[str, tuple[Any, str]] = read_in(
    SPEC,
    _GO,
    {
        "seen_ttl": (120.0, "go-libp2p-pubsub 0.19.0, pubsub.go, TimeCacheDuration"),
        "protocols": ((*GOSSIPSUB_VERSIONS, FLOODSUB_ID), "go-libp2p-pubsub 0.19.0, gossipsub_feat.go"),
        "D_low": (5, _GO),
        "prune_at_D_high": (True, f"{_GO}, heartbeat"),
        "flood_publish": (False, f"{_GO}, WithFloodPublish"),
        "backoff_slack": (2.0, f"{_GO}, clearBackoff"),
        "backoff_sweep": (15, f"{_GO}, clearBackoff"),
        "heartbeat_initial_delay": (0.1, f"{_GO}, GossipSubHeartbeatInitialDelay"),
        "idontwant_on_publish": (True, "go-libp2p-pubsub 0.19.0, topic.go, validate: Preprocess before ValidateLocal"),
        "idontwant_withdraws": (False, "go-libp2p-pubsub 0.19.0, rpc_queue.go: what is queued leaves"),
        "score.retain_positive": (False, "go-libp2p-pubsub 0.19.0, score.go, RemovePeer"),
        "score.behaviour_penalty_threshold": (6.0, _LOTUS_OPEN),
    },
)
