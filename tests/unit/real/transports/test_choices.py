"""Transports, security and muxers are chosen by name: what is asked for is what there is, in order of preference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import p2plab.real
from p2plab import Lab
from p2plab.errors import AddressError, DialError, MissingExtraError, ValidationError
from p2plab.identity.address import parse_address
from p2plab.real.settings import NodeSettings
from p2plab.real.transports.document import markdown

PAGE = Path(p2plab.real.__file__).with_name("TRANSPORTS.md")


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text("utf-8") == markdown(), "python -m p2plab.real.transports > p2plab/real/TRANSPORTS.md"


class TestSettings:
    def test_transports_alone_listen_at_the_loopback_by_each(self) -> None:
        settings = NodeSettings().with_changes({"transports": ["websocket", "tcp", "quic", "ws"]})
        assert settings.transports == ("ws", "tcp", "quic-v1")
        assert settings.listen == ("/ip4/127.0.0.1/tcp/0/ws", "/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1")

    def test_addresses_alone_imply_their_transports(self) -> None:
        listen = ["/ip4/127.0.0.1/udp/0/quic-v1", "/ip6/::1/tcp/0/tls/ws", "/ip4/127.0.0.1/tcp/0/wss", "/memory/4"]
        settings = NodeSettings().with_changes({"listen": listen})
        assert settings.transports == ("quic-v1", "wss", "memory")
        assert settings.with_changes({"security": "tls"}).listen == tuple(listen)

    def test_a_nodes_own_choice_takes_the_place_of_the_labs(self) -> None:
        of_the_lab = NodeSettings().with_changes({"listen": "/ip4/127.0.0.1/tcp/0/ws"})
        assert of_the_lab.with_changes({"transports": ["tcp"]}).listen == ("/ip4/127.0.0.1/tcp/0",)

    def test_transports_without_an_address_are_for_dialling(self) -> None:
        settings = NodeSettings().with_changes({"listen": "/memory/0", "transports": ["tcp", "memory"]})
        assert (settings.listen, settings.transports) == (("/memory/0",), ("tcp", "memory"))

    @pytest.mark.parametrize(
        ("asked", "says"),
        [
            ({"transports": []}, "take some of tcp, ws, wss"),
            ({"transports": ["tcp", "udp"]}, "take some of"),
            ({"transports": 5}, "take some of"),
            ({"security": ["noise", "ssl"]}, "noise, tls, plaintext"),
            ({"muxers": "spdy"}, "yamux, mplex"),
            ({"transports": ["tcp"], "listen": ["/ip4/127.0.0.1/tcp/0/ws"]}, "needs transport 'ws'"),
            ({"listen": "/ip4/127.0.0.1/udp/0/quic-v1/p2p-circuit"}, "no address to listen at"),
            ({"listen": "/ip4/127.0.0.1/udp/0/ws"}, "no address to listen at"),
        ],
    )
    def test_what_cannot_be_is_refused_at_the_start(self, asked: dict[str, Any], says: str) -> None:
        with pytest.raises((ValidationError, AddressError), match=says):
            Lab("real", **asked)

    @pytest.mark.parametrize(
        "asked", [{"transports": ["webrtc"]}, {"listen": "/ip4/127.0.0.1/udp/0/webrtc-direct"}], ids=str
    )
    def test_webrtc_without_its_extra_is_refused_with_what_to_install(
        self, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match=r"pip install 'libp2p\[webrtc\]'"):
            NodeSettings().with_changes(asked)


class TestMixedLabs:
    def test_nodes_meet_on_what_they_share_by_the_diallers_preference(self) -> None:
        with Lab("real", seed=7) as lab:
            both = lab.start_node(
                "both", transports=["ws", "tcp"], security=["tls", "noise"], muxers=["mplex", "yamux"]
            )
            other = lab.start_node("other", transports=["tcp", "ws"], security=["noise", "tls"])
            plain = lab.start_node("plain")
            assert [parse_address(address).transport for address in both.addresses] == ["ws", "tcp"]
            assert "ws+tls+yamux" in str(both.connect(other))
            assert "tcp+noise+yamux" in str(both.connect(plain))

    def test_who_shares_nothing_is_told_what_is_missing(self) -> None:
        with Lab("real", seed=7) as lab:
            plain, quic = lab.start_node("plain"), lab.start_node("quic", transports="quic-v1")
            tls, mplex = lab.start_node("tls", security="tls"), lab.start_node("mplex", muxers="mplex")
            for dialler, listener, reason, says in [
                (plain, quic, "unsupported", "it has tcp, and that is quic-v1"),
                (plain, tls, "handshake failed", "no security protocol in common: the peer took none of '/noise'"),
                (plain, mplex, "handshake failed", "no muxer in common: the peer took none of '/yamux/1.0.0'"),
            ]:
                with pytest.raises(DialError, match=says) as caught:
                    dialler.connect(listener)
                assert caught.value.event is not None
                assert lab.events[caught.value.event].reason == reason

    def test_an_address_of_another_kind_is_told_of_beside_the_one_that_was_tried(self) -> None:
        with Lab("real", seed=7) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob", transports=["quic-v1", "tcp"])
            bob.stop()
            with pytest.raises(DialError) as caught:
                alice.connect(bob)
            assert [why.partition(":")[0] for _, _, why in caught.value.attempts] == ["refused", "unsupported"]
            assert caught.value.event is not None
            assert lab.events[caught.value.event].reason == "refused"
