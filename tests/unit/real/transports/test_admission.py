"""Admission is asked over every transport, and whoever is turned away hears of it at once."""

from __future__ import annotations

from typing import Any

import pytest

from p2plab import Lab
from p2plab.admission import Gate, Limit, Limits, Rule
from p2plab.errors import DialError

WAIT = 20.0
STACKS: dict[str, dict[str, Any]] = {
    "ws": {"transports": ["ws"]},
    "wss": {"transports": ["wss"]},
    "quic": {"transports": ["quic"]},
    "tls": {"security": ["tls"]},
    "mplex": {"muxers": ["mplex"]},
}


@pytest.mark.parametrize("stack", STACKS)
def test_whom_the_gate_blocks_is_turned_away_and_others_are_not(stack: str) -> None:
    with Lab("real", seed=7, **STACKS[stack]) as lab:
        bob = lab.start_node("bob", gate=Gate(block=(Rule(peer="carol"),)), limits=Limits(peer=Limit(connections=1)))
        alice, carol = lab.start_node("alice"), lab.start_node("carol")
        with pytest.raises(DialError) as raised:
            carol.connect(bob)
        assert "connection.refused" in [event.kind for event in lab.why(raised.value)]
        assert alice.connect(bob)
        alice.disconnect(bob)
        assert lab.run_until(lambda: not any(row.used for row in bob.usage()), timeout=WAIT)
        bob.gate = Gate(block=(Rule(subnet="127.0.0.0/8"),))
        with pytest.raises(DialError):
            alice.connect(bob)
        bob.gate = None
        assert alice.connect(bob)
        assert alice.ping(bob) > 0
        refused = lab.events.filter(kind="connection.refused", node=bob)
        assert [((event.data or {})["stage"], event.reason) for event in refused] == [
            ("secured", "blocked"),
            ("accept", "blocked"),
        ]
        assert not lab.events.filter(kind="error")
