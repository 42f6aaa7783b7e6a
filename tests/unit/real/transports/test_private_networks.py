"""Private networks: who has the key is reached, who has not is told so at once, and the key is shown nowhere."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path

import pytest
from nacl.bindings import crypto_secretbox

from p2plab import Lab
from p2plab.errors import ConfigurationError, DialError, ValidationError
from p2plab.real.transports.private.network_key import NetworkKey, check_psk
from p2plab.real.transports.private.xsalsa20 import hsalsa20, xsalsa20

KEY, OTHER = "ab" * 32, "cd" * 32
HEAD = "/key/swarm/psk/1.0.0/\n"


def test_the_cipher_gives_the_results_of_nacls_own_tests() -> None:
    first = hsalsa20(bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"), bytes(16))
    assert first.hex() == "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"
    second = hsalsa20(first, bytes.fromhex("69696ee955b62b73cd62bda875fc73d6"))
    assert second.hex() == "dc908dda0b9344a953629b733820778880f3ceb421bb61b91cbd4c3e66256ce4"


def test_the_cipher_is_libsodiums() -> None:
    key, nonce = os.urandom(32), os.urandom(24)
    sealed = crypto_secretbox(bytes(1000), nonce, key)  # 16 bytes of tag, then the key stream from its 33rd byte on
    cipher = xsalsa20(key, nonce)
    assert (cipher.encrypt(bytes(100)) + cipher.encrypt(bytes(932)))[32:] == sealed[16:]


def test_a_fingerprint_is_what_other_implementations_show() -> None:
    key = check_psk(HEAD + "/base16/\n6189c5cf0b87fb800c1a9feeda73c6ab5e998db48fb9e6a978575c770ceef683")
    assert key is not None
    assert key.fingerprint == "45fc986bbc9388a11d939df26f730f0c"  # rust-libp2p's test of the same key
    assert key.fingerprint in repr(key)
    assert key.secret.hex() not in repr(key)


def test_a_key_is_read_from_every_form_it_has(tmp_path: Path) -> None:
    secret = bytes.fromhex(KEY)
    file = tmp_path / "swarm.key"
    file.write_bytes(HEAD.encode() + b"/bin/\n" + secret)
    base64 = f"{HEAD}/base64/\n{b64encode(secret).decode()}\n"
    forms = [KEY, f" {KEY.upper()}\n", f"{HEAD}/base16/\n{KEY}\n", base64, base64.encode(), file, str(file)]
    assert [check_psk(form) == NetworkKey(secret) for form in forms] == [True] * len(forms)
    assert check_psk(None) is None
    assert NetworkKey(secret) == KEY
    assert NetworkKey(secret) != OTHER


@pytest.mark.parametrize(
    "wrong", ["", KEY[2:], "zz" * 32, f"{HEAD}/base16/\n{KEY[1:]}", f"{HEAD}/base58/\n{KEY}", f"{HEAD}{KEY}", 5, b"x"]
)
def test_what_is_no_key_is_refused_without_being_quoted(wrong: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Lab("real", psk=wrong)
    assert KEY[2:] not in str(caught.value)


def test_a_key_file_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "swarm.key"
    file.write_text("hello")
    with pytest.raises(ValidationError, match=r"swarm\.key"):
        Lab("real", psk=file)
    with pytest.raises(ValidationError, match="cannot be read"):
        Lab("real", psk=tmp_path / "nowhere")


@pytest.mark.parametrize("transport", ["quic-v1", "webtransport"])
def test_what_encrypts_by_itself_has_no_private_networks(transport: str) -> None:
    with pytest.raises(ValidationError, match=transport):
        Lab("real", psk=KEY, transports=["tcp", transport])


@pytest.mark.parametrize("transport", ["tcp", "ws"])
def test_members_reach_each_other_and_nobody_else(transport: str) -> None:
    with Lab("real", seed=7, transports=[transport]) as lab:
        ours = [lab.start_node("alice", psk=KEY), lab.start_node("bob", psk=f"{HEAD}/base16/\n{KEY}\n")]
        theirs, nobodys = lab.start_node("carol", psk=OTHER), lab.start_node("dave")
        assert ours[0].connect(ours[1]).security == "noise"
        assert ours[0].ping(ours[1]) > 0
        for dialler, listener in [(ours[0], theirs), (theirs, ours[0]), (ours[0], nobodys), (nobodys, ours[0])]:
            with pytest.raises(DialError) as caught:
                dialler.connect(listener)
            assert caught.value.attempts[0][2].startswith("private network")
        refused = lab.events.filter(kind="connection.failed", node="dave")
        assert {event.reason for event in refused} == {"private network"}
        assert [event.data for event in lab.events.filter(kind="error")] == []


def test_the_key_is_in_no_event_repr_or_error() -> None:
    with Lab("real", seed=7, psk=KEY) as lab:
        alice = lab.start_node("alice", psk=KEY)
        alice.connect(lab.start_node("bob"))
        with pytest.raises(ConfigurationError) as caught:
            lab.start_node("alice", psk=OTHER)
        shown = [str(caught.value), repr(lab.world.settings), repr(alice), *map(repr, lab.events)]
        shown += [json.dumps(event.data, default=str) for event in lab.events]
        assert not [text for text in shown if KEY in text or OTHER in text]
        assert lab.start_node("alice", psk=KEY) == alice
