"""Faults of the network in the words that mean the same in both worlds, on the loopback and in memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.errors import DialError, LabError, NotInThisWorldError, UnknownNodeError, ValidationError
from p2plab.typing import PeerId

PATIENCE = 20.0


@pytest.fixture
def settings(backend: str) -> dict[str, Any]:
    return {"connection_timeout": 1.0} if backend == "mock" else {}


@pytest.fixture
def lab(new_lab: Callable[..., Lab], settings: dict[str, Any]) -> Lab:
    return new_lab(**settings)


def test_a_partition_ends_connections_until_it_heals(lab: Lab, wait: Callable[[Callable[[], object]], None]) -> None:
    a, b, c, d = lab.start_nodes(4)
    lab.wire("full")
    cut = lab.network.partition([a, b], [c, d])
    wait(lambda: lab.edges() == [("n0", "n1"), ("n2", "n3")])
    assert a.ping(b) > 0
    with pytest.raises(DialError) as failed:
        a.connect(c, timeout=1)
    assert lab.why(failed.value).events[-1].kind == "connection.failed"
    cut.heal()
    assert a.connect(c).peer == c.peer_id
    assert [event.kind for event in lab.events.filter(kind="network")] == ["network.partition", "network.heal"]


def test_messages_do_not_cross_a_partition_and_do_again(lab: Lab, wait: Callable[[Callable[[], object]], None]) -> None:
    a, b = lab.start_nodes(2)
    a.connect(b)
    news = b.subscribe("news")
    a.subscribe("news")
    wait(lambda: a.mesh("news"))
    lab.network.partition([a], [b])
    wait(lambda: not a.peers() and not b.peers())
    a.publish("news", b"lost")
    lab.network.heal()
    a.connect(b)
    wait(lambda: a.topic_peers("news"))
    sent = a.publish("news", b"arrives")
    wait(lambda: sent.id in [message.id for message in news.messages])


@pytest.mark.parametrize("groups", [(), (["n0"],), (["n0"], ["n0"]), (["n0"], [])])
def test_a_partition_that_is_none_changes_nothing(lab: Lab, groups: tuple[list[str], ...]) -> None:
    lab.start_nodes(2)
    lab.wire("line")
    with pytest.raises(ValidationError):
        lab.network.partition(*groups)
    with pytest.raises(UnknownNodeError):
        lab.network.partition(["n0"], ["nobody"])
    assert lab.edges() == [("n0", "n1")]


@pytest.fixture
def pair(lab: Lab, backend: str) -> tuple[Node, Node]:
    """Two connected nodes whose link can be slow."""
    given: dict[str, Any] = {} if backend == "mock" else {"transports": ["memory"], "listen": "/memory/0"}
    a, b = lab.start_nodes(2, **given)
    a.connect(b)
    return a, b


def test_a_links_latency_is_felt(lab: Lab, pair: tuple[Node, Node]) -> None:
    a, b = pair
    lab.network.set_link(latency=0.2, between=(a, b))
    assert a.ping(b) >= 0.4
    lab.network.set_link(latency=0.001, between=(a, b))
    assert a.ping(b) > 0


def test_what_is_held_arrives_when_it_is_released(lab: Lab, pair: tuple[Node, Node]) -> None:
    a, b = pair
    lab.network.hold(a, b)
    with pytest.raises(TimeoutError):
        a.ping(b, timeout=0.3)
    lab.network.release(a, b)
    assert a.ping(b) > 0


def test_what_is_undone_is_named_whole(lab: Lab, pair: tuple[Node, Node]) -> None:
    a, b = pair
    lab.network.hold(a, b)
    for one, other in ((a, None), (None, b), ("n7", "n8")):
        with pytest.raises(LabError, match=r"takes two nodes|no node of this lab is 'n7'"):
            lab.network.release(one, other)
    with pytest.raises(ValidationError, match="heal takes what partition gave"):
        lab.network.heal("n0")
    with pytest.raises(TimeoutError):  # it is held still
        a.ping(b, timeout=0.3)


@pytest.mark.real
def test_what_the_loopback_cannot_do_is_refused_with_the_way_round() -> None:
    with Lab("real") as lab:
        a, b = lab.start_nodes(2)
        tried: list[tuple[str, Callable[[], object]]] = [
            ("memory", lambda: lab.network.set_link(latency=0.1)),
            ("memory", lambda: lab.network.set_link(latency=0.1, between=(a, b))),
            ("memory", lambda: lab.network.hold(a, b)),
            ("memory", lambda: lab.network.partition([a], [b], one_way=True)),
            ("mock", lambda: lab.network.set_node(a, up=1e6)),
            ("mock", lambda: lab.network.drop(3)),
            ("mock", lambda: lab.network.set_link(jitter=0.01)),
        ]
        for way_round, verb in tried:
            with pytest.raises(NotInThisWorldError, match=way_round):
                verb()
        assert not hasattr(lab.network, "nothing_of_the_kind")


@pytest.mark.real
def test_a_connection_that_a_partition_cuts_is_listed_and_given_to_nobody_any_more() -> None:
    with Lab("real") as lab:
        a, b = lab.start_nodes(2)
        a.connect(b)
        cut = lab.network.partition([a], [b])
        assert (a.connections(), b.connections(), a.peers(), b.peers(), lab.edges()) == ([], [], [], [], [])
        for one, other in ((a, b), (b, a)):
            with pytest.raises(DialError, match="no route: a partition is between the two"):
                one.connect(other)
        cut.heal()
        assert a.connect(b).peer == b.peer_id


def test_what_was_not_done_in_time_names_the_verb_and_the_peer(pair: tuple[Node, Node]) -> None:
    a, b = pair
    network: Any = a.world.network  # type: ignore[attr-defined]  # a World of either kind has it
    b.handle_request("/late/1", late)
    a.connect(b)
    a.ping(b)
    network.hold(a, b)
    for verb, said in (
        (a.ping, "ping n1: not done within 0.5 s"),
        (a.identify, "identify n1: not done within 0.5 s"),
        (partial(a.request, protocol="/late/1", data="?"), "request to n1: not done within 0.5 s"),
        (a.perf, "perf with n1: not done within 0.5 s"),
    ):
        with pytest.raises(TimeoutError, match=said):
            verb(b, timeout=0.5)


async def late(request: bytes, peer: PeerId) -> bytes:
    return request


@pytest.mark.parametrize("wrong", ["x", -1, True])
def test_a_setting_of_a_link_that_is_none_is_named_as_it_was_given(pair: tuple[Node, Node], wrong: Any) -> None:
    network: Any = pair[0].world.network  # type: ignore[attr-defined]  # a World of either kind has it
    for name in ("latency", "loss"):
        with pytest.raises(ValidationError, match=f"{name} must be .* not {wrong!r}"):
            network.set_link(between=pair, **{name: wrong})
