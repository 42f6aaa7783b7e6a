"""gossipsub-v1.1.md, "PRUNE Backoff and Peer Exchange" and "Recommendations for Network Operators", in a lab."""

from __future__ import annotations

from p2plab import Lab
from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.identity.peer_record import sign_record
from p2plab.mock.world import MockWorld
from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams
from p2plab.pubsub.rpc import RPC, Control, Prune, rpc_size
from p2plab.pubsub.shell.dials import MAX_PENDING

BOOTSTRAPPER = GossipSubParams.spec(D=0, D_low=0, D_high=0, D_score=0, D_out=0, peer_exchange=True)


def member(trust: float = 100.0) -> GossipSubParams:
    """Takes recommendations from whoever scores 50, which only a trusted bootstrapper does."""
    scores = ScoreParams(accept_px_threshold=50.0, app_specific={"boot": trust}, default_topic=TopicScoreParams())
    return GossipSubParams.spec(score=scores)


def network(trust: float, members: int = 15) -> Lab:
    """Nodes that know nobody but a bootstrapper, and come one after the other."""
    lab = Lab(seed=2)
    boot = lab.start_node("boot", gossipsub=BOOTSTRAPPER)
    boot.subscribe("news")
    for node in lab.start_nodes(members, gossipsub=member(trust)):
        node.connect(boot)
        node.subscribe("news")
        lab.run(0.5)
    lab.run(10)
    return lab


def test_a_network_forms_by_peer_exchange_alone() -> None:
    with network(trust=100.0) as lab:
        nodes = lab.nodes[1:]
        low = GossipSubParams.spec().D_low
        assert all(len(node.mesh("news")) >= low for node in nodes)
        assert lab["boot"].mesh("news") == []
        # It works without the bootstrapper from now on.
        lab["boot"].crash()
        lab.run(1)
        message = nodes[7].publish("news", b"hello")
        lab.run(2)
        assert {delivery.node for delivery in lab.propagation(message)} == {node.name for node in nodes}


def test_recommendations_of_who_is_not_trusted_enough_are_not_followed() -> None:
    with network(trust=1.0) as lab:
        assert {"boot"} == {name for edge in lab.edges() for name in edge} & {"boot"}
        assert len(lab.edges()) == len(lab) - 1
        reasons = {event.reason for event in lab.events.filter(kind="pubsub.peer_exchange")}
        assert reasons == {"score below accept_px_threshold"}


def advised(*recommended: tuple[bytes, bytes], times: int = 1, latency: float = 0.020) -> Lab:
    """A node whose peer prunes it with these recommendations."""
    lab = Lab(seed=2, latency=latency)
    nodes = lab.start_nodes(2)
    lab.start_node("other")
    lab.wire("line", nodes=nodes)
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(3)
    world = lab["n0"].world
    assert isinstance(world, MockWorld)
    end = world.host_named("n1").connected[world.host_named("n0").index][0]
    rpc = RPC(control=Control(prune=(Prune("news", recommended, 60),)))

    def send() -> None:
        for _ in range(times):
            end.send(rpc_size(rpc), end.remote.receive_rpc, rpc)

    world.call(send)
    lab.run(3 * latency + 0.5)
    return lab


def other(seed: int = 2) -> Identity:
    return Identity.derive(seed, "other")


def refusals(lab: Lab) -> list[str]:
    refused = lab.events.filter(kind="pubsub.peer_exchange", node="n0", reason="bad peer record")
    return [(event.data or {})["text"] for event in refused]


def test_a_recommended_peer_is_dialled_at_the_addresses_it_signed_itself() -> None:
    with Lab(seed=2) as place:
        place.start_nodes(2)
        address = place.start_node("other").addresses[0].rpartition("/p2p/")[0]
    identity = other()
    with advised((peer_id_bytes(identity.peer_id), sign_record(identity, [address], 1))) as lab:
        assert ("n0", "other") in lab.edges()
        assert refusals(lab) == []


def test_a_record_that_another_signed_or_that_is_about_another_is_not_followed() -> None:
    stranger, victim = Identity.derive(9, "stranger"), other()
    record = sign_record(stranger, ["/ip4/6.6.6.6/tcp/4001"], 1)
    own = sign_record(victim, ["/ip4/6.6.6.6/tcp/4001"], 1)
    forged = own[:-1] + bytes([own[-1] ^ 1])
    cases = ((peer_id_bytes(victim.peer_id), record), (peer_id_bytes(victim.peer_id), forged), (b"no id", own))
    for case in cases:
        with advised(case) as lab:
            assert len(refusals(lab)) == 1
            assert ("n0", "other") not in lab.edges()
            assert lab.events.filter(kind="connection.dialled", node="n0") == []
    with advised(cases[0]) as lab:
        assert "the record is about" in refusals(lab)[0]


def test_dials_of_recommended_peers_are_bounded() -> None:
    strangers = [Identity.derive(7, f"stranger {number}") for number in range(16)]
    nowhere = tuple(
        (peer_id_bytes(one.peer_id), sign_record(one, [f"/ip4/6.6.6.{number + 1}/tcp/4001"], 1))
        for number, one in enumerate(strangers)
    )
    with advised(*nowhere, times=10) as lab:
        dialled = lab.events.filter(kind="connection.dialled", node="n0")
        refused = lab.events.filter(kind="pubsub.peer_exchange", node="n0", reason="too many dials")
        assert len(dialled) == MAX_PENDING
        assert len(refused) == 10 * len(strangers) - MAX_PENDING


# -- "Peer Scoring": scores outlive a disconnection


def test_a_bad_score_is_still_there_when_the_peer_comes_back_and_forgotten_after_retain_score() -> None:
    scores = ScoreParams(retain_score=60.0, default_topic=TopicScoreParams(invalid_message_deliveries_weight=-10.0))
    with Lab(seed=3, gossipsub=GossipSubParams.spec(score=scores)) as lab:
        a, b = lab.start_nodes(2)
        lab.wire("line")
        a.add_validator("news", lambda message: False)
        for node in (a, b):
            node.subscribe("news")
        lab.run(2)
        b.publish("news", b"bad")
        lab.run(0.1)
        before = a.scores()["n1"]["score"]
        assert before < 0
        b.disconnect(a)
        lab.run(30)
        b.connect(a)
        assert a.scores()["n1"]["score"] == before  # it does not decay while the peer is away
        b.disconnect(a)
        lab.run(62)
        b.connect(a)
        assert a.scores()["n1"]["score"] == 0
