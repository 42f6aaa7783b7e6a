"""Other implementations of libp2p and real nodes: ping, identify, echo, signed gossip and the DHT, both ways."""

from __future__ import annotations

from p2plab.kademlia import cid_of
from tests.interop.conftest import ECHO, Meeting
from tests.interop.outsider import PATIENCE, packed, unpacked

MEGABYTE = bytes(range(256)) * 4096


def test_it_is_attached_under_a_name_of_its_own(meeting: Meeting) -> None:
    assert meeting.ext.peer_id == meeting.theirs.peer_id
    assert meeting.ext.name in meeting.ext.info.agent_version
    assert set(meeting.ext.info.addresses) == set(meeting.theirs.addresses)
    assert meeting.lab.edges() == [("alice", meeting.ext.name)]


def test_ping_both_ways(meeting: Meeting) -> None:
    assert 0 < meeting.alice.ping(meeting.ext) < PATIENCE
    assert 0 <= meeting.theirs.do("ping", address=meeting.alice.addresses[0]) < PATIENCE


def test_identify_both_ways(meeting: Meeting) -> None:
    said = meeting.alice.identify(meeting.ext)
    assert (said.name, said.peer_id) == (meeting.ext.name, meeting.theirs.peer_id)
    assert {"/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", "/meshsub/1.1.0", ECHO} <= set(said.protocols)
    heard = meeting.theirs.do("knows", address=meeting.alice.addresses[0])
    assert "libp2p" in heard["agent_version"]
    assert {"/ipfs/id/1.0.0", "/meshsub/1.1.0", ECHO} <= set(heard["protocols"])


def test_echo_both_ways_a_kilobyte_and_a_megabyte(meeting: Meeting) -> None:
    for data in (MEGABYTE[:1024], MEGABYTE):
        stream = meeting.alice.open_stream(meeting.ext, ECHO)
        heard = bytearray()
        for at in range(0, len(data), 65536):  # their echo would fill up, were all of it written before any is read
            stream.write(data[at : at + 65536])
            while len(heard) < min(at + 65536, len(data)):
                heard += stream.read()
        stream.close()
        assert heard == data
        assert unpacked(meeting.theirs.do("echo", address=meeting.alice.addresses[0], data=packed(data))) == data


def test_signed_gossip_both_ways(meeting: Meeting) -> None:
    lab, theirs, alice = meeting.lab, meeting.theirs, meeting.alice
    here = alice.subscribe("news")
    theirs.do("subscribe", topic="news")
    theirs.wait_for(event="subscribed", peer=alice.peer_id, topic="news")
    assert lab.run_until(lambda: meeting.ext.name in map(str, alice.topic_peers("news")), timeout=PATIENCE)
    sent = alice.publish("news", b"from here")
    heard = theirs.wait_for(event="message", topic="news", data=packed(b"from here"))
    assert (heard["from"], heard["signed"]) == (alice.peer_id, True)
    assert here.get(timeout=PATIENCE).id == sent.id
    # go-libp2p-pubsub publishes to its mesh alone, and gossips of it to others alone: a peer that enters the mesh in
    # between never hears of it.
    assert lab.run_until(lambda: meeting.ext.name in map(str, alice.mesh("news")), timeout=PATIENCE)
    alice.ping(meeting.ext)  # a GRAFT of alice's is there by now, too
    assert theirs.do("publish", topic="news", data=packed(b"from there")) == [alice.peer_id]
    message = here.get(timeout=PATIENCE)
    assert (message.data, message.sender, message.received_from) == (b"from there", theirs.peer_id, theirs.peer_id)


def test_the_dht_both_ways(meeting: Meeting) -> None:
    theirs, alice = meeting.theirs, meeting.alice
    theirs.wait_for(event="routed", peer=alice.peer_id)
    assert alice.dht.find_peer(meeting.ext).peer is not None
    alice.dht.put("/lab/here", b"from here")
    assert unpacked(theirs.do("get", key="/lab/here")) == b"from here"
    theirs.do("put", key="/lab/there", value=packed(b"from there"))
    assert alice.dht.get("/lab/there").value == b"from there"
    ours, others = cid_of(b"ours"), cid_of(b"theirs")
    alice.dht.provide(ours)
    assert theirs.do("providers", cid=ours) == [alice.peer_id]
    theirs.do("provide", cid=others)
    assert [peer.peer_id for peer in alice.dht.find_providers(others).providers] == [theirs.peer_id]


def test_the_dht_goes_on_after_announcements(meeting: Meeting) -> None:
    """go-libp2p reads no answer to an announcement and uses the stream again; js-libp2p resets it."""
    theirs, alice = meeting.theirs, meeting.alice
    for number in range(3):
        cid = cid_of(b"theirs %d" % number)
        theirs.do("provide", cid=cid)
        assert theirs.do("providers", cid=cid_of(b"nobody's %d" % number)) == []
        theirs.do("put", key=f"/lab/after-{number}", value=packed(b"x"))
        assert unpacked(theirs.do("get", key=f"/lab/after-{number}")) == b"x"
        assert [peer.peer_id for peer in alice.dht.find_providers(cid).providers] == [theirs.peer_id]
        stored = alice.dht.provide(cid_of(b"ours %d" % number))
        assert [peer.peer_id for peer in stored.peers if peer.peer_id != alice.peer_id] == [theirs.peer_id]
        assert not [query for query in stored.path if query.failed]
        assert theirs.peer_id in list(map(str, alice.dht.routing_table()))


def test_it_is_missed_when_it_is_gone(meeting: Meeting) -> None:
    """The last test of a transport: the process is killed."""
    meeting.theirs.end()
    assert meeting.lab.run_until(lambda: not meeting.ext.running, timeout=PATIENCE)
    assert meeting.lab.run_until(lambda: meeting.lab.edges() == [], timeout=PATIENCE)
    (lost,) = meeting.lab.events.filter(kind="node.lost")
    assert lost.node == meeting.ext.name
