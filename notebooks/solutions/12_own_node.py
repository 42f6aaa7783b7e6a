"""Reference solutions of lesson 12: one function an exercise. The first two take the address of a node outside."""

from __future__ import annotations

from p2plab import Lab

__all__ = ["answer_1", "answer_2", "answer_3"]


def answer_1(address: str) -> Lab:
    """Attached, dialled, pinged."""
    lab = Lab("real", seed=121)
    alice = lab.start_node("alice")
    ext = lab.attach(address)
    alice.connect(ext)
    alice.ping(ext)
    return lab


def answer_2(address: str) -> Lab:
    """Bob knows only alice, and alice passes on."""
    lab = Lab("real", seed=122)
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    ext = lab.attach(address)
    alice.connect(ext)
    bob.connect(alice)
    for node in (alice, bob):
        node.subscribe("news")
    assert lab.run_until(lambda: len(alice.mesh("news")) == 2 and len(bob.mesh("news")) == 1, timeout=30)
    bob.publish("news", "roll call")
    assert lab.run_until(lambda: len(lab.events.filter(kind="pubsub.deliver", node="bob")) == 2, timeout=30)
    return lab


def answer_3() -> dict[str, str]:
    """What lab.diagnose says."""
    return {"another port": "port", "another peer id": "peer id", "another version": "protocols"}
