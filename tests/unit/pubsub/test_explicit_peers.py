"""gossipsub-v1.1.md, "Explicit Peering Agreements", as nodes of a lab have them."""

from __future__ import annotations

import pytest

from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.pubsub import GossipSubParams, ScoreParams


def agreed(**changes: object) -> Lab:
    """Two nodes that have agreed to peer, and nobody else."""
    lab = Lab(seed=5)
    for name, other in (("a", "b"), ("b", "a")):
        params = GossipSubParams.spec(explicit_peers=(other,), **changes)
        lab.start_node(name, gossipsub=params).subscribe("news")
    return lab


def test_they_connect_when_the_router_boots_without_anybody_dialling() -> None:
    with agreed() as lab:
        lab.run(3)
        assert lab.edges() == [("a", "b")]
        assert lab.events.filter(kind="pubsub.reconnect", reason="explicit peer")


def test_they_get_every_message_outside_the_mesh_whatever_they_score() -> None:
    with agreed(score=ScoreParams(app_specific={"a": -1e6, "b": -1e6}), flood_publish=False) as lab:
        lab.run(3)
        heard = lab["b"].subscribe("news")
        lab["a"].publish("news", b"hello")
        lab.run(1)
        assert lab["a"].mesh("news") == lab["b"].mesh("news") == []
        assert lab["a"].scores()["b"]["score"] == -1e6
        assert [message.data for message in heard.messages] == [b"hello"]


def test_they_reconnect_after_a_crash_within_the_period_of_checks() -> None:
    with agreed(direct_connect_ticks=5) as lab:
        lab.run(3)
        lab["b"].crash()
        lab.run(1)
        assert lab.edges() == []
        lab["b"].restart(reconnect=False)
        lab.run(8)
        assert lab.edges() == [("a", "b")]


def test_a_node_that_lost_its_state_dials_them_again() -> None:
    with agreed() as lab:
        lab.run(3)
        lab["b"].crash()
        lab.run(1)
        lab["b"].restart(state="lost", reconnect=False)
        lab.run(3)
        assert lab.edges() == [("a", "b")]


def test_every_heartbeat_can_be_a_check() -> None:
    with Lab(seed=5) as lab:
        lab.start_node("a", gossipsub=GossipSubParams.spec(explicit_peers=("late",), direct_connect_ticks=1))
        with pytest.warns(UserWarning, match="explicit_peers names 'late', which is no node of this lab so far"):
            lab.run(3)
        # Nobody of that name is there yet, and each try says so.
        failed = lab.events.filter(kind="connection.failed", node="a", reason="no address")
        assert len(failed) >= 2
        assert (failed[0].data or {})["target"] == "late"
        lab.start_node("late")
        lab.run(3)
        assert lab.edges() == [("a", "late")]


def test_an_agreement_can_be_made_while_running() -> None:
    with Lab(seed=5) as lab:
        a, _ = lab.start_node("a"), lab.start_node("b")
        a.params = a.params.replace(explicit_peers=("b",))
        lab.run(3)
        assert lab.edges() == [("a", "b")]


@pytest.mark.parametrize("settings", [{"gossipsub": 7}, {"router": "flooding"}, {"router": int}])
def test_wrong_parameters_are_an_error_when_the_node_starts_and_change_nothing(settings: dict[str, object]) -> None:
    with Lab(seed=5) as lab:
        with pytest.raises(ValidationError):
            lab.start_node("a", **settings)
        assert not lab.nodes
