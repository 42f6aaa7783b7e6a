"""RPCs that come before this end of a connection has a pubsub stream of its own."""

from __future__ import annotations

from p2plab import Lab
from p2plab.mock.connections.connection import EARLY_RPCS, join
from p2plab.mock.world import MockWorld
from p2plab.pubsub.rpc import RPC


def test_they_are_kept_up_to_a_bound_and_what_is_over_it_is_an_event() -> None:
    with Lab(seed=1) as lab:
        world = lab.start_nodes(2)[0].world
        assert isinstance(world, MockWorld)
        end = join(world.host_named("n0"), world.host_named("n1"), world.next_number(), "ideal").remote

        def flood() -> None:
            for number in range(EARLY_RPCS + 3):
                end.receive_rpc(RPC(subscriptions=((True, f"topic {number}"),)))

        world.call(flood)
        dropped = lab.events.filter(kind="pubsub.drop", node="n1", peer="n0")
        assert [(event.reason, event.data) for event in dropped] == [("no stream yet", {"limit": EARLY_RPCS})] * 3
        world.call(end.pubsub_opened, "/meshsub/1.3.0")
        assert len(lab.events.filter(kind="pubsub.peer_subscribed", node="n1")) == EARLY_RPCS
