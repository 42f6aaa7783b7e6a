"""The timeline's browser half: what a person sees and clicks."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from p2plab import Lab
from p2plab_widgets.timeline import Timeline
from tests.browser.view_page import ViewPage

TRAITS = ("topic", "message", "order", "nodes", "protocols")
BLUE = (0, 0x72, 0xB2)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7, latency=0.1) as lab:
        for name in ("alice", "bob", "carol"):
            lab.start_node(name)
        lab.wire("line")
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(2)
        lab["alice"].publish("news", "hello")
        lab.run(1)
        yield lab


def pixels(page: Page, colour: tuple[int, int, int]) -> int:
    with Image.open(io.BytesIO(page.locator(".p2plab-stage").screenshot())) as shot:
        found = shot.convert("RGB").getcolors(1 << 24) or []
    return sum(count for count, each in found if each == colour)


def place(page: Page, timeline: Timeline, node: str, t: float) -> tuple[float, float]:
    """Where on the page a node's line is at a time: the lines fill the stage below its axis."""
    box = page.locator(".p2plab-canvas").bounding_box()
    assert box is not None
    content = timeline.content(None)
    names = [label for label, _, _ in content["lines"]]
    start, end = content["window"]
    left = page.evaluate(
        """(names) => {
            const pen = document.createElement("canvas").getContext("2d");
            const style = getComputedStyle(document.querySelector(".p2plab-timeline"));
            pen.font = `11px ${style.fontFamily}`;
            return Math.min(Math.ceil(Math.max(40, ...names.map((name) => pen.measureText(name).width))) + 16, 150);
        }""",
        names,
    )
    step = min(48, (box["height"] - 30) / len(names))
    wide = box["width"] - left - 10
    return box["x"] + left + (t - start) / (end - start) * wide, box["y"] + 24 + (names.index(node) + 0.5) * step


def test_a_click_on_an_event_selects_it_and_lights_what_caused_it(page: Page, lab: Lab) -> None:
    timeline = lab.timeline(since=1.9, until=2.5)
    shown = ViewPage(page, timeline, *TRAITS)
    before = pixels(page, BLUE)
    assert before > 50
    event = lab.events.filter(kind="pubsub.deliver", node="carol")[0]
    page.mouse.move(*place(page, timeline, "carol", event.t))
    expect(page.locator(".p2plab-tell")).to_contain_text("carol pubsub.")
    page.mouse.click(*place(page, timeline, "carol", event.t))
    shown.pass_on()
    assert timeline.selection is not None
    assert timeline.selection["kind"] == "event"
    chosen = lab.events.by_seq(timeline.selection["id"])
    assert chosen is not None
    assert (chosen.node, chosen.t) == ("carol", event.t)
    expect(page.locator(".p2plab-sentence")).to_contain_text("carol pubsub.")
    expect(page.locator(".p2plab-sentence")).to_contain_text("causes")
    page.mouse.click(*place(page, timeline, "bob", 1.95))
    shown.pass_on()
    assert timeline.selection is None


def test_zooming_asks_for_the_window_in_sight_and_everything_can_be_shown_again(page: Page, lab: Lab) -> None:
    timeline = lab.timeline()
    shown = ViewPage(page, timeline, *TRAITS)
    whole = timeline.content(None)["window"]
    canvas = page.locator(".p2plab-canvas")
    canvas.hover()
    page.mouse.wheel(0, -300)
    shown.pass_on()
    assert timeline.content(None)["window"] == whole  # the wheel alone scrolls the page
    page.get_by_role("button", name="zoom in").click()
    page.wait_for_function("model.sent.some((said) => said.window && said.window.start > 0.3)")
    shown.pass_on()
    start, end = timeline.content(None)["window"]
    assert end - start == pytest.approx((whole[1] - whole[0]) / 2, rel=0.1)
    page.get_by_role("button", name="show all of it").click()
    shown.pass_on()
    assert timeline.content(None)["window"] == whole


def test_the_axis_moves_the_cursor_and_a_name_selects_its_node(page: Page, lab: Lab) -> None:
    timeline = lab.timeline()
    shown = ViewPage(page, timeline, *TRAITS)
    box = page.locator(".p2plab-canvas").bounding_box()
    assert box is not None
    x, y = place(page, timeline, "bob", 1.0)
    page.mouse.click(x, box["y"] + 10)
    shown.pass_on()
    assert timeline.time == pytest.approx(1.0, abs=0.02)
    page.mouse.click(box["x"] + 30, y)
    shown.pass_on()
    assert lab.cursor.selection == {"kind": "node", "id": "bob"}


def test_what_is_not_wanted_is_left_out(page: Page, lab: Lab) -> None:
    timeline = lab.timeline()
    shown = ViewPage(page, timeline, *TRAITS)
    page.get_by_label("messages").uncheck()
    shown.pass_on()
    assert "messages" not in timeline.protocols
    assert pixels(page, BLUE) < 30  # the box's own dot is not on the stage
    page.get_by_label("only nodes whose name holds").fill("car")
    shown.pass_on()
    assert timeline.nodes == "car"
    assert [label for label, _, _ in timeline.content(None)["lines"]] == ["carol"]


def test_a_crowd_of_events_is_drawn_as_a_density(page: Page, lab: Lab) -> None:
    timeline = lab.timeline()
    timeline._picture.limit = 5
    timeline.opening = timeline._look()
    ViewPage(page, timeline, *TRAITS)
    expect(page.locator(".p2plab-sentence")).to_contain_text("too many to be told apart")
    with Image.open(io.BytesIO(page.locator(".p2plab-stage").screenshot())) as shot:
        assert len(shot.convert("RGB").getcolors(1 << 24) or []) > 20
