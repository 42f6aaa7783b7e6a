"""The graph and the console together in JupyterLab, on a laptop's screen, used as a person would."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
from playwright.sync_api import Page, expect

from tests.browser.jupyterlab import JupyterServer, run_all_cells

SETUP = """
from p2plab import Lab
lab = Lab(seed=7)
nodes = lab.start_nodes(8)
lab.wire("random", degree=3)
for node in nodes:
    node.subscribe("news")
lab.run(2)
lab.graph(console=True, selected="n3")
"""


def test_graph_and_console_are_seen_together_and_do_what_is_clicked(
    jupyter: JupyterServer, open_notebook: Callable[[str], Page]
) -> None:
    metadata = {"kernelspec": {"name": "python3", "display_name": ""}}
    cells = [nbformat.v4.new_code_cell(SETUP), nbformat.v4.new_code_cell("1 + 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), jupyter.root / "workbench.ipynb")
    page = open_notebook("workbench.ipynb")
    page.set_viewport_size({"width": 1366, "height": 768})
    run_all_cells(page)
    both = page.locator(".p2plab-workbench")
    both.evaluate("(each) => each.scrollIntoView({ block: 'center' })")
    graph, console = both.locator(".p2plab-graph"), both.locator(".p2plab-console")
    notebook = page.locator(".jp-WindowedPanel-outer").bounding_box()
    boxes = [each.bounding_box() for each in (graph, console)]
    assert notebook is not None
    for box in boxes:
        assert box is not None
        assert box["y"] >= notebook["y"] - 1
        assert box["y"] + box["height"] <= notebook["y"] + notebook["height"] + 1
        assert box["x"] + box["width"] <= notebook["x"] + notebook["width"] + 1

    # The card in a front end whose own style floats and cuts what a list holds.
    terms = graph.locator(".p2plab-card dt")
    expect(terms.first).to_be_visible()
    for style in ("float", "display", "marginLeft"):
        values = graph.locator(".p2plab-card :is(dt, dd)").evaluate_all(
            "(all, style) => [...new Set(all.map((each) => getComputedStyle(each)[style]))]", style
        )
        assert values == {"float": ["none"], "display": ["block"], "marginLeft": ["0px"]}[style]
    tops = graph.locator(".p2plab-card :is(dt, dd)").evaluate_all("(all) => all.map((each) => each.offsetTop)")
    assert tops == sorted(set(tops))

    # A command: its sentence with the recipients, its line of Python, and once more.
    console.get_by_role("button", name="Publish").click()
    expect(console.locator(".p2plab-line-python")).to_contain_text('lab["n0"].publish("news", "hello")')
    console.locator("button.p2plab-run").click()
    said = console.locator(".p2plab-line-result").first
    expect(said).to_contain_text("published 5 bytes to news: 8 of 8 subscribers have it")
    expect(graph.locator(".p2plab-sentence")).to_contain_text("all 7 subscribers have it")
    expect(console.locator(".p2plab-status-time")).to_have_text("3.00 s")
    console.get_by_role("button", name="again").last.click()
    expect(console.locator(".p2plab-status-time")).to_have_text("4.00 s")

    # What is wrong is said beside its field.
    console.get_by_label("peer").fill("nobody")
    console.get_by_role("button", name="Connect").click()
    expect(console.locator(".p2plab-row:has(.p2plab-connect) .p2plab-problem")).to_contain_text("'nobody'")

    # The keyboard: nodes one after the other, no shortcut of the notebook, and back with Escape.
    canvas = graph.locator(".p2plab-canvas")
    canvas.focus()
    title = graph.locator(".p2plab-card-name")
    page.keyboard.press("ArrowDown")
    expect(title).to_have_text("n4")
    page.keyboard.press("ArrowUp")
    expect(title).to_have_text("n3")
    for key in "ddabx":
        page.keyboard.press(key)
    expect(page.locator(".jp-CodeCell")).to_have_count(2)
    page.keyboard.press("Shift+Enter")  # the notebook's own keys go on working
    expect(page.get_by_text("[3]:").first).to_be_visible()
    canvas.focus()
    page.keyboard.press("Escape")
    expect(graph.locator(".p2plab-card")).to_be_hidden()
    page.keyboard.press("Escape")
    assert canvas.evaluate("(canvas) => document.activeElement !== canvas")

    # The wheel scrolls the page over the picture, also after a click into it.
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 5, box["y"] + box["height"] - 5)
    page.mouse.wheel(0, -150)
    page.wait_for_function(
        "(before) => Math.abs(document.querySelector('.p2plab-canvas').getBoundingClientRect().y - before) > 20",
        arg=box["y"],
    )
