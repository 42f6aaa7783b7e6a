"""Live charts and boards in JupyterLab: Bokeh follows the lab without a network, and what peers chose is text."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, expect

from tests.browser.jupyterlab import JupyterServer, run_all_cells

EVIL = "<img src=x onerror=window.harmed=1>$$\\href{javascript:harmed=2}{x}$$"
CELLS = [
    "from bokeh.io import output_notebook\nfrom bokeh.resources import INLINE\noutput_notebook(resources=INLINE)",
    f"""
from p2plab import Lab, charts
EVIL = {EVIL!r}
lab = Lab(seed=7)
nodes = lab.start_nodes(5)
lab.wire("full")
for node in nodes:
    node.subscribe(EVIL)
lab.run(3)
nodes[0].publish(EVIL, EVIL)
lab.run(1)
live = charts.mesh_sizes(lab).live()
live
""",
    "inspector = lab.views.inspector(height=900)\n"
    "lab.cursor.selection = {'kind': 'message', 'id': lab.events.filter(kind='pubsub.publish')[0].ref}\ninspector",
    "gossip = lab.views.gossip(height=1200)\ngossip",
]


def run(page: Page, code: str) -> None:
    page.evaluate(
        """async (code) => {
            const { shell } = window.jupyterapp;
            await shell.currentWidget.sessionContext.session.kernel.requestExecute({ code }).done;
        }""",
        code,
    )


def drawn(page: Page) -> list[float]:
    """The last time of the first curve of the live chart, as Bokeh in the page has it."""
    found: list[float] = page.evaluate(
        """() => Object.values(window.Bokeh.index.roots ?? window.Bokeh.index).flatMap((view) =>
            [...view.model.references()]
                .filter((one) => one.type === "ColumnDataSource")
                .map((one) => one.data.x.at(-1)))"""
    )
    return found


def test_a_live_chart_follows_and_hostile_text_is_text(
    jupyter: JupyterServer, open_notebook: Callable[[str], Page]
) -> None:
    metadata = {"kernelspec": {"name": "python3", "display_name": ""}}
    cells = [new_code_cell(cell) for cell in CELLS]
    nbformat.write(new_notebook(cells=cells, metadata=metadata), jupyter.root / "live.ipynb")
    page = open_notebook("live.ipynb")
    run_all_cells(page)
    page.set_default_timeout(30_000)
    assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_text_contents() == []
    figure = page.locator(".bk-Figure").first
    figure.scroll_into_view_if_needed()
    expect(figure).to_be_visible()
    assert max(drawn(page)) < 5
    run(page, "lab.run(20)")
    page.wait_for_function(
        """() => Object.values(window.Bokeh.index.roots ?? window.Bokeh.index).some((view) =>
            [...view.model.references()].some((one) => one.type === "ColumnDataSource" && one.data.x.at(-1) > 20))"""
    )
    if folder := os.environ.get("P2PLAB_SHOTS"):
        page.screenshot(path=Path(folder, "live-chart.png"))
    inspector = page.locator(".p2plab-view").filter(has=page.locator(".p2plab-title", has_text="inspector"))
    inspector.scroll_into_view_if_needed()
    expect(inspector.locator("dd").filter(has_text="<img src=x")).to_have_count(1)
    gossip = page.locator(".p2plab-view").filter(has=page.locator(".p2plab-title", has_text="GossipSub"))
    gossip.scroll_into_view_if_needed()
    expect(gossip.locator(".p2plab-facts")).to_contain_text("<img src=x")
    expect(gossip.locator("img.p2plab-chart").first).to_be_visible()
    for view in (inspector, gossip):
        expect(view.locator("img:not(.p2plab-chart), script, a")).to_have_count(0)
    assert page.evaluate("window.harmed") is None
    if folder := os.environ.get("P2PLAB_SHOTS"):
        page.screenshot(path=Path(folder, "hostile-boards.png"))
