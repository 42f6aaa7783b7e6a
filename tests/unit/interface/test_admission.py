"""Whom a node dials and lets in, how much they may take, and who goes when there are too many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from p2plab import AsyncLab, Lab, Node
from p2plab.admission import Gate, Limit, Limits, Request, Rule, Watermarks
from p2plab.constants import FLOODSUB_ID, LAB_KAD_ID
from p2plab.errors import ConfigurationError, DialError, LabError, UnknownNodeError, ValidationError
from p2plab.identity.address import parse_address
from p2plab.stream import NetStream, StreamError
from p2plab.stream.flow.window import WINDOW

Wait = Callable[[Callable[[], object]], None]
NewLab = Callable[..., Lab]
ECHO = "/echo/1.0.0"
NOBODY = "12D3KooWGRUfvqMAzYbVY2DBjTZyb7Tk6r8sQk5xzKDkA1nHkaVZ"


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


def refusals(lab: Lab, node: Node, kind: str = "connection.refused") -> list[tuple[str | None, str | None, str | None]]:
    """The stage, reason and peer of each."""
    events = lab.events.filter(kind=kind, node=node)
    return [((event.data or {}).get("stage"), event.reason, event.peer) for event in events]


def held(node: Node, scope: str, resource: str, name: str = "") -> int:
    rows = node.usage()
    return sum(row.used for row in rows if (row.scope, row.resource, row.name) == (scope, resource, name))


def restarted(lab: Lab, times: int) -> bool:
    return len(lab.events.filter(kind="node.restarted")) == times


def kinds_and_reasons(lab: Lab, error: LabError) -> list[tuple[str, str | None]]:
    return [(event.kind, event.reason) for event in lab.why(error)]


def test_limits_of_a_protocol_name_it_by_its_id() -> None:
    with pytest.raises(ValidationError, match=r"a protocol id begins with a slash, as in /chat/1\.0\.0, not 'echo'"):
        Limits(protocols={"echo": Limit(streams=1)})


# -- gating


def test_a_blocked_peer_is_not_dialled_and_the_error_says_so(lab: Lab, bob: Node) -> None:
    alice = lab.start_node("alice", gate=Gate(block=(Rule(peer="bob"),)))
    with pytest.raises(DialError, match="blocked: the gate's rule peer=bob blocks bob") as raised:
        alice.connect(bob)
    ((address, seconds, why),) = raised.value.attempts
    assert address == bob.addresses[0]
    assert seconds >= 0
    assert why.startswith("blocked: ")
    assert refusals(lab, alice) == [("dial", "blocked", "bob")]
    assert kinds_and_reasons(lab, raised.value)[-2:] == [
        ("connection.refused", "blocked"),
        ("connection.failed", "blocked"),
    ]
    assert alice.connections() == []


def test_a_blocked_peer_is_not_let_in_once_it_has_proved_who_it_is(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob", gate=Gate(block=(Rule(peer=str(alice.peer_id)),)))
    with pytest.raises(DialError, match="closed") as raised:
        alice.connect(bob)
    assert refusals(lab, bob) == [("secured", "blocked", "alice")]
    assert ("connection.refused", "blocked") in kinds_and_reasons(lab, raised.value)
    assert lab.edges() == []
    assert bob.connect(lab.start_node("carol")).peer == lab["carol"].peer_id


def test_a_blocked_subnet_is_not_even_listened_to(lab: Lab, alice: Node) -> None:
    subnet = f"{parse_address(alice.addresses[0]).ip}/32"
    bob = lab.start_node("bob", gate=Gate(block=(Rule(subnet=subnet),)))
    with pytest.raises(DialError, match="handshake failed") as raised:
        alice.connect(bob)
    assert refusals(lab, bob) == [("accept", "blocked", None)]
    reasons = lab.why(raised.value)
    assert (reasons[0].kind, reasons[0].node, (reasons[0].data or {})["verb"]) == ("lab.command", "alice", "connect")
    assert [event.kind for event in reasons][-2:] == ["connection.refused", "connection.failed"]
    with pytest.raises(DialError, match=f"rule subnet={subnet}"):
        bob.connect(alice)


def test_an_address_is_blocked_by_its_multiaddr_or_the_beginning_of_one(lab: Lab, alice: Node, bob: Node) -> None:
    where = parse_address(bob.addresses[0]).base
    alice.gate = Gate(block=(Rule(address=where),))
    with pytest.raises(DialError, match="blocked"):
        alice.connect(bob)
    alice.gate = Gate(block=(Rule(address=where + "/ws"),))
    assert alice.connect(bob)


def test_a_direction_is_blocked_without_the_other(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob", gate=Gate(block=(Rule(direction="inbound"),)))
    with pytest.raises(DialError):
        alice.connect(bob)
    assert bob.connect(alice).direction == "outbound"


def test_only_whom_the_gate_allows_is_let_in(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob", gate=Gate(allow=(Rule(peer="alice"),)))
    carol = lab.start_node("carol")
    assert alice.connect(bob)
    with pytest.raises(DialError):
        carol.connect(bob)
    assert refusals(lab, bob) == [("secured", "not allowed", "carol")]
    assert alice.ping(bob) > 0


def test_a_protocol_is_blocked_for_who_asks_for_it_and_nothing_else_is(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob", gate=Gate(block=(Rule(protocol="/echo/1.x", direction="inbound"),)))
    bob.handle(ECHO, echo)
    with pytest.raises(StreamError) as raised:
        alice.open_stream(bob, ECHO)
    assert raised.value.kind == "protocol not supported"
    assert refusals(lab, bob, "stream.refused") == [("stream", "blocked", "alice")]
    assert ("stream.refused", "blocked") in kinds_and_reasons(lab, raised.value)
    assert alice.ping(bob) > 0
    alice.gate = Gate(block=(Rule(protocol="/ipfs/ping/1.0.0", direction="outbound"),))
    with pytest.raises(StreamError, match="alice opens no stream: blocked") as raised:
        alice.ping(bob)
    assert raised.value.kind == "refused"
    assert bob.ping(alice) > 0


def test_of_several_protocols_those_that_are_blocked_are_not_asked_for(lab: Lab, alice: Node, bob: Node) -> None:
    for protocol in (ECHO, "/echo/2.0.0"):
        bob.handle(protocol, echo)
    alice.gate = Gate(block=(Rule(protocol="/echo/2.0.0"),))
    assert alice.open_stream(bob, ["/echo/2.0.0", ECHO]).protocol == ECHO
    alice.gate = None
    bob.gate = Gate(block=(Rule(protocol="/echo/2.0.0"),))
    assert alice.open_stream(bob, ["/echo/2.0.0", ECHO]).protocol == ECHO


def test_a_predicate_sees_each_stage_with_what_is_known_by_then(lab: Lab, alice: Node) -> None:
    seen: list[Request] = []

    def predicate(request: Request) -> bool | str:
        seen.append(request)
        return "no chat today" if request.protocol == "/chat/1.0.0" else True

    bob = lab.start_node("bob", gate=Gate(predicate=predicate))
    bob.handle("/chat/1.0.0", echo)
    with pytest.raises(StreamError):
        alice.open_stream(bob, "/chat/1.0.0")
    accept, secured = seen[:2]
    assert (accept.stage, accept.peer, accept.direction) == ("accept", None, "inbound")
    assert (secured.stage, secured.peer) == ("secured", alice.peer_id)
    assert secured.peer is not None
    assert secured.peer.name == "alice"
    assert parse_address(str(secured.address)).ip == parse_address(alice.addresses[0]).ip
    asked = [request for request in seen if request.protocol == "/chat/1.0.0"]
    assert [(one.stage, one.direction, one.peer) for one in asked] == [("stream", "inbound", alice.peer_id)]
    (refused,) = lab.events.filter(kind="stream.refused", node=bob)
    assert refused.reason == "predicate"
    assert "no chat today" in (refused.data or {})["text"]


def test_a_predicate_that_raises_refuses_and_is_an_error_event(lab: Lab, alice: Node) -> None:
    def predicate(request: Request) -> bool:
        raise KeyError("nobody knows")

    bob = lab.start_node("bob", gate=Gate(predicate=predicate))
    with pytest.raises(DialError):
        alice.connect(bob)
    with pytest.raises(DialError, match="predicate"):
        bob.connect(alice)
    errors = lab.events.filter(kind="error", node=bob)
    assert [(event.reason, (event.data or {})["type"]) for event in errors] == [("admission", "KeyError")] * 2
    refused = lab.events.filter(kind="connection.refused", node=bob)
    assert [event.cause for event in refused] == [event.seq for event in errors]
    bob.gate = None
    assert alice.connect(bob)


# -- authorization


def test_only_the_authorized_may_use_a_protocol(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob", authorize={ECHO: ["carol"]})
    carol = lab.start_node("carol")
    bob.handle(ECHO, echo)
    with pytest.raises(StreamError) as raised:
        alice.open_stream(bob, ECHO)
    assert raised.value.kind == "protocol not supported"
    assert ("stream.refused", "unauthorized") in kinds_and_reasons(lab, raised.value)
    stream = carol.open_stream(bob, ECHO)
    stream.write(b"x")
    assert stream.read() == b"x"
    assert alice.ping(bob) > 0


def test_an_authorizer_sees_the_verified_peer_and_the_protocol(lab: Lab, alice: Node, bob: Node) -> None:
    seen: list[tuple[Any, Any]] = []

    def authorizer(request: Request) -> bool:
        seen.append((request.peer, request.protocol))
        if request.protocol == "/broken/1.0.0":
            raise ValueError("no idea")
        return request.peer == alice.peer_id

    carol = lab.start_node("carol")
    bob.authorize = {"/echo/1.x": authorizer, "/broken/1.0.0": authorizer}
    for protocol in ("/echo/1.x", "/broken/1.0.0"):
        bob.handle(protocol, echo)
    assert alice.open_stream(bob, "/echo/1.4.0").protocol == "/echo/1.4.0"
    for node, protocol in ((carol, "/echo/1.4.0"), (alice, "/broken/1.0.0")):
        with pytest.raises(StreamError):
            node.open_stream(bob, protocol)
    assert seen == [
        (alice.peer_id, "/echo/1.4.0"),
        (carol.peer_id, "/echo/1.4.0"),
        (alice.peer_id, "/broken/1.0.0"),
    ]
    (error,) = lab.events.filter(kind="error", node=bob)
    assert (error.reason, (error.data or {})["type"]) == ("admission", "ValueError")


# -- limits


def test_connections_over_a_limit_are_refused_with_the_numbers_and_end_to_make_room(
    lab: Lab, alice: Node, wait: Wait
) -> None:
    bob = lab.start_node("bob", limits=Limits(node=Limit(connections_inbound=1)))
    carol = lab.start_node("carol")
    alice.connect(bob)
    with pytest.raises(DialError, match="handshake failed"):
        carol.connect(bob)
    (refused,) = lab.events.filter(kind="connection.refused", node=bob)
    assert refused.reason == "limit"
    numbers = {"scope": "node", "resource": "connections_inbound", "used": 1, "wanted": 1, "limit": 1}
    assert numbers.items() <= (refused.data or {}).items()
    assert bob.connect(carol).direction == "outbound"
    alice.disconnect(bob)
    wait(lambda: not bob.connections(alice) and not held(bob, "node", "connections_inbound"))
    assert lab.start_node("dave").connect(bob)


def test_a_dial_over_this_end_s_limit_is_refused_here(lab: Lab, bob: Node) -> None:
    alice = lab.start_node("alice", limits=Limits(node=Limit(connections=1)))
    carol = lab.start_node("carol")
    alice.connect(bob)
    with pytest.raises(DialError, match="limit: the node has 1 connections, and the limit is 1") as raised:
        alice.connect(carol)
    assert kinds_and_reasons(lab, raised.value)[-1] == ("connection.failed", "limit")
    alice.disconnect(bob)
    assert alice.connect(carol)


def test_a_single_peer_can_have_limits_of_its_own(lab: Lab, alice: Node) -> None:
    limits = Limits(peers={"alice": Limit(connections=0)}, peer=Limit(connections=1))
    bob = lab.start_node("bob", limits=limits)
    with pytest.raises(DialError):
        alice.connect(bob)
    assert refusals(lab, bob) == [("secured", "limit", "alice")]
    assert lab.start_node("carol").connect(bob)


def test_streams_over_a_protocol_s_limit_are_reset_at_once_and_end_to_make_room(
    lab: Lab, alice: Node, bob: Node, wait: Wait
) -> None:
    bob.handle(ECHO, echo)
    bob.limits = Limits(protocols={ECHO: Limit(streams=2)})
    streams = [alice.open_stream(bob, ECHO) for _ in range(2)]
    with pytest.raises(StreamError) as raised:
        alice.open_stream(bob, ECHO)
    assert raised.value.kind == "reset"
    (refused,) = lab.events.filter(kind="stream.refused", node=bob)
    numbers = {"scope": "protocol", "resource": "streams", "used": 2, "limit": 2, "name": ECHO}
    assert numbers.items() <= (refused.data or {}).items()
    assert ("stream.refused", "limit") in kinds_and_reasons(lab, raised.value)
    for stream in streams:
        stream.write(b"still there")
        assert stream.read() == b"still there"
    streams[0].close()
    wait(lambda: held(bob, "protocol", "streams", ECHO) == 1)
    assert alice.open_stream(bob, ECHO)


def test_streams_over_this_end_s_limit_are_refused_before_they_are_opened(
    lab: Lab, alice: Node, bob: Node, wait: Wait
) -> None:
    bob.handle(ECHO, echo)
    alice.limits = Limits(protocol=Limit(streams_outbound=1))
    stream = alice.open_stream(bob, ECHO)
    with pytest.raises(StreamError, match="has 1 outbound streams, and the limit is 1") as raised:
        alice.open_stream(bob, ECHO)
    assert raised.value.kind == "limit"
    stream.close()
    wait(lambda: not held(alice, "protocol", "streams", ECHO))
    assert alice.open_stream(bob, ECHO)


def test_a_peer_and_the_whole_node_have_a_number_of_streams_too(lab: Lab, alice: Node, bob: Node, wait: Wait) -> None:
    bob.handle(ECHO, echo)
    alice.connect(bob)
    wait(lambda: alice.peers() and bob.peers() and bob.peers()[0].protocols)

    def of_identify(kind: str) -> int:
        protocols = [(event.data or {})["protocol"] for event in lab.events.filter(kind=kind, node=bob)]
        return protocols.count("/ipfs/id/1.0.0")

    wait(lambda: of_identify("stream.opened") == of_identify("stream.closed"))
    held_by_alice = held(bob, "peer", "streams_inbound", "alice")
    bob.limits = Limits(peer=Limit(streams_inbound=held_by_alice + 1))
    alice.open_stream(bob, ECHO)
    with pytest.raises(StreamError):
        alice.open_stream(bob, ECHO)
    (refused,) = lab.events.filter(kind="stream.refused", node=bob)
    assert (refused.reason, (refused.data or {})["scope"]) == ("limit", "peer")
    bob.limits = Limits(node=Limit(streams_inbound=held(bob, "node", "streams_inbound")))
    with pytest.raises(StreamError):
        alice.open_stream(bob, ECHO)
    assert (lab.events.filter(kind="stream.refused", node=bob)[-1].data or {})["scope"] == "node"


def test_memory_is_counted_in_windows_and_bounded_per_protocol(lab: Lab, alice: Node, bob: Node) -> None:
    bob.handle(ECHO, echo)
    bob.limits = Limits(protocols={ECHO: Limit(memory=2 * WINDOW)})
    for _ in range(2):
        alice.open_stream(bob, ECHO)
    assert held(bob, "protocol", "memory", ECHO) == 2 * WINDOW
    with pytest.raises(StreamError):
        alice.open_stream(bob, ECHO)
    (refused,) = lab.events.filter(kind="stream.refused", node=bob)
    numbers = {"resource": "memory", "used": 2 * WINDOW, "wanted": WINDOW, "limit": 2 * WINDOW}
    assert numbers.items() <= (refused.data or {}).items()


def test_a_stream_that_is_counted_carries_more_than_its_window(lab: Lab, alice: Node, bob: Node) -> None:
    bob.handle(ECHO, echo)
    bob.limits = alice.limits = Limits(peer=Limit(memory=16 * WINDOW))
    stream = alice.open_stream(bob, ECHO)
    for _ in range(12):
        stream.write(bytes(65_536))
        assert len(stream.read_exactly(65_536)) == 65_536


def test_when_everything_has_ended_nothing_is_held(lab: Lab, alice: Node, wait: Wait) -> None:
    bob = lab.start_node("bob", limits=Limits(node=Limit(connections=5)))
    bob.handle(ECHO, echo)
    for _ in range(3):
        alice.open_stream(bob, ECHO).write(b"x")
    alice.ping(bob)
    alice.disconnect(bob)
    wait(lambda: not bob.connections() and not any(row.used for row in bob.usage()))
    alice.connect(bob)
    alice.crash()
    wait(lambda: not bob.connections() and not any(row.used for row in bob.usage()))


def test_a_node_that_comes_back_has_its_door_and_holds_nothing(lab: Lab, alice: Node, wait: Wait) -> None:
    bob = lab.start_node("bob", gate=Gate(block=(Rule(peer="carol"),)))
    carol = lab.start_node("carol")
    alice.connect(bob)
    bob.crash()
    wait(lambda: not any(row.used for row in bob.usage()))
    bob.restart()
    wait(lambda: bob.running and bob.addresses)
    with pytest.raises(DialError):
        carol.connect(bob)
    assert alice.connect(bob)
    wait(lambda: held(bob, "node", "connections") == 1)


# -- watermarks


def spokes(lab: Lab, hub: Node, count: int) -> list[Node]:
    """Nodes that the hub dials one after the other."""
    nodes = lab.start_nodes(count)
    for node in nodes:
        hub.connect(node)
    return nodes


def test_above_the_high_watermark_the_least_valuable_connections_go(lab: Lab, alice: Node, wait: Wait) -> None:
    nodes = spokes(lab, alice, 5)
    alice.tag(nodes[3], "storage", 10)
    alice.tag(nodes[1], "storage", 5)
    alice.tag(nodes[1], "relay", 1)
    alice.protect(nodes[4], "friend")
    alice.watermarks = Watermarks(low=3, high=4, grace=0)
    wait(lambda: len(lab.events.filter(kind="connection.closed", node=alice)) == 2)
    assert sorted(peer.name for peer in alice.peers()) == ["n1", "n3", "n4"]
    trimmed = lab.events.filter(kind="connection.trimmed", node=alice)
    assert {(event.peer, event.reason) for event in trimmed} == {("n0", "trimmed"), ("n2", "trimmed")}
    assert all({"value": 0, "count": 5, "low": 3, "high": 4}.items() <= (event.data or {}).items() for event in trimmed)
    closed = lab.events.filter(kind="connection.closed", node=alice)
    assert {(event.peer, event.reason) for event in closed} == {("n0", "trimmed"), ("n2", "trimmed")}
    assert {event.cause for event in closed} == {event.seq for event in trimmed}
    wait(lambda: len(lab.edges()) == 3)


def test_a_new_connection_is_safe_for_the_grace_period(lab: Lab, alice: Node, wait: Wait) -> None:
    alice.watermarks = Watermarks(low=1, high=1, grace=1.0)
    spokes(lab, alice, 3)
    wait(lambda: len(alice.connections()) == 1)
    opened = {event.peer: event.t for event in lab.events.filter(kind="connection.opened", node=alice)}
    for event in lab.events.filter(kind="connection.trimmed", node=alice):
        assert event.t - opened[event.peer] >= 0.999


def test_the_protected_are_never_closed_until_the_last_protection_is_taken_away(
    lab: Lab, alice: Node, wait: Wait
) -> None:
    nodes = spokes(lab, alice, 2)
    for node in nodes:
        alice.protect(node, "friend")
    alice.protect(nodes[0], "relay")
    alice.watermarks = Watermarks(low=0, high=0, grace=0)
    assert alice.protections(nodes[0]) == ["friend", "relay"]
    assert alice.unprotect(nodes[0], "friend") is True
    assert alice.unprotect(nodes[1], "friend") is False
    wait(lambda: [peer.name for peer in alice.peers()] == ["n0"])
    assert alice.unprotect(nodes[0], "relay") is False
    wait(lambda: not alice.peers())


def test_a_node_that_forgets_everything_forgets_its_tags(lab: Lab, alice: Node, bob: Node, wait: Wait) -> None:
    alice.tag(bob, "storage", 3)
    alice.protect(bob, "friend")
    for times, (state, tags) in enumerate([("kept", {"storage": 3}), ("lost", {})]):
        alice.crash()
        wait(lambda: not alice.running)
        alice.restart(state)
        wait(partial(restarted, lab, times + 1))
        assert alice.tags(bob) == tags
    assert alice.protections(bob) == []


def test_tags_are_kept_by_peer_whether_it_is_connected_or_not(lab: Lab, alice: Node, bob: Node) -> None:
    alice.tag(bob, "storage", 3)
    alice.tag(str(bob.peer_id), "relay", -1)
    alice.tag(NOBODY, "relay", 7)
    assert alice.tags("bob") == {"storage": 3, "relay": -1}
    assert alice.untag(bob, "relay") is True
    assert alice.untag(bob, "relay") is False
    assert alice.tags(bob) == {"storage": 3}
    assert alice.tags(NOBODY) == {"relay": 7}
    with pytest.raises(UnknownNodeError):
        alice.tag("carol", "relay", 1)


# -- while it runs


def test_blocking_closes_the_connections_that_it_fits_and_unblocking_lets_them_come_back(
    lab: Lab, alice: Node, bob: Node, wait: Wait
) -> None:
    carol = lab.start_node("carol")
    alice.connect(bob)
    carol.connect(bob)
    wait(lambda: len(bob.connections()) == 2)
    bob.block(alice)
    wait(lambda: lab.events.filter(kind="connection.closed", node=bob))
    wait(lambda: not alice.peers())
    assert [peer.name for peer in bob.peers()] == ["carol"]
    (closed,) = lab.events.filter(kind="connection.closed", node=bob)
    assert (closed.peer, closed.reason) == ("alice", "blocked")
    with pytest.raises(DialError):
        alice.connect(bob)
    assert bob.gate == Gate(block=(Rule(peer="alice"),))
    assert bob.unblock("alice") is True
    assert bob.unblock("alice") is False
    assert alice.connect(bob)
    changed = lab.events.filter(kind="admission.changed", node=bob)
    assert [(event.data or {})["what"] for event in changed] == ["gate", "gate"]


def test_settings_are_shown_and_can_be_changed_and_taken_away(lab: Lab, bob: Node) -> None:
    alice = lab.start_node("alice", gate=Gate(block=(Rule(peer="bob"),)), watermarks=Watermarks(low=1, high=2))
    assert alice.gate == Gate(block=(Rule(peer="bob"),))
    assert alice.watermarks == Watermarks(low=1, high=2)
    assert (alice.limits, alice.authorize, bob.gate) == (None, None, None)
    alice.gate = None
    alice.limits = Limits(node=Limit(streams=100))
    assert (alice.gate, alice.limits) == (None, Limits(node=Limit(streams=100)))
    assert alice.connect(bob)


def test_the_lab_s_settings_hold_for_every_node_that_has_none_of_its_own(new_lab: NewLab) -> None:
    lab = new_lab(gate=Gate(block=(Rule(peer="carol"),)), limits=Limits(node=Limit(connections=9)))
    alice, bob = lab.start_node("alice"), lab.start_node("bob", gate=Gate())
    carol = lab.start_node("carol")
    with pytest.raises(DialError):
        carol.connect(alice)
    assert carol.connect(bob)
    assert bob.limits == Limits(node=Limit(connections=9))


def test_a_door_made_while_the_node_runs_knows_what_there_is(lab: Lab, alice: Node, bob: Node, wait: Wait) -> None:
    bob.handle(ECHO, echo)
    stream = alice.open_stream(bob, ECHO)
    wait(bob.streams)
    bob.limits = Limits(protocols={ECHO: Limit(streams=1)}, node=Limit(connections=1))
    with pytest.raises(StreamError):
        alice.open_stream(bob, ECHO)
    with pytest.raises(DialError):
        lab.start_node("carol").connect(bob)
    stream.close()
    wait(lambda: not held(bob, "protocol", "streams", ECHO))
    alice.open_stream(bob, ECHO)
    alice.disconnect(bob)
    wait(lambda: not any(row.used for row in bob.usage()))


def test_wire_skips_nobody_silently(lab: Lab) -> None:
    nodes = lab.start_nodes(3)
    nodes[2].gate = Gate(block=(Rule(direction="inbound"),))
    with pytest.raises(DialError, match="could not reach n2"):
        lab.wire("line", nodes=nodes)
    assert lab.edges() == [("n0", "n1")]
    assert {reason for _, reason, _ in refusals(lab, nodes[2])} == {"blocked"}


def test_the_gate_and_the_limits_hold_for_the_dht_too(lab: Lab, alice: Node, bob: Node, wait: Wait) -> None:
    for node, other in ((alice, bob), (bob, alice)):
        assert node.dht.routing_table() is not None
        node.connect(other)
    wait(lambda: alice.peers() and alice.peers()[0].protocols)
    alice.dht.put("/lab/before", b"1")
    bob.authorize = {LAB_KAD_ID: []}
    alice.dht.get("/lab/nothing")
    refused = lab.events.filter(kind="stream.refused", node=bob)
    assert refused
    assert {(event.peer, event.reason) for event in refused} == {("alice", "unauthorized")}
    alice.gate = Gate(block=(Rule(protocol=LAB_KAD_ID, direction="outbound"),))
    alice.dht.get("/lab/nothing")
    assert {event.reason for event in lab.events.filter(kind="stream.refused", node=alice)} >= {"blocked"}


def test_the_gate_holds_for_pubsub_too(new_lab: NewLab) -> None:
    lab = new_lab(gate=Gate(block=(Rule(protocol="/meshsub/1.x"), Rule(protocol=FLOODSUB_ID))))
    nodes = lab.start_nodes(2)
    lab.wire("line", nodes=nodes)
    news = nodes[1].subscribe("news")
    assert nodes[0].topic_peers("news") == []
    nodes[0].publish("news", b"hello")
    assert nodes[0].ping(nodes[1]) > 0
    assert news.messages == []
    assert lab.run_until(lambda: lab.events.filter(kind="stream.refused", reason="blocked"), timeout=20)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gate", "bob"),
        ("limits", 3),
        ("watermarks", (1, 2)),
        ("authorize", 3),
        ("authorize", {"echo": ["bob"]}),
        ("authorize", "bob"),
        ("authorize", [""]),
        ("authorize", ["/echo/1.0.0"]),
        ("authorize", {ECHO: "bob"}),
        ("authorize", ["alcie"]),
        ("gate", Gate(block=(Rule(peer="alcie"),))),
    ],
    ids=str,
)
def test_nonsense_is_refused_and_changes_nothing(lab: Lab, alice: Node, name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        lab.start_node("bob", **{name: value})
    assert "bob" not in lab
    with pytest.raises(ValidationError):
        setattr(alice, name, value)
    assert getattr(alice, name) is None
    for what in (3, "", "10.0.0.0/99", "/ip4/999.1.1.1"):
        with pytest.raises(ValidationError):
            alice.block(what)
    assert alice.gate is None


def test_starting_a_node_again_with_another_gate_is_an_error(lab: Lab) -> None:
    gate = Gate(block=(Rule(peer="bob"),))
    assert lab.start_node("alice", gate=gate) is lab.start_node("alice", gate=Gate(block=(Rule(peer="bob"),)))
    with pytest.raises(ConfigurationError):
        lab.start_node("alice", gate=Gate())


def test_a_lab_without_any_of_it_records_nothing_of_it(lab: Lab, alice: Node, bob: Node) -> None:
    alice.connect(bob)
    alice.ping(bob)
    assert alice.gate is None
    assert not lab.events.filter(kind="admission")
    assert not lab.events.filter(kind="connection.refused")


@pytest.mark.anyio
async def test_the_awaited_face_has_the_same(backend: str) -> None:
    async with AsyncLab(backend, seed=7) as lab:
        alice, bob = await lab.start_node("alice"), await lab.start_node("bob")
        bob.block(alice)
        with pytest.raises(DialError):
            await alice.connect(bob)
        bob.unblock(alice)
        await alice.connect(bob)
        bob.protect(alice, "friend")
        assert bob.protections(alice) == ["friend"]
