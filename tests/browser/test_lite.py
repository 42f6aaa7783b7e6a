"""The course without a server, as `make lite` builds it: lessons run to their end and ask for nothing elsewhere."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OUTSIDE, ROOT

pytestmark = pytest.mark.lite

SITE = ROOT / "build" / "lite" / "site"
LESSONS = sorted(path.name for path in (SITE / "files").glob("*.ipynb"))
PATIENCE = 240_000  # milliseconds for Python to come up and all cells to run
COMPLAINTS = ", ".join(f'[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in ("error", "stderr"))
# A cell that fails keeps those after it from running: its words end the wait.
RAN_OR_FAILED = """(complaints) => {
    if (document.querySelector(complaints)) return true;
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map((each) => each.textContent);
    return prompts.length > 0 && prompts.every((text) => /\\d/.test(text));
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing: the page looks for files that need not be there."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def lite_page(browser: Browser, outside_requests: list[str]) -> Iterator[Page]:
    """A page whose files come from the site's own service worker, too."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.on("request", lambda asked: outside_requests.append(asked.url) if OUTSIDE.match(asked.url) else None)
    yield context.new_page()
    context.close()


def test_the_site_has_the_lessons_that_need_no_real_nodes() -> None:
    assert [name[:2] for name in LESSONS] == ["00", "01", "02", "03", "04", "05", "06", "08", "10"]


def run_to_its_end(page: Page, lesson: str) -> None:
    page.goto(lesson)
    page.locator(".jp-NotebookPanel").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(RAN_OR_FAILED, arg=COMPLAINTS, timeout=PATIENCE)
    assert page.locator(COMPLAINTS).all_text_contents() == []


@pytest.mark.parametrize("lesson", LESSONS[1:])
def test_a_lesson_runs_to_its_end(lite_page: Page, address: str, lesson: str) -> None:
    run_to_its_end(lite_page, f"{address}/lab/index.html?path={lesson}")


def test_the_tour_runs_to_its_end_and_a_node_can_be_chosen(lite_page: Page, address: str) -> None:
    run_to_its_end(lite_page, f"{address}/lab/index.html?path=00_tour.ipynb")
    graph = lite_page.locator(".p2plab-graph").first
    graph.scroll_into_view_if_needed()
    expect(graph.locator(".p2plab-facts")).to_contain_text("8 nodes")
    graph.get_by_role("button", name="Nodes").click()
    graph.locator(".p2plab-list-row").filter(has_text="alice").first.click()
    expect(graph.locator(".p2plab-card-name")).to_have_text("alice")
