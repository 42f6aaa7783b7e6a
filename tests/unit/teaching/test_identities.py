"""Lesson 01: what its checks take, and what they say to what they do not take."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab, teaching
from p2plab.identity.cid import cid_for

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "01_identities.py"))
OTHER = "12D3KooWDvguaPh4tE5CQ2z9BrGaMF4RdP99XUqkLAZrnuvnks14"  # alice's in Lab(seed=2)
ALICE = "12D3KooWSfTozx4ygY8LrffSNiD3tVdfZq42CZj76wLg9shpE3ma"
GREETING = cid_for(b"hello, network!")


@pytest.mark.parametrize(
    ("name", "solution"),
    [("01.1", "peer_id_of_an_address"), ("01.2", "a_quic_address"), ("01.3", "a_cid"), ("01.4", "no_twins")],
)
def test_the_solutions_are_taken(name: str, solution: str) -> None:
    assert teaching.check(name, SOLUTIONS[solution]())


@pytest.mark.parametrize(
    "answer", [ALICE, f" {ALICE}\n", Lab(seed=1).start_node("alice").peer_id], ids=["text", "with spaces", "a peer id"]
)
def test_a_peer_id_may_be_text_or_a_peer_id(answer: Any) -> None:
    assert teaching.check("01.1", answer)


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("01.1", f"/ip4/11.0.0.1/tcp/4001/p2p/{ALICE}", "the part behind /p2p/"),
        ("01.1", "/ip4/11.0.0.1/tcp/4001", "begins with /"),
        ("01.1", "alice", "is no peer id"),
        ("01.1", OTHER, "but not alice's"),
        ("01.1", None, "is no peer id"),
        ("01.2", "/ip4/203.0.113.9/tcp/4001", "runs over UDP"),
        ("01.2", "/ip4/203.0.113.8/udp/4001/quic-v1", "203.0.113.9"),
        ("01.2", "/ip4/203.0.113.9/udp/4002/quic-v1", "4002"),
        ("01.2", "/ip4/203.0.113.9/udp/4001", "quic-v1"),
        ("01.2", "203.0.113.9:4001", "begins with /"),
        ("01.3", "hello, network!", "CID"),
        ("01.3", str(cid_for(b"hello, network!\n")), "line break"),
        ("01.3", str(cid_for(b"hello")), "other bytes"),
        ("01.3", GREETING.multihash, "codec should be raw"),
        ("01.3", None, "CID"),
        ("01.4", [(1, "alice"), (2, "alice")], "differ"),
        ("01.4", [(1, "alice"), (1, "bob")], ""),
        ("01.4", "alice", ""),
        ("01.4", 7, ""),
        ("01.4", [(1, "alice")], ""),
    ],
)
def test_what_is_wrong_is_said(name: str, answer: Any, hint: str) -> None:
    verdict = teaching.check(name, answer)
    assert not verdict
    assert hint in str(verdict)
    assert verdict.says


@pytest.mark.parametrize("answer", [GREETING, str(GREETING), GREETING.to_bytes()], ids=["Cid", "text", "bytes"])
def test_a_cid_may_be_text_bytes_or_a_cid(answer: Any) -> None:
    assert teaching.check("01.3", answer)
