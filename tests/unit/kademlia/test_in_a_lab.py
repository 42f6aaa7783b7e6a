"""The DHT in a mock lab: what only shows with connections, identify and dials around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from p2plab import Lab
from p2plab.constants import LAB_KAD_ID
from p2plab.errors import ClosedError, PeerIdError, UnknownNodeError, ValidationError
from p2plab.identity.cid import cid_for
from p2plab.kademlia import DhtParams, KademliaNode
from p2plab.kademlia.messages import decode_message
from p2plab.stream import StreamError


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7) as lab:
        lab.start_nodes(60)
        lab.wire("random", degree=4)
        lab.dht.fill()
        yield lab


def test_a_newcomer_that_knows_one_node_is_found_by_the_others(lab: Lab) -> None:
    newcomer = lab.start_node("newcomer")
    newcomer.connect("n0")
    newcomer.dht.find_peer("n0")  # the DHT is made when it is first used, and joins
    lab.run(30)
    found = lab["n33"].dht.find_peer("newcomer")
    assert found.peer is not None
    assert found.peer.name == "newcomer"
    knowing = [node for node in lab.nodes if newcomer.peer_id in list(node.dht.routing_table())]
    assert len(knowing) > 1, "those it asked on its way in learnt of it"


def test_a_value_outlives_the_crash_of_its_publisher(lab: Lab) -> None:
    lab["n3"].dht.put("/lab/x", b"v")
    lab["n3"].crash()
    assert lab["n20"].dht.get("/lab/x").value == b"v"
    held = lab.dht.holders("/lab/x")
    assert "n3" not in [peer.name for peer in held.holding]


def test_why_a_lookup_ended_goes_back_to_the_command(lab: Lab) -> None:
    lookup = lab["n3"].dht.closest_peers(b"somewhere")
    kinds = [event.kind for event in lab.why(lookup)]
    assert kinds[:2] == ["lab.command", "dht.lookup"]
    assert kinds[-1] == "dht.done"


def test_why_a_lookup_missed_is_said_in_a_sentence_and_as_a_chain(lab: Lab) -> None:
    missed = lab["n3"].dht.get("/lab/nothing")
    said = lab.why(missed)
    assert "no value: closest answered" in said.answer
    assert "none of those who answered held a valid one" in str(said)
    assert said[-1].kind == "dht.done"
    assert re.search(r"<caption[^>]*>no value", said._repr_html_())


def test_why_a_peer_is_not_in_a_table(lab: Lab) -> None:
    table = lab["n3"].dht.routing_table()
    known = {str(peer) for peer in table}
    inside = next(node for node in lab.nodes if node.peer_id in known)
    assert f"{inside.name} is in n3's table" in lab["n3"].dht.why_not(inside)
    inside.crash()
    lab["n3"].dht.closest_peers(inside.peer_id)
    assert inside.peer_id not in list(table)
    assert "left the table" in lab["n3"].dht.why_not(inside.name)
    assert "did not answer" in lab["n3"].dht.why_not(inside.peer_id)
    assert "owner of the table" in lab["n3"].dht.why_not("n3")
    with pytest.raises(UnknownNodeError, match="nobody"):
        lab["n3"].dht.why_not("nobody")


def test_the_lab_too_says_why_a_peer_is_not_in_a_table(lab: Lab) -> None:
    owner = lab["n3"]
    inside = next(node for node in lab.nodes if node.peer_id in list(owner.dht.routing_table()))
    inside.crash()
    owner.dht.closest_peers(inside.peer_id)
    for peer in (inside, inside.name, inside.peer_id, owner.dht.find_providers(b"\x00\x01a").peers[0]):
        said = lab.why(peer, at=owner, dht=True)
        assert said.answer == owner.dht.why_not(peer)
    said = lab.why(inside, at="n3", dht=True)
    assert "left the table" in said.answer
    assert said[-1].kind == "dht.evicted"
    assert said[0].kind == "lab.command"
    newcomer = lab.start_node("newcomer")
    assert "has never had an answer from newcomer" in str(lab.why(newcomer, at=owner, dht=True))


def test_a_client_answers_nothing_and_leaves_the_tables_of_those_who_ask(lab: Lab) -> None:
    node = lab["n8"]
    assert node.dht.mode == "server"
    assert LAB_KAD_ID in lab["n9"].identify(node).protocols
    node.dht.set_mode("client")
    lab.run(1.0)
    assert node.dht.mode == "client"
    assert LAB_KAD_ID not in lab["n9"].identify(node).protocols
    asker = next(other for other in lab.nodes if other is not node and node.peer_id in list(other.dht.routing_table()))
    assert node.peer_id not in [peer.peer_id for peer in asker.dht.closest_peers(node.peer_id).peers]
    assert node.peer_id not in list(asker.dht.routing_table())
    assert "client" in asker.dht.why_not(node)
    assert asker.dht.find_peer(node).found, "it is reached all the same"
    assert node.dht.put("/lab/from a client", b"v").found
    assert lab["n20"].dht.get("/lab/from a client").value == b"v"
    node.dht.set_mode("server")
    node.dht.bootstrap()
    assert LAB_KAD_ID in lab["n9"].identify(node).protocols
    nearest = node.dht.closest_peers(node.peer_id).peers[0]
    assert node.peer_id in list(lab[nearest.name].dht.routing_table()), "it is known again where there is room"


@pytest.mark.dear
def test_a_filled_node_keeps_itself_healthy_once_it_is_used_and_all_do_if_told_to() -> None:
    for upkeep, expected in ((False, {"n0"}), (True, {f"n{number}" for number in range(30)})):
        with Lab(seed=2) as lab:
            lab.start_nodes(30)
            lab.dht.fill(upkeep)
            lab["n0"].dht.get("/lab/x")
            lab.run(60.0)
            assert lab.events.filter(kind="dht.refresh") == [], "a full table is no reason to join"
            lab.run(640.0)
            assert {event.node for event in lab.events.filter(kind="dht.refresh")} == expected
            with Lab.replay(lab.history()) as again:
                assert again.events.digest() == lab.events.digest()


def test_a_node_that_does_not_run_asks_nobody(lab: Lab) -> None:
    node = lab["n3"]
    node.crash()
    verbs: list[Callable[[], object]] = [
        lambda: node.dht.put("/lab/x", b"v"),
        lambda: node.dht.get("/lab/x"),
        lambda: node.dht.provide(b"\x00\x01a"),
        lambda: node.dht.find_peer("n5"),
        lambda: node.dht.bootstrap(),
    ]
    for verb in verbs:
        with pytest.raises(ClosedError, match="n3 is not running"):
            verb()
    assert len(node.dht.routing_table()) > 0
    lab.run(1_000.0)
    asked = [event for event in lab.events.filter(kind="dht", node="n3") if event.kind != "dht.inserted"]
    assert asked == []
    node.restart()
    assert node.dht.put("/lab/x", b"v").peers


def test_peers_are_told_of_a_mode_without_asking() -> None:
    with Lab(seed=2) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob", dht=DhtParams(mode="auto"))
        alice.connect(bob)

        def offered() -> bool:
            return LAB_KAD_ID in alice.peers()[0].protocols

        for public, told in ((True, True), (None, True), (False, False), (True, True)):
            bob.dht.reachability(public)
            lab.run(1.0)
            assert (offered(), bob.peer_id in list(alice.dht.routing_table())) == (told, told)
            assert (LAB_KAD_ID in bob.protocols()) == told
        bob.dht.set_mode("client")
        with pytest.raises(StreamError, match="speaks none of"):
            alice.open_stream(bob, LAB_KAD_ID)


def test_a_request_written_by_hand_is_answered_in_bytes(lab: Lab) -> None:
    request = b"\x08\x04\x12\x04abcd"  # Message{type: FIND_NODE, key: "abcd"}
    lab["n3"].connect("n9")
    stream = lab["n3"].open_stream("n9", LAB_KAD_ID)
    stream.write(bytes([len(request)]) + request)
    table = lab["n9"].dht.routing_table()
    reply = decode_message(stream.read_message() or b"", table.space, DhtParams())
    assert list(reply.closer) == table.closest(b"abcd")
    stream.write(b"\x05garbage")
    with pytest.raises(StreamError):
        stream.read()


def test_parameters_show_what_is_not_as_usual() -> None:
    assert repr(DhtParams()) == "DhtParams()"
    assert repr(DhtParams(k=8, mode="auto")) == "DhtParams(k=8, mode='auto')"


def test_bad_input_is_refused_and_nothing_is_stored(lab: Lab) -> None:
    dht = lab["n3"].dht
    for key, value, said in (
        ("greeting", b"v", "'greeting' is not the key of a record"),
        ("/lab/", b"v", "is not the key of a record"),
        ("/unknown/x", b"v", "nobody here knows the namespace /unknown"),
        ("/lab/large", b"v" * 65_537, "65537 bytes, over the limit of 65536"),
        ("/lab/number", 5, "a value is bytes, or text"),
    ):
        with pytest.raises(ValidationError, match=said):
            dht.put(key, value)  # type: ignore[arg-type]
    for cid in ("no cid", "", b"", "Qm" + "1" * 44):
        with pytest.raises(ValidationError):
            dht.provide(cid)
    for peer in ("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", "Qm" + "1" * 44):
        with pytest.raises(PeerIdError, match="is not a peer id"):
            dht.find_peer(peer)
    assert lab.events.filter(kind="dht.lookup") == []
    assert lab.events.filter(kind="dht.stored") == []
    assert lab.dht.holders("/lab/large").holding == lab.dht.holders("/lab/number").holding == []


def test_a_peer_id_that_nobody_has_is_looked_for_and_not_found(lab: Lab) -> None:
    missed = lab["n3"].dht.find_peer("12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtA")
    assert missed.peer is None
    assert len(missed.path) >= 20
    assert "not found" in missed.why()


def test_bucket_and_key_space_pictures_have_their_data(lab: Lab) -> None:
    buckets = lab["n3"].dht.routing_table().view()
    assert sum(len(bucket.peers) for bucket in buckets) == len(lab["n3"].dht.routing_table())
    assert all(len(bucket.silent) == len(bucket.peers) <= bucket.capacity == 20 for bucket in buckets)
    lab["n5"].dht.put("/lab/x", b"v")
    view = lab.dht.key_space("/lab/x")
    positions = [place.position for place in view.places]
    assert positions == sorted(positions)
    assert (len(positions), 0 <= positions[0], positions[-1] < 1) == (60, True, True)
    held = [place.peer.name for place in view.places if place.holds]
    assert sorted(held) == sorted(peer.name for peer in lab.dht.holders("/lab/x").holding)
    nearest = max(view.places, key=lambda place: place.bits or 0)
    assert nearest.bits == lab["n9"].dht.get("/lab/x").path[0].distance
    assert view.position is not None
    assert abs(nearest.position - view.position) < 2.0 ** -(nearest.bits or 0)
    assert lab.dht.key_space().position is None
    lookup = lab["n3"].dht.closest_peers(b"somewhere")
    assert lookup.to_svg().startswith("<svg ")
    assert all(query.duration is not None and query.distance >= 0 for query in lookup.path)


def test_old_tables_are_checked_without_an_avalanche() -> None:
    with Lab(seed=2) as lab:
        nodes = lab.start_nodes(300)
        lab.dht.fill()
        lab.run(400.0)  # everybody has been silent for longer than check_after
        for number in range(5):
            nodes[number].dht.closest_peers(bytes([number]))
        lab.run(5.0)
        queries = len(lab.events.filter(kind="dht.query"))
        assert 0 < len(lab.events.filter(kind="dht.check")) <= queries


@pytest.mark.dear
def test_a_core_of_ones_own() -> None:
    class Deaf(KademliaNode):
        """Stores nothing."""

        def keep(self, *args: object, **kwargs: object) -> bool:
            return False

    with Lab(seed=2, dht=DhtParams(node=Deaf)) as lab:
        nodes = lab.start_nodes(30)
        lab.dht.fill()
        assert nodes[0].dht.put("/lab/x", b"v").peers == []
        refused = lab.events.filter(kind="dht.refused")
        assert refused
        assert {event.reason for event in refused} == {"store full"}


def test_a_cid_names_its_place_as_text_and_as_a_value(lab: Lab) -> None:
    cid = cid_for(b"content")
    provider = lab["n4"]
    provider.dht.provide(cid)
    said = [lab.dht.holders(key) for key in (cid, str(cid), cid.multihash)]
    assert "n4" in [peer.name for peer in said[0].holding]
    assert said[0] == said[1] == said[2]
    assert provider.peer_id in [peer.peer_id for peer in lab["n7"].dht.find_providers(cid).providers]
    with pytest.raises(UnknownNodeError, match="nobody"):
        lab.dht.holders("nobody")
