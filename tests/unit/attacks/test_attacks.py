"""The attacks of the evaluation report, small: what they do without scores, and what scores do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from p2plab import AsyncLab, Lab, attacks
from p2plab.attacks.figures import DEADLINE
from p2plab.attacks.scenarios import SCORE
from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.pubsub import GossipSub

SMALL: dict[str, Any] = {"honest": 30, "sybils": 90, "degree": 8, "links": 6}
LINKS: dict[str, Any] = {"latency": 0.050, "jitter": 0.020}


def both(scenario: Callable[..., dict[str, float]], /, **parameters: Any) -> tuple[dict[str, float], dict[str, float]]:
    """The figures without and with scoring, on the same seed."""
    figures = []
    for scoring in (False, True):
        with Lab(seed=3, **LINKS) as lab:
            figures.append(scenario(lab, scoring=scoring, **parameters))
    return figures[0], figures[1]


def delivered_in_time(figures: dict[str, float]) -> bool:
    """The report's finding of v1.1: whatever the attack, everything arrives within the deadline."""
    return all(value == 1.0 for name, value in figures.items() if name.endswith(("delivered", "in time")))


@pytest.mark.dear
def test_scores_give_an_eclipsed_target_its_mesh_back() -> None:
    plain, scored = both(attacks.eclipse_target, honest=30, sybils=60, degree=8, attack=60.0)
    assert plain["honest in mesh"] < 0.6
    assert scored["honest in mesh"] == 1.0
    assert scored["sybil score"] < -100 < 0 < scored["honest score"]
    assert plain["onset p99"] < DEADLINE


@pytest.mark.slow
@pytest.mark.parametrize("attack", [attacks.eclipse_network, attacks.cold_boot, attacks.attack_at_dawn])
def test_scores_clear_the_meshes_of_sybils_that_drop_everything(attack: Callable[..., dict[str, float]]) -> None:
    plain, scored = both(attack, **SMALL)
    assert plain["honest in mesh"] < 0.8
    assert scored["honest in mesh"] > 0.95
    assert scored["sybil score"] < -100 < 0 < scored["honest score"]
    assert scored["recovered p99"] < plain["recovered p99"]
    assert delivered_in_time(plain)
    assert delivered_in_time(scored)


@pytest.mark.slow
def test_scores_give_eclipsed_publishers_their_meshes_back() -> None:
    plain, scored = both(attacks.eclipse_publishers, honest=30, sybils=90, degree=8)
    assert plain["honest in mesh"] < 0.6
    assert scored["honest in mesh"] > 0.95
    assert delivered_in_time(scored)


@pytest.mark.dear
def test_sybils_on_few_ips_are_found_out_by_where_they_come_from() -> None:
    plain, scored = both(attacks.ip_colocation, honest=20, sybils=60, degree=8, links=6, warm=15.0, attack=20.0)
    assert plain["honest in mesh"] < 0.4
    assert plain["sybil score"] == 0
    # They are below zero before they have done anything: they are in no mesh, not even for a while.
    assert scored["honest in mesh"] == 1.0
    assert scored["onset p99"] == pytest.approx(scored["before p99"], rel=0.1)
    assert plain["onset p99"] > 1.5 * plain["before p99"]
    assert scored["sybil score"] < -1000 < 0 < scored["honest score"]
    assert delivered_in_time(scored)


def test_the_penalty_is_the_square_of_the_surplus_of_peers_on_one_ip() -> None:
    weight, threshold = SCORE.ip_colocation_factor_weight, SCORE.ip_colocation_factor_threshold
    with Lab(seed=3, **LINKS) as lab:
        attacks.ip_colocation(lab, honest=10, sybils=20, degree=4, links=3, warm=5.0, attack=3.0, ips=5)
        connected = {info.name: info.addresses[0].split("/")[2] for info in lab["honest2"].peers()}
        shares = Counter(connected.values())
        assert max(shares.values()) > 1
        for name, score in lab["honest2"].scores().items():
            surplus = max(0, shares[connected[name]] - threshold)
            assert score["P6"] == weight * surplus * surplus
        worst = max((name for name in connected if name.startswith("sybil")), key=lambda n: shares[connected[n]])
        assert "P6 " in lab["honest2"].why(worst).answer


@pytest.mark.slow
def test_trust_earned_before_a_covert_flash_does_not_last() -> None:
    plain, scored = both(attacks.covert_flash, **SMALL)
    assert plain["honest in mesh"] < scored["honest in mesh"]
    assert plain["onset p99"] > plain["before p99"]
    assert scored["recovered p99"] < plain["onset p99"]
    assert scored["sybil score"] < -100
    assert delivered_in_time(scored)


@pytest.mark.slow
@pytest.mark.parametrize("attack", [attacks.censorship, attacks.degradation])
def test_sybils_that_mostly_behave_keep_their_place_and_can_only_delay(attack: Callable[..., dict[str, float]]) -> None:
    plain, scored = both(attack, **SMALL)
    for figures in (plain, scored):
        assert 0.3 < figures["honest in mesh"] < 0.9
        assert figures["eclipsed"] == 0
        assert delivered_in_time(figures)
        assert figures["recovered p99"] < 1.0
    assert scored["sybil score"] > -1.0


@pytest.mark.dear
def test_the_same_seed_gives_the_same_figures() -> None:
    def run() -> dict[str, float]:
        with Lab(seed=5, **LINKS) as lab:
            return attacks.eclipse_target(lab, honest=15, sybils=20, degree=6, warm=8.0, attack=20.0)

    assert run() == run()


@pytest.mark.real
def test_an_attack_on_a_real_lab_is_refused_before_anything_is_started() -> None:
    with Lab("real") as lab:
        with pytest.raises(NotInThisWorldError, match="take Lab"):
            attacks.cold_boot(lab)
        assert not lab.nodes


@pytest.mark.parametrize("wrong", [5, None, "lab", AsyncLab])
def test_an_attack_on_what_is_no_lab_is_refused(wrong: Any) -> None:
    given = wrong() if wrong is AsyncLab else wrong
    with pytest.raises(ValidationError, match="an attack takes a Lab"):
        attacks.covert_flash(given)


@pytest.mark.parametrize("wrong", ["x", 1, None])
def test_scoring_is_on_or_off(wrong: Any) -> None:
    with Lab(seed=1) as lab:
        with pytest.raises(ValidationError, match=f"scoring is True or False, not {wrong!r}"):
            attacks.cold_boot(lab, scoring=wrong)
        assert lab.nodes == []


def test_an_attacker_without_a_kind_or_with_a_misspelt_trait_is_refused() -> None:
    with pytest.raises(ValidationError, match="a kind of attackers is a class"):
        attacks.attacker(GossipSub)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ValidationError, match=r"Sybil has no trait 'attack_from'; did you mean attacks_from\?"):
        attacks.attacker(attacks.Sybil, attack_from=3.0)
    assert attacks.attacker(attacks.Sybil, attacks_from=3.0).attacks_from == 3.0
