"""Nodes on p2plab's own router come and go, and so do their streams; nothing is left of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.errors import ClosedError
from p2plab.pubsub import Subscription
from p2plab.pubsub.rpc import RPC, encode_rpc
from p2plab.real.connections.connections import RealConnection
from p2plab.stream import NetStream, StreamError
from tests.unit.real.own_pubsub.scene import OURS, WAIT, Until, pubsub_of, speak
from tests.unit.real.script import run_script
from tests.unit.real.test_close import tasks


class TestComingAndGoing:
    def test_a_crashed_node_comes_back_to_its_subscriptions(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, until: Until
    ) -> None:
        mine = alice.subscribe("news")
        until(lambda: bob.topic_peers("news"))
        alice.crash()
        with pytest.raises(ClosedError, match="alice is not running"):
            alice.publish("news", b"x")
        alice.restart()
        until(lambda: len(lab.events.filter(kind="pubsub.peer_subscribed", node=bob)) == 2)
        sent = bob.publish("news", b"welcome back")
        assert mine.get(timeout=WAIT).id == sent.id

    def test_with_its_state_lost_it_has_none_and_uses_no_number_again(
        self, lab: Lab, alice: Node, until: Until
    ) -> None:
        news = alice.subscribe("news")
        before = alice.publish("news", b"1").seqno
        alice.stop()
        alice.restart(state="lost")
        until(lambda: lab.events.filter(kind="node.restarted"))
        assert news.closed
        assert alice.topics() == []
        again = alice.publish("news", b"2").seqno
        assert before is not None
        assert again is not None
        assert again > before

    def test_a_peer_that_was_disconnected_and_dialled_again_hears_everything(
        self, lab: Lab, alice: Node, bob: Node
    ) -> None:
        news = bob.subscribe("news")
        for number in range(5):
            alice.connect(bob)
            assert lab.run_until(lambda: bool(alice.topic_peers("news")), timeout=WAIT)
            sent = alice.publish("news", b"%d" % number)
            assert news.get(timeout=WAIT).id == sent.id
            alice.disconnect(bob)

    def test_a_stream_that_is_reset_is_opened_again_and_the_subscriptions_stay(
        self, lab: Lab, alice: Node, bob: Node, news: Subscription, until: Until
    ) -> None:
        (neighbour,) = pubsub_of(alice).streams.neighbours.values()
        before = neighbour.outgoing
        assert before is not None
        lab.world.run(before.stream.reset)
        until(lambda: neighbour.outgoing not in (None, before))
        assert [info.name for info in alice.topic_peers("news")] == ["bob"]
        sent = alice.publish("news", b"again")
        assert news.get(timeout=WAIT).id == sent.id

    def test_a_stream_that_cannot_be_opened_is_tried_again(
        self, lab: Lab, alice: Node, bob: Node, until: Until, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        switch, failures = (
            pubsub_of(alice).streams._host.switch,
            [StreamError("limit", "bob has no room") for _ in range(2)],
        )
        open_it = switch.open

        async def open_or_not(link: RealConnection, wanted: Sequence[str], *args: Any) -> NetStream:
            if OURS in wanted and failures:
                raise failures.pop(0)
            return await open_it(link, wanted, *args)

        monkeypatch.setattr(switch, "open", open_or_not)
        news = bob.subscribe("news")
        alice.connect(bob)
        until(lambda: alice.topic_peers("news"))
        assert failures == []
        assert {event.reason for event in lab.events.filter(kind="identify.failed", node=alice)} == {"limit"}
        sent = alice.publish("news", b"at last")
        assert news.get(timeout=WAIT).id == sent.id

    def test_who_speaks_pubsub_to_a_node_is_answered_whatever_identify_says(
        self, lab: Lab, alice: Node, bob: Node, until: Until, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def told_nothing(link: RealConnection, protocols: Sequence[str]) -> None:
            return

        monkeypatch.setattr(pubsub_of(alice), "meet", told_nothing)
        mine = alice.subscribe("news")
        bob.connect(alice)
        until(lambda: bob.topic_peers("news"))
        sent = bob.publish("news", b"hello")
        assert mine.get(timeout=WAIT).id == sent.id

    def test_the_newest_of_a_peers_streams_counts(self, lab: Lab, alice: Node, until: Until) -> None:
        bob = lab.start_node("bob", pubsub="p2plab")
        bob.connect(alice)
        until(lambda: [n.incoming for n in pubsub_of(alice).streams.neighbours.values() if n.incoming])
        (neighbour,) = pubsub_of(alice).streams.neighbours.values()
        first = neighbour.incoming
        assert first is not None
        speak(lab, bob, alice, encode_rpc(RPC(subscriptions=((True, "sport"),))))
        until(lambda: alice.topic_peers("sport"))
        assert first.state == "reset"

    def test_nothing_is_left_of_peers_and_tasks_when_they_have_gone(self, lab: Lab, alice: Node, until: Until) -> None:
        bob = lab.start_node("bob", pubsub="p2plab")
        before = lab.world.read(tasks)
        for _ in range(3):
            alice.connect(bob)
            until(lambda: alice.peers() and bob.peers())
            alice.disconnect(bob)
            until(lambda: not pubsub_of(alice).streams.neighbours and not pubsub_of(bob).streams.neighbours)
            until(lambda: not alice.streams() and not bob.streams())
        until(lambda: lab.world.read(tasks) <= before)

    def test_a_closed_lab_leaves_no_thread_and_no_word(self) -> None:
        out = run_script(
            """
            import threading
            from p2plab import Lab
            with Lab("real", seed=1, pubsub="p2plab") as lab:
                nodes = lab.start_nodes(4)
                lab.wire("full")
                queues = [node.subscribe("news") for node in nodes]
                assert lab.run_until(lambda: all(node.mesh("news") for node in nodes), timeout=20)
                sent = nodes[2].publish("news", b"hello")
                assert all(queue.get().id == sent.id for queue in queues)
                nodes[3].crash()
            print(threading.active_count())
            """
        )
        assert out == "1\n"
