"""``help(GossipSubParams)`` and the like say what every parameter is, and a misspelt one is told the likely name."""

from __future__ import annotations

import dataclasses

import pytest

from p2plab.admission import Admission, Limit, Limits, Watermarks
from p2plab.content.bitswap.params import BitswapParams
from p2plab.content.graphsync.params import GraphSyncParams
from p2plab.discovery import RendezvousParams
from p2plab.errors import ValidationError
from p2plab.kademlia import DhtParams, LibraryDhtParams
from p2plab.nat import AutoRelayParams, RelayParams
from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams

EXPLAINED = [
    *(GossipSubParams, ScoreParams, TopicScoreParams, DhtParams, LibraryDhtParams),
    *(Admission, Limit, Limits, Watermarks),
]


@pytest.mark.parametrize("params", EXPLAINED, ids=lambda params: params.__name__)
def test_every_field_is_named_in_the_docstring(params: type) -> None:
    text = params.__doc__ or ""
    missing = [field.name for field in dataclasses.fields(params) if f"``{field.name}``" not in text]
    assert missing == []


@pytest.mark.parametrize(
    "params",
    [*EXPLAINED, BitswapParams, GraphSyncParams, RendezvousParams, AutoRelayParams, RelayParams],
    ids=lambda params: params.__name__,
)
def test_a_parameter_that_there_is_not_is_told_the_likely_one(params: type) -> None:
    name = dataclasses.fields(params)[0].name
    with pytest.raises(ValidationError, match=rf"{params.__name__} has no parameter '{name}s'; did you mean {name}\?"):
        params(**{f"{name}s": 1})
