"""Every field of every class of parameters, given what it cannot be: an error of p2plab's in a sentence, at once."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from p2plab.admission import Admission, Limit, Limits, Watermarks
from p2plab.content.bitswap.params import BitswapParams
from p2plab.content.graphsync.params import GraphSyncParams
from p2plab.discovery.rendezvous.params import RendezvousParams
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.kademlia import DhtParams
from p2plab.kademlia.params import LibraryDhtParams
from p2plab.nat import AutoRelayParams, RelayParams
from p2plab.pubsub import GossipSubParams
from p2plab.pubsub.gossipsub.scoring.params import ScoreParams, TopicScoreParams


class Odd:
    """Nothing that any parameter is."""


CLASSES: tuple[Any, ...] = (
    GossipSubParams, ScoreParams, TopicScoreParams, DhtParams, LibraryDhtParams, BitswapParams, GraphSyncParams,
    RendezvousParams, RelayParams, AutoRelayParams, Admission, Limit, Limits, Watermarks,
)  # fmt: skip
NOTHING_THAT_GOES: tuple[Any, ...] = (Odd(), float("nan"), -7, "x" * 5000, b"x", [None], {1: 2}, 1e300)
MAY_BE: dict[tuple[Any, str], list[Any]] = {
    (DhtParams, "eclipse_threshold"): [1e300],
    (ScoreParams, "gossip_threshold"): [-7],
    **{(kind, f"{name}_weight"): [-7] for kind, name in (
        (ScoreParams, "ip_colocation_factor"), (ScoreParams, "behaviour_penalty"),
        (TopicScoreParams, "mesh_message_deliveries"), (TopicScoreParams, "mesh_failure_penalty"),
        (TopicScoreParams, "invalid_message_deliveries"),
    )},
}  # fmt: skip
NEEDED: dict[Any, dict[str, int]] = {Watermarks: {"low": 1, "high": 2}}


@pytest.mark.parametrize("params", CLASSES)
def test_what_a_parameter_cannot_be_costs_a_sentence(params: Any) -> None:
    wrong = []
    for field in dataclasses.fields(params):
        for value in NOTHING_THAT_GOES:
            if value in MAY_BE.get((params, field.name), []):
                continue
            try:
                params(**{**NEEDED.get(params, {}), field.name: value})
            except (ValidationError, ConfigurationError) as error:
                if len(str(error)) > 2_000:
                    wrong.append(f"{field.name}={value!r}: {error}"[:200])
            else:
                wrong.append(f"{field.name}={value!r} is taken"[:200])
    assert not wrong, wrong
