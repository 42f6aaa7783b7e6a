"""The tour in JupyterLab, as a newcomer sees it: all cells run, the pictures draw, the console's buttons work."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from p2plab_widgets.graph.scene import Scene
from tests.browser.jupyterlab import JupyterServer, run_all_cells

TOUR = "notebooks/00_tour.ipynb"
NAMES = ("alice", "bob", "n0", "n1", "n2", "n3", "n4", "n5")
ENOUGH = 60  # pixels of a node's colour; a node covers several hundred


def colours_of(*names: str) -> list[object]:
    """What a picture of nodes of these names, started in this order, draws them in."""
    scene = Scene({})
    scene.begin([(name, True) for name in names], [], [])
    return [(int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) for c in scene.colours]


def pixels(element: Locator) -> dict[object, int]:
    """How many pixels of each colour the screen shows there."""
    element.scroll_into_view_if_needed()
    with Image.open(io.BytesIO(element.screenshot())) as shot:
        return {colour: count for count, colour in shot.convert("RGB").getcolors(1 << 24) or []}


def complaints(page: Page) -> list[str]:
    """The tracebacks and warnings among the cells' outputs."""
    return page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_text_contents()


def test_the_tour_runs_draws_and_can_be_clicked(open_notebook: Callable[[str], Page]) -> None:
    page = open_notebook(TOUR)
    run_all_cells(page)
    assert complaints(page) == []

    graphs = page.locator(".p2plab-graph")
    expect(graphs).to_have_count(2)
    for graph, world in ((graphs.nth(0), "mock"), (graphs.nth(1), "real")):
        graph.scroll_into_view_if_needed()
        expect(graph.locator(".p2plab-world")).to_have_text(world)
        expect(graph.locator(".p2plab-facts")).to_contain_text("8 nodes · " + ("10" if world == "mock" else "8"))
        expect(graph).to_have_attribute("data-resting", "true")
        seen = pixels(graph.locator(".p2plab-stage"))
        assert {colour: seen.get(colour, 0) for colour in colours_of(*NAMES) if seen.get(colour, 0) < ENOUGH} == {}

    console = page.locator(".p2plab-console")
    console.scroll_into_view_if_needed()
    console.locator(".p2plab-node select").select_option("n4")
    console.get_by_role("button", name="Subscribe").click()
    line = console.locator(".p2plab-line-text")
    expect(line.get_by_text('lab["n4"].subscribe("news")', exact=True)).to_be_visible()
    console.locator(".p2plab-node select").select_option("bob")
    console.locator(".p2plab-message input").fill("sent by a click")
    console.locator("button.p2plab-publish").click()
    expect(line.get_by_text('lab["bob"].publish("news", "sent by a click")', exact=True)).to_be_visible()
    expect(line.get_by_text("n4 received “sent by a click” from bob on news")).to_be_visible()
    expect(graphs.nth(0).locator(".p2plab-facts")).to_contain_text("2 messages")


LIVE = (
    "from p2plab import Lab\nlab = Lab(seed=7)\nlab.start_nodes(3)\nlab.wire('ring')\n"
    "news = [node.subscribe('news') for node in lab.nodes]\nlab.run(1)\nlab.graph()",
    "import os, time\n"
    "for _ in range(600):  # until the test has seen what it waits for\n"
    "    lab['n0'].publish('news', 'x')\n"
    "    lab.run(1)\n"
    "    time.sleep(0.1)\n"
    "    if os.path.exists('seen'):\n"
    "        break\n"
    "assert os.path.exists('seen')",
)


def write_notebook(path: Path, *sources: str) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": ""}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


def test_the_picture_lives_while_a_cell_runs(jupyter: JupyterServer, open_notebook: Callable[[str], Page]) -> None:
    write_notebook(jupyter.root / "live.ipynb", *LIVE)
    page = open_notebook("live.ipynb")
    page.evaluate("() => { window.ran = window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    page.locator(".p2plab-graph").wait_for(timeout=60_000)
    shown = "(least) => +/([0-9]+) messages/.exec(document.querySelector('.p2plab-facts').textContent)?.[1] > least"
    painted = "(least) => +document.querySelector('.p2plab-graph').dataset.painted > least"
    for least in (1, 4, 8):
        page.wait_for_function(shown, arg=least, timeout=60_000)
        page.wait_for_function(painted, arg=20 * least, timeout=60_000)
    # The status bar speaks of the kernel's other threads as well; the prompt is the cell's own.
    expect(page.get_by_text("[*]:")).to_have_count(1)
    (jupyter.root / "seen").touch()
    page.evaluate("window.ran")
    expect(page.get_by_text("[*]:")).to_have_count(0)
    assert complaints(page) == []
