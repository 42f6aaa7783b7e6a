"""Whoever connects and does not speak libp2p harms nothing, and there is a bound on how many may try."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from typing import cast

import pytest

from p2plab import Lab, Node
from p2plab.real.host import RealHost
from p2plab.real.pylibp2p import swarm as swarms
from tests.unit.real.test_close import tasks, tasks_at_rest

WAIT = 30.0
MULTISTREAM = b"\x13/multistream/1.0.0\n"


def knock(node: Node) -> socket.socket:
    _, _, ip, _, port, *_ = node.addresses[0].split("/")
    return socket.create_connection((ip, int(port)), timeout=WAIT)


def rubbish(seed: int) -> bytes:
    return random.Random(seed).randbytes(4_000)


SAID: dict[str, Callable[[int], bytes]] = {
    "rubbish": rubbish,
    "rubbish after the greeting": lambda seed: MULTISTREAM + rubbish(seed),
    "a length without end": lambda seed: b"\xff" * 64,
    "not UTF-8": lambda seed: MULTISTREAM + b"\x03\xff\xfe\n",
    "HTTP": lambda seed: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "Noise, then rubbish": lambda seed: MULTISTREAM + b"\x07/noise\n" + rubbish(seed),
    "a Noise message that is cut": lambda seed: MULTISTREAM + b"\x07/noise\n" + b"\x00\x20" + bytes(5),
    "nothing": lambda seed: b"",
}


@pytest.mark.parametrize("what", SAID)
def test_a_stranger_harms_nothing_and_leaves_nothing(lab: Lab, what: str) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    bob.connect(alice)
    bob.ping(alice)
    before = tasks_at_rest(lab)
    for seed in range(4):
        with knock(alice) as stranger:
            stranger.sendall(SAID[what](seed))
    assert lab.run_until(lambda: len(lab.events.filter(kind="connection.failed", node="alice")) == 4, timeout=WAIT)
    assert lab.run_until(lambda: tasks() <= before, timeout=WAIT)
    assert len(alice.connections()) == 1
    assert bob.ping(alice) > 0
    assert lab.events.filter(kind="node.crashed") == []
    failed = lab.events.filter(kind="connection.failed", node="alice")
    assert all(event.data is not None and "127.0.0.1" in event.data["address"] for event in failed)


def test_handshakes_under_way_are_bounded_and_keep_nobody_out_for_long(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 16  # few enough to have come in before the first of them has had its time
    monkeypatch.setattr(swarms, "HANDSHAKES", most)
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    swarm = cast(RealHost, lab.world.hosts()["alice"]).stack.swarm
    swarm.connection_config.inbound_upgrade_timeout = 4.0
    idle = [knock(alice) for _ in range(most + 20)]
    assert lab.run_until(lambda: len(lab.events.filter(kind="connection.failed", node="alice")) >= 20, timeout=WAIT)
    refused = lab.events.filter(kind="connection.failed", node="alice")[:20]
    assert {event.reason for event in refused} == {"too many handshakes"}
    assert swarm.handshakes == most
    assert bob.connect(alice, retries=20, backoff=0.2).peer == alice.peer_id
    assert lab.run_until(lambda: swarm.handshakes == 0, timeout=WAIT)
    for stranger in idle:
        stranger.close()
