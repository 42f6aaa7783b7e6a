"""Real nodes: starting, dialling with an account of what was tried, knowing each other, going and coming back."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio

from p2plab import Lab
from p2plab.errors import (
    AddressError,
    ClosedError,
    ConfigurationError,
    DialError,
    LabError,
    NotInThisWorldError,
    PeerIdError,
    UnknownNodeError,
    ValidationError,
)
from p2plab.identity.keys import Identity
from p2plab.real.connections.ports import HOLDS

WAIT = 20.0
STRANGER = Identity.derive(99, "stranger").peer_id


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


class TestStarting:
    def test_nodes_have_the_identities_that_the_seed_gives_them(self, lab: Lab) -> None:
        alice = lab.start_node("alice")
        assert alice.peer_id == Identity.derive(7, "alice").peer_id
        assert all(address.endswith(f"/p2p/{alice.peer_id}") for address in alice.addresses)

    def test_they_listen_on_the_loopback_unless_told_otherwise(self, lab: Lab) -> None:
        assert all(a.startswith("/ip4/127.0.0.1/tcp/") for node in lab.start_nodes(3) for a in node.addresses)

    def test_listen_chooses_addresses(self, lab: Lab) -> None:
        port = free_port()
        alice = lab.start_node("alice", listen=[f"/ip4/127.0.0.1/tcp/{port}", "/ip4/127.0.0.2/tcp/0"])
        first, second = alice.addresses
        assert first.startswith(f"/ip4/127.0.0.1/tcp/{port}/p2p/")
        assert second.startswith("/ip4/127.0.0.2/tcp/")

    def test_an_address_that_is_not_ours_is_an_error_and_starts_nothing(self, lab: Lab) -> None:
        with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1"):
            lab.start_node("alice", listen=["/ip4/127.0.0.1/tcp/0", "/ip4/192.0.2.1/tcp/0"])
        assert lab.nodes == []
        assert lab.start_node("alice").running

    def test_a_port_belongs_to_one_node(self, lab: Lab) -> None:
        listen = f"/ip4/127.0.0.1/tcp/{free_port()}"
        with pytest.raises(ConfigurationError, match="free port"):
            lab.start_nodes(2, listen=listen)
        with Lab("real", seed=8) as other, pytest.raises(ConfigurationError, match="free port"):
            other.start_node("bob", listen=listen)
        assert len(lab.nodes) == 1

    @pytest.mark.parametrize("listen", ["", "here", 4001, [], "/dns4/localhost/tcp/0", "/ip4/127.0.0.1/udp/0/quic"])
    def test_what_is_no_address_to_listen_at_is_refused(self, lab: Lab, listen: object) -> None:
        with pytest.raises(ValidationError):
            lab.start_node("alice", listen=listen)
        assert lab.nodes == []

    def test_a_setting_that_real_nodes_do_not_have_is_refused(self, lab: Lab) -> None:
        with pytest.raises(ValidationError, match="colour"):
            lab.start_node("alice", colour="red")

    def test_many_start_at_once_in_the_order_asked_for(self, lab: Lab) -> None:
        nodes = lab.start_nodes(30)
        assert [node.name for node in lab.nodes] == [f"n{number}" for number in range(30)]
        assert len({address for node in nodes for address in node.addresses}) == 30


class TestDialling:
    def test_by_node_name_peer_id_and_address(self, lab: Lab) -> None:
        alice, *others = lab.start_node("alice"), *lab.start_nodes(4)
        by_node, by_name, by_id, by_address = others
        assert alice.connect(by_node).peer == by_node.peer_id
        assert alice.connect(by_name.name).peer == by_name.peer_id
        assert alice.connect(str(by_id.peer_id)).peer == by_id.peer_id
        assert alice.connect(by_address.addresses[0]).peer == by_address.peer_id
        assert lab.edges() == [("alice", f"n{number}") for number in range(4)]

    def test_an_address_of_the_lab_needs_no_peer_id(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        bare = bob.addresses[0].partition("/p2p/")[0]
        assert alice.connect(bare).peer == bob.peer_id
        with pytest.raises(AddressError, match="/p2p/"):
            alice.connect(f"/ip4/127.0.0.1/tcp/{free_port()}")

    def test_a_connection_says_what_it_is_at_both_ends(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        here = alice.connect(bob)
        (there,) = bob.connections()
        assert (here.direction, there.direction) == ("outbound", "inbound")
        assert here.id == there.id
        assert (here.local_address, here.remote_address) == (there.remote_address, there.local_address)
        assert here.remote_address == bob.addresses[0].partition("/p2p/")[0]
        assert {(c.transport, c.security, c.muxer, c.relayed) for c in (here, there)} == {
            ("tcp", "noise", "yamux", False)
        }

    def test_connecting_again_gives_the_connection_there_is(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        assert alice.connect(bob) == alice.connect(bob)
        assert bob.connect(alice).direction == "inbound"
        assert len(alice.connections()) == len(bob.connections()) == 1

    def test_two_dials_at_once_make_one_connection(self, lab: Lab) -> None:
        lab.start_nodes(2)
        inside = lab.aio["n0"]

        async def both() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(inside.connect, "n1")
                nursery.start_soon(inside.connect, "n1")

        lab.world.run(both)
        assert len(lab["n0"].connections()) == 1

    def test_a_refused_dial_says_what_was_tried(self, lab: Lab) -> None:
        alice = lab.start_node("alice")
        address = f"/ip4/127.0.0.1/tcp/{free_port()}/p2p/{STRANGER}"
        with pytest.raises(DialError, match="nobody listens") as caught:
            alice.connect(address)
        ((tried, seconds, why),) = caught.value.attempts
        assert tried == address
        assert 0 <= seconds < WAIT
        assert why.startswith("refused")
        (event,) = lab.events.filter(kind="connection.failed")
        assert event.seq == caught.value.event
        assert event.reason == "refused"
        assert [link.kind for link in lab.why(caught.value)] == [
            "lab.command", "connection.dialled", "connection.failed",
        ]  # fmt: skip

    def test_somebody_else_at_the_address_is_an_error(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        bare = bob.addresses[0].partition("/p2p/")[0]
        with pytest.raises(DialError, match="somebody else") as caught:
            alice.connect(f"{bare}/p2p/{STRANGER}")
        assert caught.value.attempts[0][2].startswith("wrong peer")
        assert alice.connections() == bob.connections() == []

    def test_who_does_not_answer_is_given_up_after_the_timeout(self, lab: Lab) -> None:
        alice = lab.start_node("alice")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            with pytest.raises(DialError) as caught:
                alice.connect(f"/ip4/127.0.0.1/tcp/{port}/p2p/{STRANGER}", timeout=0.2)
        assert caught.value.attempts[0][2].startswith("timeout")

    def test_every_known_address_is_tried_in_order(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        dead = f"/ip4/127.0.0.1/tcp/{free_port()}"
        quic = f"/ip4/127.0.0.1/udp/{free_port()}/quic-v1"
        alice.register_peer(STRANGER, [dead, quic])
        with pytest.raises(DialError) as caught:
            alice.connect(STRANGER)
        assert [(address, why.partition(":")[0]) for address, _, why in caught.value.attempts] == [
            (dead, "refused"),
            (quic, "unsupported"),
        ]
        bob.register_peer(alice.peer_id, alice.addresses)
        assert str(alice.peer_id) in {str(info.peer_id) for info in bob.known_peers()}

    def test_a_peer_that_could_not_be_reached_can_be_dialled_again_at_once(self, lab: Lab) -> None:
        alice, port = lab.start_node("alice"), free_port()
        later = Identity.derive(7, "bob").peer_id
        address = f"/ip4/127.0.0.1/tcp/{port}/p2p/{later}"
        with pytest.raises(DialError):
            alice.connect(address)
        lab.start_node("bob", listen=f"/ip4/127.0.0.1/tcp/{port}")
        assert alice.connect(address).peer == later

    def test_a_peer_without_addresses_cannot_be_dialled(self, lab: Lab) -> None:
        with pytest.raises(DialError, match="no address of it is known"):
            lab.start_node("alice").connect(STRANGER)

    @pytest.mark.parametrize(
        ("target", "error"),
        [
            ("alice", DialError),
            ("nobody", UnknownNodeError),
            ("/ip4/1.2.3/tcp/1", AddressError),
            ("/ip4/127.0.0.1/tcp/70000", AddressError),
            ("12D3KooW" + "0" * 44, PeerIdError),
            ("", UnknownNodeError),
        ],
    )
    def test_what_is_no_peer_is_a_clear_error(self, lab: Lab, target: str, error: type[LabError]) -> None:
        alice = lab.start_node("alice")
        with pytest.raises(error):
            alice.connect(target)
        assert alice.connections() == []


class TestKnowingEachOther:
    def test_a_connected_peer_has_said_who_it_is(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)
        (info,) = alice.peers()
        assert info.name == "bob"
        assert info.addresses == bob.addresses
        assert info.agent_version.startswith("py-libp2p/")
        assert set(info.protocols) == set(bob.protocols())
        assert lab.run_until(lambda: bool(bob.peers()[0].agent_version), timeout=WAIT)

    def test_identify_asks_anew(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)

        async def nothing(stream: object) -> None: ...

        bob.handle("/new/1", nothing)
        assert "/new/1" in alice.identify(bob).protocols
        assert bob.remove_handler("/new/1")
        assert "/new/1" not in alice.identify(bob).protocols

    def test_a_peer_that_is_yet_to_say_who_it_is_hears_later_of_a_new_protocol(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        host: Any = lab.world.hosts()["bob"]
        introduced = lab.world.call(trio.Event)
        ask = host.ask

        async def ask_later(connection: object) -> object:
            await introduced.wait()
            return await ask(connection)

        async def nothing(stream: object) -> None: ...

        host.ask = ask_later
        alice.connect(bob)  # she has asked him by now
        bob.handle("/new/1", nothing)
        lab.world.call(introduced.set)
        assert lab.run_until(lambda: "/new/1" in alice.peers()[0].protocols, timeout=WAIT)

    def test_ping_measures_in_less_than_milliseconds(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        seconds = alice.ping(bob)
        assert 0 < seconds < WAIT
        (event,) = lab.events.filter(kind="ping.reply", node="alice")
        assert event.data == {"rtt": seconds}
        assert alice.streams() == []

    def test_disconnecting_is_known_at_both_ends_and_can_be_undone_at_once(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        for _ in range(3):
            alice.connect(bob)
            assert alice.disconnect(bob)
            assert alice.peers() == []
            assert lab.edges() == []
        assert not alice.disconnect(bob)
        alice.connect(bob)
        assert bob.ping(alice) > 0
        first, second = lab.events.filter(kind="connection.closed")[:2]
        assert {(first.node, first.reason), (second.node, second.reason)} == {
            ("alice", "closed here"), ("bob", "closed by peer"),
        }  # fmt: skip

    def test_a_connection_that_is_about_to_end_is_listed_no_more(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)
        inside, listed = lab.world.hosts()["alice"], []

        async def look_while_it_ends() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(inside.disconnect, "bob")
                for _ in range(2):  # after one, the two come in any order
                    await trio.lowlevel.checkpoint()
                listed.extend([*inside.connections(), *inside.peers(), *lab.world.edges()])

        lab.world.run(look_while_it_ends)
        assert listed == []
        assert lab.events.filter(kind="connection.closed", node="alice")

    def test_the_far_end_of_a_connection_names_the_dial_as_its_cause(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)
        (opened,) = lab.events.filter(kind="connection.opened", node="bob")
        assert [event.kind for event in lab.why(opened)] == ["lab.command", "connection.dialled", "connection.opened"]


class TestComingAndGoing:
    def test_a_crashed_node_is_noticed_and_comes_back_where_it_was(self, lab: Lab) -> None:
        alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
        alice.connect(bob)
        carol.connect(alice)
        addresses = alice.addresses
        news = alice.subscribe("news")
        alice.crash()
        assert not alice.running
        assert lab.run_until(lambda: len(lab.events.filter(kind="connection.closed")) == 2, timeout=WAIT)
        assert {event.reason for event in lab.events.filter(kind="connection.closed")} == {"crashed"}
        assert bob.peers() == carol.peers() == []
        with pytest.raises(DialError):
            bob.connect(alice)
        alice.restart()
        assert lab.run_until(lambda: lab.edges() == [("alice", "bob")] and bob.topic_peers("news"), timeout=WAIT)
        assert alice.addresses == addresses
        bob.publish("news", b"welcome back")
        assert news.get(timeout=WAIT).data == b"welcome back"

    @pytest.mark.skipif(not HOLDS, reason="ports are held on Linux only")
    def test_nobody_takes_the_port_of_a_node_that_is_down(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        (address,) = alice.addresses
        alice.crash()
        with Lab("real", seed=8) as other, pytest.raises(ConfigurationError, match="free port"):
            other.start_node("carol", listen=address.partition("/p2p/")[0])
        with pytest.raises(DialError) as caught:
            bob.connect(alice)
        assert "refused" in str(caught.value)
        alice.restart()
        assert bob.connect(alice).peer == alice.peer_id
        assert alice.addresses == [address]

    def test_what_a_node_loses_when_its_state_is_lost(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        news = alice.subscribe("news")
        alice.register_peer(STRANGER, ["/ip4/127.0.0.1/tcp/1"])
        alice.crash()
        alice.restart(state="lost", reconnect=False)
        assert news.closed
        assert bob.connect(alice).peer == alice.peer_id
        assert alice.topics() == []
        assert str(STRANGER) not in {str(info.peer_id) for info in alice.known_peers()}

    def test_verbs_of_a_node_that_is_down_say_so(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.crash()
        with pytest.raises(ClosedError, match="alice is not running"):
            alice.connect(bob)
        with pytest.raises(ClosedError):
            alice.publish("news", b"x")
        with pytest.raises(ClosedError):
            alice.crash()
        with pytest.raises(ConfigurationError, match="is running"):
            bob.restart()
        alice.restart()
        with pytest.raises(ConfigurationError):
            alice.restart()
        assert alice.connect(bob).peer == bob.peer_id

    def test_a_real_node_cannot_crash_silently(self, lab: Lab) -> None:
        with pytest.raises(NotInThisWorldError):
            lab.start_node("alice").crash(silent=True)

    def test_a_node_that_the_library_killed_comes_back(self, lab: Lab) -> None:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)
        addresses, news = bob.addresses, bob.subscribe("news")
        host = lab.world.hosts()["bob"]

        async def bug() -> None:
            raise LookupError("a bug of the library's")

        lab.world.call(host.stack.swarm.manager.run_task, bug)  # type: ignore[attr-defined]  # a RealHost has a stack
        assert lab.run_until(lambda: bool(lab.events.filter(kind="node.restarted", node="bob")), timeout=WAIT)
        (error,) = lab.events.filter(kind="error", node="bob")
        assert error.reason == "library"
        assert error.data is not None
        assert error.data["type"] == "LookupError"
        assert bob.addresses == addresses
        assert alice.running
        alice.connect(bob)
        alice.publish("news", b"and again")
        assert news.get(timeout=WAIT).data == b"and again"
