"""What an error says to a person: the very thing that was given, and nothing of a library's insides."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab, charts
from p2plab.errors import AddressError, ConfigurationError, UnknownNodeError, ValidationError
from p2plab.kademlia import DhtParams
from p2plab.pubsub import GossipSubParams


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/ip4/127.0.0.1/tcp/99999", "behind /tcp stands a port from 0 to 65535, which '99999' is not"),
        ("/ip4/300.0.0.1/tcp/1", "behind /ip4 stands an IPv4 address such as 127.0.0.1, which '300.0.0.1' is not"),
        ("/ip4/127.0.0.1/tcp", "behind /tcp stands a port from 0 to 65535, and nothing does"),
        ("/ip4/127.0.0.1/tpc/1", "there is no protocol 'tpc' for addresses; did you mean tcp?"),
        ("/ip4/127.0.0.1/tcp/1/p2p/12D3", "behind /p2p stands a peer id, as node.peer_id gives it, which '12D3'"),
        ("/unix/tmp/x", "it would be written /unix//tmp/x, which is another address, or none"),
    ],
)
def test_of_an_address(address: str, says: str) -> None:
    lab = Lab(seed=1)
    alice, bob = lab.start_nodes(2)
    with pytest.raises(AddressError, match=re.escape(says)):
        alice.register_peer(bob.peer_id, [address])
    lab.close()


def test_of_a_cid_it_is_the_text_and_not_the_bytes() -> None:
    with Lab(seed=1) as lab, pytest.raises(ValidationError, match="'bafygarbage' is not a CID: it is cut off"):
        lab.start_node("alice").dht.provide("bafygarbage")


def test_a_message_is_cut_where_it_goes_on_without_a_space() -> None:
    error = ValidationError("no node " + "x" * 5_000 + " \x1b[31m\u202e, and\nno more")
    assert len(str(error)) < 350
    assert str(error).endswith("… \ufffd[31m\ufffd, and\nno more")
    assert "\x1b" not in str(error)


def test_a_validator_that_cannot_be_called_is_refused_where_it_is_given() -> None:
    class TwoArguments:
        def validate(self, key: bytes, value: bytes) -> None: ...

        def select(self, key: bytes, values: list[bytes]) -> int:
            return 0

    for wrong in (lambda key, value: None, TwoArguments(), TwoArguments):
        with pytest.raises(ValidationError, match=r"validate\(key, value, now\)"):
            DhtParams(validators={"v": wrong})  # type: ignore[dict-item]


def test_explicit_peers_are_nodes_names_or_ids_and_an_unknown_one_is_said_aloud() -> None:
    with pytest.raises(ValidationError, match="not 3"):
        GossipSubParams(explicit_peers=(3,))  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="explicit_peers is a list, not 'bob'"):
        GossipSubParams(explicit_peers="bob")  # type: ignore[arg-type]
    with Lab(seed=1) as lab:
        bob = lab.start_node("bob")
        params = GossipSubParams(explicit_peers=(bob, "zoe"))  # type: ignore[arg-type]
        assert params.explicit_peers == ("bob", "zoe")
        lab.start_node("alice", gossipsub=params)
        with pytest.warns(UserWarning, match="explicit_peers names 'zoe', which is no node of this lab so far"):
            lab.run(2)


def test_what_is_empty_because_of_a_name_says_so() -> None:
    with Lab(seed=1) as lab:
        alice = lab.start_node("alice")
        assert repr(lab.events.filter(node="alic")) == "[]  # nothing is recorded of 'alic'; did you mean alice?"
        with pytest.raises(UnknownNodeError, match="did you mean alice"):
            alice.address_book("alic")
        with pytest.raises(ValidationError, match="nothing is recorded; did you mean alice"):
            lab.export("run.gexf", nodes=["alic"])


@pytest.mark.parametrize("path", ["a\0b", "x" * 300, "", None, 3, "\ud800"])
def test_of_a_path(path: Any) -> None:
    with Lab(seed=1) as lab:
        for takes in (lab.save, lab.events.save, p2plab.open, lab.graph().save, charts.latency(lab).save):
            with pytest.raises(ValidationError, match="path"):
                takes(path)


def test_an_earlier_picture_stays_where_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Lab(seed=1) as lab:
        lab.start_node("alice")
        for takes in (lab.graph().save, charts.latency(lab).save):
            path = tmp_path / "picture.svg"
            takes(path)
            before = path.read_bytes()
            with monkeypatch.context() as disk:
                disk.setattr("os.fsync", full)
                with pytest.raises(ConfigurationError, match="No space left"):
                    takes(path)
            assert path.read_bytes() == before
            assert list(tmp_path.iterdir()) == [path]
            path.unlink()
