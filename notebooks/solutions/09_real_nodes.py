"""Reference solutions of lesson 09: one function an exercise, which returns the answer."""

from __future__ import annotations

from p2plab import Lab

__all__ = ["answer_1", "answer_2", "answer_3", "answer_4"]


def _meshed(lab: Lab) -> None:
    """Everybody subscribes, and has all neighbours in the mesh."""
    for node in lab.nodes:
        node.subscribe("news")
    assert lab.run_until(lambda: all(len(node.mesh("news")) == len(node.peers()) for node in lab.nodes), timeout=30)


def _published(lab: Lab, data: str) -> None:
    """A message from n0 has come to everybody."""
    message = lab["n0"].publish("news", data)
    assert lab.run_until(lambda: not lab.propagation(message).missing, timeout=20)


def answer_1() -> Lab:
    """A ring: those on the far side hear it from their neighbours."""
    lab = Lab("real", seed=91)
    lab.start_nodes(5)
    lab.wire("ring")
    _meshed(lab)
    _published(lab, "hello")
    return lab


def answer_2() -> dict[str, str]:
    """Who owns the clock can plan; who has sockets can talk to strangers."""
    return {
        "publish": "both",
        "at": "mock",
        "snapshot": "mock",
        "attach": "real",
        "partition": "both",
        "as_libp2p_script": "real",
    }


def answer_3() -> Lab:
    """Bytes that go through this program can be held back."""
    lab = Lab("real", seed=93, transports=["memory"])
    a, b = lab.start_nodes(2)
    lab.network.set_link(latency=0.1)
    a.connect(b)
    a.ping(b)
    return lab


def answer_4() -> Lab:
    """Cut, healed, and dialled again."""
    lab = Lab("real", seed=94)
    lab.start_nodes(4)
    lab.wire("line")
    _meshed(lab)
    lab.network.partition(["n0", "n1"], ["n2", "n3"])
    message = lab["n0"].publish("news", "who hears me?")
    assert lab.run_until(lambda: len(lab.propagation(message)) == 2, timeout=20)
    lab.network.heal()
    lab.wire("line")
    _meshed(lab)
    _published(lab, "and now?")
    return lab
