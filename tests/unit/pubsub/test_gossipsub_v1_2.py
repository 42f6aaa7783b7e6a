"""gossipsub-v1.2.md: IDONTWANT."""

from __future__ import annotations

import pytest

from p2plab.effects import Withdraw
from p2plab.pubsub import GossipSubParams
from tests.unit.pubsub.stand import FLOOD, TOPIC, V10, V11, V12, V13, Stand

SPEC = GossipSubParams.spec()
LARGE = SPEC.idontwant_message_threshold


def mixed() -> Stand:
    stand = Stand()
    for peer, protocol in enumerate((V10, V11, V12, V13, V12, FLOOD), 1):
        stand.add(peer, protocol=protocol)
    stand.join()
    assert stand.mesh == [1, 2, 3, 4, 5]
    stand.forget()
    return stand


def test_a_large_message_is_announced_at_once_to_mesh_peers_that_understand_but_not_to_who_sent_it() -> None:
    stand = mixed()
    message = stand.message(size=LARGE, origin=4)
    stand.do(stand.router.arrived(3, message, message.id, stand.now))
    # The author, 4, has it, and may have a copy for us in its queue.
    assert sorted(stand.controls("idontwant")) == [(4, (message.id,)), (5, (message.id,))]
    assert stand.data("pubsub.idontwant") == {"peers": 2, "size": LARGE, "threshold": LARGE}


def test_a_small_message_is_not_announced() -> None:
    stand = mixed()
    stand.receive(3, stand.message(size=LARGE - 1))
    assert stand.controls("idontwant") == []
    stand.receive(3, stand.message(size=LARGE))
    assert sorted(peer for peer, _ in stand.controls("idontwant")) == [4, 5]


def test_it_is_announced_before_the_message_is_forwarded() -> None:
    stand = mixed()
    message = stand.receive(3, stand.message(size=LARGE))
    kinds = ["idontwant" if rpc.control else "message" for _, rpc in stand.sent]
    assert kinds == sorted(kinds)
    assert stand.got(message) == [1, 2, 4, 5, 6]


def test_own_messages_are_announced_where_the_parameters_say_so() -> None:
    stand = Stand(SPEC.replace(idontwant_on_publish=True))
    stand.add(1, 2)
    stand.join()
    stand.publish(stand.message(size=LARGE, origin=0))
    assert sorted(peer for peer, _ in stand.controls("idontwant")) == [1, 2]
    kinds = ["idontwant" if rpc.control and rpc.control.idontwant else "other" for _, rpc in stand.sent][2:]
    assert kinds[:2] == ["idontwant"] * 2


def test_a_message_is_not_sent_to_who_does_not_want_it() -> None:
    stand = mixed()
    message = stand.message()
    stand.control(3, idontwant=((message.id,),))
    stand.receive(1, message)
    assert stand.got(message) == [2, 4, 5, 6]
    assert stand.reasons("pubsub.withheld", 3) == ["peer does not want it"]


def test_nor_published_to_it_through_the_mesh_nor_given_on_iwant() -> None:
    stand = Stand(SPEC.replace(flood_publish=False))
    stand.add(1, 2)
    stand.join()
    message = stand.message(origin=0)
    stand.control(1, idontwant=((message.id,),))
    stand.publish(message)
    assert stand.got(message) == [2]
    stand.control(1, iwant=((message.id,),))
    assert stand.got(message) == [2]
    assert stand.reasons("pubsub.iwant_ignored") == ["peer does not want it"]


def test_what_is_queued_for_the_peer_is_to_be_withdrawn() -> None:
    stand = mixed()
    stand.control(3, idontwant=((b"a",), (b"b",)))
    wishes = [(wish.peer, wish.message_ids) for wish in stand.wishes if isinstance(wish, Withdraw)]
    assert wishes == [(3, (b"a", b"b"))]


def test_it_holds_for_idontwant_message_ttl_heartbeats() -> None:
    stand = mixed()
    stand.control(3, idontwant=((b"x",),))
    held = []
    for _ in range(5):
        held.append(3 in stand.router.gossip.unwanted.get(b"x", ()))
        stand.beat()
    assert held == [True] * SPEC.idontwant_message_ttl + [False] * 2
    assert stand.router.gossip.unwanted == {}


def test_saying_it_again_prolongs_it() -> None:
    stand = mixed()
    stand.control(3, idontwant=((b"x",),))
    stand.beat(2)
    stand.control(3, idontwant=((b"x",),))
    stand.beat(2)
    assert 3 in stand.router.gossip.unwanted[b"x"]
    stand.beat()
    assert stand.router.gossip.unwanted == {}


def test_ids_in_one_rpc_are_bounded() -> None:
    stand = mixed()
    stand.control(3, idontwant=(tuple(b"%d" % number for number in range(25)),))
    assert len(stand.router.gossip.unwanted) == SPEC.max_idontwant_length
    assert stand.reasons("pubsub.idontwant_ignored") == ["too many ids"]


def test_rpcs_in_one_heartbeat_are_bounded() -> None:
    stand = Stand(SPEC.replace(max_idontwant_messages=5))
    stand.add(1)
    for number in range(8):
        stand.control(1, idontwant=((b"%d" % number,),))
    assert len(stand.router.gossip.unwanted) == 5
    assert stand.reasons("pubsub.idontwant_ignored") == ["too many IDONTWANTs"] * 3
    stand.beat()
    stand.control(1, idontwant=((b"more",),))
    assert b"more" in stand.router.gossip.unwanted


def test_a_message_sent_all_the_same_is_not_penalised() -> None:
    stand = mixed()
    message = stand.receive(3, stand.message(size=LARGE))
    stand.duplicate(4, message)
    stand.beat(5)
    assert stand.reasons("pubsub.penalty") == []
    assert stand.router.score(4) >= 0


def test_a_peer_that_left_is_forgotten() -> None:
    stand = mixed()
    stand.control(3, idontwant=((b"x",),))
    stand.remove(3)
    stand.beat(5)
    assert stand.router.gossip.unwanted == {}


@pytest.mark.parametrize("topic", [TOPIC, "unknown"])
def test_messages_of_topics_without_a_mesh_are_announced_to_nobody(topic: str) -> None:
    stand = Stand()
    message = stand.message(topic, size=LARGE)
    assert stand.router.arrived(1, message, message.id, 0) == ()
