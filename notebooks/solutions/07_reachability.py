"""Reference solutions of lesson 07: one function an exercise, which returns the answer."""

from __future__ import annotations

from p2plab import Lab

__all__ = ["answer_1", "answer_2", "answer_3", "answer_4"]


def answer_1() -> Lab:
    """A box that opens a port when it is asked."""
    lab = Lab(seed=71)
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    lab.network.add_nat(bob, "symmetric", upnp=True)
    alice.connect(bob)
    return lab


def answer_2() -> Lab:
    """A relay, at which both reserve a slot."""
    lab = Lab(seed=72)
    for name in ("alice", "bob"):
        lab.network.add_nat(lab.start_node(name), "symmetric")
    relay = lab.start_node("relay", role="relay")
    for name in ("alice", "bob"):
        lab[name].connect(relay)
    lab.run(10)
    lab["alice"].connect("bob")
    return lab


def answer_3() -> list[str]:
    """The box that minds the address only."""
    return ["restricted"]


def answer_4() -> Lab:
    """The same box in a lab."""
    lab = Lab(seed=7)
    public = [lab.start_node("relay", role="relay"), *lab.start_nodes(4)]
    for name, kind in (("alice", "symmetric"), ("bob", "restricted")):
        node = lab.start_node(name)
        lab.network.add_nat(node, kind)
        for other in public:
            node.connect(other)
    lab.run(30)
    lab["alice"].connect("bob")
    lab.run(10)
    return lab
