"""A dial that fails says what was tried, where, how long and why; it can be tried again by itself."""

from __future__ import annotations

import pytest

from p2plab import Lab, Node
from p2plab.admission import Limit, Limits
from p2plab.errors import DialError, ValidationError

PATIENCE = 20.0  # seconds
UNSPOKEN = "/ip4/127.0.0.1/udp/9/quic-v1"


@pytest.fixture
def carol(lab: Lab) -> Node:
    return lab.start_node("carol")


def test_every_address_is_told_in_the_order_tried(lab: Lab, alice: Node, carol: Node) -> None:
    stranger = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
    first, second = (f"{carol.addresses[0].partition('/p2p/')[0]}", UNSPOKEN)
    alice.register_peer(stranger, [first, second])
    with pytest.raises(DialError) as failed:
        alice.connect(stranger)
    attempts = failed.value.attempts
    in_order = [first, second] if lab.backend == "real" else [second, first]  # mock nodes rank them: QUIC first
    assert [address.partition("/p2p/")[0] for address, _, _ in attempts] == in_order
    assert attempts[in_order.index(first)][2].startswith("wrong peer: ")
    assert all(seconds >= 0 and why for _, seconds, why in attempts)
    told = repr(lab.why(failed.value))
    assert all(text in str(failed.value) and text in told for attempt in attempts for text in (attempt[0], attempt[2]))
    assert told.index(attempts[0][0]) < told.index(attempts[1][0])


def test_the_events_are_the_ones_of_the_dial(lab: Lab, alice: Node, carol: Node) -> None:
    carol.crash()
    with pytest.raises(DialError) as failed:
        alice.connect(carol)
    chain = lab.why(failed.value)
    assert chain.events[-1].kind == "connection.failed"
    assert (chain.events[0].data or {})["verb"] == "connect"


def test_a_dial_is_tried_again_as_often_as_told_with_pauses_that_double(lab: Lab, alice: Node, carol: Node) -> None:
    carol.crash()
    began = lab.now
    with pytest.raises(DialError, match="3 tries") as failed:
        alice.connect(carol, retries=2, backoff=0.02)
    assert len(failed.value.attempts) == 3
    assert lab.now - began >= 0.02 + 0.04
    assert len(lab.events.filter(kind="connection.failed", node="alice")) == 3
    assert repr(lab.why(failed.value)).count("refused: nobody listens there") >= 3


def test_a_peer_that_comes_back_meanwhile_is_reached(lab: Lab, alice: Node, carol: Node) -> None:
    carol.crash()

    async def come_back() -> None:
        await lab.world.until(lambda: lab.events.filter(kind="connection.failed", node="alice"), None)
        carol.restart()

    lab.world.call(lab.world.runtime.spawn, come_back, "coming back")
    assert alice.connect(carol, retries=20, backoff=0.05).peer == carol.peer_id


def test_a_peer_that_came_back_is_dialled_at_once(lab: Lab, alice: Node, carol: Node) -> None:
    for _ in range(3):
        carol.crash()
        assert lab.run_until(lambda: not alice.connections(), timeout=PATIENCE)
        with pytest.raises(DialError):
            alice.connect(carol)
        carol.restart(reconnect=False)
        assert alice.connect(carol).peer == carol.peer_id


def test_what_cannot_be_dialled_at_all_is_not_tried_again(alice: Node) -> None:
    with pytest.raises(DialError, match="itself") as failed:
        alice.connect(alice, retries=50)
    assert failed.value.attempts == []


@pytest.mark.parametrize("wrong", [{"retries": -1}, {"retries": 1.5}, {"retries": True}, {"retries": 1, "backoff": -1}])
def test_wrong_retries_are_refused(alice: Node, carol: Node, wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        alice.connect(carol, **wrong)
    assert alice.connections() == []


def test_a_dial_that_the_other_end_lets_go_of_tells_the_address_too(lab: Lab, alice: Node, carol: Node) -> None:
    carol.block("alice")
    with pytest.raises(DialError) as failed:
        alice.connect(carol)
    ((address, seconds, why),) = failed.value.attempts
    assert (address, seconds > 0) == (carol.addresses[0], True)
    assert why in str(failed.value)
    assert f"1. {address}" in repr(lab.why(failed.value))


def test_a_listener_that_closes_while_hands_are_shaken_is_told_of_in_a_few_words(
    lab: Lab, alice: Node, carol: Node
) -> None:
    carol.limits = Limits(node=Limit(connections=0))
    with pytest.raises(DialError, match=r"handshake failed: (the listener|whoever answered) closed the connection$"):
        alice.connect(carol)
