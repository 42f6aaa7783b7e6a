"""``help(GossipSubParams)`` and the like say what every parameter is."""

from __future__ import annotations

import dataclasses

import pytest

from p2plab.admission import Admission, Limit, Limits, Watermarks
from p2plab.kademlia import DhtParams, LibraryDhtParams
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
