from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2plab.pubsub import FloodSub
from p2plab.pubsub.message import Publication
from tests.unit.pubsub.harness import Net


def test_a_message_floods_to_every_subscriber_and_each_gets_it_once() -> None:
    net = Net()
    net.add_many(5)
    net.connect_all()
    queues = [node.subscribe("news") for node in net.nodes]
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    assert [len(queue.messages) for queue in queues] == [1] * 5
    # 4 copies from the author; the 4 others pass it on to 3 - neither back to the author nor to where it came from.
    assert sum(len(rpc.publish) for _, _, _, rpc in net.sent) == 4 + 4 * 3
    assert len(net.events("pubsub.duplicate")) == 12


def test_a_message_never_goes_back_to_its_author() -> None:
    net = Net()
    net.add_many(3)
    for one, other in ((0, 1), (1, 2), (2, 0)):
        net.connect(one, other)
    for node in net.nodes:
        node.subscribe("news")
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    assert [receiver for _, _, receiver, rpc in net.sent if rpc.publish and receiver == 0] == []


def test_peers_that_do_not_subscribe_get_nothing() -> None:
    net = Net()
    net.add_many(3)
    net.connect_all()
    net.nodes[1].subscribe("news")
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    assert [receiver for _, _, receiver, rpc in net.sent if rpc.publish] == [1]


def test_one_decision_can_be_overridden() -> None:
    class OnlyTheFirst(FloodSub):
        def recipients(self, publication: Publication, sender: int) -> list[int]:
            return super().recipients(publication, sender)[:1]

    net = Net()
    net.add(OnlyTheFirst())
    net.add_many(3)
    net.connect_all()
    queues = [node.subscribe("news") for node in net.nodes]
    net.run()
    net.nodes[0].publish("news", b"x")
    assert [receiver for _, _, receiver, rpc in net.sent if rpc.publish] == [1]
    net.run()
    assert [len(queue.messages) for queue in queues] == [1] * 4


@given(st.integers(2, 8).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.sampled_from(
    [(a, b) for a in range(n) for b in range(n) if a < b]), unique=True), st.sets(st.integers(0, n - 1)))))  # fmt: skip
def test_every_subscriber_reachable_through_subscribers_gets_each_message_once(
    case: tuple[int, list[tuple[int, int]], set[int]],
) -> None:
    count, edges, subscribers = case
    net = Net()
    net.add_many(count)
    for one, other in edges:
        net.connect(one, other)
    queues = {node: net.nodes[node].subscribe("news") for node in sorted(subscribers)}
    net.run()
    net.nodes[0].publish("news", b"x")
    net.run()
    reached, frontier = {0}, [0]
    while frontier:
        here = frontier.pop()
        for one, other in edges:
            for near, far in ((one, other), (other, one)):
                if near == here and far in subscribers and far not in reached:
                    reached.add(far)
                    frontier.append(far)
    assert {node: len(queue.messages) for node, queue in queues.items()} == {
        node: int(node in reached) for node in subscribers
    }
