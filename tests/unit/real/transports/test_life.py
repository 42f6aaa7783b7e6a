"""Over every transport a node that comes back is where it was, and a closed lab leaves nothing."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.errors import DialError
from p2plab.real.transports.choices import available

WAIT = 20.0
OVER_UDP = ("quic-v1", "webtransport", "webrtc-direct")


@pytest.mark.parametrize("transport", [name for name in available() if name != "tcp"])
def test_a_node_that_comes_back_is_where_it_was(transport: str) -> None:
    with Lab("real", seed=7, transports=[transport]) as lab:
        alice, bob, carol = lab.start_nodes(3)
        alice.connect(bob)
        carol.connect(bob)
        where = bob.addresses
        bob.crash()
        assert lab.run_until(lambda: len(lab.events.filter(kind="connection.closed")) == 2, timeout=WAIT)
        assert {event.reason for event in lab.events.filter(kind="connection.closed")} == {"crashed"}
        assert alice.connections() == carol.connections() == []
        with pytest.raises(DialError) as caught:
            alice.connect(bob, timeout=0.5 if transport in OVER_UDP else WAIT)
        assert caught.value.attempts[0][2].startswith("timeout" if transport in OVER_UDP else "refused")
        bob.restart()
        alice.connect(bob)
        assert alice.ping(bob) > 0
        bob.stop()
        assert alice.connections() == []
        bob.restart()
        assert alice.connect(bob).transport == transport
        assert bob.addresses == where
        assert [event.data for event in lab.events.filter(kind="error")] == []


@pytest.mark.parametrize("transport", available())
def test_whoever_answers_has_to_be_who_was_dialled(transport: str) -> None:
    with Lab("real", seed=7, transports=[transport]) as lab:
        alice, bob, carol = lab.start_nodes(3)
        wrong = bob.addresses[0].replace(bob.peer_id, carol.peer_id)
        with pytest.raises(DialError) as caught:
            alice.connect(wrong, timeout=WAIT)
        assert caught.value.attempts[0][2].startswith("wrong peer")
        assert lab.run_until(lambda: bob.connections() == [], timeout=WAIT)


@pytest.mark.parametrize("transport", [name for name in available() if name != "memory"])
def test_two_labs_meet(transport: str) -> None:
    with Lab("real", seed=7, transports=[transport]) as one, Lab("real", seed=8, transports=[transport]) as other:
        alice, bob = one.start_node("alice"), other.start_node("bob")
        connection = alice.connect(bob.addresses[0])
        assert connection.transport == transport
        assert alice.ping(bob.peer_id) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
@pytest.mark.parametrize("transport", available())
def test_a_closed_lab_leaves_no_socket_thread_or_file(
    transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def live() -> None:
        with Lab("real", seed=7, transports=[transport], security=["tls", "noise"]) as lab:
            alice, bob, carol = lab.start_nodes(3)
            alice.connect(bob)
            carol.connect(bob)
            carol.crash()

    live()  # what the process keeps it has from now on
    before = (len(os.listdir("/proc/self/fd")), threading.active_count())
    live()
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before
    assert list(tmp_path.iterdir()) == []
