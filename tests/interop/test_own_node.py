"""Lesson 12's node in Go gossips with a lab's nodes, and talks in a protocol of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.teaching.outside import missing_toolchain, own_node


@pytest.mark.slow
@pytest.mark.parametrize("language", ["go"])  # lesson 12 itself runs the one in JavaScript
def test_it_answers_a_roll_call_and_greets(language: str, tmp_path: Path) -> None:
    missing = missing_toolchain(language)
    if missing is not None:
        pytest.skip(missing)
    with own_node(language, tmp_path) as theirs, Lab("real", seed=7) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        ext = lab.attach(theirs.address)
        assert f"{language}-libp2p" in ext.info.agent_version
        alice.connect(ext)
        bob.connect(alice)
        inboxes = [node.subscribe("news") for node in (alice, bob)]
        assert lab.run_until(lambda: len(alice.mesh("news")) == 2 and len(bob.mesh("news")) == 1, timeout=30)
        bob.publish("news", "roll call")
        answer = f"{language}-libp2p is here".encode()
        assert lab.run_until(lambda: all(answer in [m.data for m in inbox.messages] for inbox in inboxes), timeout=30)
        stream = alice.open_stream(ext, ["/greet/1.0.0"])
        stream.write(b"alice")
        stream.close_write()
        assert stream.read() == f"hello alice, here is {language}-libp2p".encode()
