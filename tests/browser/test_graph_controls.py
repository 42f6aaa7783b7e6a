"""The graph's controls and layers as a person clicks them, over a lab: what is chosen reaches Python, and is drawn."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from p2plab import Lab
from p2plab_widgets.graph import PeerGraph
from tests.browser.view_page import ViewPage

TRAITS = ("topic", "topic_label", "details", "message", "colour", "layout_kind", "layers")
DRAWN = """() => {
    const lines = document.querySelector(".p2plab-edges");
    const { data } = lines.getContext("2d").getImageData(0, 0, lines.width, lines.height);
    return data.filter((value, at) => at % 4 === 3 && value > 0).length;
}"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two nodes behind boxes that punch through, a relay, and a message."""
    with Lab(seed=7) as lab:
        public = [lab.start_node("r", role="relay"), *lab.start_nodes(4)]
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        lab.network.add_nat(alice, "port-restricted")
        lab.network.add_nat(bob, "restricted")
        for node, other in itertools.product((alice, bob), public):
            node.connect(other)
        for node in lab.nodes:
            node.subscribe("news")
        lab.run(30)
        alice.connect(bob)
        lab["n0"].publish("news", b"hello")
        lab.run(2)
        yield lab


def settled(page: Page) -> None:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.locator('.p2plab-graph[data-resting="true"]').first.wait_for()


def seen(page: Page, lab: Lab, at: float, **options: object) -> tuple[ViewPage, PeerGraph]:
    graph: PeerGraph = lab.graph(linked=False, **options)
    graph.at(at)
    shown = ViewPage(page, graph, *TRAITS)
    shown.pass_on()
    settled(page)
    return shown, graph


def pixels_of(page: Page, colour: str) -> int:
    """How many pixels of the stage have this colour."""
    with Image.open(io.BytesIO(page.locator(".p2plab-stage").screenshot())) as shot:
        found = shot.convert("RGB").getcolors(1 << 24) or []
    wanted = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return sum(count for count, each in found if each == wanted)


def test_a_layer_that_is_ticked_reaches_python_and_is_drawn(page: Page, lab: Lab) -> None:
    shown, graph = seen(page, lab, lab.now, layers=["connections"])
    thin = page.evaluate(DRAWN)
    page.locator(".p2plab-layers-summary").click()
    page.get_by_label("traffic, as width").check()
    shown.pass_on()
    settled(page)
    assert graph.layers == ["connections", "traffic"]
    assert page.evaluate(DRAWN) > 1.2 * thin
    expect(page.locator(".p2plab-legend-traffic")).to_contain_text("copies")
    expect(page.get_by_label("attackers")).to_be_disabled()
    assert page.locator(".p2plab-layer", has_text="attackers").get_attribute("title") == "nobody attacks"
    page.get_by_label("traffic, as width").uncheck()
    shown.pass_on()
    settled(page)
    assert page.evaluate(DRAWN) == thin
    graph.close()


def test_a_punch_is_drawn_step_by_step(page: Page, lab: Lab) -> None:
    (started,) = lab.events.filter(kind="dcutr.started")
    shown, graph = seen(page, lab, started.t)
    expect(page.locator(".p2plab-sentence")).to_have_text(
        "bob and alice, a hole punch: the exchange of addresses begins."
    )
    expect(page.locator(".p2plab-legend")).to_contain_text("behind a box")
    assert pixels_of(page, "#0072b2") > 200  # the connection over the relay
    for _ in range(40):
        if "SUCCESS" in page.locator(".p2plab-sentence").inner_text():
            break
        page.locator(".p2plab-stage canvas").last.focus()
        page.keyboard.press("ArrowRight")
        shown.pass_on()
    expect(page.locator(".p2plab-sentence")).to_have_text("bob and alice, a hole punch ended: SUCCESS after 1 attempt.")
    assert graph.time == lab.events.filter(kind="dcutr.ended")[0].t
    graph.close()


def test_search_selection_fit_type_and_full_screen_by_click(page: Page, lab: Lab) -> None:
    shown, graph = seen(page, lab, lab.now)
    focus = page.get_by_role("button", name="the selected node and its neighbours (F)")
    expect(focus).to_be_disabled()
    page.locator(".p2plab-list-button").click()
    rows = page.locator(".p2plab-list-row")
    expect(rows).to_have_count(len(lab.nodes))
    expect(rows.filter(has_text="alice")).to_contain_text("connections")
    page.locator(".p2plab-search").fill("bo")
    expect(rows).to_have_count(1)
    rows.first.click()
    shown.pass_on()
    assert graph.selection == {"kind": "node", "id": "bob"}
    expect(page.locator(".p2plab-card")).to_contain_text("neighbours (6)")
    page.locator(".p2plab-list-button").click()
    settled(page)
    before = page.locator(".p2plab-stage").screenshot()
    expect(focus).to_be_enabled()
    focus.click()
    settled(page)
    assert page.locator(".p2plab-stage").screenshot() != before
    page.locator(".p2plab-large-button").click()
    shown.pass_on()
    assert graph.large
    size = page.locator(".p2plab-sentence").evaluate("(element) => parseFloat(getComputedStyle(element).fontSize)")
    assert size >= 19
    page.locator(".p2plab-full").click()
    page.wait_for_function("document.fullscreenElement?.classList.contains('p2plab-graph') ?? false")
    graph.close()
