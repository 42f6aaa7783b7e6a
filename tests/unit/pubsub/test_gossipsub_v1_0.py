"""gossipsub-v1.0.md, section by section. Flood publishing (v1.1) is off where publishing is looked at."""

from __future__ import annotations

import pytest

from p2plab.pubsub import GossipSubParams
from p2plab.pubsub.rpc import Prune
from tests.unit.pubsub.stand import FLOOD, TOPIC, V10, V11, Stand

SPEC = GossipSubParams.spec()
MESH_ONLY = GossipSubParams.spec(flood_publish=False)


# -- Topic Membership


def test_join_grafts_up_to_d_of_the_peers_in_the_topic() -> None:
    stand = Stand()
    stand.add(*range(1, 21))
    stand.add(21, 22, topics=())
    stand.join()
    assert len(stand.mesh) == SPEC.D
    assert stand.grafted() == stand.mesh
    assert set(stand.mesh) <= set(range(1, 21))
    assert stand.reasons("pubsub.graft") == ["joined"] * SPEC.D
    assert stand.data("pubsub.graft") == {"D": 6, "candidates": 20, "mesh": 6}


def test_join_takes_all_there_are_when_there_are_few() -> None:
    stand = Stand()
    stand.add(1, 2, 3)
    stand.join()
    assert stand.mesh == [1, 2, 3]


def test_join_takes_the_fanouts_peers_first_and_forgets_the_fanout() -> None:
    stand = Stand(MESH_ONLY)
    stand.add(*range(1, 4))
    stand.publish()
    assert sorted(stand.router.fanout(TOPIC)) == [1, 2, 3]
    stand.add(*range(4, 21))
    stand.join()
    assert {1, 2, 3} <= set(stand.mesh)
    assert len(stand.mesh) == SPEC.D
    assert stand.router.fanout(TOPIC) == []
    assert stand.reasons("pubsub.fanout")[-3:] == ["joined the topic"] * 3


def test_joining_twice_changes_nothing() -> None:
    stand = Stand()
    stand.add(*range(1, 10))
    stand.join()
    mesh = stand.mesh
    stand.forget()
    stand.join()
    assert (stand.mesh, stand.sent) == (mesh, [])


def test_leave_prunes_the_whole_mesh_and_forgets_it() -> None:
    stand = Stand()
    stand.add(*range(1, 10))
    stand.join()
    mesh = stand.mesh
    stand.forget()
    stand.leave()
    assert stand.pruned() == mesh
    assert stand.mesh == []
    assert TOPIC not in stand.router.meshes
    assert stand.reasons("pubsub.prune") == ["left the topic"] * len(mesh)


# -- Control Messages, Message Processing


def test_graft_adds_the_sender_to_the_mesh_without_an_answer() -> None:
    stand = Stand()
    stand.join()
    stand.add(1)
    stand.control(1, graft=(TOPIC,))
    assert stand.mesh == [1]
    assert stand.sent == []
    assert stand.reasons("pubsub.graft") == ["peer asked"]


def test_a_graft_from_a_peer_in_the_mesh_changes_nothing() -> None:
    stand = Stand()
    stand.add(1)
    stand.join()
    stand.forget()
    stand.control(1, graft=(TOPIC,))
    assert (stand.mesh, stand.sent, stand.notes) == ([1], [], [])


@pytest.mark.parametrize(("protocol", "answer"), [(V10, [Prune("other")]), (V11, [])])
def test_a_graft_for_a_topic_not_joined_is_answered_to_v1_0_and_ignored_from_v1_1_on(
    protocol: str, answer: list[Prune]
) -> None:
    stand = Stand()
    stand.add(1, protocol=protocol)
    stand.control(1, graft=("other",))
    assert stand.prunes_to(1) == answer
    assert stand.reasons("pubsub.graft_refused") == ["not subscribed"]


def test_prune_removes_the_sender_from_the_mesh() -> None:
    stand = Stand()
    stand.add(1, 2)
    stand.join()
    stand.forget()
    stand.control(1, prune=(Prune(TOPIC),))
    assert stand.mesh == [2]
    assert stand.reasons("pubsub.prune") == ["peer asked"]
    assert stand.sent == []


def test_prunes_for_topics_not_joined_are_ignored() -> None:
    stand = Stand()
    stand.add(1)
    stand.forget()
    stand.control(1, prune=(Prune("other", backoff=10),))
    assert (stand.notes, stand.router.backoff.end("other", 1)) == ([], -1)


def test_ihave_is_answered_with_iwant_for_what_was_not_seen() -> None:
    stand = Stand()
    stand.add(1)
    stand.join()
    stand.router.seen.add(b"old", stand.now)
    stand.forget()
    stand.control(1, ihave=((TOPIC, (b"new", b"old", b"newer")),))
    ((peer, ids),) = stand.controls("iwant")
    assert (peer, sorted(ids)) == (1, [b"new", b"newer"])
    assert stand.data("pubsub.iwant")["ids"] == 2


def test_ihave_for_topics_not_joined_and_for_nothing_new_is_not_answered() -> None:
    stand = Stand()
    stand.add(1)
    stand.join()
    stand.router.seen.add(b"old", stand.now)
    stand.forget()
    stand.control(1, ihave=(("other", (b"new",)), (TOPIC, (b"old",))))
    assert stand.sent == []


def test_iwant_is_answered_with_what_is_in_the_message_cache() -> None:
    stand = Stand()
    stand.add(1, 2)
    stand.join()
    message = stand.receive(1)
    stand.forget()
    stand.control(2, iwant=((message.id, b"unknown"),))
    assert stand.got(message) == [2]
    assert stand.reasons("pubsub.iwant_ignored") == ["not in the cache"]


def test_a_message_is_forwarded_to_the_mesh_but_not_back_nor_to_its_author() -> None:
    stand = Stand()
    stand.add(1, 2, 3, 4)
    stand.join()
    message = stand.receive(1, stand.message(origin=2))
    assert stand.got(message) == [3, 4]


def test_a_message_is_forwarded_to_floodsub_peers_in_the_topic_too() -> None:
    stand = Stand()
    stand.add(1, 2)
    stand.add(3, 4, protocol=FLOOD)
    stand.add(5, protocol=FLOOD, topics=())
    stand.join()
    assert stand.mesh == [1, 2]
    message = stand.receive(3)
    assert stand.got(message) == [1, 2, 4]


def test_own_messages_go_to_the_mesh_when_subscribed() -> None:
    stand = Stand(MESH_ONLY)
    stand.add(*range(1, 21))
    stand.join()
    assert stand.got(stand.publish()) == stand.mesh
    assert stand.reasons("pubsub.route") == ["mesh"]


def test_own_messages_go_to_a_fanout_of_d_peers_when_not_subscribed() -> None:
    stand = Stand(MESH_ONLY)
    stand.add(*range(1, 21))
    stand.add(21, protocol=FLOOD)
    got = stand.got(stand.publish())
    fanout = sorted(stand.router.fanout(TOPIC))
    assert len(fanout) == SPEC.D
    assert got == sorted([*fanout, 21])
    assert stand.got(stand.publish()) == got
    assert stand.reasons("pubsub.fanout") == ["chosen"] * SPEC.D
    assert stand.reasons("pubsub.route") == ["fanout"] * 2


# -- Heartbeat: Mesh Maintenance


def test_a_mesh_below_d_low_is_filled_up_to_d() -> None:
    stand = Stand(GossipSubParams.spec(D_out=0))
    stand.add(1, 2, 3)
    stand.join()
    stand.add(*range(4, 21))
    stand.forget()
    stand.beat()
    assert len(stand.mesh) == SPEC.D
    assert {1, 2, 3} <= set(stand.mesh)
    assert stand.reasons("pubsub.graft") == ["mesh below D_low"] * 3
    numbers = stand.data("pubsub.graft")
    assert numbers == {"D_low": 4, "D": 6, "was": 3, "mesh": 6}


def test_a_mesh_from_d_low_to_d_high_is_left_alone() -> None:
    for size in range(SPEC.D_low, SPEC.D_high + 1):
        stand = Stand(GossipSubParams.spec(D_out=0))
        stand.join()
        stand.add(*range(1, 30))
        for peer in range(1, size + 1):
            stand.control(peer, graft=(TOPIC,))
        stand.forget()
        stand.beat()
        assert (len(stand.mesh), stand.sent) == (size, [])


def test_a_mesh_above_d_high_is_cut_down_to_d() -> None:
    stand = Stand(GossipSubParams.spec(D_out=0))
    stand.join()
    stand.add(*range(1, 30), outbound=True)  # outbound ones are taken even when the mesh is full
    for peer in range(1, 14):
        stand.control(peer, graft=(TOPIC,))
    assert len(stand.mesh) == 13
    stand.forget()
    stand.beat()
    assert len(stand.mesh) == SPEC.D
    assert len(stand.pruned()) == 7
    numbers = stand.data("pubsub.prune", 0)
    assert {name: numbers[name] for name in ("was", "D_high", "D", "backoff")} == {
        "was": 13, "D_high": 12, "D": 6, "backoff": 60.0,
    }  # fmt: skip


def test_meshes_and_fanouts_forget_peers_that_leave_or_unsubscribe() -> None:
    stand = Stand(MESH_ONLY)
    stand.add(1, 2, 3, topics=(TOPIC, "other"))
    stand.join()
    stand.publish(topic="other")
    stand.forget()
    stand.remove(1)
    stand.do(stand.router.unsubscribed(2, TOPIC, stand.now))
    stand.do(stand.router.unsubscribed(2, "other", stand.now))
    assert stand.mesh == [3]
    assert stand.router.fanout("other") == [3]
    assert stand.reasons("pubsub.prune") == ["peer gone", "peer unsubscribed"]
    assert stand.reasons("pubsub.fanout") == ["peer gone", "peer unsubscribed"]
    assert stand.sent == []


# -- Heartbeat: Fanout Maintenance


def test_a_fanout_expires_when_nothing_was_published_for_fanout_ttl() -> None:
    stand = Stand(MESH_ONLY)
    stand.add(*range(1, 10))
    stand.publish()
    stand.beat(60)
    assert len(stand.router.fanout(TOPIC)) == SPEC.D
    stand.beat()
    assert stand.router.fanout(TOPIC) == []
    assert stand.reasons("pubsub.fanout")[-SPEC.D :] == ["expired"] * SPEC.D


def test_publishing_keeps_a_fanout() -> None:
    stand = Stand(MESH_ONLY)
    stand.add(*range(1, 10))
    for _ in range(3):
        stand.publish()
        stand.beat(40)
    assert len(stand.router.fanout(TOPIC)) == SPEC.D


def test_a_fanout_is_filled_up_to_d() -> None:
    stand = Stand(MESH_ONLY)
    stand.add(1, 2)
    stand.publish()
    stand.add(*range(3, 20))
    stand.beat()
    assert len(stand.router.fanout(TOPIC)) == SPEC.D
    assert stand.reasons("pubsub.fanout")[-4:] == ["refilled"] * 4


# -- Heartbeat: Gossip Emission, Message Cache


def test_gossip_goes_to_peers_in_the_topic_but_not_in_the_mesh() -> None:
    stand = Stand()
    stand.add(*range(1, 13))
    stand.add(13, 14, topics=())
    stand.join()
    message = stand.receive(stand.mesh[0])
    stand.forget()
    stand.beat()
    told = stand.ihaves()
    assert len(told) == SPEC.D_lazy
    assert set(told) <= set(range(1, 13)) - set(stand.mesh)
    assert set(map(tuple, told.values())) == {(message.id,)}
    assert stand.data("pubsub.gossip") == {"ids": 1, "peers": 6, "candidates": 6, "D_lazy": 6}


def test_gossip_about_fanout_topics_goes_outside_the_fanout() -> None:
    stand = Stand(MESH_ONLY)
    stand.add(*range(1, 13))
    message = stand.publish()
    stand.forget()
    stand.beat()
    told = stand.ihaves()
    assert len(told) == 6
    assert not set(told) & set(stand.router.fanout(TOPIC))
    assert all(ids == [message.id] for ids in told.values())


def test_a_message_is_gossiped_about_for_mcache_gossip_heartbeats_and_kept_for_mcache_len() -> None:
    stand = Stand()
    stand.add(*range(1, 13))
    stand.join()
    message = stand.receive(stand.mesh[0])
    gossiped, kept = [], []
    for _ in range(7):
        kept.append(stand.router.gossip.mcache.get(message.id) is not None)
        stand.forget()
        stand.beat()
        gossiped.append(bool(stand.ihaves()))
    assert gossiped == [True] * SPEC.mcache_gossip + [False] * 4
    assert kept == [True] * SPEC.mcache_len + [False] * 2


def test_nothing_is_sent_by_a_quiet_heartbeat() -> None:
    stand = Stand(GossipSubParams.spec(D_out=0))
    stand.add(*range(1, 13))
    stand.join()
    stand.forget()
    stand.beat(5)
    assert (stand.sent, stand.notes) == ([], [])


# -- Control Message Piggybacking


def test_what_a_heartbeat_has_for_a_peer_is_one_rpc() -> None:
    stand = Stand(GossipSubParams.spec(D_out=0))
    stand.join("a")
    stand.join("b")
    stand.add(*range(1, 9), topics=("a", "b"))
    stand.receive(1, topic="a")
    stand.forget()
    stand.beat()
    grafting = [rpc for _, rpc in stand.sent if rpc.control is not None and rpc.control.graft]
    both = [rpc for rpc in grafting if rpc.control is not None and len(rpc.control.graft) == 2]
    assert both
    assert len(grafting) == len({peer for peer, rpc in stand.sent if rpc in grafting})
