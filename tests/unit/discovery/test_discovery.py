"""``node.discovery`` in both worlds: advertised, found, renewed, withdrawn, ended, refused, kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.discovery import RendezvousParams
from p2plab.discovery.rendezvous.messages import Discovered, Register, Status, encode_message
from p2plab.errors import DialError, DiscoveryError, ValidationError
from p2plab.identity.keys import Identity
from p2plab.identity.peer_record import sign_record
from p2plab.identity.varint import encode_varint
from p2plab.stream import NetStream, StreamError

WORLDS = ["mock", pytest.param("real", marks=pytest.mark.real)]


@pytest.fixture(params=WORLDS)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param, seed=7, discovery=["rendezvous"]) as made:
        made.start_nodes(4)
        yield made


def test_who_advertises_a_namespace_is_found_in_it_by_rendezvous(lab: Lab) -> None:
    point, alice, bob, carol = lab.nodes
    told = alice.discovery.advertise("chess")
    assert (told.by, told.renewed, told.ttl, told.failures) == (("rendezvous",), True, 7200.0, {})
    bob.discovery.advertise("chess", ttl=3600)
    bob.discovery.advertise("go")
    found = carol.discovery.find("chess")
    assert [(peer.name, peer.found_by) for peer in found] == [("n1", ("rendezvous",)), ("n2", ("rendezvous",))]
    assert [peer.addresses for peer in found] == [alice.addresses, bob.addresses]
    assert [peer.name for peer in carol.discovery.find("chess", limit=1)] == ["n1"]
    assert [peer.name for peer in carol.discovery.find()] == ["n1", "n2"], "without a namespace: everybody, once"
    assert [peer.name for peer in alice.discovery.find("chess")] == ["n2"], "and not oneself"
    assert point.discovery.find("nobody here") == []
    assert carol.connect(found[0]).peer.name == "n1"
    assert carol.discovery.found_by(alice) == ("rendezvous",)
    assert [peer.found_by for peer in carol.peers() if peer.name == "n1"] == [("rendezvous",)]


def test_a_point_refuses_by_the_right_code(lab: Lab) -> None:
    with pytest.raises(DiscoveryError, match=r"E_INVALID_TTL.*from 1 to 259200 s") as refused:
        lab.nodes[1].discovery.advertise("chess", ttl=1e6)
    assert (refused.value.code, list(refused.value.failures)) == ("E_INVALID_TTL", ["rendezvous"])
    event = lab.events.filter(kind="rendezvous.refused")[0]
    assert (event.node, event.peer, event.reason) == ("n0", "n1", "E_INVALID_TTL")


def test_what_is_withdrawn_is_found_no_more(lab: Lab) -> None:
    alice, bob = lab.nodes[1:3]
    alice.discovery.advertise("chess")
    assert alice.discovery.withdraw("chess") is True
    assert lab.run_until(lambda: lab.events.filter(kind="rendezvous.removed"), timeout=20)
    assert bob.discovery.find("chess") == []


def test_arguments_that_make_no_sense_are_refused(lab: Lab) -> None:
    alice = lab.nodes[1]
    for namespace in ("", "n" * 256, 7):
        with pytest.raises(ValidationError, match="1 to 255 bytes"):
            alice.discovery.advertise(namespace)  # type: ignore[arg-type]
    for ttl in (0, -1, True, "long"):
        with pytest.raises(ValidationError, match="ttl="):
            alice.discovery.advertise("chess", ttl=ttl)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="limit=0"):
        alice.discovery.find("chess", limit=0)
    with pytest.raises(ValidationError, match="did you mean rendezvous"):
        lab.start_node("dave", discovery=["rendevous"])


def test_the_dht_serves_where_a_lab_was_given_no_way() -> None:
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(6)
        lab.wire("ring")
        assert nodes[1].discovery.ways == ("dht",)
        assert nodes[1].discovery.advertise("chess").by == ("dht",)
        assert [(peer.name, peer.found_by) for peer in nodes[4].discovery.find("chess")] == [("n1", ("dht",))]


def test_a_registration_ends_to_the_tick_or_is_renewed() -> None:
    with Lab(seed=7, discovery=["rendezvous"], latency=0.010) as lab:
        lab.start_nodes(3)
        alice, bob = lab.nodes[1:]
        alice.discovery.advertise("once", ttl=60)
        alice.discovery.advertise("always")
        taken = lab.events.filter(kind="rendezvous.registered")[0].t
        lab.run_until(taken + 59.5)
        assert [peer.name for peer in bob.discovery.find("once")] == ["n1"]
        lab.run(1)
        removed = lab.events.filter(kind="rendezvous.removed")
        assert [event.reason for event in removed] == ["ttl over"]
        assert removed[0].t == pytest.approx(taken + 60, abs=1e-9)
        lab.run(5 * 3600)
        assert [peer.name for peer in bob.discovery.find("always")] == ["n1"]
        registered = lab.events.filter(kind="rendezvous.registered")
        renewed = [event for event in registered if (event.data or {})["renewed"]]
        assert len(renewed) == 2, "after seven eighths of two hours, twice"


def test_a_node_that_comes_back_advertises_again_unless_it_has_lost_all() -> None:
    with Lab(seed=7, discovery=["rendezvous"]) as lab:
        lab.start_nodes(4)
        point, alice, bob, carol = lab.nodes
        for node in (alice, bob):
            node.discovery.advertise("chess")
        point.crash()
        point.restart(state="lost")
        assert carol.discovery.find("chess") == []
        for node, state in ((alice, "kept"), (bob, "lost")):
            node.crash()
            node.restart(state=state)
        lab.run(5)
        assert [peer.name for peer in carol.discovery.find("chess")] == ["n1"]


def test_a_point_that_cannot_be_reached_is_the_reason_and_the_other_points_serve() -> None:
    with Lab(seed=7, discovery=["rendezvous"], rendezvous=["here", "there"]) as lab:
        for name in ("here", "there", "alice", "bob"):
            lab.start_node(name)
        alice, bob = lab["alice"], lab["bob"]
        lab["there"].crash()
        assert alice.discovery.advertise("chess").by == ("rendezvous",)
        assert [peer.name for peer in bob.discovery.find("chess")] == ["alice"]
        lab["here"].crash()
        with pytest.raises(DiscoveryError, match="bob could not find anybody in 'chess': rendezvous: the connection"):
            bob.discovery.find("chess")
        with pytest.raises(DialError):
            bob.connect("here")


def test_a_flood_of_registrations_meets_the_points_limits_and_its_owner_is_told() -> None:
    params = RendezvousParams(points=["n0"], per_peer=3)
    with Lab(seed=7, discovery=["rendezvous"], rendezvous=params) as lab:
        alice = lab.start_nodes(2)[1]
        for number in range(3):
            alice.discovery.advertise(f"room {number}")
        with pytest.raises(DiscoveryError, match="3 registrations of this peer"):
            alice.discovery.advertise("room 3")


def test_a_dozen_pages_are_read_to_the_limit_that_was_asked_for() -> None:
    params = RendezvousParams(points=["n0"], results=7)
    with Lab(seed=7, discovery=["rendezvous"], rendezvous=params) as lab:
        nodes = lab.start_nodes(40)
        for node in nodes[1:]:
            node.discovery.advertise("chess")
        found = nodes[0].discovery.find("chess")
        assert sorted(peer.name for peer in found) == sorted(node.name for node in nodes[1:])
        assert len(nodes[1].discovery.find("chess", limit=20)) == 20


def test_asking_how_a_peer_was_found_changes_nothing() -> None:
    with Lab(seed=7, discovery=["rendezvous"]) as lab:
        lab.start_nodes(3)
        lab.nodes[1].discovery.advertise("chess")
        before = lab.events.digest()
        assert repr(lab.nodes[1].discovery) == "<Discovery: <the discovery of n1: rendezvous>>"
        assert lab.nodes[2].discovery.found_by("n1") == ()
        assert lab.nodes[2].discovery.ways == ("rendezvous",)
        assert lab.events.digest() == before


def test_a_run_with_discovery_replays_to_the_same_digest() -> None:
    with Lab(seed=7, discovery=["rendezvous", "dht"]) as lab:
        lab.start_nodes(5)
        lab.wire("ring")
        lab.nodes[1].discovery.advertise("chess")
        lab.nodes[3].discovery.find("chess")
        lab.run(3)
        with Lab.replay(lab.history()) as again:
            assert again.events.digest() == lab.events.digest()


def test_how_a_peer_was_found_is_the_cause_of_what_follows() -> None:
    with Lab(seed=7, discovery=["bootstrap"]) as lab:
        lab.start_nodes(3)
        lab.run(1)
        assert lab.nodes[2].peers()[0].found_by == ("bootstrap",)
        found = lab.events.filter(kind="discovery.found", node="n2")[0]
        assert (found.peer, found.reason) == ("n0", "by bootstrap")


@pytest.mark.real
def test_what_a_point_has_outlives_its_lab_in_its_home(tmp_path: Path) -> None:
    for again in (False, True):
        with Lab("real", seed=7, discovery=["rendezvous"], home=tmp_path / "home") as lab:
            lab.start_nodes(3)
            if not again:
                lab.nodes[1].discovery.advertise("chess", ttl=3600)
            assert [peer.name for peer in lab.nodes[2].discovery.find("chess")] == ["n1"]


# -- peers that do not play by the rules

RENDEZVOUS = "/rendezvous/1.0.0"


def test_a_point_resets_what_is_no_request_and_goes_on(lab: Lab) -> None:
    point, alice, bob = lab.nodes[:3]
    for data in (b"\xff" * 40, encode_message(Discovered(Status.OK)), b"x" * 20_000):
        stream = alice.open_stream(point, [RENDEZVOUS])
        stream.write(encode_varint(len(data)) + data)
        with pytest.raises(StreamError):
            while stream.read():
                pass
    bob.discovery.advertise("chess")
    assert [peer.name for peer in alice.discovery.find("chess")] == ["n2"]


def test_a_point_that_goes_round_in_a_circle_or_forges_or_floods_is_left(lab: Lab) -> None:
    alice, mallory = lab.start_node("alice", rendezvous=["mallory"]), lab.start_node("mallory")
    asked: list[int] = []
    answers: list[Discovered] = []

    async def lie(stream: NetStream) -> None:
        asked.append(len(asked))
        await stream.read_message()
        answer = answers[0]
        await stream.write_message(encode_message(replace(answer, cookie=str(len(asked)).encode())))

    mallory.handle(RENDEZVOUS, lie)
    record = sign_record(Identity.derive(5, "eve"), ["/ip4/10.0.0.1/tcp/4001"], 1)
    answers[:] = [Discovered(Status.OK, (Register(b"chess", record, 60),))]
    assert len(alice.discovery.find("chess")) == 1
    assert len(asked) == 9, "it was left after eight pages with nobody new"
    answers[:] = [Discovered(Status.OK, (Register(b"chess", record[:-3] + b"abc", 60),))]
    assert alice.discovery.find("chess") == []
    failed = lab.events.filter(kind="discovery.failed", node="alice")[-1]
    assert (failed.data or {})["text"] == "1 record did not hold"
    answers[:] = [Discovered(Status.OK, (Register(b"chess", record, 60),) * 50)]
    with pytest.raises(DiscoveryError, match="50 registrations, where at most 2 were asked for"):
        alice.discovery.find("chess", limit=1)
    answers[:] = [Discovered(Status.E_UNAVAILABLE, text="<script>full</script>")]
    with pytest.raises(DiscoveryError) as refused:
        alice.discovery.find("chess")
    assert refused.value.code == "E_UNAVAILABLE"
