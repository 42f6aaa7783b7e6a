"""Hosts of the user's own making in a lab: they run in it, use its verbs and are watched like its others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libp2p
import pytest
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.secp256k1 import create_new_key_pair as another_kind
from libp2p.custom_types import TProtocol
from libp2p.host.basic_host import BasicHost
from multiaddr import Multiaddr

from p2plab import Lab
from p2plab.errors import ConfigurationError, LabError, NotInThisWorldError, ValidationError
from p2plab.real.host import RealHost
from p2plab.stream import NetStream

WAIT = 20.0


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


def make(key_pair: KeyPair, listen: Sequence[Multiaddr]) -> Any:
    return libp2p.new_host(key_pair=key_pair)


def use(lab: Lab, own: str, other: str) -> None:
    """All that nodes do with each other, both ways."""
    a, b = lab[own], lab[other]
    assert a.connect(b).peer == b.peer_id
    assert a.ping(b) > 0
    assert b.ping(a) > 0
    assert "/ipfs/ping/1.0.0" in b.identify(a).protocols
    a.handle("/echo/1", echo)
    stream = b.open_stream(a, "/echo/1")
    stream.write(b"x")
    assert stream.read() == b"x"
    stream.close()
    news = a.subscribe("news")
    assert lab.run_until(lambda: b.topic_peers("news"), timeout=WAIT)
    sent = b.publish("news", b"hello")
    assert news.get(timeout=WAIT).id == sent.id
    kinds = {event.kind for event in lab.events.filter(node=own)}
    assert {"connection.opened", "stream.opened", "pubsub.receive", "pubsub.deliver", "identify.received"} <= kinds
    assert lab.edges() == [tuple(sorted((own, other)))]


def test_a_factory_makes_the_host_of_a_node(lab: Lab) -> None:
    alice, bob = lab.start_node("alice", host_factory=make), lab.start_node("bob")
    host = lab.world.hosts()["alice"]
    assert isinstance(host, RealHost)
    assert type(host.stack.host) is BasicHost
    assert alice.peer_id != bob.peer_id
    use(lab, "alice", "bob")
    alice.disconnect(bob)
    alice.stop()
    alice.restart()
    assert bob.connect(alice).peer == alice.peer_id


def test_a_host_of_ones_own_is_adopted_with_its_key_and_its_protocols(lab: Lab) -> None:
    host = libp2p.new_host(key_pair=create_new_key_pair(b"k" * 32))

    async def answer(stream: Any) -> None:
        await stream.write(b"own")
        await stream.close()

    host.set_stream_handler(TProtocol("/own/1"), answer)
    node = lab.adopt(host, "mine")
    bob = lab.start_node("bob")
    assert str(node.peer_id) == str(host.get_id())
    use(lab, "mine", "bob")
    assert bob.open_stream(node, "/own/1").read() == b"own"


def test_a_lab_closes_what_it_has_adopted() -> None:
    host = libp2p.new_host(key_pair=create_new_key_pair(b"k" * 32))
    with Lab("real") as lab:
        lab.adopt(host, "mine")
        lab["mine"].connect(lab.start_node("bob"))
    assert all(not listener.listeners for listener in host.get_network().listeners.values())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("factory", "error"),
    [
        ("make", ValidationError),
        (lambda key_pair, listen: None, ConfigurationError),
        (lambda key_pair, listen: libp2p.new_host(key_pair=create_new_key_pair()), ConfigurationError),
    ],
    ids=["no function", "no host", "another key"],
)
def test_a_factory_that_gives_no_such_host_is_refused(lab: Lab, factory: Any, error: type[LabError]) -> None:
    with pytest.raises(error):
        lab.start_node("alice", host_factory=factory)
    assert lab.nodes == []


def test_what_cannot_be_adopted_says_why(lab: Lab) -> None:
    with pytest.raises(ValidationError):
        lab.adopt("host", "mine")
    with pytest.raises(ConfigurationError, match="Ed25519"):
        lab.adopt(libp2p.new_host(key_pair=another_kind()), "mine")
    with Lab() as mock, pytest.raises(NotInThisWorldError):
        mock.adopt(None, "mine")


def test_a_factory_that_raises_is_named_with_what_it_raised(lab: Lab) -> None:
    def broken(key_pair: KeyPair, listen: Sequence[Multiaddr]) -> Any:
        return 1 / 0

    with pytest.raises(ConfigurationError, match=r"host_factory=.*broken raised ZeroDivisionError: ") as raised:
        lab.start_node("alice", host_factory=broken)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert lab.nodes == []
