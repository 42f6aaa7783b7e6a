"""A node's parameters, seen and changed while it runs; how it signs and names messages."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from p2plab import Lab
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.kademlia import DhtParams
from p2plab.mock.world import MockWorld
from p2plab.pubsub import GossipSub, GossipSubParams, ScoreParams, TopicScoreParams


def star(leaves: int = 8, **settings: Any) -> Lab:
    lab = Lab(seed=3, **settings)
    lab.start_nodes(leaves + 1)
    lab.wire("star")
    for node in lab.nodes:
        node.subscribe("news")
    lab.run(4)
    return lab


def test_a_node_tells_its_parameters() -> None:
    mine = GossipSubParams.filecoin(D=9)
    with Lab(seed=1, gossipsub=GossipSubParams.go()) as lab:
        assert lab.start_node("a").params == GossipSubParams.go()
        assert lab.start_node("b", gossipsub=mine).params is mine
        assert repr(mine) == "GossipSubParams.filecoin(D=9)"
        assert repr(GossipSubParams()) == "GossipSubParams.spec()"


def test_a_mesh_shrinks_and_grows_with_the_parameters_and_keeps_its_scores() -> None:
    with star() as lab:
        hub = lab["n0"]
        assert len(hub.mesh("news")) == 8
        before = hub.scores()
        hub.params = hub.params.replace(D=3, D_low=2, D_high=4, D_score=2, D_out=1)
        assert hub.scores() == before
        lab.run(2)
        assert len(hub.mesh("news")) == 3
        pruned = lab.events.filter(kind="pubsub.prune", node="n0", reason="mesh above D_high")
        assert len(pruned) == 5
        assert (pruned[0].data or {})["D_high"] == 4
        assert lab.events.filter(kind="pubsub.params", node="n0")
        # Bigger again: not before the backoffs, which are kept, are over.
        hub.params = GossipSubParams.spec()
        lab.run(5)
        assert len(hub.mesh("news")) == 3
        lab.run(70)
        assert len(hub.mesh("news")) > 3


def test_the_heartbeat_follows_its_interval() -> None:
    with star(3) as lab:
        hub, world = lab["n0"], lab["n0"].world
        assert isinstance(world, MockWorld)

        def beats() -> int:
            router = world.host_named("n0").pubsub.router
            assert isinstance(router, GossipSub)
            return router.beats

        hub.params = hub.params.replace(heartbeat_interval=0.1)
        lab.run(1)  # the one that was due in a second at the latest
        before = beats()
        lab.run(2)
        assert beats() - before in (19, 20, 21)


def test_scoring_can_be_switched_off_and_on() -> None:
    with star(2) as lab:
        hub = lab["n0"]
        hub.add_validator("news", lambda message: False)
        lab["n1"].publish("news", b"bad")
        lab.run(0.5)
        assert hub.scores()["n1"]["score"] < 0
        hub.params = hub.params.replace(score=None)
        assert hub.scores()["n1"]["score"] == 0
        hub.params = GossipSubParams.spec()
        lab["n1"].publish("news", b"bad")
        lab.run(0.5)
        assert hub.scores()["n1"]["score"] < 0


def test_what_is_no_parameters_changes_nothing() -> None:
    with star(2) as lab:
        hub = lab["n0"]
        with pytest.raises(ValidationError, match="gossipsub=7"):
            hub.params = 7  # type: ignore[assignment]
        with pytest.raises(ConfigurationError, match="D_low <= D"):
            hub.params = hub.params.replace(D=1)
        assert hub.params == GossipSubParams.spec()


def test_floodsub_has_no_parameters() -> None:
    with Lab(seed=1, router="floodsub") as lab:
        node = lab.start_node("a")
        with pytest.raises(ConfigurationError, match="a runs FloodSub"):
            node.params = GossipSubParams.spec()
        with pytest.raises(ConfigurationError, match="a runs FloodSub"):
            _ = node.params


def test_changes_are_part_of_the_run() -> None:
    own = GossipSubParams.spec(score=ScoreParams(topics={"news": TopicScoreParams(time_in_mesh_weight=0.1)}))
    with star(4, gossipsub=own, dht=DhtParams(k=4)) as lab:
        lab["n0"].params = GossipSubParams.ethereum(D=5, D_low=4)
        lab.run(3)
        history = lab.history()
        assert Lab.replay(history).events.digest() == lab.events.digest()
        space: dict[str, Any] = {}
        exec(str(history), space)
        assert space["lab"].events.digest() == lab.events.digest()


# -- how messages are signed and named (pubsub/README.md, "Message Signing", "Message Identification")


def test_unsigned_messages_have_no_author_and_are_named_by_their_content() -> None:
    with star(2, signing="StrictNoSign") as lab:
        heard = lab["n1"].subscribe("news")
        message = lab["n2"].publish("news", b"hello")
        lab.run(1)
        got = heard.messages[0]
        assert (got.sender, got.seqno) == (None, None)
        assert got.id == message.id == hashlib.sha256(b"hello").hexdigest()
        assert got.received_from == lab["n0"].peer_id
        # The same content again is the same message.
        lab["n2"].publish("news", b"hello")
        lab.run(1)
        assert len(heard.messages) == 1
        assert lab.events.filter(kind="pubsub.ignore", node="n2", reason="already published")


def test_a_custom_message_id_names_messages_everywhere() -> None:
    def by_content(publication: Any) -> bytes:
        return hashlib.sha1(publication.topic.encode() + publication.data).digest()

    with star(2, message_id=by_content) as lab:
        heard = lab["n1"].subscribe("news")
        message = lab["n2"].publish("news", b"hello")
        lab["n0"].publish("news", b"hello")
        lab.run(1)
        assert message.id == hashlib.sha1(b"newshello").hexdigest()
        assert [got.id for got in heard.messages] == [message.id]
        assert len(lab.propagation(message)) == 3


@pytest.mark.parametrize("wrong", [lambda publication: 7, lambda publication: 1 // 0], ids=["no bytes", "raises"])
def test_a_message_id_function_that_fails_is_an_error_event_and_harms_nothing(wrong: Any) -> None:
    with star(2) as lab:
        node = lab.start_node("odd", message_id=wrong)
        node.connect(lab["n0"])
        heard = node.subscribe("news")
        lab.run(2)
        with pytest.raises(ValidationError, match="message_id"):
            node.publish("news", b"mine")
        lab["n1"].publish("news", b"hello")
        lab.run(2)
        assert heard.messages == []
        errors = lab.events.filter(kind="error", node="odd", reason="message id")
        assert errors
        assert (errors[0].data or {})["what"] == "message_id"
        assert lab["n2"].mesh("news")


@pytest.mark.parametrize(
    "settings",
    [{"signing": "Strict"}, {"message_id": b"x"}, {"max_message_size": 0}, {"max_message_size": (16 << 20) + 1}],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        Lab(seed=1, **settings)
    with Lab(seed=1) as lab:
        with pytest.raises(ValidationError, match=next(iter(settings))):
            lab.start_node("a", **settings)
        assert not lab.nodes


def test_messages_are_bounded_in_size() -> None:
    with star(2, max_message_size=1_000) as lab:
        with pytest.raises(ValidationError, match="at most 1000 bytes"):
            lab["n0"].publish("news", bytes(1_001))
        with pytest.raises(ValidationError, match="the limit is 1000"):
            lab["n0"].publish("news", bytes(1_000))  # with its envelope
        assert lab.events.filter(kind="pubsub.publish") == []
        lab["n0"].publish("news", bytes(800))
        lab.run(1)
        assert len(lab.events.filter(kind="pubsub.deliver")) == 3
