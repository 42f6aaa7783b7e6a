"""What may be set of a real node's pubsub, and whose it has to be for that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.pubsub import GossipSub, GossipSubParams
from p2plab.pubsub.message import Publication
from tests.unit.real.own_pubsub.scene import OURS, WAIT, Until, pubsub_of


class Loner(GossipSub):
    """Passes nothing on."""

    __slots__ = ()

    def recipients(self, publication: Publication, sender: int) -> list[int]:
        return []


class TestSettings:
    def test_a_router_of_ones_own_decides(self, lab: Lab, until: Until) -> None:
        nodes = [
            lab.start_node("n0", pubsub="p2plab"),
            lab.start_node("n1", pubsub="p2plab", router=Loner),
            lab.start_node("n2", pubsub="p2plab"),
        ]
        lab.wire("line")
        queues = [node.subscribe("news") for node in nodes]
        until(lambda: all(len(node.topic_peers("news")) == len(node.peers()) for node in nodes))
        sent = nodes[0].publish("news", b"x")
        assert queues[1].get(timeout=WAIT).id == sent.id
        lab.run_until(lambda: bool(queues[2].messages), timeout=0.3)
        assert queues[2].messages == []

    def test_it_needs_p2plabs_pubsub(self, lab: Lab) -> None:
        with pytest.raises(NotInThisWorldError, match=r"py-libp2p's own routers, not with Loner; take pubsub='p2plab'"):
            lab.start_node("alice", router=Loner)
        with pytest.raises(NotInThisWorldError, match="not with Loner"), Lab("real", router=Loner):
            pass
        assert lab.nodes == []

    def test_the_labs_setting_is_every_nodes_unless_it_has_its_own(self) -> None:
        with Lab("real", pubsub="p2plab", router=Loner) as lab:
            assert isinstance(pubsub_of(lab.start_node("alice")).manager.router, Loner)
            with pytest.raises(NotInThisWorldError):
                lab.start_node("bob", pubsub="libp2p")
            lab.start_node("bob", pubsub="libp2p", router="gossipsub")

    def test_signing_ids_and_sizes_are_p2plabs_to_set(self, lab: Lab, until: Until) -> None:
        settings: Any = {"signing": "StrictNoSign", "message_id": lambda message: message.data, "max_message_size": 500}
        alice, bob = (lab.start_node(name, pubsub="p2plab", **settings) for name in ("alice", "bob"))
        alice.connect(bob)
        news = bob.subscribe("news")
        until(lambda: alice.topic_peers("news"))
        sent = alice.publish("news", b"anonymous")
        got = news.get(timeout=WAIT)
        assert (got.id, got.sender, got.seqno) == (b"anonymous".hex(), None, None)
        assert sent.id == got.id
        with pytest.raises(ValidationError, match="the limit is 500"):
            alice.publish("news", bytes(500))
        for name, value in settings.items():
            with pytest.raises(NotInThisWorldError, match=f"{name}=.* is not for py-libp2p's pubsub"):
                lab.start_node("carol", **{name: value})

    def test_parameters_can_be_changed_while_it_runs(self, lab: Lab, alice: Node) -> None:
        alice.params = alice.params.replace(D=8, heartbeat_interval=0.1)
        assert pubsub_of(alice).manager.router.heartbeat_interval == 0.1
        assert [event.node for event in lab.events.filter(kind="pubsub.params")] == ["alice"]

    def test_there_are_two_to_choose_from(self, lab: Lab) -> None:
        with pytest.raises(ValidationError, match="take 'libp2p', py-libp2p's own, or 'p2plab'"):
            lab.start_node("alice", pubsub="mine")

    def test_floodsub(self, lab: Lab, until: Until) -> None:
        alice = lab.start_node("alice", pubsub="p2plab", router="floodsub")
        bob, carol = lab.start_node("bob", router="floodsub"), lab.start_node("carol")
        alice.connect(bob)
        alice.connect(carol)
        queues = [node.subscribe("news") for node in (alice, bob, carol)]
        until(lambda: len(alice.topic_peers("news")) == 2 and bob.topic_peers("news") and carol.topic_peers("news"))
        for node in (alice, bob, carol):
            node.publish("news", node.name)
        until(lambda: all(len(queue.messages) == 3 for queue in queues))
        assert alice.mesh("news") == []
        assert alice.protocols().count("/floodsub/1.0.0") == 1
        assert OURS not in alice.protocols()

    def test_parameters_hold_in_full(self, lab: Lab, until: Until) -> None:
        params = replace(GossipSubParams.spec(), D=2, D_low=1, D_high=3, D_score=1, D_out=0)
        nodes = [lab.start_node(f"n{number}", pubsub="p2plab", gossipsub=params) for number in range(7)]
        lab.wire("full")
        queues = [node.subscribe("news") for node in nodes]
        until(lambda: all(len(node.topic_peers("news")) == 6 for node in nodes))
        until(lambda: all(1 <= len(node.mesh("news")) <= 3 for node in nodes))
        sent = nodes[0].publish("news", b"x")
        until(lambda: all(queue.messages for queue in queues))
        assert {queue.messages[0].id for queue in queues} == {sent.id}
