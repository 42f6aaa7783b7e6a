"""Eclipses: the test of the closest peers against chance, and the scenario with and without the defences."""

from __future__ import annotations

import math
import random

import pytest

from p2plab import Lab
from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.kademlia import DhtParams
from p2plab.kademlia.key import KEY_BITS, common_prefix_length
from p2plab.kademlia.lookups.eclipse import (
    ECLIPSE_THRESHOLD,
    SizeEstimate,
    divergence,
    expected_lengths,
    region_length,
)
from p2plab.scenarios.dht_eclipse import compare_defences, dht_eclipse


def closest(draw: random.Random, size: int, k: int) -> tuple[int, list[int]]:
    """A random key, and the k closest of so many random peers."""
    target = draw.getrandbits(KEY_BITS)
    return target, sorted((draw.getrandbits(KEY_BITS) for _ in range(size)), key=lambda key: key ^ target)[:k]


@pytest.mark.parametrize("size", [100, 1_000, 5_000])
def test_the_number_of_peers_is_estimated_from_the_distances_of_the_closest(size: int) -> None:
    draw, estimate = random.Random(size), SizeEstimate()
    for number in range(20):
        assert (estimate.size() is None) == (number < 5)
        target, keys = closest(draw, size, 20)
        estimate.observe([key ^ target for key in keys])
    found = estimate.size()
    assert found is not None
    assert 0.75 * size < found < 1.25 * size


def test_what_is_expected_is_a_distribution_and_is_what_is_drawn() -> None:
    expected = expected_lengths(1_000, 20)
    assert math.isclose(math.fsum(expected), 1.0)
    draw = random.Random(3)
    counts = [0] * KEY_BITS
    for _ in range(200):
        target, keys = closest(draw, 1_000, 20)
        for key in keys:
            counts[common_prefix_length(key, target)] += 1
    for length, share in enumerate(expected):
        assert abs(counts[length] / 4_000 - share) < 0.03


def test_the_divergence_is_the_one_of_kullback_and_leibler() -> None:
    expected = expected_lengths(500, 20)
    lengths = [4] * 9 + [5] * 6 + [6] * 3 + [9] * 2
    wanted = math.fsum(
        count / 20 * math.log(count / 20 / expected[length]) for length, count in ((4, 9), (5, 6), (6, 3), (9, 2))
    )
    assert math.isclose(divergence(lengths, 500), wanted, rel_tol=1e-12)
    assert divergence([200] * 20, 500) > 100, "what chance all but rules out is no error"


def test_chance_seldom_looks_like_an_eclipse_and_an_eclipse_always_does() -> None:
    draw = random.Random(5)
    alarms = 0
    for _ in range(150):
        target, keys = closest(draw, 800, 20)
        lengths = [common_prefix_length(key, target) for key in keys]
        alarms += divergence(lengths, 800) > ECLIPSE_THRESHOLD
        nearest = min(key ^ target for key in keys)
        sybils = [common_prefix_length(draw.randrange(nearest), 0) for _ in range(20)]
        assert divergence(sybils, 800) > ECLIPSE_THRESHOLD
    assert alarms <= 15, "a tenth at most"


def test_k_peers_or_more_are_expected_in_a_region() -> None:
    assert [region_length(size, 20) for size in (1, 20, 21, 40, 41, 400, 10_000)] == [0, 0, 0, 0, 1, 4, 8]
    assert all(size >> region_length(size, 20) >= 20 for size in range(20, 20_000, 37))


@pytest.mark.dear
def test_an_eclipsed_value_is_lost_without_a_defence_and_found_with_each() -> None:
    with Lab(seed=1, recording="decisions") as lab:
        lost = dht_eclipse(lab, nodes=150, sybils=30, searches=4, controls=2)
    assert (lost.closest, lost.stored, lost.found, lost.noticed) == (20, 0, 0.0, None)
    with Lab(seed=1, recording="decisions") as lab:
        saved = dht_eclipse(lab, nodes=150, sybils=30, searches=4, controls=2, defence="region")
        tests = lab.events.filter(kind="dht.eclipse_test")
    assert saved.closest == 20
    assert saved.stored > 0
    assert saved.found == 1.0
    assert saved.noticed == 1.0
    assert saved.divergence > ECLIPSE_THRESHOLD
    assert tests[0].reason == "closer than chance"
    assert tests[0].data is not None
    assert tests[0].data["divergence"] > tests[0].data["limit"] == ECLIPSE_THRESHOLD
    with Lab(seed=1, recording="decisions") as lab:
        limited = dht_eclipse(lab, nodes=150, sybils=30, searches=4, controls=0, defence="ip")
        aside = lab.events.filter(kind="dht.set_aside")
    assert limited.found == 1.0
    assert aside
    assert {event.data["group"] for event in aside if event.data} == {"203.0.0.0/16"}


@pytest.mark.dear
def test_an_attacker_with_many_networks_is_not_stopped_by_ip_limits() -> None:
    with Lab(seed=2, recording="decisions") as lab:
        lost = dht_eclipse(lab, nodes=150, sybils=30, networks=30, searches=4, controls=0, defence="ip")
    assert (lost.stored, lost.found) == (0, 0.0)


def test_providers_too_are_found_in_the_region() -> None:
    cid = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
    with Lab(seed=3, recording="decisions", dht=DhtParams(eclipse_threshold=1e-6)) as lab:  # everything is suspicious
        nodes = lab.start_nodes(60)
        lab.dht.fill()
        announced = nodes[3].dht.provide(cid)
        assert len(announced.peers) > 20, "more than the k closest"
        assert [peer.name for peer in nodes[40].dht.find_providers(cid).providers] == ["n3"]
        found = nodes[41].dht.find_providers("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
        assert found.providers == []
        assert len(found.path) > 20


@pytest.mark.dear
def test_a_comparison_is_a_table_and_a_picture() -> None:
    compared = compare_defences(
        nodes=100, sybils=25, networks=(1,), defences=("none", "region"), seeds=(4,), searches=3, controls=2
    )
    assert compared.found("none", 1) == 0.0
    assert compared.found("region", 1) == 1.0
    lines = repr(compared).splitlines()
    assert [line.split()[0] for line in lines] == ["defence", "none", "region"]
    assert "region: 100%" in compared.to_svg()
    assert compared.to_svg().startswith("<svg ")
    assert compared.picture()._repr_svg_() == compared.to_svg()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"defence": "hope"}, "hope"), ({"sybils": 500}, "sybils=500"), ({"networks": 50, "sybils": 20}, "networks=50")],
)
def test_what_cannot_be_played_is_refused(wrong: dict[str, object], said: str) -> None:
    with Lab() as lab:
        with pytest.raises(ValidationError, match=said):
            dht_eclipse(lab, **wrong)  # type: ignore[arg-type]
        assert lab.nodes == []
        lab.start_node("alice")
        with pytest.raises(ValidationError, match="of its own"):
            dht_eclipse(lab)


@pytest.mark.slow
def test_the_defences_over_seeds() -> None:
    compared = compare_defences(nodes=400, sybils=40, networks=(1, 40), seeds=range(3), searches=10, controls=10)
    assert compared.found("none", 1) == compared.found("none", 40) == 0.0
    assert compared.found("ip", 1) >= 0.95
    assert compared.found("ip", 40) == 0.0
    assert compared.found("region", 1) >= 0.95
    assert compared.found("region", 40) >= 0.95
    assert compared.found("both", 1) >= 0.95
    assert compared.found("both", 40) >= 0.95
    for one in compared.of("region", 40):
        assert one.noticed == 1.0
        assert one.alarms is not None
        assert one.alarms <= 0.2


@pytest.mark.real
def test_an_eclipse_in_a_real_lab_is_refused_before_anything_is_started() -> None:
    with Lab("real") as lab:
        with pytest.raises(NotInThisWorldError, match="take Lab"):
            dht_eclipse(lab)
        assert not lab.nodes


@pytest.mark.parametrize(("sybils", "networks"), [(20, [1, 20]), (1, [1])])
def test_the_attackers_of_a_comparison_are_as_many_as_its_sybils(sybils: int, networks: list[int]) -> None:
    compared = compare_defences(nodes=60, sybils=sybils, defences=("none",), seeds=(4,), searches=2, controls=0)
    assert [one.networks for one in compared.eclipses] == networks
