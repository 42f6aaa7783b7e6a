"""Which implementation an agent version names, and that a remedy has its words."""

from __future__ import annotations

import pytest

from p2plab.explain.diagnosis.implementations import IMPLEMENTATIONS, in_words_of, recognised


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("github.com/libp2p/go-libp2p", "go-libp2p"),  # its default, where the program tells no version
        ("github.com/ipfs/rainbow@v1.2.3", "go-libp2p"),  # its default: the program's module and version
        ("p2plab-interop@3f2a9c1d0", "go-libp2p"),
        ("kubo/0.34.1/", "go-libp2p"),
        ("js-libp2p/3.3.11 node/22.20.0", "js-libp2p"),
        ("helia/5.4.2 libp2p/2.8.5 node/20.11.1", "js-libp2p"),
        ("rust-libp2p/0.48.0", "rust-libp2p"),
        ("Lighthouse/v7.0.1-e42406d/x86_64-linux", "rust-libp2p"),
        ("py-libp2p/0.8.1", "py-libp2p"),
        ("p2plab/0.1.0", None),
        ("nim-libp2p/0.0.1", None),
        ("somebody at example.org", None),
        ("", None),
        ("<script>" * 1000, None),
    ],
)
def test_an_agent_version_names_an_implementation_or_none(agent: str, name: str | None) -> None:
    found = recognised(agent)
    assert (None if found is None else found.name) == name


def test_words_come_with_the_version_that_they_were_read_from() -> None:
    go = IMPLEMENTATIONS["go-libp2p"]
    assert in_words_of("DHT mode", go) == "go-libp2p (0.51.0, pubsub 0.19.0, kad-dht 0.42.2): dht.Mode(dht.ModeServer)"


def test_where_nobody_has_said_who_they_are_two_implementations_stand_side_by_side() -> None:
    words = in_words_of("security", None)
    assert "libp2p.Security(noise.ID, noise.New)" in words
    assert "connectionEncrypters: [noise(), tls()]" in words
    assert in_words_of("port", None) == ""  # it may be no node at all


def test_every_implementation_has_words_for_what_a_peer_is_asked_after_it_is_known() -> None:
    for one in IMPLEMENTATIONS.values():
        assert {"protocols", "pubsub protocol", "topic", "signing policy", "DHT protocol", "DHT mode"} <= set(one.words)
