"""Capabilities: what is declared is heard, within bounds."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.protocols.capabilities import (
    CapabilitiesHandler,
    Capability,
    ask_capabilities,
    capabilities_of,
    check_features,
    decode_capabilities,
    encode_capabilities,
)
from p2plab.stream import check_handler, serve
from p2plab.typing import PeerId
from tests.unit.stream.toy import ToyRuntime, stream_pair

BOB = PeerId("id-of-bob", "bob")
words = st.text(min_size=1, max_size=20)
capabilities = st.builds(
    Capability, words, st.lists(words, max_size=4).map(tuple), st.lists(words, max_size=4).map(tuple)
)


def test_protocols_are_grouped_by_name() -> None:
    protocols = ["/chat/1.0.0", "/ipfs/ping/1.0.0", "/chat/2.x", "/noise"]
    assert capabilities_of(protocols, {"/chat/2.x": ["emoji"], "/chat/1.0.0": ["rooms", "emoji"]}) == [
        Capability("/chat", ("1.0.0", "2.x"), ("emoji", "rooms")),
        Capability("/ipfs/ping", ("1.0.0",)),
        Capability("/noise"),
    ]


@given(st.lists(capabilities, max_size=6))
def test_what_is_declared_is_heard(declared: list[Capability]) -> None:
    runtime = ToyRuntime()
    asker, answerer = stream_pair(runtime)
    handler = check_handler(CapabilitiesHandler(lambda stream: declared))
    assert runtime.run(partial(ask_capabilities, asker), partial(serve, handler, answerer))[0] == declared
    assert (asker.state, answerer.state) == ("closed", "closed")


@given(st.binary(max_size=60))
def test_any_bytes_are_capabilities_or_a_violation(data: bytes) -> None:
    try:
        heard = decode_capabilities(data, BOB)
    except ProtocolViolation:
        return
    assert decode_capabilities(encode_capabilities(heard), BOB) == heard


def test_silence_is_a_violation() -> None:
    runtime = ToyRuntime()
    asker, answerer = stream_pair(runtime)
    with pytest.raises(ProtocolViolation, match="without its capabilities"):
        runtime.run(partial(ask_capabilities, asker), answerer.close)


@pytest.mark.dear
def test_what_a_peer_says_is_bounded() -> None:
    endless = [Capability("/x" * 500, ("1.0.0",) * 500, ("f" * 500,) * 500)] * 600
    heard = decode_capabilities(encode_capabilities(endless), BOB)
    assert len(heard) == 500
    assert (len(heard[0].name), len(heard[0].versions), len(heard[0].features[0])) == (128, 100, 128)


@pytest.mark.parametrize("features", [[""], [5], ["x" * 129], ["f"] * 101])
def test_features_that_cannot_be_declared_are_refused(features: list[str]) -> None:
    with pytest.raises(ValidationError, match="feature"):
        check_features(features)


def test_one_feature_may_be_given_as_text() -> None:
    assert check_features("emoji") == ("emoji",)
    assert check_features(["a", "b"]) == ("a", "b")
