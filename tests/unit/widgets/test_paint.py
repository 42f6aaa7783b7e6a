"""Colours that mean something: they stand out from the ground and grow evenly."""

from __future__ import annotations

import math

import pytest

from p2plab_widgets.graph.paint import ABOVE, BELOW, ZERO, Paint, chosen, mixed, ramp
from p2plab_widgets.graph.palette import PALETTE
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.timeline.drawing import COLOURS


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_with_white(colour: str) -> float:
    return 1.05 / (luminance(colour) + 0.05)


@pytest.mark.parametrize("step", range(11))
def test_every_colour_of_the_ramp_stands_out_and_is_lighter_than_the_one_before(step: int) -> None:
    assert contrast_with_white(ramp(step / 10)) >= 3
    if step:
        assert luminance(ramp(step / 10)) > luminance(ramp((step - 1) / 10))


def test_scores_are_told_by_side_and_by_distance_from_zero() -> None:
    paint = Paint("score", "diverging", low=-2.0, high=1.0, values=(-2.0, 0.0, 2.0, math.nan))
    assert [paint.colour(i) for i in range(4)] == [BELOW, ZERO, ABOVE, None]
    assert all(contrast_with_white(colour) >= 3 for colour in (BELOW, ZERO, ABOVE, mixed(ZERO, ABOVE, 0.5)))


def test_the_timeline_s_colours_stand_out_like_text() -> None:
    assert all(contrast_with_white(colour) >= 4.5 for colour in COLOURS)


def test_colours_of_names_differ() -> None:
    assert len(set(PALETTE)) == len(PALETTE)


def test_categories_are_at_most_eight_the_rest_are_one() -> None:
    scene = Scene({})
    names = [f"n{i}" for i in range(12)]
    scene.begin([(name, True) for name in names], [], [])
    paint = chosen("region", scene, None, {"region": {name: f"r{i}" for i, name in enumerate(names[:11])}})
    assert len(paint.categories) == 8
    assert paint.categories[-1] == "others"
    assert paint.colour(11) is None
    assert {paint.colour(i) for i in range(6, 10)} == {paint.colour(9)}  # r6 to r9; r10 comes before r2


def test_few_nodes_have_colours_of_their_own_and_many_one_that_says_something() -> None:
    for count, by in ((12, "identity"), (13, "degree")):
        scene = Scene({})
        scene.begin([(f"n{i}", True) for i in range(count)], [("n0", "n1")], [])
        assert chosen("auto", scene, None, {}).by == by
