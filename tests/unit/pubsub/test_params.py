from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from p2plab.errors import ConfigurationError, ValidationError
from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams
from p2plab.pubsub.gossipsub.presets import PRESETS, value_of

PRESET_MAKERS = {
    "spec": GossipSubParams.spec,
    "go": GossipSubParams.go,
    "ethereum": GossipSubParams.ethereum,
    "filecoin": GossipSubParams.filecoin,
    "rust": GossipSubParams.rust,
    "js": GossipSubParams.js,
    "nim": GossipSubParams.nim,
    "waku": GossipSubParams.waku,
    "interop": GossipSubParams.interop,
}


def test_the_specs_table_of_defaults() -> None:
    params = GossipSubParams.spec()
    assert (params.D, params.D_low, params.D_high, params.D_lazy) == (6, 4, 12, 6)
    assert (params.heartbeat_interval, params.fanout_ttl, params.seen_ttl) == (1, 60, 120)
    assert (params.mcache_len, params.mcache_gossip) == (5, 3)
    assert (params.prune_backoff, params.flood_publish, params.gossip_factor, params.D_out) == (60, True, 0.25, 2)


def test_go_differs_from_the_specs_where_it_does() -> None:
    spec, go = GossipSubParams.spec(), GossipSubParams.go()
    different = {key for key in PRESETS["go"] if "." not in key and value_of(spec, key) != value_of(go, key)}
    assert different == {
        "D_low", "prune_at_D_high", "flood_publish", "backoff_slack", "backoff_sweep", "heartbeat_initial_delay",
        "idontwant_on_publish", "idontwant_withdraws",
    }  # fmt: skip
    scored = go.scored()
    different = {key for key in PRESETS["go"] if "." in key and value_of(spec, key) != value_of(scored, key)}
    assert different == {"score.retain_positive", "score.behaviour_penalty_threshold"}


@pytest.mark.parametrize("name", PRESET_MAKERS)
def test_every_parameter_of_a_preset_has_its_source(name: str) -> None:
    params = PRESET_MAKERS[name]()
    assert params.preset == name
    own = {field.name for field in dataclasses.fields(GossipSubParams)} - {"score", "preset"}
    score = {f"score.{field.name}" for field in dataclasses.fields(ScoreParams)}
    topic = {f"topic.{field.name}" for field in dataclasses.fields(TopicScoreParams)}
    expected = own | topic | (score - {"score.default_topic", "score.topics", "score.app_specific"})
    assert set(PRESETS[name]) == expected
    for key in expected:
        assert params.source(key) not in ("", "changed here")


def test_every_preset_says_which_version_and_file_it_was_read_from() -> None:
    said = GossipSubParams.presets()
    assert set(said) == set(PRESETS) == set(PRESET_MAKERS)
    assert "0.19.0" in said["go"]
    assert "17.1.1" in said["js"]
    assert "2.2.1" in said["nim"]
    assert "0.38.1" in said["waku"]
    assert all("." in source for source in said.values())
    assert GossipSubParams.named("rust") == GossipSubParams.rust()
    with pytest.raises(ValidationError, match="no preset is called 'gon'"):
        GossipSubParams.named("gon")


def test_go_and_rust_nodes_score_nobody_unless_asked() -> None:
    assert GossipSubParams.go().score is GossipSubParams.interop().score is GossipSubParams.rust().score is None
    assert GossipSubParams.go().source("score.gossip_threshold").endswith("where scores are asked for")
    scored = GossipSubParams.rust().scored().score
    assert scored is not None
    assert (scored.graylist_threshold, scored.topic_score_cap) == (-80.0, 3600.0)
    assert GossipSubParams.spec().scored() == GossipSubParams.spec()


# libp2p-gossipsub 0.50.1: behaviour.rs, peer_score.rs (remove_peer), peer_score/params.rs (topics: none).
RUST = {
    "prune_at_D_high": True, "idontwant_message_ttl": 4, "max_idontwant_length": 10_000, "idontwant_withdraws": True,
    "seen_ttl": 60.0, "heartbeat_initial_delay": 5.0, "score.retain_positive": False, "topic.topic_weight": 0.0,
}  # fmt: skip
# @libp2p/gossipsub 17.1.1: constants.ts, gossipsub.ts, score/peer-score.ts (removePeer).
JS = {
    "prune_at_D_high": False, "idontwant_message_ttl": 5, "max_idontwant_length": 512, "max_idontwant_messages": 512,
    "idontwant_withdraws": False, "backoff_sweep": 15, "score.retain_positive": False, "topic.topic_weight": 0.0,
}  # fmt: skip
# nim-libp2p 2.2.1: gossipsub.nim (init, codecs), gossipsub/types.nim, behavior.nim, scoring.nim (TopicParams.init).
NIM = {
    "D_low": 4, "D_out": 3, "protocols": ("/meshsub/1.3.0", "/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0"),
    "prune_peers": 24, "opportunistic_graft_ticks": 1, "direct_connect_ticks": 60, "graft_flood_threshold": 0.0,
    "idontwant_message_threshold": 513, "idontwant_message_ttl": 5, "max_idontwant_length": 1_000,
    "idontwant_withdraws": False, "heartbeat_initial_delay": 0.0, "unsubscribe_backoff": 5.0,
    "topic.topic_weight": 0.0, "topic.time_in_mesh_weight": 0.01, "topic.time_in_mesh_cap": 10.0,
    "topic.first_message_deliveries_weight": 1.0, "topic.first_message_deliveries_decay": 0.5,
    "topic.first_message_deliveries_cap": 10.0, "topic.mesh_message_deliveries_weight": -1.0,
    "topic.mesh_message_deliveries_cap": 10.0, "topic.mesh_message_deliveries_threshold": 1.0,
    "topic.mesh_message_deliveries_window": 0.005, "topic.mesh_message_deliveries_activation": 10.0,
    "topic.mesh_failure_penalty_weight": -1.0, "topic.invalid_message_deliveries_weight": -1.0,
}  # fmt: skip
# nwaku 0.38.1: waku/waku_relay/protocol.nim, waku/waku_core/codecs.nim; the rest nim-libp2p's.
WAKU = {
    "D_high": 8, "D_score": 6, "mcache_len": 6, "protocols": ("/meshsub/1.2.0",), "prune_peers": 16,
    "idontwant_message_ttl": 6, "score.decay_interval": 12.0, "score.retain_score": 600.0,
    "topic.mesh_message_deliveries_weight": 0.0, "topic.mesh_message_deliveries_threshold": 0.0,
    "topic.mesh_message_deliveries_activation": 0.0, "topic.invalid_message_deliveries_weight": -100.0,
}  # fmt: skip


@pytest.mark.parametrize(("name", "values"), [("rust", RUST), ("js", JS), ("nim", NIM), ("waku", WAKU)])
def test_other_implementations_have_their_sources_values(name: str, values: dict[str, Any]) -> None:
    scored = PRESET_MAKERS[name]().scored()
    assert {key: value_of(scored, key) for key in values} == values


def test_values_that_are_the_specs_too_name_the_implementations_file() -> None:
    assert GossipSubParams.go().source("D") == "go-libp2p-pubsub 0.19.0, gossipsub.go"
    assert GossipSubParams.rust().source("prune_backoff") == "libp2p-gossipsub 0.50.1, config.rs"
    assert GossipSubParams.js().source("gossip_factor") == "@libp2p/gossipsub 17.1.1, constants.ts"
    assert GossipSubParams.nim().source("mcache_len").startswith("nim-libp2p 2.2.1, ")
    assert GossipSubParams.waku().source("D_high").startswith("nwaku ")


def test_a_changed_value_is_no_longer_the_presets() -> None:
    params = GossipSubParams.spec(D=8)
    assert params.source("D") == "changed here"
    assert params.source("D_low") == "gossipsub-v1.0.md, Parameters"
    with pytest.raises(ValidationError, match="no parameter is called 'D_mid'"):
        params.source("D_mid")


def test_the_plain_constructor_gives_the_specs() -> None:
    assert GossipSubParams() == GossipSubParams.spec()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"D": 3}, "D_low <= D <= D_high must hold"),
        ({"D": 13}, "D_low <= D <= D_high must hold"),
        ({"D_score": 7}, "D_score must not be over D"),
        ({"D_out": 4}, "D_out must be below D_low"),
        ({"D": 4, "D_out": 3, "D_score": 4}, "at most half of D"),
        ({"mcache_gossip": 6}, "mcache_gossip <= mcache_len"),
        ({"gossip_factor": 1.5}, "gossip_factor is between 0 and 1"),
        ({"heartbeat_interval": 0.0}, "heartbeat_interval"),
        ({"prune_backoff": -1.0}, "prune_backoff"),
        ({"protocols": ("/meshsub/9.0.0",)}, "/meshsub/9.0.0"),
        ({"protocols": ()}, "none given"),
        ({"extensions": ("unheard",)}, "unheard"),
    ],
)
def test_parameters_that_contradict_each_other_are_an_error(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        GossipSubParams.spec(**changes)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"D": "8"}, "D must be a whole number"),
        ({"D": 8.5}, "D must be a whole number"),
        ({"D": True}, "D must be a whole number"),
        ({"D": -1}, "D must be a whole number"),
        ({"fanout_ttl": "60"}, "fanout_ttl must be a number"),
        ({"fanout_ttl": float("nan")}, "fanout_ttl must be a number"),
        ({"flood_publish": 1}, "flood_publish must be True or False"),
        ({"degree": 8}, "GossipSub has no parameter 'degree'"),
    ],
)
def test_values_of_the_wrong_kind_and_unknown_names_are_an_error(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        GossipSubParams.spec(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"gossip_threshold": 1.0},
        {"publish_threshold": -5.0},
        {"graylist_threshold": -20.0},
        {"accept_px_threshold": -1.0},
        {"app_specific_weight": -1.0},
        {"ip_colocation_factor_weight": 1.0},
        {"ip_colocation_factor_threshold": 0},
        {"ip_colocation_factor_whitelist": ("nowhere",)},
        {"behaviour_penalty_weight": 1.0},
        {"behaviour_penalty_decay": 1.0},
        {"decay_interval": 0.0},
        {"decay_to_zero": 0.0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_constraints_of_the_specs_on_scores_hold(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"threshold|weight|decay|whitelist"):
        ScoreParams(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"time_in_mesh_weight": -1.0},
        {"first_message_deliveries_weight": -1.0},
        {"mesh_message_deliveries_weight": 1.0},
        {"mesh_failure_penalty_weight": 1.0},
        {"invalid_message_deliveries_weight": 1.0},
        {"first_message_deliveries_decay": 0.0},
        {"time_in_mesh_quantum": 0.0},
        {"mesh_message_deliveries_cap": 1.0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_constraints_of_the_specs_on_topic_scores_hold(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(changes)).rpartition("_")[0]):
        TopicScoreParams(**changes)


def test_numbers_of_numpy_are_taken_as_those_of_python() -> None:
    np = pytest.importorskip("numpy")
    params = GossipSubParams.spec(D=np.int64(7), heartbeat_interval=np.float32(0.5))
    assert params == GossipSubParams.spec(D=7, heartbeat_interval=0.5)
    assert (type(params.D), type(params.heartbeat_interval)) == (int, float)
    with pytest.raises(ValidationError, match="D must be a whole number"):
        GossipSubParams.spec(D=np.float64(7.5))
    with pytest.raises(ValidationError, match="D must be a whole number"):
        GossipSubParams.spec(D=np.bool_(True))
