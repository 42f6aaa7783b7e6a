"""The dashboard in JupyterLab, on a laptop's screen: borders move, parts go and come, and all are linked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, expect

from tests.browser.jupyterlab import JupyterServer, run_all_cells

CELLS = [
    """
from p2plab import Lab
lab = Lab(seed=7, latency=0.03)
nodes = lab.start_nodes(8)
lab.wire("random", degree=3)
for node in nodes:
    node.subscribe("news")
lab.run(3)
nodes[0].publish("news", "<img src=x onerror='window.hacked=1'>")
lab.run(1)
lab.dht.fill()
nodes[3].dht.put("/lab/greeting", b"hi");
""",
    "dashboard = lab.dashboard()\ndashboard",
]


@pytest.fixture
def notebook(page: Page, jupyter: JupyterServer, open_notebook: Callable[[str], Page]) -> Page:
    """A notebook with a dashboard, on the screen of a laptop."""
    metadata = {"kernelspec": {"name": "python3", "display_name": ""}}
    cells = [new_code_cell(cell) for cell in CELLS]
    nbformat.write(new_notebook(cells=cells, metadata=metadata), jupyter.root / "dashboard.ipynb")
    page.set_viewport_size({"width": 1366, "height": 768})
    open_notebook("dashboard.ipynb")
    run_all_cells(page)
    page.set_default_timeout(30_000)
    page.locator(".p2plab-dashboard").scroll_into_view_if_needed(timeout=60_000)
    return page


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("P2PLAB_SHOTS"):
        page.screenshot(path=Path(folder, name + ".png"))


def run(page: Page, code: str) -> None:
    """Run a line in the kernel, in a cell of its own below."""
    page.evaluate(
        """async (code) => {
            const panel = window.jupyterapp.shell.currentWidget;
            await panel.sessionContext.session.kernel.requestExecute({ code }).done;
        }""",
        code,
    )


def test_the_dashboard_as_a_person_uses_it(notebook: Page) -> None:
    page = notebook
    board = page.locator(".p2plab-dashboard")
    for part in ("graph", "timeline", "inspector", "chart", "console", "feed"):
        expect(board.locator(f"[data-part={part}] .p2plab-part-body > *").first).not_to_contain_text(
            "comes …", timeout=30_000
        )
        expect(board.locator(f"[data-part={part}]")).not_to_contain_text("cannot be shown here")
    box = board.bounding_box()
    assert box is not None
    assert box["height"] <= 640, "it is to leave room for the menus of JupyterLab on 768 pixels"
    shot(page, "dashboard-light")

    # What lies within the console has its classes, and so its size: its words can be read.
    connect = board.locator("[data-part=console] .p2plab-connect").bounding_box()
    assert connect is not None
    assert connect["width"] >= 70

    # An event of the feed is selected: the inspector shows it.
    board.locator("[data-part=feed] .p2plab-pick").first.click()
    expect(board.locator("[data-part=inspector] .p2plab-facts")).to_contain_text("event")
    expect(board.locator("[data-part=inspector] .p2plab-card-title").first).to_be_visible()

    # What a part offers to choose comes over it from its header, and does not lie over what is pointed at.
    controls = board.locator("[data-part=graph] .p2plab-controls")
    board.locator("[data-part=graph] .p2plab-canvas").hover()
    expect(controls).to_be_hidden()
    board.locator("[data-part=graph] .p2plab-title").hover()
    expect(controls).to_be_visible()
    controls.hover()
    expect(controls).to_be_visible()

    # A border between columns moves by the keyboard, and the line says so.
    line = board.locator(".p2plab-layout-line")
    before = line.inner_text()
    border = board.locator(".p2plab-border-column").first
    border.focus()
    wide = board.locator("[data-part=graph]").bounding_box()
    page.keyboard.press("ArrowRight")
    expect(line).not_to_have_text(before)
    wider = board.locator("[data-part=graph]").bounding_box()
    assert wide is not None
    assert wider is not None
    assert wider["width"] > wide["width"] + 10
    border_box = border.bounding_box()
    assert border_box is not None
    x, y = border_box["x"] + 2, border_box["y"] + 100
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 120, y, steps=4)
    page.mouse.up()
    expect(board.locator("[data-part=graph]")).to_be_visible()
    narrower = board.locator("[data-part=graph]").bounding_box()
    assert narrower is not None
    assert narrower["width"] < wider["width"] - 80

    # Parts go and come.
    board.locator("[data-part=console] .p2plab-away").click()
    expect(board.locator("[data-part=console]")).to_have_count(0)
    expect(line).not_to_contain_text("console")
    board.locator(".p2plab-menu select").first.select_option("gossip")
    expect(board.locator("[data-part=gossip] .p2plab-grid")).to_be_visible(timeout=30_000)
    expect(line).to_contain_text("gossip")
    shot(page, "dashboard-changed")

    # From Python, too.
    run(page, "dashboard.arrangement = 'dht | connections'")
    expect(board.locator("[data-part=dht] .p2plab-ring")).to_be_visible(timeout=30_000)
    expect(board.locator("[data-part=connections] .p2plab-grid")).to_be_visible(timeout=30_000)
    expect(board.locator("[data-part]")).to_have_count(2)
    shot(page, "dashboard-dht-connections")

    # The one bar moves all parts.
    page.locator(".p2plab-dashboard > .p2plab-foot [aria-label^='to the first event']").click()
    expect(board.locator("[data-part=dht] .p2plab-facts")).to_contain_text("0 lookups", timeout=30_000)
    page.locator(".p2plab-dashboard > .p2plab-foot .p2plab-live").click()
    expect(board.locator("[data-part=dht] .p2plab-facts")).to_contain_text(re.compile(r"\b1 lookup\b"), timeout=30_000)

    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    expect(page.locator("body[data-jp-theme-light=false]")).to_be_attached(timeout=30_000)
    run(page, "dashboard.arrangement = '3*graph:3/timeline:2 | 2*inspector:3/chart:2 | 2*console:3/feed:2'")
    expect(board.locator("[data-part=graph] canvas").first).to_be_visible(timeout=30_000)
    expect(board.locator("[data-part=chart] img")).to_be_visible(timeout=30_000)
    page.wait_for_function("document.querySelector('.p2plab-chart').style.colorScheme === 'dark'")
    shot(page, "dashboard-dark")
    assert page.evaluate("window.hacked") is None
