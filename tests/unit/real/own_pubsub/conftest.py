"""``alice`` is a node on p2plab's router, ``bob`` on either; ``news`` is his subscription, of which she knows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab import Lab, Node
from p2plab.pubsub import Subscription
from tests.unit.real.own_pubsub.scene import WAIT, Until


@pytest.fixture
def until(lab: Lab) -> Until:
    def wait(condition: Callable[[], object]) -> None:
        assert lab.run_until(condition, timeout=WAIT), "it never came to pass"

    return wait


@pytest.fixture
def alice(lab: Lab) -> Node:
    """A node on p2plab's router."""
    return lab.start_node("alice", pubsub="p2plab")


@pytest.fixture(params=["libp2p", "p2plab"])
def bob(request: pytest.FixtureRequest, lab: Lab) -> Node:
    """A node on either router."""
    return lab.start_node("bob", pubsub=request.param)


@pytest.fixture
def news(alice: Node, bob: Node, until: Until) -> Subscription:
    """Bob's subscription, of which alice knows."""
    alice.connect(bob)
    subscription = bob.subscribe("news")
    until(lambda: alice.topic_peers("news"))
    return subscription
