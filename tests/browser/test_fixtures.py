"""The fixtures do what the browser tests rely on: a widget draws, and nothing outside the loopback is reached."""

from __future__ import annotations

import io
from collections.abc import Callable

import nbformat
from PIL import Image
from playwright.sync_api import Page

from tests.browser.jupyterlab import JupyterServer, run_all_cells

SQUARE = """
import anywidget, traitlets

class Square(anywidget.AnyWidget):
    _esm = '''
    export default {
      render({ model, el }) {
        const canvas = document.createElement("canvas");
        canvas.className = "square";
        const pen = canvas.getContext("2d");
        const draw = () => {
          pen.fillStyle = model.get("colour");
          pen.fillRect(0, 0, canvas.width, canvas.height);
          canvas.dataset.drawn = model.get("colour");
        };
        model.on("change:colour", draw);
        draw();
        el.appendChild(canvas);
      },
    };
    '''
    colour = traitlets.Unicode("rgb(200, 30, 40)").tag(sync=True)

square = Square()
square
"""


def most_common_colour(page: Page, selector: str) -> object:
    """Of the pixels that the screen shows there; a fraction of a pixel at the edge shows what is behind it."""
    with Image.open(io.BytesIO(page.locator(selector).screenshot())) as shot:
        return max(shot.convert("RGB").getcolors(1 << 24) or [])[1]


def test_a_widget_draws_what_python_says(jupyter: JupyterServer, open_notebook: Callable[[str], Page]) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in (SQUARE, 'square.colour = "rgb(0, 90, 200)"')]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": ""}})
    nbformat.write(notebook, jupyter.root / "square.ipynb")
    page = open_notebook("square.ipynb")
    run_all_cells(page)
    page.locator('canvas[data-drawn="rgb(0, 90, 200)"]').wait_for()
    assert most_common_colour(page, "canvas.square") == (0, 90, 200)


def test_a_request_to_the_outside_is_blocked_and_recorded(page: Page, outside_requests: list[str]) -> None:
    failed = page.evaluate("() => fetch('https://example.org/x').then(() => false, () => true)")
    closed = page.evaluate(
        "() => new Promise(done => { new WebSocket('wss://example.org/y').onclose = () => done(true) })"
    )
    assert (failed, closed) == (True, True)
    assert outside_requests == ["https://example.org/x", "wss://example.org/y"]
    outside_requests.clear()
