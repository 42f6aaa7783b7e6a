"""What was done to a real lab, and the same as a program on py-libp2p alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.errors import DialError, LabError, ValidationError
from p2plab.identity.keys import Identity
from p2plab.real.history import RealHistory
from p2plab.stream import NetStream

WAIT = 20.0


async def shout(stream: NetStream) -> None:
    data = await stream.read()
    await stream.write(data.upper())


def run(script: str, folder: Path) -> str:
    """The program's output; it must end by itself, and knows nothing of p2plab."""
    path = folder / "script.py"
    path.write_text(script)
    (folder / "p2plab.py").write_text("raise ImportError('the program must not need p2plab')")
    done = subprocess.run(
        [sys.executable, path], cwd=folder, capture_output=True, text=True, timeout=100, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_does_what_the_lab_did(lab: Lab, tmp_path: Path) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob smith")
    alice.connect(bob)
    assert alice.ping(bob) > 0
    news = bob.subscribe("news")
    assert lab.run_until(lambda: alice.topic_peers("news"), timeout=WAIT)
    lab.run(1)
    alice.publish("news", b"hello")
    assert news.get(timeout=WAIT).data == b"hello"
    bob.handle("/shout/1", shout)
    stream = alice.open_stream(bob, "/shout/1")
    stream.write(b"quiet")
    assert stream.read() == b"QUIET"
    stream.close()
    alice.dht.put("/lab/greeting", b"hi")
    assert bob.dht.get("/lab/greeting").value == b"hi"
    alice.mesh("news")
    bob.add_validator("news", lambda message: True)
    with pytest.raises(DialError):
        alice.connect("/ip4/127.0.0.1/tcp/9/p2p/" + "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp")
    script = lab.history().as_libp2p_script()
    assert "add_validator" in script
    assert "py-libp2p has no words for it" in script
    said = run(script, tmp_path)
    for line in [
        f"alice is {alice.peer_id}",
        f"bob smith is {bob.peer_id}",
        "connect(alice, bob smith): connected",
        "publish(alice, 'news', b'hello'): 5 bytes",
        "receive(bob smith, 'news'): b'hello'",
        "b'QUIET'",
        "get(bob smith, '/lab/greeting'): b'hi'",
        "raised SwarmDialAllFailedError",
    ]:
        assert line in said, said


def test_a_history_lists_the_commands_and_what_they_raised(lab: Lab) -> None:
    alice = lab.start_node("alice")
    with pytest.raises(DialError):
        alice.connect(alice)
    history = lab.history()
    assert isinstance(history, RealHistory)
    assert [command.verb for command in history] == ["start_nodes", "connect"]
    assert "DialError: alice cannot dial itself" in repr(history)
    alice.handle("/shout/1.0.0", shout)
    assert "handle('/shout/1.0.0', shout" in repr(lab.history())
    with pytest.raises(ValidationError):
        Lab.replay(history)  # type: ignore[arg-type]  # that is the point


def test_a_script_leaves_out_the_nodes_that_did_not_start(lab: Lab) -> None:
    alice = lab.start_node("alice")
    with pytest.raises(LabError):
        lab.start_node("bob", transports=["smoke"])
    with pytest.raises(LabError):
        lab.start_node("carol", listen=alice.addresses[0])
    lab.start_node("bob")
    script = lab.history().as_libp2p_script()
    assert re.findall(r"await start\('(\w+)'", script) == ["alice", "bob"]
    assert script.index("# bob did not start") < script.index("# carol did not start") < script.index("start('bob'")


def test_a_key_that_is_kept_in_a_home_is_not_in_the_script_which_says_so(tmp_path: Path) -> None:
    with Lab("real", seed=1, home=tmp_path / "home") as first:
        kept = first.start_node("alice").peer_id
        assert "another key" not in first.history().as_libp2p_script()
    with Lab("real", seed=2, home=tmp_path / "home") as again:
        assert again.start_node("alice").peer_id == kept
        script = again.history().as_libp2p_script()
    assert f"another key than in the lab, where it was {kept}" in script
    assert Identity.derive(1, "alice").seed.hex() not in script


def test_a_history_keeps_no_more_than_it_says(lab: Lab) -> None:
    alice = lab.start_node("alice")
    alice.publish("news", bytes(100_000))
    assert repr(lab.history()[-1].args) == "('news', bytes(100000))"


def test_the_bytes_of_all_arguments_have_a_bound_and_the_oldest_go() -> None:
    with Lab("real", seed=1) as lab:
        alice = lab.start_node("alice")
        for number in range(300):
            alice.publish("news", bytes([number % 256]) * 60_000)
        published = [command for command in lab.history() if command.verb == "publish"]
        assert len(published) == 300
        kept = [command.args[1] for command in published if isinstance(command.args[1], bytes)]
        assert sum(map(len, kept)) <= 8 * 1024 * 1024
        assert len(kept) > 100
        assert published[-1].args[1] == bytes([299 % 256]) * 60_000
        assert repr(published[0].args[1]) == "bytes(60000)"
        assert "bytes(60000)" in lab.history().as_libp2p_script()
